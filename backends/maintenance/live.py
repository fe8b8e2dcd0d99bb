"""One run in this process: its state, its journal, and what moves between two edges.

`state` is replaced, never changed: whoever reads it needs no lock. Edges are folded first, then on the disk, then true.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from backends.clock import Clock
from backends.errors import Stop
from backends.maintenance.fold import fold
from backends.maintenance.journal import Journal
from backends.maintenance.model import Edge, HostPlan, RunState, RunStatus
from backends.maintenance.timers import Timers
from backends.maintenance.worker import Look

Publish = Callable[[RunState, Edge], None]


class Live:
    """One run. Whoever writes holds `lock`."""

    def __init__(self, state: RunState, journal: Journal, clock: Clock, publish: Publish, *, damage: str = ""):
        self.state, self.journal, self.damage = state, journal, damage
        self.lock = threading.RLock()
        self.plans: dict[str, HostPlan] = {plan.host: plan for plan in state.plan.hosts}
        self.timers = Timers(clock, state)
        self.looks: dict[str, Look] = {}
        self.why = ""
        """What it waits for at the moment."""
        self.blocked = ""
        """Why the journal cannot be written; "" when it can."""
        self.busy: set[str] = set()
        """Hosts that are being talked to."""
        self.due: dict[str, float] = {}
        """Host → monotonic second before which it is left alone."""
        self.tries: dict[str, int] = {}
        """Host → how often it could not be reached in a row."""
        self.again = 0.0
        """Monotonic second before which nothing is decided, after a bug or a full disk."""
        self._publish = publish

    @property
    def id(self) -> str:
        """Of the run."""
        return self.state.plan.id

    @property
    def goes_on(self) -> bool:
        """There is something to decide about it."""
        return not self.damage and self.state.status not in (RunStatus.WAITING, RunStatus.ENDED)

    @property
    def holds(self) -> bool:
        """Its hosts are nobody else's: it was started and is not over. A damaged one may have been."""
        if self.damage:
            return self.state.status is not RunStatus.ENDED
        return self.goes_on

    def write(self, *edges: Edge) -> None:
        """Make the edges true. Raises Stop: they cannot be, or the disk refuses; then nothing has changed."""
        states: list[RunState] = []
        state = self.state
        for edge in edges:
            state = fold(state, edge)
            states.append(state)
        try:
            self.journal.append(*edges)
        except Stop as error:
            self.blocked = error.message
            raise
        self.state = state
        for edge, after in zip(edges, states, strict=True):
            self._publish(after, edge)

    def drop(self, host: str) -> None:
        """Forget what was shown of it: another step begins there, or none."""
        self.looks.pop(host, None)
        self.due.pop(host, None)
        self.tries.pop(host, None)
