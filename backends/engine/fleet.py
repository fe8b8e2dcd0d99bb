"""The newest picture of the whole fleet: the sink of all sources, and the one place that knows each host's effective state.

Every change gives a host a new immutable row under a new version number, encoded once; a client that asks what changed
since its version gets those bytes. Sources call in from their threads, clients read from theirs; one lock guards it all
and is never held while anything is waited for.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from backends.checks.glance import worst
from backends.engine import row
from backends.engine.known import Known, News, facts_changed
from backends.engine.run_marks import FREE, RunMark
from backends.engine.summary import summarise
from backends.engine.wire import FleetSummary, HostRow
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Record, Sample
from backends.sources.base import LinkInfo, StateChange
from backends.states import HostState, Severity

MISSED_INTERVALS = 2.5
"""Age of the newest sample, in sampling intervals, at which two of them have been missed and a third is late."""
STALE_FLOOR_SECONDS = 2.5
"""Below this age no host is called stale, however short the interval: a busy network is not a missing host."""
FIRST_SAMPLE_SECONDS = 10.0
"""How long a host that came up may take until its first sample."""
_REMEMBERED_REMOVALS = 4096

OnEvent = Callable[[str, str, str, Severity], None]
"""host, kind, text, severity: something discrete happened."""
OnSample = Callable[[str, Sample], None]
"""Called after a sample was taken in, on the source's thread."""


class EncodedView(Record, frozen=True, kw_only=True):
    """`FleetView` with the rows already in JSON; the same on the wire."""

    version: int
    now: float
    full: bool
    rows: Sequence[msgspec.Raw] = ()
    removed: Sequence[str] = ()
    summary: FleetSummary = FleetSummary()


