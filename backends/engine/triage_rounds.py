"""Rounds: hosts that were asked together, looked up by number while they go on and for some time afterwards."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from backends.clock import Clock
from backends.engine.triage_looks import Look
from backends.errors import BadInput
from backends.triage.views import Round

MOST_ROUNDS = 50
MOST_LOOKS = 1000
"""In all rounds together; each holds a verdict of a few kilobytes."""


class Rounds:
    """The newest ones; from any thread."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._lock = threading.Lock()
        self._rounds: OrderedDict[int, tuple[Round, tuple[Look, ...]]] = OrderedDict()
        self._count = 0

    def add(self, looks: Sequence[Look], reason: str, actor: str) -> Round:
        """A new one."""
        now = self._clock.now()
        with self._lock:
            self._count += 1
            made = Round(id=self._count, begun=now, now=now, reason=reason, actor=actor)
            self._rounds[made.id] = made, tuple(looks)
            while len(self._rounds) > MOST_ROUNDS or (len(self._rounds) > 1 and self._looks() > MOST_LOOKS):
                self._rounds.popitem(last=False)
        return self.of(made.id)

    def of(self, number: int) -> Round:
        """As it stands now. Raises BadInput."""
        with self._lock:
            found = self._rounds.get(number)
        if found is None:
            raise BadInput(f"no triage round {number}", action="triage", hint="swarm-tui triage --list has the bundles")
        made, looks = found
        return Round(
            id=made.id,
            begun=made.begun,
            now=self._clock.now(),
            reason=made.reason,
            actor=made.actor,
            outcomes=tuple(look.outcome(self._clock) for look in looks),
        )

    def _looks(self) -> int:
        return sum(len(looks) for _, looks in self._rounds.values())
