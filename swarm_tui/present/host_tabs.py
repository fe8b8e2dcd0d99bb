"""The tabs of the Host screen: their names, their order, and which panel each shows in which state of the host."""

from __future__ import annotations

from typing import NamedTuple

from backends.engine.wire import HostDetail
from swarm_tui.present import host_absent
from swarm_tui.present.host_cpu import cpu_panel
from swarm_tui.present.host_details import details_panel
from swarm_tui.present.host_disk import disk_panel
from swarm_tui.present.host_gpu_panel import Row, gpu_panel, unkeyed
from swarm_tui.present.host_gpu_zoom import gpu_zoom
from swarm_tui.present.host_header import is_live
from swarm_tui.present.host_health import health_panel
from swarm_tui.present.host_history import Tracks
from swarm_tui.present.host_line import Frame, Span, dimmed, line
from swarm_tui.present.host_memory import memory_panel
from swarm_tui.present.host_network import network_panel
from swarm_tui.present.host_overview import overview_panel
from swarm_tui.present.line import Line, Piece, crop, width


class Tab(NamedTuple):
    """One tab."""

    id: str
    title: str
    short: str
    """For 80 columns."""


TABS: tuple[Tab, ...] = (
    Tab("overview", "Overview", "Over"),
    Tab("gpu", "GPU", "GPU"),
    Tab("cpu", "CPU", "CPU"),
    Tab("memory", "Memory", "Mem"),
    Tab("disk", "Disk", "Disk"),
    Tab("network", "Network", "Net"),
    Tab("processes", "Processes", "Procs"),
    Tab("health", "Health", "Health"),
    Tab("updates", "Updates", "Updates"),
    Tab("backups", "Backups", "Backups"),
    Tab("journal", "Journal", "Journal"),
    Tab("events", "Events", "Events"),
)
IDS: tuple[str, ...] = tuple(tab.id for tab in TABS)
GRAPHS = frozenset({"overview", "gpu", "cpu", "memory", "disk", "network"})
"""Tabs that draw history."""


def tab_named(text: str) -> str:
    """The tab's id for what a person typed: id, title or an unambiguous beginning; "" when there is none."""
    wanted = text.strip().casefold()
    if not wanted:
        return ""
    found = [tab.id for tab in TABS if tab.id.startswith(wanted) or tab.short.casefold() == wanted]
    return wanted if wanted in found else found[0] if len(found) == 1 else ""


def tab_bar(current: str, cells: int) -> Line:
    """All tabs in one line, the current one marked by more than its colour."""
    for form in ("title", "short"):
        bar = _bar(current, form)
        if width(bar) <= cells:
            return bar
    return crop(_around(current), cells)


def _bar(current: str, form: str) -> Line:
    parts: list[Piece | str] = []
    for tab in TABS:
        text = str(getattr(tab, form))
        parts.append(
            Span(f"[{text}]", "tab-on")
            if tab.id == current
            else Span(f" {text} " if form == "title" else f" {text}", "tab")
        )
    return line(*parts)


def tab_at(current: str, cells: int, x: int) -> str:
    """The tab whose title stands at cell `x` of the bar; "" when none does."""
    form = "title" if width(_bar(current, "title")) <= cells else "short"
    end = 0
    for tab in TABS:
        end += len(str(getattr(tab, form))) + (2 if form == "title" or tab.id == current else 1)
        if x < end:
            return tab.id
    return ""


def _around(current: str) -> Line:
    index = IDS.index(current)
    return line(
        Span("‹ ", "tab"), Span(f"[{TABS[index].title}]", "tab-on"), Span(f" ›  {index + 1} of {len(TABS)}", "tab")
    )


class Choice(NamedTuple):
    """What the operator has chosen to look at."""

    tab: str
    gpu: int = 0
    """Position of the selected GPU."""
    zoomed: bool = False
    """The selected GPU alone."""
    details: bool = False
    """What stands behind the numbers, instead of the tab."""

    def gpu_index(self, detail: HostDetail) -> int:
        """The selected GPU's own index, which need not be its position."""
        gpus = detail.sample.gpus if detail.sample else ()
        return gpus[min(self.gpu, len(gpus) - 1)].index if gpus else self.gpu


def panel(detail: HostDetail, choice: Choice, frame: Frame, known: Tracks) -> list[Row]:
    """The body of a tab. Tables with a cursor (processes, events) are not here: they are lists of their own."""
    return [(key, crop(text, frame.width)) for key, text in _panel(detail, choice, frame, known)]


def _panel(detail: HostDetail, choice: Choice, frame: Frame, known: Tracks) -> list[Row]:
    if choice.details:
        return unkeyed(details_panel(detail, frame))
    if choice.tab in host_absent.LATER:
        return unkeyed(host_absent.later(choice.tab, frame))
    if choice.tab == "health":
        return unkeyed(health_panel(detail, frame))
    if detail.sample is None:
        return unkeyed(host_absent.no_sample(detail, frame))
    rows = _live(detail, choice, frame, known)
    return rows if is_live(detail) else past(detail, frame, rows)


def past(detail: HostDetail, frame: Frame, rows: list[Row]) -> list[Row]:
    """The last that was known, dimmed, below what to do about the host."""
    keys = [key for key, _ in rows]
    quiet = dimmed(text for _, text in rows)
    return [*unkeyed(host_absent.last_known(detail, frame)), *zip(keys, quiet, strict=True)]


def _live(detail: HostDetail, choice: Choice, frame: Frame, known: Tracks) -> list[Row]:
    if choice.tab == "gpu":
        gpus = detail.sample.gpus if detail.sample else ()
        if choice.zoomed and gpus:
            return unkeyed(gpu_zoom(detail, gpus[min(choice.gpu, len(gpus) - 1)], frame, known))
        return gpu_panel(detail, frame, known, choice.gpu)
    draw = {
        "cpu": cpu_panel,
        "memory": memory_panel,
        "disk": disk_panel,
        "network": network_panel,
    }.get(choice.tab, overview_panel)
    return unkeyed(draw(detail, frame, known))
