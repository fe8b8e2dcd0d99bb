"""One group of values that may block, read on a thread of its own: the sampler takes what is newest and never waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from backends.clock import Clock

BUDGET = 0.004
"""Share of one core that one group may take; costlier ones are read less often."""
MAX_CADENCE_SECONDS = 60.0

T = TypeVar("T")


class Group(Generic[T]):
    """Reads every `cadence` seconds; a read that takes longer than `deadline` makes the group absent until it is back."""

    def __init__(self, name: str, read: Callable[[], T], cadence: float, deadline: float, clock: Clock):
        self.name = name
        self.read_at: float | None = None
        """Monotonic time of the newest successful read."""
        self._read = read
        self._wanted = self._cadence = cadence
        self._deadline = deadline
        self._clock = clock
        self._wake = threading.Event()
        self._stopped = False
        self._began: float | None = None
        self._value: T | None = None
        self._reason: str | None = None

    def start(self) -> None:
        """Begin in an own daemon thread: one that hangs in the kernel must not hold the engine's end."""
        threading.Thread(target=self._run, name=f"local {self.name}", daemon=True).start()

    def stop(self) -> None:
        """Ask the thread to end; one that is stuck is left behind."""
        self._stopped = True
        self._wake.set()

    def poll(self) -> None:
        """Read now."""
        self._wake.set()

    def every(self, seconds: float) -> None:
        """Change the cadence."""
        quicker = seconds < self._wanted
        self._wanted = self._cadence = seconds
        if quicker:
            self._wake.set()

    def slow_down(self, cost_seconds: float) -> None:
        """Stretch the cadence so that reads of that cost stay within the budget."""
        self._cadence = min(MAX_CADENCE_SECONDS, max(self._wanted, cost_seconds / BUDGET))

    def newest(self, missing: dict[str, str]) -> T | None:
        """The newest value; None, with the reason noted in `missing`, when there is none or the read hangs."""
        began = self._began
        if began is not None and self._clock.monotonic() - began > self._deadline:
            missing[self.name] = f"no answer within {self._deadline:g} s"
            return None
        if self._reason is not None:
            missing[self.name] = self._reason
            return None
        return self._value

    def refresh(self) -> None:
        """One read, with its failure kept as the reason."""
        self._began = self._clock.monotonic()
        try:
            value = self._read()
        except Exception as error:  # noqa: BLE001  # psutil raises what a platform makes up; the group is then absent
            self._reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"[:200]
        else:
            self._value, self._reason = value, None
            self.read_at = self._clock.monotonic()
        self._began = None

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            self.refresh()
            self._clock.wait(self._wake, self._cadence)
