"""All runs that a runner knows: read from their folder, looked up, kept apart, and told about."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from backends.clock import Clock, utc
from backends.errors import BadInput
from backends.maintenance.fold import fold
from backends.maintenance.live import Live
from backends.maintenance.model import Edge, EdgeKind, RunState, Stage
from backends.maintenance.places import named
from backends.maintenance.shelf import Shelf
from backends.states import Severity

Tell = Callable[[str, str, str, str, Severity], None]
"""kind, text, host, actor, severity: for the timeline."""
OnEdge = Callable[[RunState, Edge], None]
"""The state after an edge, and the edge."""


class Books:
    """The runs. `lock` is held by whoever adds one or makes one hold its hosts."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        on_edge: OnEdge,
    ):
        self.lock = threading.RLock()
        self._clock, self._tell, self._on_bug, self._on_edge = clock, tell, on_bug, on_edge
        self._shelf = Shelf(folder)
        self._edges: deque[tuple[RunState, Edge]] = deque()
        self._publishing = threading.Lock()
        self._unread: dict[str, str] = {}
        self._full: set[str] = set()
        self._runs: dict[str, Live] = {}
        for run, found in self._shelf.load():
            if found.state is None or found.state.plan.id != run:
                self._unread[run] = found.damage
            else:
                self._runs[run] = Live(found.state, found.journal, clock, self._note, damage=found.damage)

    def all(self) -> list[Live]:
        """In the order in which they were made. Takes no lock: whoever holds that of a run may ask."""
        return [*self._runs.values()]

    def states(self) -> tuple[RunState, ...]:
        """The newest first."""
        return tuple(sorted((live.state for live in self.all()), key=lambda each: (-each.plan.created, each.plan.id)))

    def get(self, run: str) -> Live:
        """One of them. Raises BadInput."""
        live = self._runs.get(run)
        if live is None:
            raise BadInput(self._unread.get(run, f"no such run: {run[:80]}"), hint="swarm-tui run list")
        return live

    def add(self, edge: Edge) -> Live:
        """A new run, on the disk. Raises BadInput: there is one of this name; Stop: it cannot be written."""
        state = fold(None, edge)
        journal = self._shelf.place(state.plan.id)
        if state.plan.id in self._unread:
            raise BadInput(f"there is a run {state.plan.id} already")
        journal.append(edge)
        live = self._runs[state.plan.id] = Live(state, journal, self._clock, self._note)
        self._note(state, edge)
        self._prune()
        return live

    def new_id(self) -> str:
        """The next name of today: "r-20261126-1"."""
        day = utc(self._clock.now()).strftime("r-%Y%m%d-")
        known = [name.removeprefix(day) for name in (*self._runs, *self._unread) if name.startswith(day)]
        return f"{day}{max((int(each) for each in known if each.isascii() and each.isdigit()), default=0) + 1}"

    def held(self) -> Mapping[str, str]:
        """Host → the run that has it."""
        return {
            name: live.id
            for live in self.all()
            if live.holds
            for name, host in live.state.hosts.items()
            if host.stage not in (Stage.DONE, Stage.SKIPPED)
        }

    def damaged(self) -> Mapping[str, str]:
        """Run → what is wrong with its journal."""
        return {**self._unread, **{live.id: live.damage for live in self.all() if live.damage}}

    def demand_free(self, hosts: set[str], action: str, *, but: str = "") -> None:
        """Raises BadInput when another run has one of these hosts."""
        held = {name: run for name, run in self.held().items() if name in hosts and run != but}
        if not held:
            return
        run = min(held.values())
        names = tuple(sorted(name for name, holder in held.items() if holder == run))
        raise BadInput(
            f"{named(names)} {'is' if len(names) == 1 else 'are'} in maintenance run {run} of {self.get(run).state.plan.who}",
            action=action,
            hint="follow that run, or wait for its end",
        )

    # What is told ----------------------------------------------------------------------------------------------------

    def publish(self) -> None:
        """Hand edges on, in their order, by whoever comes first; never under the lock of a run."""
        while self._edges and self._publishing.acquire(blocking=False):
            try:
                self._drain()
            finally:
                self._publishing.release()

    def _drain(self) -> None:
        while self._edges:
            state, edge = self._edges.popleft()
            self._hand_on(state, edge)

    def _hand_on(self, state: RunState, edge: Edge) -> None:
        if edge.kind is EdgeKind.ENDED:
            self._ended(state)
        try:
            self._on_edge(state, edge)
        except Exception as error:  # noqa: BLE001 - the boundary to whoever listens: a run goes on without them
            self._on_bug(edge.host, error)

    def _ended(self, state: RunState) -> None:
        live = self._runs.get(state.plan.id)
        if live is None:
            return
        with live.lock:
            if live.state is not state:  # it goes on already, or has a note more
                return
            live.looks.clear()
            try:
                self._shelf.keep_sum(state, live.journal)
            except OSError as error:  # only the next start is slower
                self._tell("run", f"{live.id}: its sum is not kept: {error.strerror}", "", "", Severity.WARNING)

    def _note(self, state: RunState, edge: Edge) -> None:
        self._edges.append((state, edge))

    def _prune(self) -> None:
        for run in self._shelf.prune([live.state for live in self._runs.values()]):
            self._runs.pop(run, None)

    # The disk --------------------------------------------------------------------------------------------------------

    def full(self, live: Live) -> bool:
        """Whether a run whose journal could not be written still has no room for it."""
        why = self._shelf.room()
        if not why:
            live.blocked = ""
        return bool(why)

    def tell_full(self, live: Live) -> None:
        """Once, that nothing begins until the journal can be written."""
        if live.id not in self._full and live.blocked:
            self._full.add(live.id)
            text = f"{live.id}: {live.blocked}; nothing begins until it can"
            self._tell("run", text, "", "", Severity.CRITICAL)

    def told_room(self, live: Live) -> None:
        """And once, that it can."""
        if live.id in self._full and not live.blocked:
            self._full.discard(live.id)
            self._tell("run", f"{live.id}: the journal can be written again; it goes on", "", "", Severity.OK)
