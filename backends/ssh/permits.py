"""How many hosts may be in the expensive part of connecting (key exchange, login) at once, in all and per jump host."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

GRACE_SECONDS = 2.0
"""Who holds a permit longer is waiting for its host, not for a processor, and no longer keeps others out."""
LOOK_SECONDS = 0.2
DIALLING = 512
"""Threads that may be waiting for TCP and the first byte: dead hosts wait here, in nobody's way."""


class Permits:
    """Bounded, but never blocked by slow hosts."""

    def __init__(self, limit: int, limit_per_jump: int, grace_seconds: float = GRACE_SECONDS):
        self._limit = max(1, limit)
        self._limit_per_jump = max(1, limit_per_jump)
        self._grace = grace_seconds
        self._changed = threading.Condition()
        self._holders: dict[object, tuple[float, str]] = {}

    @contextmanager
    def held(self, jump: str, until: float) -> Iterator[None]:
        """Hold a permit; waits for one, at most until the monotonic time `until` (then goes on: late beats never).

        Args:
            jump: name of the last jump host, "" without one.
            until: monotonic seconds.
        """
        me = object()
        with self._changed:
            while not self._free(jump) and time.monotonic() < until:
                self._changed.wait(LOOK_SECONDS)
            self._holders[me] = (time.monotonic(), jump)
        try:
            yield
        finally:
            with self._changed:
                del self._holders[me]
                self._changed.notify()

    def _free(self, jump: str) -> bool:
        young = time.monotonic() - self._grace
        quick = [through for since, through in self._holders.values() if since > young]
        return len(quick) < self._limit and (not jump or quick.count(jump) < self._limit_per_jump)
