"""Graphs over time as text: fixed scales, one role a graph, a time axis below.

A graph scaled to its own extremes turns a calm 3 % into drama, so every scale is fixed (per cent, link speed, power
limit) or rounded up to a step that rarely changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from backends import units
from swarm_tui.present.host_line import Frame, Span, line
from swarm_tui.present.line import Line, fit
from swarm_tui.theme import Role

_LEVELS = " ▁▂▃▄▅▆▇█"
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))

WINDOWS: tuple[tuple[str, float], ...] = (
    ("1m", 60.0),
    ("5m", 300.0),
    ("15m", 900.0),
    ("1h", 3600.0),
    ("24h", 86400.0),
    ("7d", 604800.0),
)
"""The windows that key t walks through: label and seconds."""

Points = Sequence[float | None]


def window_label(seconds: float) -> str:
    """The short name of a window."""
    return next((label for label, value in WINDOWS if value == seconds), units.span(seconds))


def next_window(seconds: float) -> float:
    """The window after this one, around."""
    values = [value for _, value in WINDOWS]
    return values[(values.index(seconds) + 1) % len(values)] if seconds in values else values[0]


def ceiling(points: Points, floor: float) -> float:
    """A scale for an open-ended rate: the next power of two steps above the highest point, at least `floor`."""
    highest = max((value for value in points if value is not None and math.isfinite(value)), default=0.0)
    top = max(floor, 1e-9)
    while top < highest:
        top *= 4
    return top


def fold(points: Points, columns: int) -> list[float | None]:
    """The points spread over `columns` columns: the highest of each share when there are more, repeated when fewer.

    The highest, not the mean: a burst of one second must stay visible in a day.
    """
    if columns <= 0 or not points:
        return [None] * max(0, columns)
    if len(points) <= columns:
        return [points[column * len(points) // columns] for column in range(columns)]
    folded: list[float | None] = []
    for column in range(columns):
        part = points[column * len(points) // columns : (column + 1) * len(points) // columns]
        known = [value for value in part if value is not None]
        folded.append(max(known) if known else None)
    return folded


def spark(points: Points, width: int, maximum: float = 100.0) -> str:
    """One row of blocks from 0 to `maximum`; a measured zero has a floor line, a gap is blank."""
    return graph(points, width, 1, maximum)[0]


def graph(points: Points, width: int, height: int, maximum: float) -> list[str]:
    """`height` rows of blocks, the highest first."""
    steps = len(_LEVELS) - 1
    heights = [_level(value, maximum, height * steps) for value in fold(points, width)]
    return [
        "".join(" " if level is None else _LEVELS[max(0, min(steps, level - row * steps))] for level in heights)
        for row in range(height - 1, -1, -1)
    ]


def dots(points: Points, width: int, height: int, maximum: float) -> list[str]:
    """The same in braille: two points a column, four steps a row."""
    levels = [_level(value, maximum, height * 4) for value in fold(points, width * 2)]
    return [_dot_row(levels, row * 4) for row in range(height - 1, -1, -1)]


def _dot_row(levels: Sequence[int | None], base: int) -> str:
    cells = []
    for left in range(0, len(levels), 2):
        mask = 0
        for side in (0, 1):
            level = levels[left + side] or 0
            mask |= sum(_DOTS[side][step] for step in range(4) if level > base + step)
        cells.append(chr(0x2800 + mask) if mask else " ")
    return "".join(cells)


def _level(value: float | None, maximum: float, steps: int) -> int | None:
    if value is None or not math.isfinite(value):
        return None
    share = max(0.0, min(1.0, value / maximum)) if maximum > 0 else 0.0
    return max(1, math.ceil(share * steps))


def axis(width: int, seconds: float) -> str:
    """The time axis: when the left edge and the middle were, and now."""
    left, middle, right = f"-{window_label(seconds)}", f"-{units.span(seconds / 2)}", "now"
    if width < len(left) + len(middle) + len(right) + 6:
        gap = max(0, width - len(left) - len(right) - 2)
        return fit(f"{left} {'╌' * gap} {right}", width)
    first = width // 2 - len(left) - len(middle) // 2 - 2
    second = width - len(left) - first - len(middle) - len(right) - 4
    return f"{left} {'╌' * first} {middle} {'╌' * second} {right}"


LEAST_ROWS, MOST_ROWS = 5, 14
"""A pane below that says nothing; above it would only be taller, not clearer."""


def rows_left(frame: Frame, taken: int, panes: int = 1) -> int:
    """Rows for each of `panes` when `taken` rows of the frame and a gap each are already used."""
    return max(LEAST_ROWS, min(MOST_ROWS, (frame.height - taken - panes) // panes))


def pane(
    title: str,
    now: str,
    points: Points,
    frame: Frame,
    *,
    height: int,
    maximum: float,
    top: str,
    role: Role = "heat2",
) -> list[Line]:
    """A titled graph with its scale on the left and the time axis below; `height` rows in all, at least four."""
    gutter = max(4, len(top))
    width = max(4, frame.width - gutter - 1)
    rows = graph(points, width, max(1, height - 2), maximum)
    head = line(Span(title, "head"), "  ", Span(now, "strong"))
    if not any(value is not None for value in points):
        note = f"no history for this window yet ({window_label(frame.window_seconds)}); w changes it"
        rows[len(rows) // 2] = fit(note, width)
        role = "dim"
    body = [
        line(Span(_scale(index, len(rows), top, gutter), "dim"), " ", Span(row, role)) for index, row in enumerate(rows)
    ]
    foot = line(Span(" " * (gutter + 1) + axis(width, frame.window_seconds), "dim"))
    return [head, *body, foot]


def _scale(index: int, rows: int, top: str, gutter: int) -> str:
    text = top if index == 0 else "0" if index == rows - 1 else ""
    return fit(text, gutter, "right")
