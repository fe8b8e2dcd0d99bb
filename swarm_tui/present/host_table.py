"""Tables and label–value grids as lines: fixed columns, one flexible one, columns that appear when there is room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from swarm_tui.present.host_line import Span, cell, line
from swarm_tui.present.line import Align, Line, Piece, crop, fit, pad


class Column(NamedTuple):
    """One column; width 0 takes what the others leave."""

    title: str
    width: int = 0
    align: Align = "left"
    wide: int = 0
    """Shown from this panel width on."""


def shown(columns: Sequence[Column], width: int) -> list[int]:
    """Which columns there is room for."""
    return [index for index, column in enumerate(columns) if width >= column.wide]


def widths(columns: Sequence[Column], indices: Sequence[int], width: int) -> list[int]:
    """The cell widths of the shown columns, one blank between them."""
    fixed = sum(columns[index].width for index in indices) + len(indices) - 1
    flexible = [index for index in indices if columns[index].width == 0]
    share = max(6, (width - fixed) // len(flexible)) if flexible else 0
    return [columns[index].width or share for index in indices]


def head(columns: Sequence[Column], width: int) -> Line:
    """The line of titles."""
    indices = shown(columns, width)
    sizes = widths(columns, indices, width)
    titles = [fit(columns[index].title, size, columns[index].align) for index, size in zip(indices, sizes, strict=True)]
    return crop(line(Span(" ".join(titles), "head")), width)


def row(columns: Sequence[Column], cells: Sequence[Span], width: int) -> Line:
    """One row; `cells` has a span for every column, shown or not."""
    indices = shown(columns, width)
    parts: list[Piece | str] = []
    for index, size in zip(indices, widths(columns, indices, width), strict=True):
        parts += [" "] if parts else []
        parts.append(cell(cells[index].text, size, cells[index].role, columns[index].align))
    return crop(line(*parts), width)


def table(columns: Sequence[Column], rows: Sequence[Sequence[Span]], width: int) -> list[Line]:
    """Titles and rows."""
    return [head(columns, width), *(row(columns, cells, width) for cells in rows)]


Pair = tuple[str, Sequence[Span]]


def grid(pairs: Sequence[Pair], width: int, label_width: int = 13, column_width: int = 38) -> list[Line]:
    """Labels with values, in as many columns as fit, filled row by row."""
    columns = max(1, (width + 2) // (column_width + 2))
    size = (width - 2 * (columns - 1)) // columns
    rows = []
    for start in range(0, len(pairs), columns):
        parts: list[Piece | str] = []
        for label, spans in pairs[start : start + columns]:
            parts += ["  "] if parts else []
            parts += pad(crop(line(cell(label, label_width, "dim"), *spans), size), size)
        rows.append(line(*parts))
    return rows
