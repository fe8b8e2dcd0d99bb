"""From when on a host counts as stale, silent, dead, or in need of a fresh probe."""

from __future__ import annotations

from backends.metrics.sample import Record


class Timing(Record, frozen=True, kw_only=True):
    """The periods of one host, in seconds."""

    interval_seconds: float = 1.0
    silence_seconds: float = 5.0

    @property
    def calm_seconds(self) -> float:
        """A sample younger than this means that there is nothing to look after."""
        return min(self.stale_after, self.silence_seconds)

    @property
    def stale_after(self) -> float:
        """Two samples are missing, with half an interval (at least 0.3 s) of grace for a busy host."""
        return 2 * self.interval_seconds + max(0.3, self.interval_seconds / 2)

    @property
    def dead_after(self) -> float:
        """Nothing was heard although it was asked after half of this; a little less than twice the silence, so that
        the watchdog's own period is within the promise."""
        return 1.9 * self.silence_seconds

    @property
    def restart_after(self) -> float:
        """The connection lives but the probe says nothing: it is started anew."""
        return max(6 * self.silence_seconds, 10 * self.interval_seconds)
