"""What is known about one host: the newest of everything that sources told, and which changes of it are news."""

from __future__ import annotations

import msgspec

from backends.engine.run_marks import FREE
from backends.engine.wire import HostRow
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Sample
from backends.sources.base import LinkInfo, StateChange
from backends.states import STATE_SEVERITY, HostState, Severity

News = tuple[str, Severity]
"""Text and severity of an event."""


class Known:
    """One host. The fleet changes it under its lock and gives copies away."""

    __slots__ = (
        "alerts",
        "arrived",
        "backup_time",
        "change",
        "encoded",
        "facts",
        "host",
        "link",
        "previous",
        "row",
        "run",
        "sample",
        "settled",
        "shown",
        "since",
        "stale_reason",
        "updates_pending",
        "verdict",
    )

    def __init__(self, host: Host, now: float, monotonic: float):
        self.host = host
        self.change = StateChange(state=HostState.CONNECTING)
        self.shown = self.change
        self.since = now
        self.settled: HostState | None = None
        """The last state that was no mere try; None before the first."""
        self.arrived = monotonic
        self.stale_reason = ""
        self.facts: HostFacts | None = None
        self.sample: Sample | None = None
        self.previous: Sample | None = None
        """The sample before: counters that rise are judged by both."""
        self.link: LinkInfo | None = None
        self.verdict = ""
        self.alerts: int | None = None
        self.updates_pending: int | None = None
        self.backup_time: float | None = None
        self.run = FREE
        self.row = HostRow(name=host.name, state=HostState.CONNECTING, since=now, tags=host.tags)
        self.encoded = msgspec.Raw()

    def settle(self) -> News | None:
        """What the timeline should say about the state that is shown now; None when it is no news.

        A try to connect is none, its outcome is; a thousand hosts that come up at start are none either.
        """
        before, after = self.settled, self.shown
        if after.state is HostState.CONNECTING or after.state is before:
            return None
        self.settled = after.state
        if before is None and after.state is HostState.UP:
            return None
        way = f"{before} → {after.state}" if before is not None else f"{after.state}"
        return way + (f": {after.reason}" if after.reason else ""), STATE_SEVERITY[after.state]

    def copy(self) -> Known:
        """A copy that nobody changes."""
        twin = object.__new__(Known)
        for name in Known.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin


def facts_changed(before: HostFacts, after: HostFacts) -> str:
    """What an operator should know about the difference, in a few words; "" when nothing."""
    names = ("kernel", "system", "cpu_count", "memory_total_bytes", "machine_id", "python")
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in names)
    return ", ".join(
        f"{name.replace('_', ' ')} {old} → {new}" for name, old, new in pairs if old != new and old and new
    )
