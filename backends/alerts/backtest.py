"""A rule, tried on history: how often it would have fired, and how often with more patience. Pure.

The history passes once through the rule's own evaluator and the same state machine that the engine uses, so that what is
told here is what would have happened; with other waits beside it, each with alerts of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from backends.alerts.evaluation import Rules, held_of
from backends.alerts.model import Alert, Phase, Reading, RuleTimes
from backends.alerts.rules import Pairs, Rule
from backends.alerts.subjects import Needs, Subject
from backends.metrics.sample import Record
from backends.states import Severity
from backends.text import clean
from backends.units import span

BRIEF_SECONDS = 120.0
"""What is over sooner was hardly worth a call."""
MOST_FIRINGS = 10_000
"""That are listed; all are counted."""
WAITS = (60.0, 300.0, 900.0)
"""Other waits that are tried."""
_NAME = 200
"""Characters of a name; a recording may hold anything."""
_FIRING = (Phase.FIRING, Phase.RECOVERING)


class Step(Protocol):
    """The state machine (`backends.alerts.state.step`)."""

    def __call__(
        self, alert: Alert, reading: Reading, times: RuleTimes, now: float, /
    ) -> tuple[Alert, Sequence[object]]: ...


class Firing(Record, frozen=True, kw_only=True):
    """One time that somebody would have been told."""

    host: str
    object: str = ""
    start: float
    end: float | None = None
    """None: it still fired when the history ended."""
    severity: Severity
    """The worst of it."""
    text: str = ""


class Trial(Record, frozen=True, kw_only=True):
    """What the rule would have done with one wait."""

    for_seconds: float
    count: int
    brief: int
    """That were over within `BRIEF_SECONDS`."""
    open: int
    """That still fired at the end."""
    firings: tuple[Firing, ...] = ()
    """Oldest first, at most `MOST_FIRINGS`."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Who it was about, those with most firings first."""
        counts: dict[str, int] = {}
        for firing in self.firings:
            counts[firing.host] = counts.get(firing.host, 0) + 1
        return tuple(sorted(counts, key=lambda host: (-counts[host], host)))


