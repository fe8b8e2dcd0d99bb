"""Stored minutes as moments that a rule can be tried on: a host after the other, a few hours at a time."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence

from backends.alerts.kept import Kept
from backends.alerts.model import Truth
from backends.alerts.rules import Rule
from backends.alerts.stored import sample_of
from backends.alerts.subjects import NOT_HELD, Subject
from backends.alerts.trail import Trail
from backends.engine import row
from backends.engine.trial_pace import Pace
from backends.inventory.host import Host
from backends.metrics.sample import Sample
from backends.sources.base import StateChange
from backends.states import HostState, Severity
from backends.store.history import MINUTE, History

CHUNK_SECONDS = 6 * 3600
"""Read at a time."""
_UP = StateChange(state=HostState.UP)
"""A minute with numbers is one in which the host answered."""


class Minutes:
    """The past of some hosts; iterate once."""

    def __init__(self, history: History, rule: Rule, kept: Kept, pace: Pace):
        self._history, self._rule, self._kept, self._pace = history, rule, kept, pace
        self._wanted = _matcher(kept.series)
        self.looked: list[str] = []
        """Hosts that were looked at to the end."""
        self.seen: set[str] = set()
        """Hosts that have any history."""
        self.told: set[str] = set()
        """Hosts of which something is known that the rule looks at."""

    def of(self, hosts: Sequence[Host], start: int, end: int) -> Iterator[tuple[float, tuple[Subject, ...]]]:
        """Every stored minute that begins in start…end; ends early when the time is up.

        Raises:
            RetryLater: the store cannot be read, or nobody waits any more.
        """
        for host in hosts:
            make = self._maker(host)
            for begin in range(start, end + 1, CHUNK_SECONDS):
                if not self._pace.rest():
                    return
                last = min(end, begin + CHUNK_SECONDS - 1)
                for time, values in self._history.means(host.name, self._wanted, begin, last, MINUTE):
                    subject = make(float(time), values)
                    self._note(host.name, subject, values)
                    yield subject.now, (subject,)
            self.looked.append(host.name)

    def _maker(self, host: Host) -> Callable[[float, Mapping[str, float]], Subject]:
        trail = Trail() if self._kept.trends else None
        rows = self._rule.needs == "row"

        def make(time: float, values: Mapping[str, float]) -> Subject:
            sample = sample_of(time, values, MINUTE, nominal_space=trail is not None)
            return Subject(
                host=host.name,
                now=time,
                interval_seconds=MINUTE,
                sample=sample,
                recent=trail.add(sample) if trail is not None else None,
                row=_row(host, sample) if rows else None,
            )

        return make

    def _note(self, host: str, subject: Subject, values: Mapping[str, float]) -> None:
        self.seen.add(host)
        if host not in self.told:
            own = self._rule.needs == "row"
            if self._rule.judge(subject, "", NOT_HELD).truth is not Truth.NODATA if own else values:
                self.told.add(host)


def _row(host: Host, sample: Sample) -> object:
    return row.build(
        host,
        _UP,
        version=0,
        since=0.0,
        sample=sample,
        facts=None,
        link=None,
        severity=Severity.UNKNOWN,
        worst="",
        verdict="",
    )


def _matcher(globs: Sequence[str]) -> Callable[[str], bool]:
    return lambda name: any(fnmatch.fnmatchcase(name, glob) for glob in globs)
