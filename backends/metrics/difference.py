"""The difference of a counter between two moments, where it can be told."""

from __future__ import annotations

import math

WRAPS = (1 << 32, 1 << 64)
WRAP_SHARE = 4
"""A counter has wrapped when it came round by at most a quarter of its range; one that fell from lower started again."""
MAX_BYTES_PER_SECOND = 200e9
"""No single device moves more (1.6 Tbit/s); a larger difference is a counter that started again."""
MAX_EVENTS_PER_SECOND = 1e9


def grown(previous: float, current: float, limit: float) -> float | None:
    """How far a counter that only grows has come; None where it started again or is nonsense.

    Args:
        previous: the value before.
        current: the value now; below `previous` when it wrapped or started again.
        limit: the largest difference that is physically possible in the time between.
    """
    if previous < 0 or current < 0:
        return None
    if current >= previous:
        step = current - previous
        return step if step <= limit else None
    for wrap in WRAPS:
        if previous < wrap:
            step = current + wrap - previous
            return step if step <= min(limit, wrap // WRAP_SHARE) else None
    return None


def per_second(previous: int | None, current: int | None, seconds: float | None, unit: float = 1.0) -> float | None:
    """A byte counter's rate, in bytes a second, where one count is `unit` bytes."""
    if previous is None or current is None or not seconds:
        return None
    step = grown(previous, current, MAX_BYTES_PER_SECOND / unit * seconds)
    return None if step is None else step * unit / seconds


def events_per_second(previous: int | None, current: int | None, seconds: float | None) -> float | None:
    """An event counter's rate."""
    if previous is None or current is None or not seconds:
        return None
    step = grown(previous, current, MAX_EVENTS_PER_SECOND * seconds)
    return None if step is None else step / seconds


def quantity(value: float | None, limit: float = math.inf) -> float | None:
    """A measured value as it is shown: None when it is negative, no number, or `limit` and more."""
    return value if value is not None and 0 <= value < limit else None


def count(value: int | None) -> int | None:
    """A counter since boot as it is shown: None when it cannot be one."""
    return value if value is not None and 0 <= value < WRAPS[1] else None
