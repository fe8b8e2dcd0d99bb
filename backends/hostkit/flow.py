"""Keeps one host from costing more than its share: budgets of lines, bytes and words that refill with time."""

from __future__ import annotations

LINES_PER_SECOND = 200.0
LINES_BURST = 2000.0
BYTES_PER_SECOND = float(1 << 20)
BYTES_BURST = float(8 << 20)
WORDS_PER_SECOND = 0.5
WORDS_BURST = 20.0
"""Troubles for the timeline; a host whose driver hangs and comes back again and again tells a few an hour."""
LONGEST_SECONDS = 60.0


class Bucket:
    """Tokens that come back at a steady rate, up to a burst."""

    def __init__(self, burst: float, per_second: float):
        self._burst = self._level = burst
        self._per_second = per_second

    def refill(self, seconds: float) -> None:
        """Let `seconds` count."""
        self._level = min(self._burst, self._level + seconds * self._per_second)

    def holds(self, count: float) -> bool:
        return self._level >= count

    def take(self, count: float) -> None:
        self._level -= count

    @property
    def calm(self) -> bool:
        """At least half full: whatever emptied it is over."""
        return self._level >= self._burst / 2


class Budget:
    """What one host may say; a healthy one uses about 1 % of it."""

    def __init__(self, now: float):
        self._at = now
        self._lines = Bucket(LINES_BURST, LINES_PER_SECOND)
        self._bytes = Bucket(BYTES_BURST, BYTES_PER_SECOND)
        self._words = Bucket(WORDS_BURST, WORDS_PER_SECOND)
        self.dropped = 0

    def refill(self, now: float) -> None:
        """Let the time since the last call count; a clock that went back counts as none."""
        passed = max(0.0, min(LONGEST_SECONDS, now - self._at))
        self._at = now
        for bucket in (self._lines, self._bytes, self._words):
            bucket.refill(passed)

    def spend(self, size: int) -> bool:
        """True when one line of `size` bytes may be read; False (and counted) when it is to be dropped."""
        if not (self._lines.holds(1) and self._bytes.holds(size)):
            self.dropped += 1
            return False
        self._lines.take(1)
        self._bytes.take(size)
        return True

    def speak(self) -> bool:
        """True when one more trouble may be told; False (and counted) when it is to be dropped."""
        if not self._words.holds(1):
            self.dropped += 1
            return False
        self._words.take(1)
        return True

    @property
    def calm(self) -> bool:
        """The host says no more than it should, and has not for a while."""
        return self._lines.calm and self._bytes.calm and self._words.calm
