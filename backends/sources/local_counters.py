"""This machine's counters through psutil, in the same raw form in which the kit sends a host's."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from backends.clock import Clock
from backends.hostkit.programs.kit_devices import real_disks, real_nics
from backends.metrics.raw import (
    Cost,
    CpuTicks,
    DiskCounters,
    MemoryKib,
    NicCounters,
    PressureAverages,
    Raw,
    VmCounters,
)

LINUX = sys.platform.startswith("linux")
SECTOR_BYTES = 512
KIB = 1024
_DISKSTATS = (3, 5, 6, 7, 9, 10, 11, 12, 13)
"""Places of `DiskCounters`' fields in a line; the merged requests between them do not count."""
T = TypeVar("T")


class CounterReader:
    """Reads everything that never blocks. One thread."""

    def __init__(self, clock: Clock, boot_id: str):
        self._clock = clock
        self._boot_id = boot_id
        self._cores: list[tuple[float, float]] = []
        self._me = psutil.Process()

    def read(self, missing: dict[str, str]) -> Raw:
        """Counters now; a group that cannot be read is None with its reason in `missing`."""
        raw_cpu = _group("cpu", lambda: _ticks(psutil.cpu_times()), missing)
        return Raw(
            time=self._clock.now(),
            monotonic=self._clock.monotonic(),
            boot_id=self._boot_id,
            uptime_seconds=_group("uptime", _uptime, missing),
            clock_offset_seconds=0.0,
            cost=_group("cost", self._cost, missing),
            cpu=raw_cpu,
            cores=_group("cpu", self._busy_cores, missing) or (),
            load=_group("load", os.getloadavg, missing),
            cpu_pressure=_pressure("cpu", missing),
            memory_pressure=_pressure("memory", missing),
            io_pressure=_pressure("io", missing),
            memory=_group("memory", _memory, missing),
            vm=_group("vmstat", _vm, missing),
            page_bytes=os.sysconf("SC_PAGE_SIZE"),
            disks=_group("disk", _disks, missing) or {},
            nics=_group("network", _nics, missing) or {},
        )

    def _cost(self) -> Cost:
        """Of the whole engine: the source is a part of it."""
        return Cost(time.process_time(), self._me.memory_info().rss)

    def _busy_cores(self) -> tuple[float | None, ...]:
        now = []
        for times in psutil.cpu_times(percpu=True):
            ticks = _ticks(times)
            idle = ticks.idle + ticks.iowait
            work = ticks.user + ticks.nice + ticks.system + ticks.irq + ticks.softirq + ticks.steal
            now.append((idle + work, idle))
        before, self._cores = self._cores, now
        if len(before) != len(now):
            return (None,) * len(now)
        pairs = zip(before, now, strict=True)
        return tuple(
            100.0 * (1 - (new[1] - old[1]) / (new[0] - old[0])) if new[0] > old[0] else None for old, new in pairs
        )


def _group(name: str, read: Callable[[], T], missing: dict[str, str]) -> T | None:
    try:
        return read()
    except (OSError, RuntimeError, ValueError, NotImplementedError, psutil.Error) as error:
        missing[name] = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return None


def _ticks(times: object) -> CpuTicks:
    """psutil's user time on Linux is the kernel's (guest included), as the kit's."""
    fields = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    return CpuTicks(*(float(getattr(times, field, 0.0)) for field in fields))


def _uptime() -> float:
    """psutil's boot time is in whole seconds and moves with the wall clock; the kernel's own count does neither."""
    if LINUX:
        return float(Path("/proc/uptime").read_text("ascii").split(None, 1)[0])
    return max(0.0, time.time() - psutil.boot_time())


def _pressure(kind: str, missing: dict[str, str]) -> PressureAverages | None:
    if not LINUX:
        return None
    return _group(f"psi {kind}", lambda: _averages(Path(f"/proc/pressure/{kind}").read_text("ascii")), missing)


def _averages(text: str) -> PressureAverages:
    """some and full of one /proc/pressure file."""
    rows = {
        words[0]: dict(word.split("=", 1) for word in words[1:]) for words in map(str.split, text.splitlines()) if words
    }
    some, full = rows.get("some", {}), rows.get("full", {})
    values = (some.get("avg10"), some.get("avg60"), full.get("avg10"), full.get("avg60"))
    return PressureAverages(*(None if value is None else float(value) for value in values))


def _memory() -> MemoryKib:
    if LINUX:
        return _meminfo(Path("/proc/meminfo").read_text("ascii", "replace"))
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return MemoryKib(
        total=memory.total // KIB,
        free=memory.free // KIB,
        available=memory.available // KIB,
        swap_total=swap.total // KIB,
        swap_free=swap.free // KIB,
    )


def _meminfo(text: str) -> MemoryKib:
    """psutil leaves out dirty and huge pages, and reads the rest from this very file."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        key, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[key] = int(words[0])
    keys = "MemTotal MemFree MemAvailable Buffers Cached SwapTotal SwapFree Dirty SReclaimable HugePages_Total HugePages_Free"
    return MemoryKib(*(found.get(key) for key in keys.split()))


def _vm() -> VmCounters | None:
    if not LINUX:
        swap = psutil.swap_memory()
        page = os.sysconf("SC_PAGE_SIZE")
        return VmCounters(swap.sin // page, swap.sout // page, None)
    found = dict(line.split(" ", 1) for line in Path("/proc/vmstat").read_text("ascii").splitlines() if " " in line)
    keys = ("pswpin", "pswpout", "oom_kill")
    return VmCounters(*(int(found[key]) if key in found else None for key in keys))


def _disks() -> dict[str, DiskCounters]:
    if not LINUX:
        rows = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
        return {name: _disk(rows[name]) for name in sorted(rows)}
    counters = diskstats(Path("/proc/diskstats").read_text("ascii", "replace"))
    whole = [name for name in counters if Path("/sys/block", name.replace("/", "!")).exists()]
    return {name: counters[name] for name in real_disks(whole or list(counters), "/sys")}


def diskstats(text: str) -> dict[str, DiskCounters]:
    """/proc/diskstats, in the kernel's order. Read here, since psutil leaves out how long requests queued."""
    rows = [words for words in map(str.split, text.splitlines()) if len(words) >= _DISKSTATS[-1] + 1]
    return {words[2]: DiskCounters(*(int(words[place]) for place in _DISKSTATS)) for words in rows}


def _disk(row: object) -> DiskCounters:
    """What psutil tells elsewhere; how long requests queued it does not."""

    def number(field: str) -> int:
        return int(getattr(row, field, 0))

    return DiskCounters(
        reads=number("read_count"),
        read_sectors=number("read_bytes") // SECTOR_BYTES,
        read_ms=number("read_time"),
        writes=number("write_count"),
        write_sectors=number("write_bytes") // SECTOR_BYTES,
        write_ms=number("write_time"),
        busy_ms=number("busy_time") if hasattr(row, "busy_time") else None,
    )


def _nics() -> dict[str, NicCounters]:
    counters = psutil.net_io_counters(pernic=True, nowrap=False) or {}
    names = real_nics(list(counters), "/sys") if LINUX else [name for name in counters if not name.startswith("lo")]
    return {
        name: NicCounters(
            rx_bytes=row.bytes_recv,
            rx_packets=row.packets_recv,
            rx_errors=row.errin,
            rx_drops=row.dropin,
            tx_bytes=row.bytes_sent,
            tx_packets=row.packets_sent,
            tx_errors=row.errout,
            tx_drops=row.dropout,
        )
        for name, row in ((name, counters[name]) for name in names)
    }
