"""The CPU tab: the whole over time, every core at a glance, and who waits for what."""

from __future__ import annotations

from collections.abc import Sequence

from backends import units
from backends.engine.wire import HostDetail
from backends.metrics.sample import Cpu
from swarm_tui.present.host_graph import LEAST_ROWS, Points, pane, rows_left
from swarm_tui.present.host_history import Tracks, find
from swarm_tui.present.host_line import Frame, Span, cell, heading, line
from swarm_tui.present.host_table import Pair, grid
from swarm_tui.present.host_value import (
    STEAL_BAD_PERCENT,
    STEAL_WARN_PERCENT,
    WAIT_BAD_PERCENT,
    WAIT_WARN_PERCENT,
    above,
    meter,
    number,
    pressure,
)
from swarm_tui.present.line import Line, Piece, crop

_LEVELS = "▁▂▃▄▅▆▇█"
_FEW_CORES = 16
"""Up to here every core gets a bar of its own."""


def cpu_panel(detail: HostDetail, frame: Frame, known: Tracks) -> list[Line]:
    """The whole tab."""
    sample = detail.sample
    if sample is None or sample.cpu is None:
        return [_absent(detail)]
    cpu = sample.cpu
    count = detail.row.cpu_count or (detail.facts.cpu_count if detail.facts else None) or len(cpu.cores) or None
    rest = [*grid(_pairs(cpu, count), frame.width), (), *cores(cpu.cores, frame.width), *_model(detail, frame)]
    both = frame.height >= len(rest) + 2 * LEAST_ROWS + 4
    height = rows_left(frame, len(rest), 2 if both else 1)
    graphs = [*_graph("busy", cpu.busy_percent, find(known, "cpu.busy_percent"), frame, height), ()]
    if both:
        graphs += [*_graph("iowait", cpu.iowait_percent, find(known, "cpu.iowait_percent"), frame, height), ()]
    return [*graphs, *rest]


def _graph(title: str, now: float | None, points: Points, frame: Frame, height: int) -> list[Line]:
    return pane(title, units.percent(now), points, frame, height=height, maximum=100.0, top="100%")


def _absent(detail: HostDetail) -> Line:
    reason = detail.sample.missing.get("cpu", "") if detail.sample else ""
    return line(Span("n/a", "dim"), Span(f"  CPU values are missing: {reason or 'no reason was given'}", "dim"))


def _pairs(cpu: Cpu, count: int | None) -> list[Pair]:
    return [
        ("user", [Span(units.percent(cpu.user_percent)), Span(f"  system {units.percent(cpu.system_percent)}", "dim")]),
        (
            "iowait",
            [Span(units.percent(cpu.iowait_percent), above(cpu.iowait_percent, WAIT_WARN_PERCENT, WAIT_BAD_PERCENT))],
        ),
        (
            "steal",
            [Span(units.percent(cpu.steal_percent), above(cpu.steal_percent, STEAL_WARN_PERCENT, STEAL_BAD_PERCENT))],
        ),
        ("pressure", [pressure(cpu.pressure)]),
        ("load", load_spans(cpu, count)),
        ("frequency", [Span(number(cpu.frequency_mhz, " MHz"))]),
    ]


def load_spans(cpu: Cpu, count: int | None) -> list[Span]:
    """ "0.52 0.41 0.30 of 64": loads against the number of cores."""
    loads = " ".join(number(value, digits=2) for value in (cpu.load_1, cpu.load_5, cpu.load_15))
    role = above(cpu.load_1, 2.0 * count, 4.0 * count) if count else "text"
    return [Span(loads, role), Span(f" on {count}" if count else "", "dim")]


def cores(values: Sequence[float | None], width: int) -> list[Line]:
    """Each core: bars for a few, one cell each for many (256 take four rows of 64)."""
    if not values:
        return []
    head = heading("cores", f"{len(values)}, busiest {units.percent(_busiest(values))}", width)
    return [head, *(_bars(values, width) if len(values) <= _FEW_CORES else _cells(values, width))]


def _busiest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _bars(values: Sequence[float | None], width: int) -> list[Line]:
    columns = max(1, min(4, width // 36))
    size = (width - 2 * (columns - 1)) // columns - 9
    rows = []
    for start in range(0, len(values), columns):
        parts: list[Piece | str] = []
        for index, value in list(enumerate(values))[start : start + columns]:
            parts += ["  "] if parts else []
            parts += [
                cell(f"{index:>3} ", 4, "dim"),
                *meter(value, size),
                cell(units.percent(value), 5, "text", "right"),
            ]
        rows.append(line(*parts))
    return rows


def _cells(values: Sequence[float | None], width: int) -> list[Line]:
    per_row = 128 if width >= 128 + 6 else 64 if width >= 64 + 6 else 32
    rows = []
    for start in range(0, len(values), per_row):
        drawn = "".join(_level(value) for value in values[start : start + per_row])
        rows.append(crop(line(cell(str(start), 4, "dim", "right"), "  ", Span(drawn, "spark")), width))
    return rows


def _level(value: float | None) -> str:
    return "·" if value is None else _LEVELS[max(0, min(7, int(value / 12.5)))]


def _model(detail: HostDetail, frame: Frame) -> list[Line]:
    if detail.facts is None or not detail.facts.cpu_model:
        return []
    return [(), crop(line(Span(f"{detail.facts.cpu_model} · {detail.facts.architecture}", "dim")), frame.width)]
