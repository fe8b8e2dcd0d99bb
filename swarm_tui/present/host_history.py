"""Which series the tabs draw, and where to find one in an answer of `host.history`."""

from __future__ import annotations

from collections.abc import Mapping

from backends.engine.wire import History, HostDetail
from swarm_tui.present.host_graph import Points

Tracks = Mapping[str, Points]
"""Points by the series' name."""

NO_TRACKS: Tracks = {}

TAB_SERIES: dict[str, tuple[tuple[str, str], ...]] = {
    "overview": (("cpu.", ".busy_percent"), ("memory.", ".used_percent"), ("gpu.", ".utilisation_percent")),
    "gpu": (("gpu.", ".utilisation_percent"),),
    "cpu": (("cpu.", ".busy_percent"), ("cpu.", ".iowait_percent")),
    "memory": (("memory.", ".used_percent"),),
    "disk": (("disk.", ".busy_percent"),),
    "network": (("net.", ".rx_bytes_per_second"), ("ib.", ".rx_bytes_per_second")),
}
"""Beginning and end of the series' names that a tab draws."""

ZOOMED = ("utilisation_percent", "memory_used_percent", "temperature_celsius", "power_watts")
"""What is drawn of one GPU alone."""

MAXIMUM_SERIES = 64
"""At most this many series in one request: a host with a hundred interfaces must not flood the socket."""


def wanted(tab: str, detail: HostDetail, gpu: int | None = None) -> tuple[str, ...]:
    """The names to ask for: what the tab draws and the engine has; with `gpu`, only that one's."""
    if gpu is not None:
        names = [name for name in (f"gpu.{gpu}.{kind}" for kind in ZOOMED) if name in detail.series]
    else:
        pairs = TAB_SERIES.get(tab, ())
        names = [
            name for name in detail.series if any(name.startswith(head) and name.endswith(tail) for head, tail in pairs)
        ]
    return tuple(names[:MAXIMUM_SERIES])


def tracks(history: History | None, seconds: float) -> Tracks:
    """An answer by name, each series filled up in front so that it spans all of the last `seconds`."""
    if history is None:
        return NO_TRACKS
    length = max(1, round(seconds / history.interval_seconds)) if history.interval_seconds > 0 else 1
    return {series.name: _spanning(series.points, length) for series in history.series}


def _spanning(points: Points, length: int) -> Points:
    missing = length - len(points)
    return (*(None,) * missing, *points) if missing > 0 else points[-length:]


def find(known: Tracks, *names: str) -> Points:
    """The first of these series that is there, or nothing."""
    return next((known[name] for name in names if name in known), ())
