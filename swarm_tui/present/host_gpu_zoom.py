"""One GPU alone: four graphs over time and everything known about it."""

from __future__ import annotations

from backends import units
from backends.engine.wire import HostDetail
from backends.metrics.sample import Gpu
from swarm_tui.present.host_gpu_detail import gpu_detail
from swarm_tui.present.host_graph import pane
from swarm_tui.present.host_history import Tracks, find
from swarm_tui.present.host_line import Frame, beside
from swarm_tui.present.host_value import number, share
from swarm_tui.present.line import Line

_CELSIUS = 110.0
"""Top of the temperature scale: above every GPU's shutdown."""
_WATTS = 1000.0
"""Top of the power scale when the limit is not known."""


def gpu_zoom(detail: HostDetail, gpu: Gpu, frame: Frame, known: Tracks) -> list[Line]:
    """Graphs in two columns where there is room, then the details."""
    two = frame.width >= 76
    height = max(4, min(10, frame.height // 4))
    size = Frame((frame.width - 2) // 2 if two else frame.width, height, frame.window_seconds)
    panes = _panes(gpu, size, height, known)
    if two:
        graphs = [*beside(panes[0], panes[1], size.width), (), *beside(panes[2], panes[3], size.width)]
    else:
        graphs = [row for each in panes for row in (*each, ())][:-1]
    return [*graphs, (), *gpu_detail(gpu, detail, frame.width)]


def _panes(gpu: Gpu, frame: Frame, height: int, known: Tracks) -> list[list[Line]]:
    start = f"gpu.{gpu.index}."
    memory = share(gpu.memory_used_bytes, gpu.memory_total_bytes)
    limit = gpu.power_limit_watts or _WATTS
    shown = (
        ("utilisation", units.percent(gpu.utilisation_percent), "utilisation_percent", 100.0, "100%"),
        ("memory", units.percent(memory), "memory_used_percent", 100.0, "100%"),
        ("temperature", number(gpu.temperature_celsius, " °C"), "temperature_celsius", _CELSIUS, f"{_CELSIUS:.0f}°"),
        ("power", number(gpu.power_watts, " W"), "power_watts", limit, f"{limit:.0f}W"),
    )
    return [
        pane(f"GPU {gpu.index} {title}", now, find(known, start + name), frame, height=height, maximum=maximum, top=top)
        for title, now, name, maximum, top in shown
    ]
