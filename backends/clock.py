"""Injectable time: every module that waits or stamps takes a `Clock`, so no test sleeps for real."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time, monotonic time and waiting, as one replaceable thing."""

    def now(self) -> float:
        """Wall time in seconds since the epoch (UTC)."""

    def monotonic(self) -> float:
        """Seconds on a clock that never steps; only differences mean anything."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; True when it was set."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(0.0, seconds))


class ManualClock:
    """A clock that moves only when a test says so; waiting returns at once and advances it."""

    def __init__(self, start: float = 1_800_000_000.0):
        self._now = start
        self._monotonic = 1000.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if not event.is_set():
            self.advance(max(0.0, seconds))
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass on both clocks."""
        self._now += seconds
        self._monotonic += seconds

    def step_wall(self, seconds: float) -> None:
        """Jump the wall clock only, as NTP or a person would."""
        self._now += seconds


EARLIEST, LATEST = -62_000_000_000.0, 253_000_000_000.0
"""Years 5 and 9987: the calendar's ends with room for every zone."""


def utc(seconds: float) -> datetime:
    """The aware UTC time of an epoch value; what is beyond the calendar (hosts say anything) is put at its end."""
    known = seconds if seconds == seconds else 0.0
    return datetime.fromtimestamp(min(LATEST, max(EARLIEST, known)), tz=UTC)
