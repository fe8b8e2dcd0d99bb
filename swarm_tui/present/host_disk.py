"""The Disk tab: how full every filesystem is, and how busy every device."""

from __future__ import annotations

from collections.abc import Sequence

from backends import units
from backends.engine.wire import HostDetail
from backends.metrics.sample import Disk, Filesystem, Sample
from swarm_tui.present.host_graph import LEAST_ROWS, pane, rows_left, spark
from swarm_tui.present.host_history import Tracks, find
from swarm_tui.present.host_line import Frame, Span, cell, heading, line
from swarm_tui.present.host_table import Column, table
from swarm_tui.present.host_value import (
    FULL_BAD_PERCENT,
    FULL_WARN_PERCENT,
    LATENCY_BAD_SECONDS,
    LATENCY_WARN_SECONDS,
    above,
    meter,
    milliseconds,
    number,
    pressure,
)
from swarm_tui.present.line import Line, crop
from swarm_tui.theme import Role

BUSY_WARN_PERCENT, BUSY_BAD_PERCENT = 90.0, 98.0
"""Share of time with a request in flight (reference: monitoring §5, busy > 98 %)."""

_DEVICES = (
    Column("device", 12),
    Column("read", 8, "right"),
    Column("write", 8, "right"),
    Column("r/s", 6, "right", wide=76),
    Column("w/s", 6, "right", wide=76),
    Column("latency", 8, "right"),
    Column("busy", 5, "right"),
    Column("queue", 6, "right"),
    Column(" busy over time", 0, wide=84),
)


def disk_panel(detail: HostDetail, frame: Frame, known: Tracks) -> list[Line]:
    """The whole tab."""
    sample = detail.sample
    if sample is None:
        return []
    rows = [heading("filesystems", f"{len(sample.filesystems)}", frame.width), *_filesystems(sample, frame.width)]
    note = f"waiting for storage: {pressure(sample.io_pressure).text}" if sample.io_pressure else ""
    rows += [(), heading("devices", note, frame.width), *_devices(sample, frame.width, known)]
    return [*rows, *_graph(sample.disks, frame, known, len(rows))]


def _graph(disks: Sequence[Disk], frame: Frame, known: Tracks, taken: int) -> list[Line]:
    """The busiest device over time, where there is room for it."""
    if not disks or frame.height - taken <= LEAST_ROWS:
        return []
    disk = max(disks, key=lambda item: item.busy_percent or 0.0)
    points = find(known, f"disk.{disk.name}.busy_percent")
    height = rows_left(frame, taken)
    title, now = f"{disk.name} busy", units.percent(disk.busy_percent)
    return [(), *pane(title, now, points, frame, height=height, maximum=100.0, top="100%")]


def fullness(filesystem: Filesystem) -> float | None:
    """The worse of space and inodes."""
    known = [value for value in (filesystem.used_percent, filesystem.inodes_used_percent) if value is not None]
    return max(known, default=None)


def _filesystems(sample: Sample, width: int) -> list[Line]:
    if not sample.filesystems:
        return [_absent(sample, "filesystems", "filesystem")]
    ranked = sorted(sample.filesystems, key=_urgency)
    bar_width = 10 if width < 100 else 20
    mounts = max(12, min(32, width - 47 - bar_width if width < 100 else 32))
    head = f"{'mount':<{mounts}} {'used':<{bar_width}}       {'size':>11}  {'free':>5} inodes  type"
    return [crop(line(Span(head, "head")), width), *(_filesystem(item, mounts, bar_width, width) for item in ranked)]


def _urgency(item: Filesystem) -> tuple[bool, bool, float, str]:
    return (item.reason is None, not item.read_only, -(fullness(item) or 0.0), item.mount)


def _filesystem(item: Filesystem, mounts: int, bar_width: int, width: int) -> Line:
    role = above(item.used_percent, FULL_WARN_PERCENT, FULL_BAD_PERCENT)
    mount = cell(item.mount, mounts, "text")
    if item.reason is not None and item.used_percent is None:
        return crop(line(mount, " ", *meter(None, bar_width), Span(f"  n/a  {item.reason}", "warn")), width)
    used = f"{units.size(item.used_bytes)}/{units.size(item.total_bytes)}"
    marker = Span("READ-ONLY ", "bad") if item.read_only else Span("")
    if item.read_only and item.kind in ("squashfs", "iso9660", "erofs"):
        marker = Span("read-only ", "dim")
    return crop(
        line(
            mount,
            " ",
            *meter(
                item.used_percent, bar_width, above(item.used_percent, FULL_WARN_PERCENT, FULL_BAD_PERCENT, "gauge")
            ),
            cell(units.percent(item.used_percent), 5, role, "right"),
            "  ",
            cell(used, 11, "text", "right"),
            "  ",
            cell(units.size(item.available_bytes), 5, "text", "right"),
            cell(units.percent(item.inodes_used_percent), 6, _inodes_role(item), "right"),
            "  ",
            marker,
            Span(f"{item.kind} {item.device}", "dim"),
        ),
        width,
    )


def _inodes_role(item: Filesystem) -> Role:
    return above(item.inodes_used_percent, FULL_WARN_PERCENT, FULL_BAD_PERCENT)


def _devices(sample: Sample, width: int, known: Tracks) -> list[Line]:
    if not sample.disks:
        return [_absent(sample, "disks", "block device")]
    return table(_DEVICES, [_device(disk, known) for disk in sample.disks], width)


def _device(disk: Disk, known: Tracks) -> Sequence[Span]:
    drawn = spark(find(known, f"disk.{disk.name}.busy_percent"), 40)
    return (
        Span(disk.name),
        Span(units.rate(disk.read_bytes_per_second)),
        Span(units.rate(disk.write_bytes_per_second)),
        Span(number(disk.reads_per_second), "dim"),
        Span(number(disk.writes_per_second), "dim"),
        Span(latency(disk), above(disk.latency_seconds, LATENCY_WARN_SECONDS, LATENCY_BAD_SECONDS)),
        Span(units.percent(disk.busy_percent), above(disk.busy_percent, BUSY_WARN_PERCENT, BUSY_BAD_PERCENT)),
        Span(number(disk.queue_length, digits=1)),
        Span(f" {drawn}", "heat1"),
    )


def latency(disk: Disk) -> str:
    """The mean time of a request; a dash when there was none, n/a when it is not known."""
    return "—" if disk.latency_seconds is None and disk.busy_percent is not None else milliseconds(disk.latency_seconds)


def _absent(sample: Sample, group: str, what: str) -> Line:
    reason = next((why for name, why in sample.missing.items() if name.startswith(group[:4])), "")
    return line(Span(f"n/a  {reason}" if reason else f"No {what} was found.", "dim"))
