"""Counters as a host counts them, before they become rates: what the kit sends and what the local source reads.

Array-like structs, so that they decode straight from the kit's positional JSON; the order of fields is the wire format.
"""

from __future__ import annotations

import msgspec

from backends.metrics.sample import Filesystem, Gpu, GpuStatus, ProcessTable, Sensor


class CpuTicks(msgspec.Struct, frozen=True, array_like=True):
    """The `cpu` line of /proc/stat; only differences and their ratios mean anything, so the unit does not matter."""

    user: float
    nice: float
    system: float
    idle: float
    iowait: float = 0
    irq: float = 0
    softirq: float = 0
    steal: float = 0


class MemoryKib(msgspec.Struct, frozen=True, array_like=True):
    """/proc/meminfo in KiB; huge pages are counts."""

    total: int | None = None
    free: int | None = None
    available: int | None = None
    buffers: int | None = None
    cached: int | None = None
    swap_total: int | None = None
    swap_free: int | None = None
    dirty: int | None = None
    reclaimable: int | None = None
    huge_total: int | None = None
    huge_free: int | None = None


class VmCounters(msgspec.Struct, frozen=True, array_like=True):
    """/proc/vmstat since boot: pages swapped in and out, OOM kills."""

    swap_in_pages: int | None = None
    swap_out_pages: int | None = None
    oom_kills: int | None = None


class PressureAverages(msgspec.Struct, frozen=True, array_like=True):
    """One file of /proc/pressure, per cent."""

    some_avg10: float | None = None
    some_avg60: float | None = None
    full_avg10: float | None = None
    full_avg60: float | None = None


class DiskCounters(msgspec.Struct, frozen=True, array_like=True):
    """One line of /proc/diskstats; sectors are 512 bytes whatever the device's are."""

    reads: int
    read_sectors: int
    read_ms: int
    writes: int
    write_sectors: int
    write_ms: int
    in_flight: int | None = None
    busy_ms: int | None = None
    weighted_ms: int | None = None


class NicCounters(msgspec.Struct, frozen=True, array_like=True):
    """One line of /proc/net/dev."""

    rx_bytes: int
    rx_packets: int
    rx_errors: int
    rx_drops: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int
    tx_drops: int


class Link(msgspec.Struct, frozen=True, array_like=True):
    """State of one network interface, read less often than its counters."""

    name: str
    up: bool | None = None
    speed_mbps: int | None = None


class IbPort(msgspec.Struct, frozen=True, array_like=True):
    """One port of /sys/class/infiniband; the data counters count 4-byte words."""

    name: str
    state: str = ""
    """As "4: ACTIVE"."""
    physical_state: str = ""
    rate: str = ""
    """As "200 Gb/sec (4X HDR)"."""
    rx_words: int | None = None
    tx_words: int | None = None
    link_downed: int | None = None
    link_error_recovery: int | None = None
    symbol_errors: int | None = None
    receive_errors: int | None = None


class IbReading(msgspec.Struct, frozen=True):
    """All ports at one moment (slower cadence than the counters)."""

    monotonic: float
    ports: tuple[IbPort, ...]


class Cost(msgspec.Struct, frozen=True, array_like=True):
    """What the sampler used since it started."""

    cpu_seconds: float
    resident_bytes: int | None = None


class Raw(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of a host at one moment, counters still raw."""

    time: float
    """Epoch seconds on our clock at arrival."""
    monotonic: float
    """Seconds on the host's steady clock when the counters were read."""
    boot_id: str = ""
    uptime_seconds: float | None = None
    clock_offset_seconds: float | None = None
    cost: Cost | None = None
    cpu: CpuTicks | None = None
    cores: tuple[float | None, ...] = ()
    """Busy per cent, already taken over the interval."""
    frequency_mhz: float | None = None
    load: tuple[float, float, float] | None = None
    cpu_pressure: PressureAverages | None = None
    memory_pressure: PressureAverages | None = None
    io_pressure: PressureAverages | None = None
    memory: MemoryKib | None = None
    vm: VmCounters | None = None
    page_bytes: int = 4096
    disks: dict[str, DiskCounters] = {}
    nics: dict[str, NicCounters] = {}
    links: dict[str, Link] = {}
    infiniband: IbReading | None = None
    filesystems: tuple[Filesystem, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    processes: ProcessTable | None = None
    processes_monotonic: float | None = None
    gpus: tuple[Gpu, ...] = ()
    gpu_status: GpuStatus | None = None
    missing: dict[str, str] = {}
