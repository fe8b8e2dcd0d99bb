"""When to try a host again: full jitter, so that a thousand hosts behind one dead switch do not come back at once."""

from __future__ import annotations

import random

FIRST_SECONDS = 1.0
CEILING_SECONDS = 60.0


class Backoff:
    """Delays for one host; `reset` after a connection that lived."""

    def __init__(self, source: random.Random | None = None):
        self._random = source or random.Random()  # noqa: S311 - spreading, not secrecy
        self._failures = 0

    def reset(self) -> None:
        """The host was reached: the next failure starts from the shortest delay."""
        self._failures = 0

    def next_delay(self) -> float:
        """Seconds until the next try: FIRST_SECONDS … min(CEILING_SECONDS, 2ⁿ), drawn evenly."""
        self._failures = min(self._failures + 1, 16)
        top = min(CEILING_SECONDS, FIRST_SECONDS * 2.0**self._failures)
        return self._random.uniform(FIRST_SECONDS, top)

    def patient_delay(self) -> float:
        """Seconds until the next try when only a person can mend it (host key, login): about a minute."""
        self._failures = min(self._failures + 1, 16)
        return self._random.uniform(CEILING_SECONDS / 2, CEILING_SECONDS)