class Fleet:
    """The sink of the sources and the store of the newest rows. `now` and `monotonic` are those of the data's clock."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        interval_seconds: float = 1.0,
        on_event: OnEvent,
        on_sample: OnSample | None = None,
    ):
        self.now, self._monotonic = now, monotonic
        self._on_event, self._on_sample = on_event, on_sample
        self._encode = msgspec.json.Encoder().encode
        self._lock = threading.RLock()
        self._entries: dict[str, Known] = {}
        self._order: dict[str, int] = {}
        """Host → version, oldest change first: a delta is read from the end."""
        self._removed: deque[tuple[int, str]] = deque(maxlen=_REMEMBERED_REMOVALS)
        self._version = self._oldest_delta = int(now()) * 4096
        """Begins with the time, so that no version of an earlier engine is taken for one of ours."""
        self.interval_seconds = interval_seconds

    # -- what sources tell (the Sink protocol) ------------------------------------------------------------------

    def facts(self, host: str, facts: HostFacts) -> None:
        with self._lock:
            entry = self._entries.get(host)
            if entry is None:
                return
            before, entry.facts = entry.facts, facts
            self._rebuild(entry)
        if before is not None:
            self._tell_changes(host, before, facts)

    def sample(self, host: str, sample: Sample) -> None:
        with self._lock:
            entry = self._entries.get(host)
            if entry is None:
                return
            entry.previous, entry.sample = entry.sample, sample
            entry.arrived = self._monotonic()
            entry.stale_reason = ""
            if entry.change.state is HostState.CONNECTING:  # a sample proves that the host answers
                entry.change = StateChange(state=HostState.UP)
            moved = self._rebuild(entry)
        self._tell_state(host, moved)
        if self._on_sample is not None:
            self._on_sample(host, sample)

    def state(self, host: str, change: StateChange) -> None:
        with self._lock:
            entry = self._entries.get(host)
            if entry is None:
                return
            if change.state is HostState.UP and entry.change.state is not HostState.UP:
                entry.arrived = self._monotonic()
                entry.stale_reason = ""
            entry.change = change
            moved = self._rebuild(entry)
        self._tell_state(host, moved)

    def link(self, host: str, link: LinkInfo) -> None:
        with self._lock:
            entry = self._entries.get(host)
            if entry is not None:
                entry.link = link
                self._rebuild(entry)

    def note(self, host: str, kind: str, text: str) -> None:
        self._on_event(host, kind, text, Severity.OK)

    # -- what the engine does -----------------------------------------------------------------------------------

    def set_hosts(self, hosts: Iterable[Host]) -> None:
        """Make the fleet exactly `hosts`; what is known about those that stay is kept."""
        wanted = {host.name: host for host in hosts}
        with self._lock:
            for name in [name for name in self._entries if name not in wanted]:
                self._drop(name)
            for host in wanted.values():
                self._adopt(host)

    def forget_samples(self) -> None:
        """Throw away every sample, as when a replay jumps."""
        with self._lock:
            for entry in self._entries.values():
                entry.sample = entry.previous = None
                entry.stale_reason = entry.verdict = ""
                entry.arrived = self._monotonic()
                self._rebuild(entry)

    def set_updates(self, host: str, pending: int | None) -> None:
        """Show how many updates wait for the host; None: not known."""
        with self._lock:
            entry = self._entries.get(host)
            if entry is not None and entry.updates_pending != pending:
                entry.updates_pending = pending
                self._rebuild(entry)

    def set_backup(self, host: str, time: float | None) -> None:
        """Show when the host was backed up last (epoch seconds); None: not known, or not yet."""
        with self._lock:
            entry = self._entries.get(host)
            if entry is not None and entry.backup_time != time:
                entry.backup_time = time
                self._rebuild(entry)

    def set_alerts(self, counts: Mapping[str, int]) -> None:
        """Show how many alerts each host has; one that is not named has none."""
        with self._lock:
            for name, entry in self._entries.items():
                count = counts.get(name, 0)
                if entry.alerts != count:
                    entry.alerts = count
                    self._rebuild(entry)

    def set_runs(self, marks: Mapping[str, RunMark]) -> None:
        """Show which maintenance run has which host; one that is not named is free."""
        with self._lock:
            for name, entry in self._entries.items():
                mark = marks.get(name, FREE)
                if entry.run != mark:
                    entry.run = mark
                    self._rebuild(entry)

    def set_verdict(self, host: str, text: str) -> None:
        """Show `text` as the host's bottleneck verdict."""
        with self._lock:
            entry = self._entries.get(host)
            if entry is not None and entry.verdict != text:
                entry.verdict = text
                self._rebuild(entry)

    def check_ages(self) -> None:
        """Call hosts stale whose samples stopped although their source says that they are up."""
        now = self._monotonic()
        moves: list[tuple[str, News | None]] = []
        with self._lock:
            for name, entry in self._entries.items():
                if entry.change.state is HostState.UP and not entry.stale_reason and self._late(entry, now):
                    entry.stale_reason = "samples stopped" if entry.sample is not None else "no sample since it came up"
                    moves.append((name, self._rebuild(entry)))
        for name, moved in moves:
            self._tell_state(name, moved)

    def _late(self, entry: Known, now: float) -> bool:
        limit = max(MISSED_INTERVALS * self.interval_seconds, STALE_FLOOR_SECONDS)
        return now - entry.arrived > (limit if entry.sample is not None else max(limit, FIRST_SAMPLE_SECONDS))

    # -- what clients ask ---------------------------------------------------------------------------------------

    def view(self, since: int | None = None, only: frozenset[str] | None = None) -> EncodedView:
        """Everything, or what changed after version `since`; `only` limits it to these hosts."""
        with self._lock:
            full = since is None or since < self._oldest_delta or since > self._version or since <= 0
            names = list(self._order) if full else self._changed_after(since or 0)
            if only is not None:
                names = [name for name in names if name in only]
            return EncodedView(
                version=self._version,
                now=self.now(),
                full=full,
                rows=[self._entries[name].encoded for name in names],
                removed=() if full else [name for version, name in self._removed if version > (since or 0)],
                summary=self._summary(only),
            )

    def rows(self) -> list[HostRow]:
        """All rows, in the order of the inventory."""
        with self._lock:
            return [entry.row for entry in self._entries.values()]

    def glimpses(self) -> list[tuple[str, HostRow, HostFacts | None, Sample | None]]:
        """Name, row, facts and newest sample of every host, for whoever judges them all."""
        with self._lock:
            return [(name, each.row, each.facts, each.sample) for name, each in self._entries.items()]

    def entry(self, host: str) -> Known | None:
        """A copy of what is known about `host`; None when it is not in the fleet."""
        with self._lock:
            entry = self._entries.get(host)
            return entry.copy() if entry is not None else None

    def facts_of(self, host: str) -> HostFacts | None:
        """The facts of `host`; None when they are not known."""
        with self._lock:
            entry = self._entries.get(host)
            return entry.facts if entry is not None else None

    def names(self) -> list[str]:
        """All hosts, in the order of the inventory."""
        with self._lock:
            return list(self._entries)

    def states(self) -> dict[str, str]:
        """Host → state, for selectors."""
        with self._lock:
            return {name: entry.row.state for name, entry in self._entries.items()}

    def _changed_after(self, since: int) -> list[str]:
        names: list[str] = []
        for name, version in reversed(self._order.items()):
            if version <= since:
                break
            names.append(name)
        return names

    def _summary(self, only: frozenset[str] | None) -> FleetSummary:
        rows = [entry.row for name, entry in self._entries.items() if only is None or name in only]
        return summarise(rows, self.interval_seconds)

    # -- under the lock -----------------------------------------------------------------------------------------

    def _drop(self, name: str) -> None:
        del self._entries[name]
        del self._order[name]
        self._version += 1
        if len(self._removed) == _REMEMBERED_REMOVALS:
            self._oldest_delta = self._removed[0][0]
        self._removed.append((self._version, name))

    def _adopt(self, host: Host) -> None:
        entry = self._entries.get(host.name)
        if entry is None:
            entry = self._entries[host.name] = Known(host, self.now(), self._monotonic())
        elif entry.host == host:
            return
        entry.host = host
        self._rebuild(entry)

    def _rebuild(self, entry: Known) -> News | None:
        """A new row from what is known; and what the timeline should say about it, if anything."""
        shown = row.effective(entry.change, entry.sample, entry.stale_reason)
        if entry.shown.state is not shown.state:
            entry.since = self.now()
        entry.shown = shown
        severity, text = worst(entry.sample, shown.state, entry.facts, entry.previous)
        self._version += 1
        entry.row = row.build(
            entry.host,
            shown,
            version=self._version,
            since=entry.since,
            sample=entry.sample,
            facts=entry.facts,
            link=entry.link,
            severity=severity,
            worst=text,
            verdict=entry.verdict,
            alerts=entry.alerts,
            updates_pending=entry.updates_pending,
            backup_time=entry.backup_time,
            run=entry.run,
        )
        entry.encoded = msgspec.Raw(self._encode(entry.row))
        name = entry.host.name
        self._order.pop(name, None)
        self._order[name] = self._version
        return entry.settle()

    # -- outside the lock ---------------------------------------------------------------------------------------

    def _tell_state(self, host: str, news: News | None) -> None:
        if news is not None:
            self._on_event(host, "state", *news)

    def _tell_changes(self, host: str, before: HostFacts, after: HostFacts) -> None:
        if before.boot_id and after.boot_id and before.boot_id != after.boot_id:
            kernel = f", kernel {before.kernel} → {after.kernel}" if before.kernel != after.kernel else ""
            self._on_event(host, "reboot", f"rebooted (new boot id){kernel}", Severity.WARNING)
        elif changed := facts_changed(before, after):
            self._on_event(host, "facts-changed", changed, Severity.OK)
