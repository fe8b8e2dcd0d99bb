"""The machine's time, which goes on by itself and makes leaps when a test says so."""

from __future__ import annotations

import threading
import time

NOTICED_SECONDS = 0.2
"""An event that somebody sets is seen after so long at the latest; a leap is seen at once."""


class LeapClock:
    """Implements `Clock`. Threads that wait are woken by a leap that goes beyond what they wait for."""

    def __init__(self, start: float):
        self._ahead, self._leapt = start - time.time(), 0.0
        lock = threading.Lock()
        self._leaps, self._asleep = threading.Condition(lock), threading.Condition(lock)
        self._until: dict[str, float] = {}
        """Thread → monotonic seconds until which it waits."""

    def now(self) -> float:
        return time.time() + self._ahead

    def monotonic(self) -> float:
        return time.monotonic() + self._leapt

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if seconds <= NOTICED_SECONDS:
            return event.wait(max(0.0, seconds))
        name, end = threading.current_thread().name, self.monotonic() + seconds
        with self._leaps:
            self._until[name] = end
            self._asleep.notify_all()
            while not event.is_set() and (left := end - self.monotonic()) > 0:
                self._leaps.wait(min(left, NOTICED_SECONDS))
            self._until.pop(name, None)
        return event.is_set()

    def leap(self, to: float) -> None:
        """It is `to` (epoch seconds) now; never earlier than it was."""
        with self._leaps:
            seconds = max(0.0, to - self.now())
            self._ahead += seconds
            self._leapt += seconds
            self._leaps.notify_all()

    def asleep(self, *threads: str) -> bool:
        """Whether each of these waits for a time that has not come: it has done all that was due."""
        with self._asleep:
            return self._all_asleep(threads)

    def until_asleep(self, *threads: str, seconds: float) -> None:
        """Wait for that, so long at most."""
        with self._asleep:
            assert self._asleep.wait_for(lambda: self._all_asleep(threads), seconds), f"{threads} did not come to rest"

    def _all_asleep(self, threads: tuple[str, ...]) -> bool:
        return all(self._until.get(name, 0.0) > self.monotonic() for name in threads)
