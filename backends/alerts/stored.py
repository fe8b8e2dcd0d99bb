"""A sample out of stored history, for trying rules on it: the series that history keeps, and None for all else. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from backends.metrics.sample import Cpu, Disk, Filesystem, Gpu, Memory, Nic, Pressure, ProcessTable, Sample

_NOMINAL = 1 << 40
"""History keeps some things as shares only; they are shares of this many bytes here."""

_Group = dict[str, dict[str, float]]


def sample_of(
    time: float, values: Mapping[str, float | None], interval_seconds: float = 60.0, *, nominal_space: bool = False
) -> Sample:
    """What the rules can look at of one stored minute.

    Args:
        time: epoch seconds.
        values: series (the names of `backends.metrics.series`) → mean of the minute; NaN and None are not measured.
        interval_seconds: what one point stands for.
        nominal_space: filesystems have the nominal size, for what only asks how the room in them shrinks.
    """
    known = {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
    return Sample(
        time=time,
        interval_seconds=interval_seconds,
        cpu=Cpu(
            busy_percent=known.get("cpu.busy_percent"),
            iowait_percent=known.get("cpu.iowait_percent"),
            steal_percent=known.get("cpu.steal_percent"),
            load_1=known.get("load.1"),
        ),
        memory=_memory(known),
        filesystems=tuple(
            _filesystem(name, fields, nominal_space) for name, fields in _things(known, "filesystem").items()
        ),
        disks=tuple(_disk(name, fields) for name, fields in _things(known, "disk").items()),
        nics=tuple(_nic(name, fields) for name, fields in _things(known, "net").items()),
        gpus=tuple(
            _gpu(int(index), fields) for index, fields in sorted(_things(known, "gpu").items()) if index.isdecimal()
        ),
        processes=ProcessTable(
            total=_whole(known.get("processes.total")),
            blocked=_whole(known.get("processes.blocked")),
            zombies=_whole(known.get("processes.zombies")),
        ),
    )


def _things(known: Mapping[str, float], group: str) -> _Group:
    """Name of a thing → field → value; names may have dots, fields have none."""
    found: _Group = {}
    for series, value in known.items():
        head, _, field = series.rpartition(".")
        if head.startswith(f"{group}."):
            found.setdefault(head[len(group) + 1 :], {})[field] = value
    return found


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _part(percent: float | None) -> int | None:
    """Bytes of the nominal whole."""
    return None if percent is None else int(_NOMINAL * percent / 100.0)


def _memory(known: Mapping[str, float]) -> Memory:
    used, swap = known.get("memory.used_percent"), known.get("swap.used_percent")
    taken = known.get("memory.used_bytes")
    stall = known.get("memory.pressure_some_percent")  # the mean over a minute of means over ten seconds
    total = int(100.0 * taken / used) if taken and used else _NOMINAL
    return Memory(
        total_bytes=total if used is not None else None,
        available_bytes=int(total * (1.0 - used / 100.0)) if used is not None else None,
        used_bytes=int(total * used / 100.0) if used is not None else None,
        swap_total_bytes=_NOMINAL if swap is not None else None,
        swap_used_bytes=_part(swap),
        pressure=None if stall is None else Pressure(some_avg60_percent=stall),
    )


def _filesystem(mount: str, fields: Mapping[str, float], nominal: bool) -> Filesystem:
    used = fields.get("used_percent")
    return Filesystem(
        mount=mount,
        total_bytes=_NOMINAL if nominal else None,
        available_bytes=_part(100.0 - used) if nominal and used is not None else None,
        used_percent=used,
        inodes_used_percent=fields.get("inodes_used_percent"),
    )


def _disk(name: str, fields: Mapping[str, float]) -> Disk:
    return Disk(
        name=name,
        read_bytes_per_second=fields.get("read_bytes_per_second"),
        write_bytes_per_second=fields.get("write_bytes_per_second"),
        busy_percent=fields.get("busy_percent"),
        latency_seconds=fields.get("latency_seconds"),
        queue_length=fields.get("queue_length"),
    )


def _nic(name: str, fields: Mapping[str, float]) -> Nic:
    return Nic(
        name=name,
        rx_bytes_per_second=fields.get("rx_bytes_per_second"),
        tx_bytes_per_second=fields.get("tx_bytes_per_second"),
    )


def _gpu(index: int, fields: Mapping[str, float]) -> Gpu:
    share, used = fields.get("memory_used_percent"), fields.get("memory_used_bytes")
    return Gpu(
        index=index,
        utilisation_percent=fields.get("utilisation_percent"),
        memory_used_bytes=_whole(used),
        memory_total_bytes=int(100.0 * used / share) if used and share else _NOMINAL if share == 0 else None,
        temperature_celsius=fields.get("temperature_celsius"),
        memory_temperature_celsius=fields.get("memory_temperature_celsius"),
        power_watts=fields.get("power_watts"),
        sm_clock_mhz=fields.get("sm_clock_mhz"),
    )
