"""The Memory tab: what fills it, what waits for it, swap, huge pages and what the kernel killed."""

from __future__ import annotations

from backends import units
from backends.engine.wire import HostDetail
from backends.metrics.sample import Memory
from swarm_tui.present.host_graph import pane, rows_left
from swarm_tui.present.host_history import Tracks, find
from swarm_tui.present.host_line import Frame, Span, line
from swarm_tui.present.host_table import Pair, grid
from swarm_tui.present.host_value import (
    MEMORY_BAD_PERCENT,
    MEMORY_WARN_PERCENT,
    NOTHING,
    above,
    of,
    pressure,
    share,
)
from swarm_tui.present.line import Line


def memory_panel(detail: HostDetail, frame: Frame, known: Tracks) -> list[Line]:
    """The whole tab."""
    memory = detail.sample.memory if detail.sample else None
    if memory is None:
        reason = detail.sample.missing.get("memory", "") if detail.sample else ""
        return [line(NOTHING, Span(f"  Memory values are missing: {reason or 'no reason was given'}", "dim"))]
    used = share(memory.used_bytes, memory.total_bytes)
    rest = grid(_pairs(memory), frame.width)
    above_it = breakdown(memory, frame.width)
    height = rows_left(frame, len(above_it) + len(rest) + 1)
    points = find(known, "memory.used_percent")
    graph = pane("used", units.percent(used), points, frame, height=height, maximum=100.0, top="100%")
    return [*above_it, (), *graph, (), *rest]


def breakdown(memory: Memory, width: int) -> list[Line]:
    """A bar of used, cache and free, with what each is."""
    total = memory.total_bytes
    if not total or memory.used_bytes is None:
        return [line(Span("·" * width, "faint"))]
    cached = min(memory.cached_bytes or 0, max(0, total - memory.used_bytes))
    used_cells = round(width * memory.used_bytes / total)
    cache_cells = min(width - used_cells, round(width * cached / total))
    percent = share(memory.used_bytes, total)
    role = above(percent, MEMORY_WARN_PERCENT, MEMORY_BAD_PERCENT, "gauge")
    free = max(0, total - memory.used_bytes - cached)
    return [
        line(
            Span("█" * used_cells, role),
            Span("▆" * cache_cells, "heat1"),
            Span("▁" * (width - used_cells - cache_cells), "faint"),
        ),
        line(
            Span("█ ", role),
            f"used {units.size(memory.used_bytes)} ({units.percent(percent)})   ",
            Span("▆ ", "heat1"),
            f"cache {units.size(memory.cached_bytes)}   ",
            Span("▁ ", "faint"),
            f"free {units.size(free)}   ",
            Span(f"of {units.size(total)}, available {units.size(memory.available_bytes)}", "dim"),
        ),
    ]


def _pairs(memory: Memory) -> list[Pair]:
    swap = share(memory.swap_used_bytes, memory.swap_total_bytes)
    traffic = (memory.swap_in_bytes_per_second or 0) + (memory.swap_out_bytes_per_second or 0)
    moved = f"  in {units.rate(memory.swap_in_bytes_per_second)} out {units.rate(memory.swap_out_bytes_per_second)}"
    return [
        ("swap", swap_spans(memory, swap)),
        ("swap traffic", [Span(moved.strip(), "warn" if traffic > 0 else "text")]),
        ("pressure", [pressure(memory.pressure)]),
        ("dirty", [Span(units.size(memory.dirty_bytes)), Span(" to be written", "dim")]),
        ("OOM kills", _kills(memory.oom_kills)),
        ("huge pages", _huge(memory)),
    ]


def swap_spans(memory: Memory, percent: float | None) -> list[Span]:
    """Swap in use, or that there is none."""
    if memory.swap_total_bytes is None:
        return [NOTHING]
    if memory.swap_total_bytes == 0:
        return [Span("none", "dim")]
    role = above(percent, 50.0, 90.0)
    return [Span(of(memory.swap_used_bytes, memory.swap_total_bytes), role), Span(f" {units.percent(percent)}", "dim")]


def _kills(kills: int | None) -> list[Span]:
    return [NOTHING] if kills is None else [Span(f"{kills}", "warn" if kills else "text"), Span(" since boot", "dim")]


def _huge(memory: Memory) -> list[Span]:
    if memory.huge_pages_total is None:
        return [NOTHING]
    if memory.huge_pages_total == 0:
        return [Span("none", "dim")]
    return [Span(f"{memory.huge_pages_free} of {memory.huge_pages_total} free")]
