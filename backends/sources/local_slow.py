"""What may block on this machine: filesystems and link states. Run by `Group` under a deadline."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import psutil

from backends.hostkit.programs.kit_devices import is_real_filesystem, real_nics, unique_mounts
from backends.metrics.raw import Link
from backends.metrics.sample import Filesystem
from backends.text import clean

LINUX = sys.platform.startswith("linux")


def read_filesystems() -> tuple[Filesystem, ...]:
    """Every real filesystem once."""
    rows = [
        (part.device, part.mountpoint, part.fstype, "ro" in part.opts.split(","))
        for part in psutil.disk_partitions(all=True)
        if is_real_filesystem(part.device, part.fstype, part.mountpoint)
    ]
    return tuple(_filesystem(*row) for row in unique_mounts(rows))


def _filesystem(device: str, mount: str, kind: str, read_only: bool) -> Filesystem:
    named = Filesystem(mount=clean(mount, 256), device=clean(device, 256), kind=clean(kind, 32), read_only=read_only)
    try:
        found = os.statvfs(mount)
    except OSError as error:
        return msgspec.structs.replace(named, reason=error.strerror or "not readable")
    unit = found.f_frsize or found.f_bsize
    used, available = (found.f_blocks - found.f_bfree) * unit, found.f_bavail * unit
    files = found.f_files or None
    return msgspec.structs.replace(
        named,
        total_bytes=found.f_blocks * unit,
        used_bytes=used,
        available_bytes=available,
        used_percent=100.0 * used / (used + available) if used + available else None,
        inodes_total=files,
        inodes_used_percent=100.0 * (files - found.f_ffree) / files if files and found.f_ffree <= files else None,
    )


def read_links() -> tuple[Link, ...]:
    """State and speed of each interface that is shown."""
    stats = psutil.net_if_stats()
    names = real_nics(list(stats), "/sys") if LINUX else list(stats)
    return tuple(Link(name, _is_up(name, stats[name].isup), stats[name].speed or None) for name in names)


def _is_up(name: str, administratively: bool) -> bool:
    """psutil's isup means "configured up"; a pulled cable shows only in operstate."""
    if not LINUX:
        return administratively
    try:
        state = Path("/sys/class/net", name, "operstate").read_text("ascii", "replace").strip()
    except OSError:
        return administratively
    return administratively if state == "unknown" else state == "up"
