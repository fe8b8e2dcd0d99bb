"""The heat map of a whole fleet: hosts flow in columns over the screen, one cell a GPU, as large as there is room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from backends.engine.wire import GpuCell, HostRow
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import heat, states
from swarm_tui.present.heat import Metric
from swarm_tui.present.line import Line, Piece, crop, fit, join
from swarm_tui.theme import Role

NAME_CELLS = 16
"""Longer host names are cut."""
MOST_GPUS = 32
MEAN_CELLS = 6
BLOCK_GAP = 3


class Grid(NamedTuple):
    """How the fleet is laid out: columns of hosts, filled downwards."""

    rows: int
    columns: int
    name_cells: int
    gpus: int
    cell: int
    """Cells of the terminal that a GPU is wide."""
    gap: int
    """Blanks between two GPUs."""

    @property
    def block_cells(self) -> int:
        """Width of one host."""
        return _block(self.name_cells, self.gpus, self.cell, self.gap)


def _block(name: int, gpus: int, cell: int, gap: int) -> int:
    return 1 + name + 1 + gpus * (cell + gap) + MEAN_CELLS


_SIZES = ((2, 2), (2, 1), (2, 0), (1, 0))
"""Widths of a GPU's cell and of the gap after it, most comfortable first."""


def grid(rows: Sequence[HostRow], width: int, height: int) -> Grid:
    """The most comfortable size at which the whole fleet fits into the screen, else the smallest one, which then scrolls."""
    name = min(NAME_CELLS, max((len(row.name) for row in rows), default=4))
    gpus = min(MOST_GPUS, max((len(row.gpus) for row in rows), default=1))
    for cell, gap in _SIZES:
        columns = max(1, (width + BLOCK_GAP) // (_block(name, gpus, cell, gap) + BLOCK_GAP))
        lines = -(-len(rows) // columns)
        if lines <= height or (cell, gap) == _SIZES[-1]:
            break
    lines = max(lines, min(height, len(rows)))
    return Grid(lines, -(-len(rows) // lines) if rows else 1, name, gpus, cell, gap)


def lines(
    rows: Sequence[HostRow], shape: Grid, metric: Metric, glyphs: Glyphs, cursor: tuple[str, int], now: float
) -> list[Line]:
    """The picture."""
    blocks = [_host(row, shape, metric, glyphs, cursor[1] if row.name == cursor[0] else None, now) for row in rows]
    pictured: list[Line] = []
    for at in range(shape.rows if rows else 0):
        row = [blocks[index] for index in range(at, len(blocks), shape.rows)]
        pictured.append(join(row, (" " * BLOCK_GAP, "text")))
    return pictured


def _host(row: HostRow, shape: Grid, metric: Metric, glyphs: Glyphs, picked: int | None, now: float) -> Line:
    faded = states.is_silent(row) or states.is_dimmed(row)
    name: Role = "stale" if faded else "title" if picked is not None else "text"
    pieces: list[Piece] = [(f" {fit(row.name, shape.name_cells)} ", name)]
    for index in range(shape.gpus):
        cell = row.gpus[index] if index < len(row.gpus) else None
        text, role = heat.heat(cell, metric, glyphs) if cell else (" ", "text")
        here: Role = "pick" if index == picked else "faint" if faded and not role.startswith("flag") else role
        pieces.append((text * shape.cell, here))
        if shape.gap:
            pieces.append((" " * shape.gap, "text"))
    return (*pieces, (_mean(row, metric), "dim"))


def _mean(row: HostRow, metric: Metric) -> str:
    values = [value for cell in row.gpus if (value := metric.value(cell)) is not None]
    text = f"{sum(values) / len(values):.0f}{metric.unit}" if values else "n/a"
    return fit(text, MEAN_CELLS, "right")


def facts(row: HostRow, index: int, glyphs: Glyphs) -> Line:
    """The GPU under the cursor in one line."""
    cell = row.gpus[index]
    text, role = states.state_cell(row, row.since, glyphs) if states.is_silent(row) else ("", "text")
    parts: list[Line] = [((f" {row.name} gpu {index}", "strong"),)]
    if text:
        parts.append(((text, role),))
    if row.gpu_model:
        parts.append(((row.gpu_model, "dim"),))
    parts.append(((", ".join(_values(cell)), "text"),))
    flag = heat.flag_of(cell)
    if flag:
        parts.append(((f"{flag[0]} {flag[1]}", "bad" if flag[2] == "flag" else "warn"),))
    return join(parts, ("  ", "text"))


def _values(cell: GpuCell) -> list[str]:
    pairs = ((metric.title, metric.value(cell), metric.unit) for metric in heat.METRICS)
    return [f"{title} {'n/a' if value is None else f'{value:.0f}{unit}'}" for title, value, unit in pairs]


def legend(rows: Sequence[HostRow], metric: Metric, glyphs: Glyphs, cells: int) -> Line:
    """The scale, and every flag that is somewhere on the map, with how many GPUs have it."""
    scale: Line = (
        (f" {metric.title} {metric.low:.0f} ", "dim"),
        *((glyph, shade) for glyph, shade in zip(glyphs.spark, _shades(len(glyphs.spark)), strict=True)),
        (f" {metric.high:.0f}{metric.unit}", "dim"),
    )
    counted = Counter(cell.flag for row in rows for cell in row.gpus if cell.flag)
    parts: list[Line] = [scale]
    for flag, count in counted.most_common():
        letter, meaning, role = heat.FLAGS.get(flag, ("!", flag, "flag-warn"))
        parts.append(((letter, role), (f" {count} {meaning}", "text")))
    return crop(join(parts, ("   ", "text")), cells, glyphs.ellipsis)


def _shades(levels: int) -> list[Role]:
    shades: tuple[Role, ...] = ("heat0", "heat1", "heat2", "heat3", "heat4")
    return [shades[min(4, number * 5 // levels)] for number in range(levels)]
