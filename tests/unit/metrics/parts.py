"""Raw readings of a small host, as they are before and after one second."""

from __future__ import annotations

from typing import Any

import msgspec

from backends.metrics.raw import (
    Cost,
    CpuTicks,
    DiskCounters,
    IbPort,
    Link,
    MemoryKib,
    NicCounters,
    PressureAverages,
    Raw,
    VmCounters,
)

DISK = DiskCounters(100, 2000, 50, 200, 8000, 400, 0, 1000, 3000)
NIC = NicCounters(1_000_000, 1000, 0, 0, 500_000, 800, 0, 0)
PORT = IbPort("mlx5_0/1", "4: ACTIVE", "5: LinkUp", "200 Gb/sec (4X HDR)", 1000, 2000, 0, 0, 0, 0)


def reading(seconds: float = 0.0, **changes: Any) -> Raw:
    """The host `seconds` after the first reading; `changes` replace whole groups."""
    raw = Raw(
        time=1_800_000_000.0 + seconds,
        monotonic=1000.0 + seconds,
        boot_id="boot-1",
        uptime_seconds=1000.0 + seconds,
        cost=Cost(1.0, 10 << 20),
        cpu=CpuTicks(1000, 0, 500, 8000, 100, 10, 20, 5),
        cores=(10.0, 20.0),
        frequency_mhz=2800.0,
        load=(1.0, 0.5, 0.25),
        cpu_pressure=PressureAverages(1.0, 2.0, 0.0, 0.0),
        memory=MemoryKib(1000, 200, 600, 50, 300, 100, 60, 5, 40, 0, 0),
        vm=VmCounters(10, 20, 0),
        disks={"nvme0n1": DISK},
        nics={"eth0": NIC},
        links={"eth0": Link("eth0", True, 25_000)},
    )
    return msgspec.structs.replace(raw, **changes)


def disk(**changes: int) -> dict[str, DiskCounters]:
    return {"nvme0n1": msgspec.structs.replace(DISK, **changes)}


def nic(**changes: int) -> dict[str, NicCounters]:
    return {"eth0": msgspec.structs.replace(NIC, **changes)}
