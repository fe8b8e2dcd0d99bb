"""One cell a GPU: the height of the block and its shade both tell the value, a letter tells what is wrong.

Scales are fixed, so that two GPUs with the same number look the same wherever they are.
"""

from __future__ import annotations

from typing import NamedTuple

from backends.engine.wire import GpuCell
from swarm_tui.glyphs import Glyphs
from swarm_tui.present.line import Line, Piece
from swarm_tui.present.spark import level
from swarm_tui.theme import Role


class Metric(NamedTuple):
    """What a heat map shows, and the fixed scale that it is shown on."""

    id: str
    title: str
    unit: str
    low: float
    high: float
    """End of the scale. 30–90 °C spans idle to the usual slow-down point; 700 W is an H100 SXM's limit."""
    warn: float | None = None
    """From here the cell is a warning in itself; None: no value of it is bad."""

    def value(self, cell: GpuCell) -> float | None:
        """The metric's value of one GPU."""
        number: float | None = getattr(cell, self.id)
        return number if number is not None and number == number else None


UTILISATION = Metric("utilisation_percent", "utilisation", "%", 0.0, 100.0)
METRICS: tuple[Metric, ...] = (
    UTILISATION,
    Metric("memory_percent", "memory", "%", 0.0, 100.0),
    Metric("temperature_celsius", "temperature", "°C", 30.0, 90.0, warn=85.0),
    Metric("power_watts", "power", "W", 0.0, 700.0),
)

FLAGS: dict[str, tuple[str, str, Role]] = {
    "lost": ("L", "lost: fell off the bus", "flag"),
    "hung": ("H", "driver hung", "flag"),
    "ecc": ("E", "uncorrected memory errors", "flag"),
    "remap": ("R", "row remapping pending or failed", "flag"),
    "hw-slow": ("S", "hardware slow-down", "flag"),
    "nvlink": ("N", "NVLink down", "flag-warn"),
    "thermal": ("T", "slowed down by heat", "flag-warn"),
    "power-brake": ("B", "power brake", "flag-warn"),
    "pcie": ("P", "PCIe link below its maximum", "flag-warn"),
}
"""Flag of `GpuCell` → letter, meaning, role."""

_SHADES: tuple[Role, ...] = ("heat0", "heat1", "heat2", "heat3", "heat4")


def flag_of(cell: GpuCell) -> tuple[str, str, Role] | None:
    """Letter, meaning and role of the cell's flag; an unknown flag of a newer engine shows as "!"."""
    if not cell.flag:
        return None
    return FLAGS.get(cell.flag, ("!", cell.flag, "flag-warn"))


def heat(cell: GpuCell, metric: Metric, glyphs: Glyphs) -> Piece:
    """The cell of one GPU."""
    flag = flag_of(cell)
    if flag is not None:
        return flag[0], flag[2]
    value = metric.value(cell)
    if value is None:
        return glyphs.gap, "faint"
    glyph = glyphs.spark[level(value, metric.low, metric.high, len(glyphs.spark))]
    if metric.warn is not None and value >= metric.warn:
        return glyph, "warn"
    return glyph, _SHADES[level(value, metric.low, metric.high, len(_SHADES))]


def strip(cells: tuple[GpuCell, ...], most: int, glyphs: Glyphs, metric: Metric = UTILISATION) -> Line:
    """The heat strip of one host in at most `most` cells; neighbours that look the same become one piece."""
    shown = cells if len(cells) <= most else cells[: most - 1]
    pieces: list[Piece] = []
    for cell in shown:
        text, role = heat(cell, metric, glyphs)
        if pieces and pieces[-1][1] == role and not role.startswith("flag"):
            pieces[-1] = (pieces[-1][0] + text, role)
        else:
            pieces.append((text, role))
    if len(cells) > most:
        pieces.append((glyphs.ellipsis, "dim"))
    return tuple(pieces)
