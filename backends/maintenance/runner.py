"""Runs being carried out: one thread decides, a crew of threads talks to hosts, each edge is on the disk before it is acted on.

A run outlives its engine: what is not over is taken up again from its journal, and what happened on a host is asked there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from backends.clock import Clock
from backends.errors import BadInput
from backends.maintenance import commands
from backends.maintenance.books import Books, OnEdge, Tell
from backends.maintenance.does import PATIENCE_SECONDS
from backends.maintenance.headroom import Headroom, headroom
from backends.maintenance.live import Live
from backends.maintenance.model import Edge, EdgeKind, RunPlan, RunState, RunStatus, Stage, StepKind
from backends.maintenance.places import place_of
from backends.maintenance.plan_check import demand
from backends.maintenance.rounds import Crew, Rounds, elsewhere
from backends.maintenance.worker import Look, Worker
from backends.maintenance.world import World
from backends.states import Severity
from backends.updates.workers import Workers

CREW = 128
"""Calls at a time; a host that hangs holds one of them."""


class Runner:
    """All runs of this engine. Calls may come from any thread; commands raise BadInput where they make no sense, and Stop
    where they cannot be written down."""

    def __init__(
        self,
        folder: Path,
        workers: Mapping[StepKind, Worker] | Callable[[StepKind], Worker],
        world: Callable[[], World],
        clock: Clock,
        *,
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        on_edge: OnEdge,
        patience_seconds: float = PATIENCE_SECONDS,
        crew: Crew | None = None,
        crew_size: int = CREW,
    ):
        """Reads the journals; nothing is done before `resume_all` and `loop`.

        Args:
            folder: of the journals; made private.
            workers: who carries out which kind of step.
            world: the fleet now; called on the deciding thread only, once for each of its turns.
            tell: kind, text, host, actor, severity: what is not an edge and belongs into the timeline.
            on_edge: the state after an edge, and the edge; on any thread, one at a time, in their order in each run.
            patience_seconds: a host that is down or held at its turn is waited for so long.
            crew: for tests; otherwise `crew_size` threads.
        """
        self._clock, self._tell = clock, tell
        self._worker = workers if callable(workers) else workers.__getitem__
        self._books = Books(folder, clock, tell=tell, on_bug=on_bug, on_edge=on_edge)
        self._rounds = Rounds(
            self._books,
            self._worker,
            world,
            clock,
            tell=tell,
            on_bug=on_bug,
            crew=crew or Workers(crew_size, "maintenance"),
            size=crew_size,
            patience=patience_seconds,
        )

    # Commands --------------------------------------------------------------------------------------------------------

    def create(self, plan: RunPlan, who: str) -> RunState:
        """Write a new run down; it waits to be started. A plan without an id gets one ("r-20261126-1")."""
        demand(plan)
        with self._books.lock:
            self._books.demand_free({host.host for host in plan.hosts}, "create a maintenance run")
            named = plan if plan.id else replace(plan, id=self._books.new_id())
            live = self._books.add(Edge(time=self._clock.now(), kind=EdgeKind.CREATED, who=who, plan=named))
            self._rounds.active.add(live.id)
        return self._done(live)

    def approve(self, run: str, hash: str, *, who: str) -> RunState:
        """Somebody besides the author says yes to the plan with this hash."""
        return self._command(run, lambda state, now: commands.approve(state, hash, who, now))

    def start(self, run: str, *, who: str, hash: str = "") -> RunState:
        """Begin; with `hash` only if the plan is that one."""
        with self._books.lock:
            live = self._books.get(run)
            self._books.demand_free(set(live.state.hosts), "start a maintenance run", but=run)
            self._write(live, lambda state, now: commands.start(state, hash, who, now))
        return self._done(live)

    def pause(self, run: str, *, who: str, text: str = "") -> RunState:
        """No host and no step begins; what is in work comes to the end of its step."""
        live = self._books.get(run)
        with live.lock:
            self._write(live, lambda state, now: commands.pause(state, text, who, now))
            live.timers.freeze()
        return self._done(live)

    def resume(self, run: str, *, who: str, text: str = "") -> RunState:
        """Go on after a pause or a stop."""
        live = self._books.get(run)
        with live.lock:
            paused = live.state.status is RunStatus.PAUSED
            self._write(live, lambda state, now: commands.resume(state, text, who, now))
            if paused:
                live.timers.thaw(
                    host for host in live.state.hosts.values() if host.stage is Stage.WORKING and not host.token
                )
        return self._done(live)

    def abort(self, run: str, *, who: str, text: str = "") -> RunState:
        """For good: hosts in work come to their end, the others are skipped."""
        return self._command(run, lambda state, now: commands.abort(state, text, who, now))

    def promote(self, run: str, *, who: str) -> RunState:
        """The canaries are good enough to go on."""
        return self._command(run, lambda state, now: commands.promote(state, who, now))

    def skip(self, run: str, host: str, *, who: str, text: str = "") -> RunState:
        """Leave out a host that has not begun; leave one that failed or asks as it is."""
        return self._command(run, lambda state, now: commands.skip(state, host, text, who, now))

    def retry(self, run: str, host: str, *, who: str, text: str = "") -> RunState:
        """The failed step of a host once more, also after the end of the run."""
        with self._books.lock:
            live = self._books.get(run)
            self._books.demand_free({host}, "retry a host", but=run)
            self._write(live, lambda state, now: commands.retry(state, host, text, who, now))
        return self._done(live)

    def answer(self, run: str, host: str, text: str, *, who: str) -> RunState:
        """What a person says to a host that asks; its step is begun anew with that as its reason."""
        return self._command(run, lambda state, now: commands.answer(state, host, text, who, now))

    def note(self, run: str, text: str, *, who: str, host: str = "") -> RunState:
        """Something for the report, about the run or one host."""
        return self._command(run, lambda state, now: commands.note(state, text, host, who, now))

    # Looking at them -------------------------------------------------------------------------------------------------

    def runs(self) -> tuple[RunState, ...]:
        """All of them, the newest first."""
        return self._books.states()

    def state(self, run: str) -> RunState:
        """One run. Raises BadInput."""
        return self._books.get(run).state

    def why(self, run: str) -> str:
        """What a run waits for at the moment, in a sentence; "" when nothing holds it up. Raises BadInput."""
        live = self._books.get(run)
        return live.damage or live.blocked or live.state.why or (live.why if live.goes_on else "")

    def looks(self, run: str) -> Mapping[str, Look]:
        """Host → what was last seen there, or why its turn does not come; not journalled. Raises BadInput."""
        live = self._books.get(run)
        with live.lock:
            return dict(live.looks)

    def output(self, run: str, host: str) -> str:
        """What there is to read of the step that a host is in, from its worker. Raises BadInput, or as workers do."""
        live = self._books.get(run)
        with live.lock:
            if host not in live.state.hosts:
                raise BadInput(f"run {run} has no such host", host=host[:80])
            now = live.state.hosts[host]
            token = now.token or now.tokens.get(now.step, "")
            place = place_of(live.state, live.plans[host]) if now.step >= 0 and token else None
        return self._worker(place.step.kind).output(place, token) if place is not None else ""

    def headroom(self, run: str, world: World) -> Headroom:
        """What is away and what is left of the budget. Raises BadInput."""
        live = self._books.get(run)
        return headroom(live.state, world, elsewhere(self._books, live))

    def held(self) -> Mapping[str, str]:
        """Host → the run that has it: of runs that were started and are not over, every host that is not over or has failed."""
        return self._books.held()

    def damaged(self) -> Mapping[str, str]:
        """Run → why its journal cannot be believed; it is held as it is, and so are its hosts."""
        return self._books.damaged()

    def in_flight(self) -> tuple[str, ...]:
        """One phrase for each run that goes on."""
        return tuple(commands.phrase(live.state) for live in self._books.all() if live.goes_on)

    # Carrying them out -----------------------------------------------------------------------------------------------

    def resume_all(self) -> tuple[str, ...]:
        """Take up every run that is not over, once, at the start of an engine; ids of those that go on."""
        for run, why in self._books.damaged().items():
            self._tell("run", f"maintenance run {run} is held: {why}", "", "", Severity.CRITICAL)
        self._rounds.active |= {live.id for live in self._books.all()}
        self._rounds.wake()
        return tuple(live.id for live in self._books.all() if live.goes_on)

    def loop(self, stopping: threading.Event) -> None:
        """Carry the runs out until `stopping` is set or `stop` is called."""
        self._rounds.loop(stopping)

    def tick(self) -> float:
        """One turn of every run; seconds until there may be something to do again."""
        return self._rounds.once()

    def stop(self) -> None:
        """The engine ends: nothing is begun any more, and what runs on hosts goes on there."""
        self._rounds.stop()

    # Within ----------------------------------------------------------------------------------------------------------

    def _command(self, run: str, edge: Callable[[RunState, float], Edge]) -> RunState:
        live = self._books.get(run)
        self._write(live, edge)
        return self._done(live)

    def _write(self, live: Live, edge: Callable[[RunState, float], Edge]) -> None:
        with live.lock:
            if live.damage:
                raise BadInput(f"run {live.id} is held: {live.damage}", hint=f"look at {live.journal.file}")
            live.write(edge(live.state, self._clock.now()))

    def _done(self, live: Live) -> RunState:
        self._books.publish()
        self._rounds.wake()
        return live.state
