"""One turn of a run: what was decided becomes edges, written together, and then calls to workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from backends.clock import Clock
from backends.errors import Stop
from backends.maintenance.decide import decide
from backends.maintenance.does import Act, Do, Pace
from backends.maintenance.live import Live
from backends.maintenance.model import Edge, EdgeKind, Stage
from backends.maintenance.opening import waiting_unfit
from backends.maintenance.places import step_key
from backends.maintenance.worker import Look, Told
from backends.maintenance.world import HostView, World

_EDGES = {
    Act.DONE: EdgeKind.HOST_DONE,
    Act.SKIP: EdgeKind.SKIPPED,
    Act.BATCH_OVER: EdgeKind.BATCH_OVER,
    Act.BATCH: EdgeKind.BATCH,
    Act.STOP: EdgeKind.STOPPED,
    Act.END: EdgeKind.ENDED,
}
"""What is done by writing it down."""
WAITING = "waiting"
"""State of a host whose turn has come and that may not begin."""


class Call(NamedTuple):
    """One call that is due."""

    act: Act
    host: str
    key: str


class Turn:
    """Turns of all runs, on the one thread that decides."""

    def __init__(self, clock: Clock, patience: float):
        self._clock, self._patience = clock, patience

    def take(self, live: Live, world: World, *, elsewhere: Mapping[str, str], steady: bool, room: int) -> list[Call]:
        """Decide, write, and say whom to call; at most `room` calls. The caller holds the run's lock.

        Raises:
            Stop: the journal cannot be written; then nothing may begin.
        """
        dos = decide(live.state, world, self._pace(live, world, elsewhere, steady))
        calls = self._due(live, dos, room)
        chosen = {(call.act, call.host) for call in calls}
        edges = [edge for do in dos if (edge := self._edge(live, world, do, chosen)) is not None]
        if edges:
            live.write(*edges)
        self._show(live, dos, edges)
        return [Call(call.act, call.host, live.state.hosts[call.host].key) for call in calls]

    def _pace(self, live: Live, world: World, elsewhere: Mapping[str, str], steady: bool) -> Pace:
        pace = Pace(
            busy=frozenset(live.busy),
            soaked=live.timers.soaked(live.state),
            patience=self._patience,
            steady=steady,
            elsewhere=elsewhere,
        )
        return replace(pace, unfit=live.timers.unfit(waiting_unfit(live.state, world, pace)))

    def _due(self, live: Live, dos: tuple[Do, ...], room: int) -> list[Call]:
        """Calls whose time has come: steps that begin first, then the hosts that were not looked at for longest."""
        now = self._clock.monotonic()
        ready = [do for do in dos if do.act in (Act.BEGIN, Act.LOOK) and live.due.get(do.host, 0.0) <= now]
        ready.sort(key=lambda do: (do.act is Act.LOOK, live.due.get(do.host, 0.0)))
        return [Call(do.act, do.host, "") for do in ready[: max(0, room)]]

    def _edge(self, live: Live, world: World, do: Do, chosen: set[tuple[Act, str]]) -> Edge | None:
        now = self._clock.now()
        if do.act in _EDGES:
            return Edge(time=now, kind=_EDGES[do.act], host=do.host, step=do.step, text=do.text, hint=do.hint)
        if do.act is not Act.BEGIN or (do.act, do.host) not in chosen:
            return None
        host = live.state.hosts[do.host]
        if host.begun:
            return None  # intended before: the same key once more
        attempt = host.attempt if host.step == do.step else 0
        key = step_key(live.id, do.host, do.step, attempt)
        facts = _before(world.hosts.get(do.host)) if host.stage is Stage.QUEUED else {}
        return Edge(time=now, kind=EdgeKind.INTENDED, host=do.host, step=do.step, key=key, facts=facts)

    def _show(self, live: Live, dos: tuple[Do, ...], edges: list[Edge]) -> None:
        """What waits and why, for the board."""
        live.why = next((do.text for do in dos if do.act is Act.WAIT and not do.host), "")
        waits = {do.host: do.text for do in dos if do.act is Act.WAIT and do.host}
        for host, look in [*live.looks.items()]:
            if look.state == WAITING and live.state.hosts[host].stage is Stage.QUEUED and host not in waits:
                live.looks.pop(host, None)
        for host, text in waits.items():
            live.looks[host] = Look(told=Told.GOING, state=WAITING, text=text)
        for edge in edges:
            if edge.host:
                live.drop(edge.host)


def _before(view: HostView | None) -> dict[str, str]:
    """What was wrong with a host before it began, as far as anything was."""
    found = {"alerts": str(view.alerts)} if view is not None and view.alerts else {}
    return {**found, "ill": "yes"} if view is not None and view.ill else found


def in_turn(live: Live, turn: Callable[[], list[Call]]) -> list[Call]:
    """A turn under the run's lock; its hosts are busy from then on. Raises as `Turn.take`."""
    with live.lock:
        try:
            calls = turn()
        except Stop as error:
            live.why = error.message
            raise
        live.busy |= {call.host for call in calls}
        return calls
