"""How a long reckoning behaves inside the engine: it lets the live threads through, and ends when nobody waits any more."""

from __future__ import annotations

import threading
from collections.abc import Callable

from backends.clock import Clock
from backends.errors import RetryLater

LIMIT_SECONDS = 240.0
"""Then what was looked at so far is told: a client waits for five minutes."""
_REST_SECONDS = 0.001
"""Python runs one thread at a time; whoever sleeps lets the others run."""


class Pace:
    """Of one reckoning."""

    def __init__(self, clock: Clock, stop: threading.Event, wanted: Callable[[], bool], seconds: float = LIMIT_SECONDS):
        self._clock, self._stop, self._wanted = clock, stop, wanted
        self._end = clock.monotonic() + seconds

    def rest(self) -> bool:
        """Let others work, every few milliseconds of work; False when the time is up.

        Raises:
            RetryLater: the engine ends, or whoever asked is gone.
        """
        if self._clock.wait(self._stop, _REST_SECONDS):
            raise RetryLater("the engine ends", action="back-test a rule")
        if not self._wanted():
            raise RetryLater("whoever asked is gone", action="back-test a rule")
        return self._clock.monotonic() < self._end
