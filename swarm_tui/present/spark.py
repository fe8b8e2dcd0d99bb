"""Sparklines on a fixed scale: a flat 3 % stays flat, and two hosts can be compared.

Scaling to the own minimum and maximum would make noise look like drama.
"""

from __future__ import annotations

from collections.abc import Sequence

from swarm_tui.glyphs import Glyphs


def level(value: float, low: float, high: float, levels: int) -> int:
    """0 … levels-1: where `value` stands between `low` and `high`; outside is clamped."""
    if high <= low:
        return 0
    share = (value - low) / (high - low)
    return min(levels - 1, max(0, int(share * levels)))


def spark(points: Sequence[float | None], cells: int, glyphs: Glyphs, low: float = 0.0, high: float = 100.0) -> str:
    """The newest points in `cells` cells, newest right; each cell is the mean of its points, a gap where none has a value."""
    if cells <= 0:
        return ""
    chunks = resample(points, cells)
    drawn = "".join(
        glyphs.gap if value is None else glyphs.spark[level(value, low, high, len(glyphs.spark))] for value in chunks
    )
    return drawn.rjust(cells)


def resample(points: Sequence[float | None], cells: int) -> list[float | None]:
    """At most `cells` values: the points themselves when they fit, else the means of equal runs, aligned to the newest."""
    if len(points) <= cells:
        return [_finite(point) for point in points]
    size = -(-len(points) // cells)
    means: list[float | None] = []
    for end in range(len(points), 0, -size):
        known = [point for point in map(_finite, points[max(0, end - size) : end]) if point is not None]
        means.append(sum(known) / len(known) if known else None)
    return means[::-1][-cells:]


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None  # NaN fails the comparison too
