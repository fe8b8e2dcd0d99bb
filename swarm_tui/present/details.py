"""The pane beside the fleet's list: what one would open the host for, without opening it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from backends import units
from backends.engine.wire import HostRow
from swarm_tui.present import heat, states
from swarm_tui.present.bar import bar, severity_role
from swarm_tui.present.cells import Scene
from swarm_tui.present.line import Line, Piece, crop, fit
from swarm_tui.present.spark import spark
from swarm_tui.theme import Role

Past = Mapping[str, Sequence[float | None]]
"""Points by the name of their series; without them bars are drawn in place of sparklines."""

_GAUGES: tuple[tuple[str, str, str, float, float], ...] = (
    ("cpu", "cpu_percent", "cpu.busy_percent", 200, 200),
    ("mem", "memory_percent", "memory.used_percent", 90, 98),
    ("disk", "disk_percent", "", 90, 97),
    ("gpu", "gpu_percent", "", 200, 200),
    ("vram", "gpu_memory_percent", "", 200, 200),
)
"""Label, field of the row, series, and where warning and critical begin (200: never; a busy GPU is a good one)."""
SERIES = tuple(series for _, _, series, _, _ in _GAUGES if series)


def lines(row: HostRow | None, scene: Scene, cells: int, past: Past) -> list[Line]:
    """The pane in `cells` columns."""
    if row is None:
        return []
    inner = max(10, cells - 2)
    found: list[Line] = [
        _title(row, scene),
        _tags(row),
        *_run(row),
        (),
        *_why(row, scene, inner),
        *_findings(row, inner),
    ]
    if row.sample_time is not None:
        numbers = [*_gauges(row, scene, inner, past), *_gpus(row, scene), (), *_facts(row)]
        found += _dimmed(row, scene, numbers) if states.is_silent(row) or states.is_dimmed(row) else numbers
    return [((" ", "text"), *crop(line, inner, scene.glyphs.ellipsis)) for line in found]


def _title(row: HostRow, scene: Scene) -> Line:
    text, role = states.state_cell(row, scene.now, scene.glyphs)
    return ((row.name, "title"), ("  ", "text"), (text, role))


def _tags(row: HostRow) -> Line:
    return ((" ".join(row.tags), "dim"),) if row.tags else (("no tags", "faint"),)


def _run(row: HostRow) -> list[Line]:
    """Which maintenance run has the host."""
    return [(("in run ", "dim"), (row.run, "info"), (f": {row.run_stage}", "dim"))] if row.run else []


def _why(row: HostRow, scene: Scene, inner: int) -> list[Line]:
    """Why there are no numbers, since when, and what helps."""
    if not row.reason and not states.is_silent(row):
        return []
    found: list[Line] = [((text, "text"),) for text in wrap(row.reason or "no data yet", inner)]
    retry = states.retry_text(row, scene.now)
    since = f"for {states.coarse(scene.now - row.since)}"
    found.append(((f"{since}, {retry}" if retry else since, "dim"),))
    found += [((text, "info"),) for text in wrap(row.hint, inner)]
    return [*found, ()]


def _findings(row: HostRow, inner: int) -> list[Line]:
    """The worst thing and the bottleneck; a state's own name is no finding."""
    roles: tuple[Role, ...] = ("dim", "dim", "warn", "bad")
    worst = "" if row.worst == row.state.value else row.worst
    found: list[Line] = [((text, roles[row.severity.rank]),) for text in wrap(worst, inner)]
    found += [((text, "text"),) for text in wrap(row.verdict, inner)]
    return [*found, ()] if found else []


def wrap(text: str, cells: int) -> list[str]:
    """The text in lines of at most `cells` cells, broken at blanks where possible."""
    return textwrap.wrap(text, max(8, cells)) if text else []


def _dimmed(row: HostRow, scene: Scene, numbers: list[Line]) -> list[Line]:
    """Last known numbers: said to be so, and in one faint colour."""
    age = states.coarse(scene.now - (row.sample_time or 0.0))
    faded: list[Line] = [tuple((text, "stale") for text, _ in line) for line in numbers]
    return [((f"last known, {age} old", "warn"),), *faded]


def _gauges(row: HostRow, scene: Scene, inner: int, past: Past) -> list[Line]:
    found: list[Line] = []
    for label, field, series, warn, bad in _GAUGES:
        value: float | None = getattr(row, field)
        if value is None and label in ("gpu", "vram") and not row.gpus:
            continue
        role = severity_role(value, warn, bad)
        number: Role = "text" if role == "gauge" else role
        head: tuple[Piece, ...] = ((f"{label:<5}", "dim"), (f"{units.percent(value):>4} ", number))
        points, room = past.get(series), min(32, inner - 10)
        if points:
            found.append((*head, (spark(points, room, scene.glyphs), "spark")))
        else:
            found.append((*head, *bar(value, room, scene.glyphs, role)))
    return found


def _gpus(row: HostRow, scene: Scene) -> list[Line]:
    """One line a GPU: heat, utilisation, memory, temperature, power, and what is wrong with it."""
    if not row.gpus:
        return []
    title = f"{len(row.gpus)} × {row.gpu_model}" if row.gpu_model else f"{len(row.gpus)} GPUs"
    found: list[Line] = [(), ((title, "dim"),), ((" #     util   mem  temp  power", "faint"),)]
    for index, cell in enumerate(row.gpus):
        numbers = "".join(
            f"{_plain(value, unit):>6}"
            for value, unit in (
                (cell.utilisation_percent, "%"),
                (cell.memory_percent, "%"),
                (cell.temperature_celsius, "C"),
                (cell.power_watts, "W"),
            )
        )
        line: Line = ((f"{index:>2} ", "dim"), heat.heat(cell, heat.UTILISATION, scene.glyphs), (numbers, "text"))
        flag = heat.flag_of(cell)
        found.append((*line, (f"  {flag[1]}", "bad" if flag[2] == "flag" else "warn")) if flag else line)
    return found


def _plain(value: float | None, unit: str) -> str:
    return "n/a" if value is None else f"{value:.0f}{unit}"


def _facts(row: HostRow) -> list[Line]:
    disk = f"{units.rate(row.disk_read_bytes_per_second)} read, {units.rate(row.disk_write_bytes_per_second)} written"
    pairs = (
        ("load", _load(row)),
        ("disk", disk),
        ("net", f"{units.rate(row.net_rx_bytes_per_second)} in, {units.rate(row.net_tx_bytes_per_second)} out"),
        ("up", states.coarse(row.uptime_seconds) if row.uptime_seconds is not None else "n/a"),
        ("system", row.system),
        ("kernel", row.kernel),
    )
    return [((fit(label, 7), "dim"), (text, "text")) for label, text in pairs if text]


def _load(row: HostRow) -> str:
    if row.load_1 is None:
        return "n/a"
    return f"{row.load_1:.1f} on {row.cpu_count} cores" if row.cpu_count else f"{row.load_1:.1f}"