class Backtest(Record, frozen=True, kw_only=True):
    """The outcome."""

    rule: str
    start: float | None
    """Of the history; None: there was none."""
    end: float | None
    moments: int
    """How often a host was looked at."""
    hosts: int
    trial: Trial
    """With the rule's own wait."""
    others: tuple[Trial, ...] = ()
    source: str = ""
    """What it was tried on: "one-minute means", "night.swarm"."""
    reason: str = ""
    """Why nothing can be told; "" when something can. Never firing is told by `trial`."""
    untold: int = 0
    """Hosts of which nothing is known that the rule looks at."""
    cautions: tuple[str, ...] = ()
    """What it could not see, a clause each."""

    @property
    def sentence(self) -> str:
        """ "would have fired 14 times, 9 shorter than 2m; with for=5m: 3"."""
        if self.reason:
            return f"it cannot be told: {self.reason}"
        if self.start is None or self.end is None:
            return "there is no history to try it on"
        text = self._counted(self.end - self.start)
        return f"{text}; nothing is known of {_hosts(self.untold)}" if self.untold else text

    def _counted(self, seconds: float) -> str:
        trial = self.trial
        if not trial.count:
            return f"would not have fired once in {span(seconds)} on {_hosts(self.hosts - self.untold)}"
        text = f"would have fired {_times(trial.count)}"
        if trial.brief:
            text += f", {trial.brief} shorter than {span(BRIEF_SECONDS)}"
        if trial.open:
            text += f", {trial.open} still firing"
        others = [f"with for={span(other.for_seconds)}: {other.count}" for other in self.others]
        return "; ".join((text, *others))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _hosts(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"


class _Run:
    """The rule with one wait."""

    def __init__(self, rule: Rule, pairs: Mapping[Needs, Pairs], step: Step):
        self._rules, self._step, self._times = Rules([rule], pairs), step, rule.times
        self._alerts: dict[str, dict[str, Alert]] = {}
        """Host → fingerprint → what is held; most hosts have nothing."""
        self._open: dict[str, Firing] = {}
        self._done: list[Firing] = []
        self._count = self._brief = 0

    def holds(self, host: str) -> bool:
        """Whether anything is held of `host`; else only what is TRUE means anything."""
        return host in self._alerts

    def look(self, now: float, subject: Subject) -> None:
        """Take one moment of one host in."""
        here = self._alerts.get(subject.host, {})
        for reading in self._rules.evaluate((subject,), held_of(here.values())):
            key = reading.fingerprint
            before = here.get(key) or Alert(
                fingerprint=key, rule=reading.rule, host=reading.host, object=reading.object
            )
            after, _ = self._step(before, reading, self._times, now)
            self._note(key, before, after, now)
            if after.active or (self._times.event and after.phase is not Phase.INACTIVE):
                here[key] = after  # what happened and is over must not be told a second time
            else:
                here.pop(key, None)
        self._keep(subject.host, here)

    def _keep(self, host: str, here: dict[str, Alert]) -> None:
        if here:
            self._alerts[host] = here
        else:
            self._alerts.pop(host, None)

    def _note(self, key: str, before: Alert, after: Alert, now: float) -> None:
        if after.phase in _FIRING:
            known = self._open.get(key)
            if known is None:
                self._count += 1
                self._open[key] = Firing(
                    host=clean(after.host, _NAME),
                    object=clean(after.object, _NAME),
                    start=now,
                    severity=after.severity,
                    text=after.text,
                )
            elif after.severity.rank > known.severity.rank:
                self._open[key] = replace(known, severity=after.severity, text=after.text)
        elif before.phase in _FIRING:
            self._close(key, now)

    def _close(self, key: str, now: float) -> None:
        firing = self._open.pop(key)
        if now - firing.start < BRIEF_SECONDS:
            self._brief += 1
        if len(self._done) < MOST_FIRINGS:
            self._done.append(replace(firing, end=now))

    def trial(self) -> Trial:
        """What came of it."""
        listed = sorted((*self._done, *self._open.values()), key=lambda firing: (firing.start, firing.host))
        return Trial(
            for_seconds=self._times.for_seconds,
            count=self._count,
            brief=self._brief,
            open=len(self._open),
            firings=tuple(listed[:MOST_FIRINGS]),
        )


def backtest(
    rule: Rule,
    history: Iterable[tuple[float, Iterable[Subject]]],
    step: Step,
    *,
    waits: Iterable[float] = WAITS,
    pairs: Mapping[Needs, Pairs] = {},
) -> Backtest:
    """Try `rule` on `history`.

    Args:
        rule: of the pack or of the site.
        history: moments (epoch seconds, what was known of some hosts then), those of each host oldest first; read once,
            as it comes.
        step: the state machine.
        waits: other `for`s in seconds to compare with; the rule's own and doubles are left out.
        pairs: of `backends.alerts.pack`, for rules about backups and checks.
    """
    own = rule.times.for_seconds
    others = sorted({float(wait) for wait in waits} - {own}) if not rule.times.event else []
    runs = [_Run(rule, pairs, step)]
    runs += [_Run(replace(rule, times=replace(rule.times, for_seconds=wait)), pairs, step) for wait in others]
    scout = Rules([rule], pairs)
    start = end = None
    moments = 0
    hosts: set[str] = set()
    for now, subjects in history:
        start, end = now if start is None else min(start, now), now if end is None else max(end, now)
        for subject in subjects:
            moments += 1
            hosts.add(subject.host)
            _look(runs, scout, now, subject)
    trials = [run.trial() for run in runs]
    return Backtest(
        rule=rule.id, start=start, end=end, moments=moments, hosts=len(hosts), trial=trials[0], others=tuple(trials[1:])
    )


def _look(runs: Sequence[_Run], scout: Rules, now: float, subject: Subject) -> None:
    """Judged once for all runs that hold nothing of the host: most are well, most of the time."""
    holding = [run for run in runs if run.holds(subject.host)]
    if len(holding) < len(runs) and scout.evaluate((subject,), {}):
        holding = list(runs)
    for run in holding:
        run.look(now, subject)
