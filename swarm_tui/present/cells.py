"""The cells of the fleet table: one function a column, from a host's row to pieces.

A number that could not be measured is "n/a"; what the host does not have is a dash. Only what deserves attention is coloured:
it keeps the picture calm and costs a third of the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from backends.engine.wire import HostRow
from backends.states import HostState, Severity
from backends.units import size
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import heat
from swarm_tui.present.line import Line
from swarm_tui.present.states import coarse, state_cell
from swarm_tui.theme import Role

NA: Line = (("n/a", "faint"),)


class Scene(NamedTuple):
    """What cells need besides the row."""

    now: float
    glyphs: Glyphs
    gpu_cells: int = 8
    """Width of the heat strip: the most GPUs that a host of the fleet has, bounded."""


Cell = Callable[[HostRow, Scene], Line]
SEVERITY_LOOKS: dict[Severity, tuple[str, Role]] = {
    Severity.OK: ("ok", "dim"),
    Severity.UNKNOWN: ("question", "dim"),
    Severity.WARNING: ("attention", "warn"),
    Severity.CRITICAL: ("down", "bad"),
}


def host(row: HostRow, scene: Scene) -> Line:
    return ((row.name, "strong" if row.severity.rank >= Severity.WARNING.rank else "text"),)


def state(row: HostRow, scene: Scene) -> Line:
    return (state_cell(row, scene.now, scene.glyphs),)


RUN_ROLES: dict[str, Role] = {"failed": "bad", "asks": "warn", "queued": "dim"}


def run(row: HostRow, scene: Scene) -> Line:
    """What the maintenance run that has the host does there; nothing when none has it."""
    return ((row.run_stage, RUN_ROLES.get(row.run_stage, "accent")),) if row.run else ()


def gpus(row: HostRow, scene: Scene) -> Line:
    if row.state is HostState.DRIVER_HUNG and not row.gpus:
        return (("hung", "bad"),)
    return heat.strip(row.gpus, scene.gpu_cells, scene.glyphs) if row.gpus else _dash(scene)


def percent(field: str, warn: float = 200.0, bad: float = 200.0, needs_gpu: bool = False) -> Cell:
    """A share of 100 without its sign (the title carries it); above 100 there is no threshold."""

    def cell(row: HostRow, scene: Scene) -> Line:
        value: float | None = getattr(row, field)
        if value is None or value != value:
            return _dash(scene) if needs_gpu and not row.gpus else NA
        return ((f"{value:.0f}", _graded(value, warn, bad)),)

    return cell


def temperature(row: HostRow, scene: Scene) -> Line:
    """85/95 °C: what most operators warn at (reference: monitoring G14)."""
    value = row.gpu_temperature_celsius
    if value is None:
        return NA if row.gpus else _dash(scene)
    return ((f"{value:.0f}", _graded(value, 85.0, 95.0)),)


def power(row: HostRow, scene: Scene) -> Line:
    value = row.gpu_power_watts
    if value is None:
        return NA if row.gpus else _dash(scene)
    return ((watts(value), "text"),)


def watts(value: float) -> str:
    """ "340W", "2.8kW"."""
    return f"{value:.0f}W" if value < 1000 else f"{value / 1000:.1f}kW"


def number(field: str, digits: int = 0) -> Cell:
    """A plain number."""

    def cell(row: HostRow, scene: Scene) -> Line:
        value = getattr(row, field)
        return NA if value is None else ((f"{value:.{digits}f}", "text"),)

    return cell


def load(row: HostRow, scene: Scene) -> Line:
    """A warning above two runnable tasks a core."""
    if row.load_1 is None:
        return NA
    crowded = row.cpu_count is not None and row.load_1 > 2 * row.cpu_count
    return ((f"{row.load_1:.1f}" if row.load_1 < 100 else f"{row.load_1:.0f}", "warn" if crowded else "text"),)


def flow(field: str) -> Cell:
    """Bytes a second; less than a KiB is a dim 0, so that idle hosts do not flicker."""

    def cell(row: HostRow, scene: Scene) -> Line:
        value = getattr(row, field)
        if value is None:
            return NA
        return (("0", "faint"),) if value < 1024 else ((size(value), "text"),)

    return cell


def round_trip(row: HostRow, scene: Scene) -> Line:
    value = row.round_trip_seconds
    if value is None:
        return NA
    return ((f"{value * 1000:.0f}ms" if value >= 0.001 else "<1ms", _graded(value, 0.3, 1.0)),)


def age(row: HostRow, scene: Scene) -> Line:
    """How old the numbers are, in whole seconds; up to two are "live"."""
    if row.sample_time is None:
        return _dash(scene)
    seconds = scene.now - row.sample_time
    return (("live", "faint"),) if seconds < 3 else ((coarse(seconds), "warn"),)


def uptime(row: HostRow, scene: Scene) -> Line:
    return NA if row.uptime_seconds is None else ((coarse(row.uptime_seconds), "text"),)


def words(field: str) -> Cell:
    """A short text."""

    def cell(row: HostRow, scene: Scene) -> Line:
        value: str = getattr(row, field)
        return ((value, "dim"),) if value else _dash(scene)

    return cell


def tags(row: HostRow, scene: Scene) -> Line:
    return ((" ".join(row.tags), "dim"),) if row.tags else _dash(scene)


def count(field: str, warn: bool) -> Cell:
    """How many there are; 0 is dim."""

    def cell(row: HostRow, scene: Scene) -> Line:
        value: int | None = getattr(row, field)
        if value is None:
            return NA
        return ((str(value), "faint" if value == 0 else "warn" if warn else "text"),)

    return cell


def backup(row: HostRow, scene: Scene) -> Line:
    return NA if row.backup_time is None else ((coarse(scene.now - row.backup_time), "text"),)


def worst(row: HostRow, scene: Scene) -> Line:
    """The worst thing about the host, else its bottleneck."""
    if row.worst:
        glyph, role = SEVERITY_LOOKS[row.severity]
        return ((f"{getattr(scene.glyphs, glyph)} ", role), (row.worst, role))
    return ((row.verdict, "dim"),) if row.verdict else ()


def _dash(scene: Scene) -> Line:
    return ((scene.glyphs.dash, "faint"),)


def _graded(value: float, warn: float, bad: float) -> Role:
    if value >= bad:
        return "bad"
    return "warn" if value >= warn else "text"
