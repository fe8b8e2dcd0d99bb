"""Keeps alerts quiet about exactly the hosts that maintenance runs have in work, and lets the digest come afterwards.

What is muted is derived from the runs each time, so an engine that was killed anywhere puts it right when it starts again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from backends.alerts.model import Mute
from backends.maintenance.model import HostRun, RunState, Stage
from backends.maintenance.places import taken

if TYPE_CHECKING:
    from backends.engine.engine import Engine

DAY_SECONDS = 86_400.0
LONGEST_SECONDS = 7 * DAY_SECONDS - 60.0
RENEW_SECONDS = 3600.0
"""A mute that ends sooner than this is prolonged, as long as its run has hosts in work."""
SETTLE_SECONDS = 300.0
"""A host that was given back settles so long before it is told of again."""


class Mutes(Protocol):
    """The alerts' mutes, as far as this needs them. Raise SwarmError."""

    def mutes(self) -> tuple[Mute, ...]:
        """All that are not over and settled."""

    def mute(self, mute: Mute) -> None:
        """Begin one, or replace the one of that id."""

    def end_mute(self, mute_id: str) -> None:
        """It is over; its digest follows."""


class EngineMutes:
    """The engine's alerts as `Muting` needs them."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def mutes(self) -> tuple[Mute, ...]:
        return self._engine.duty.alerting.alerts.mutes()

    def mute(self, mute: Mute) -> None:
        self._engine.duty.alerting.act(lambda alerts, now: alerts.mute(mute, now, origin="maintenance"))

    def end_mute(self, mute_id: str) -> None:
        self._engine.duty.alerting.act(
            lambda alerts, now: alerts.end_mute(mute_id, now, by="maintenance", origin="maintenance")
        )


class Muting:
    """`step` may be called at any time and from any thread: it only does what is not so yet."""

    def __init__(self, mutes: Mutes):
        self._mutes = mutes
        self._lock = threading.Lock()

    def step(self, runs: Iterable[RunState], now: float) -> None:
        """Make the mutes what the runs say. Raises SwarmError: the alerts cannot take it now."""
        with self._lock:
            known = {mute.id: mute for mute in self._mutes.mutes() if mute.id.startswith("run ")}
            for run in runs:
                self._one(run, known.pop(mute_id(run.plan.id), None), now)
            for orphan in known.values():
                if orphan.end > now:
                    self._mutes.end_mute(orphan.id)

    def _one(self, run: RunState, known: Mute | None, now: float) -> None:
        wanted = hosts_of(run, now)
        alive = known is not None and known.end > now
        if not wanted:
            if alive:
                self._mutes.end_mute(mute_id(run.plan.id))
            return
        if known is not None and alive and known.hosts == wanted and known.end - now > RENEW_SECONDS:
            return
        self._mutes.mute(
            Mute(
                id=mute_id(run.plan.id),
                hosts=wanted,
                by=run.plan.who,
                comment=f"maintenance run {run.plan.id} {run.plan.name}".strip(),
                start=known.start if known is not None else now,
                end=_end(run, now),
            )
        )


def mute_id(run: str) -> str:
    """The id of a run's mute."""
    return f"run {run}"


def hosts_of(run: RunState, now: float) -> tuple[str, ...]:
    """Hosts that a run keeps quiet about; none once it is over: the digest tells of what is left."""
    if run.ended is not None:
        return ()
    return tuple(name for name, host in run.hosts.items() if taken(host) or _settling(host, now))


def _settling(host: HostRun, now: float) -> bool:
    return host.stage is Stage.DONE and host.ended is not None and 0 <= now - host.ended < SETTLE_SECONDS


def _end(run: RunState, now: float) -> float:
    """The end of the window or a day, whichever is later; the alerts allow a week."""
    return min(max(now + DAY_SECONDS, run.plan.window_end or 0.0), now + LONGEST_SECONDS)
