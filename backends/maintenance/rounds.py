"""Carrying runs out: a turn of each on one thread, and the calls that come of it on a crew of threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from backends.clock import Clock
from backends.errors import Stop, SwarmError
from backends.maintenance.books import Books, Tell
from backends.maintenance.calling import Calls, WorkerOf
from backends.maintenance.does import Act
from backends.maintenance.live import Live
from backends.maintenance.model import Edge, EdgeKind
from backends.maintenance.places import taken
from backends.maintenance.timers import Drift
from backends.maintenance.turning import Call, Turn, in_turn
from backends.maintenance.world import World
from backends.states import Severity
from backends.units import span

GAP_SECONDS, COST_SHARE = 0.05, 0.03
"""Between two turns at least so long, and so long that deciding takes no more than this share of a core."""
IDLE_SECONDS = 0.5
BUG_SECONDS, DISK_SECONDS = 60.0, 5.0
"""After a bug, and while the disk is full, a run is left alone for so long."""


class Crew(Protocol):
    """Whoever runs calls side by side."""

    def do(self, task: Callable[[], None]) -> None: ...

    def stop(self) -> None: ...


class Rounds:
    """The turns of all runs. `wake` may come from any thread, the others come from the one that decides."""

    def __init__(
        self,
        books: Books,
        worker: WorkerOf,
        world: Callable[[], World],
        clock: Clock,
        *,
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        crew: Crew,
        size: int,
        patience: float,
    ):
        """`size`: calls at a time; `patience`: see `Pace`."""
        self._books, self._world, self._clock = books, world, clock
        self._tell, self._on_bug, self._crew, self._size = tell, on_bug, crew, size
        self._stopped, self._wake = threading.Event(), threading.Event()
        self._calls = Calls(worker, clock, self._stopped, on_bug)
        self._turn, self._drift = Turn(clock, patience), Drift(clock)
        self.active: set[str] = set()
        """Runs that may be carried out."""

    def wake(self) -> None:
        """Something has changed: the next turn comes soon."""
        self._wake.set()

    def stop(self) -> None:
        """Begin nothing more; what is answered from now on is nobody's."""
        self._stopped.set()
        self._wake.set()
        self._crew.stop()

    def loop(self, stopping: threading.Event) -> None:
        """Turn after turn, until `stopping` is set or `stop` is called."""
        while not stopping.is_set() and not self._stopped.is_set():
            self._wake.clear()
            began = time.thread_time()
            seconds = self.once()
            gap = max(GAP_SECONDS, (time.thread_time() - began) / COST_SHARE)
            if not self._clock.wait(stopping, min(gap, IDLE_SECONDS)):
                self._clock.wait(self._wake, min(max(0.0, seconds - gap), IDLE_SECONDS))

    def once(self) -> float:
        """One turn of every run; seconds until there may be something to do again."""
        going = [live for live in self._books.all() if live.goes_on and live.id in self.active]
        jump = self._drift.jumped()
        if not going or self._stopped.is_set():
            return IDLE_SECONDS
        try:
            world = self._world()
        except Exception as error:  # noqa: BLE001 - without the fleet nothing is decided, and nothing begins
            self._on_bug("", error)
            return IDLE_SECONDS
        for live in going:
            if jump:
                self._note_jump(live, jump)
            self._one(live, world)
        return self._until_due(going)

    def _one(self, live: Live, world: World) -> None:
        """A turn of one run; whatever goes wrong in it is no other run's matter."""
        moment = self._clock.monotonic()
        if live.again > moment:
            return
        try:
            if live.blocked and self._books.full(live):
                live.again = moment + DISK_SECONDS
                return
            calls = in_turn(live, lambda: self._decide(live, world))
        except SwarmError as error:
            self._held_up(live, error, moment)
        except Exception as error:  # noqa: BLE001 - a bug in deciding: told, nothing begins, tried again after a while
            live.why, live.again = f"internal error: {error!r}", moment + BUG_SECONDS
            self._on_bug("", error)
        else:
            self._books.told_room(live)
            self._books.publish()
            for call in calls:
                self._crew.do(lambda call=call: self._call(live, call))  # type: ignore[misc]

    def _held_up(self, live: Live, error: SwarmError, moment: float) -> None:
        if live.blocked:
            live.again = moment + DISK_SECONDS
            self._books.tell_full(live)
        else:  # an edge that cannot be: a bug of ours, not the disk
            live.why, live.again = error.message, moment + BUG_SECONDS
            self._on_bug(error.host or "", error)

    def _decide(self, live: Live, world: World) -> list[Call]:
        room = self._size - sum(len(each.busy) for each in self._books.all())
        return self._turn.take(
            live, world, elsewhere=elsewhere(self._books, live), steady=self._drift.steady, room=room
        )

    def _call(self, live: Live, call: Call) -> None:
        try:
            asked = self._calls.begin if call.act is Act.BEGIN else self._calls.look
            asked(live, call.host, call.key)
        except Exception as error:  # noqa: BLE001 - tasks of the crew must not raise
            self._on_bug(call.host, error)
        finally:
            live.busy.discard(call.host)
            if live.blocked:
                self._books.tell_full(live)
            self._books.publish()
            if call.act is Act.BEGIN or call.host not in live.looks:
                self._wake.set()

    def _note_jump(self, live: Live, jump: float) -> None:
        way = f"{span(abs(jump))} {'ahead' if jump > 0 else 'back'}"
        text = (
            f"the clock of this machine jumped {way}; no step fails and no batch opens for that: see that its time is "
            "right (timedatectl)"
        )
        if live.state.plan.window_end is not None:
            text += f", and whether its window still fits (swarm-tui run show {live.id})"
        edge = Edge(time=self._clock.now(), kind=EdgeKind.NOTE, text=text)
        try:
            with live.lock:
                live.write(edge)
        except Stop:
            self._books.tell_full(live)
        self._tell("run", f"{live.id}: {text}", "", "", Severity.WARNING)

    def _until_due(self, going: list[Live]) -> float:
        moment = self._clock.monotonic()
        due = [at - moment for live in going for host, at in [*live.due.items()] if host not in live.busy]
        return min(IDLE_SECONDS, max(GAP_SECONDS, min(due, default=IDLE_SECONDS)))


def elsewhere(books: Books, live: Live) -> dict[str, str]:
    """Hosts that other runs have in work → what for."""
    return {
        name: f"{host.stage} in run {other.id}"
        for other in books.all()
        if other is not live and other.holds
        for name, host in other.state.hosts.items()
        if taken(host)
    }
