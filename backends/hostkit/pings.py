"""Round trips and the offset of the host's clock, from pings and their answers."""

from __future__ import annotations

import math
from collections import deque

from backends.hostkit.events import Pong

MAX_WAITING = 16
KEPT = 8
"""Answers of which the quickest gives the clock offset: it was least disturbed by queues."""
MAX_OFFSET_SECONDS = 1e10


class Pings:
    """Pings of one connection that wait for their answer."""

    def __init__(self) -> None:
        self._next = 1
        self._waiting: dict[int, tuple[float, float]] = {}
        self._answers: deque[tuple[float, float]] = deque(maxlen=KEPT)

    def sent(self, now: float, monotonic: float) -> int:
        """The token of a ping that is written now."""
        token, self._next = self._next, self._next + 1
        self._waiting[token] = (now, monotonic)
        while len(self._waiting) > MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
        return token

    def answered(self, token: int, host_wall: float, now: float, monotonic: float) -> Pong | None:
        """What an answer tells; None for one that was never asked for or makes no sense."""
        asked = self._waiting.pop(token, None)
        if asked is None or not math.isfinite(host_wall):
            return None
        trip = max(0.0, monotonic - asked[1])
        offset = host_wall - (now - trip / 2)
        if abs(offset) > MAX_OFFSET_SECONDS:
            return None
        if abs((now - asked[0]) - trip) > 1.0:  # our own clock was set meanwhile
            self._answers.clear()
        self._answers.append((trip, offset))
        best = min(self._answers)
        if abs(offset - best[1]) > best[0] + trip + 0.5:  # the host's clock was set
            self._answers.clear()
            self._answers.append((trip, offset))
            best = (trip, offset)
        return Pong(round_trip_seconds=trip, clock_offset_seconds=best[1])
