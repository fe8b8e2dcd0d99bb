"""Numbers of one window: what counts as measured, and the few statistics that the rules need.

A column is a value for each sample, None where there is none; measured values are what is left of it when enough is.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

MEASURED_SHARE = 0.75
"""Of the samples must hold a value before anything is said about it (own reasoning: a first sample has no rates)."""
MOST = 1e18
"""No quantity here is larger; what is, is nonsense."""
MOST_PERCENT = 105.0
"""Rounding and unequal intervals may give a little more than 100."""

Column = list[float | None]


def number(value: float | None, most: float = MOST) -> float | None:
    """`value` as a float; None when it is missing, not a number, negative or beyond `most`."""
    return float(value) if value is not None and 0 <= value <= most else None


def percent(value: float | None) -> float | None:
    """The same for 0–100."""
    return number(value, MOST_PERCENT)


def measured(column: Sequence[float | None]) -> list[float] | None:
    """The values of a column; None when too few samples have one."""
    values = [value for value in column if value is not None]
    return values if values and len(values) >= MEASURED_SHARE * len(column) else None


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean of at least one value."""
    return sum(values) / len(values)


def median(values: Sequence[float]) -> float:
    """The middle of at least one value."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0–1) of at least one value lies, between neighbours by a straight line."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def share_below(values: Sequence[float], limit: float) -> float:
    """How many of at least one value are below `limit`, 0–1."""
    return sum(value < limit for value in values) / len(values)


def share_above(values: Sequence[float], limit: float) -> float:
    """How many of at least one value are above `limit`, 0–1."""
    return sum(value > limit for value in values) / len(values)


def falls(values: Sequence[float], limit: float) -> int:
    """How many separate stretches lie below `limit`."""
    low = [value < limit for value in values]
    return sum(now and not before for before, now in zip([False, *low], low, strict=False))
