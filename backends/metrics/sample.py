"""Frozen samples: what one host measured at one moment, in public units.

A value that could not be measured is None, never 0; why it is missing stands in `Sample.missing` under the group's name
("gpu", "disk", "psi", …). Field names are a public contract (`status --json`): bytes, seconds, watts, degrees Celsius,
per cent 0–100, rates per second.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of everything that crosses threads, the socket or the store."""


class Pressure(Record, frozen=True, kw_only=True):
    """Linux pressure stall information, per cent of time over the last 10 and 60 s."""

    some_avg10_percent: float | None = None
    some_avg60_percent: float | None = None
    full_avg10_percent: float | None = None
    full_avg60_percent: float | None = None


class Cpu(Record, frozen=True, kw_only=True):
    """The host's processors over the last interval."""

    busy_percent: float | None = None
    """Everything but idle and iowait, 0–100 over all cores."""
    user_percent: float | None = None
    system_percent: float | None = None
    iowait_percent: float | None = None
    steal_percent: float | None = None
    cores: tuple[float | None, ...] = ()
    """Busy per cent of each core, in kernel order."""
    frequency_mhz: float | None = None
    load_1: float | None = None
    load_5: float | None = None
    load_15: float | None = None
    pressure: Pressure | None = None


class Memory(Record, frozen=True, kw_only=True):
    """Main memory and swap."""

    total_bytes: int | None = None
    available_bytes: int | None = None
    used_bytes: int | None = None
    """total − available."""
    cached_bytes: int | None = None
    dirty_bytes: int | None = None
    swap_total_bytes: int | None = None
    swap_used_bytes: int | None = None
    swap_in_bytes_per_second: float | None = None
    swap_out_bytes_per_second: float | None = None
    oom_kills: int | None = None
    """Since boot."""
    huge_pages_total: int | None = None
    huge_pages_free: int | None = None
    pressure: Pressure | None = None


class Filesystem(Record, frozen=True, kw_only=True):
    """One real filesystem."""

    mount: str
    device: str = ""
    kind: str = ""
    total_bytes: int | None = None
    used_bytes: int | None = None
    available_bytes: int | None = None
    """For ordinary users (without the root reserve)."""
    used_percent: float | None = None
    """As df shows it: used / (used + available)."""
    inodes_total: int | None = None
    inodes_used_percent: float | None = None
    """None where the filesystem has no inode table (btrfs)."""
    read_only: bool | None = None
    reason: str | None = None
    """Why the numbers are missing ("no answer within 2 s")."""


class Disk(Record, frozen=True, kw_only=True):
    """One block device over the last interval."""

    name: str
    read_bytes_per_second: float | None = None
    write_bytes_per_second: float | None = None
    reads_per_second: float | None = None
    writes_per_second: float | None = None
    latency_seconds: float | None = None
    """Mean time of a finished request; None when none finished."""
    busy_percent: float | None = None
    queue_length: float | None = None


class Nic(Record, frozen=True, kw_only=True):
    """One network interface over the last interval."""

    name: str
    rx_bytes_per_second: float | None = None
    tx_bytes_per_second: float | None = None
    rx_packets_per_second: float | None = None
    tx_packets_per_second: float | None = None
    rx_errors: int | None = None
    """Since boot, as are the three below."""
    tx_errors: int | None = None
    rx_drops: int | None = None
    tx_drops: int | None = None
    up: bool | None = None
    speed_bits_per_second: float | None = None


class InfinibandPort(Record, frozen=True, kw_only=True):
    """One InfiniBand or RoCE port."""

    name: str
    """Device/port, as "mlx5_0/1"."""
    state: str = ""
    physical_state: str = ""
    rate_bits_per_second: float | None = None
    rx_bytes_per_second: float | None = None
    tx_bytes_per_second: float | None = None
    link_downed: int | None = None
    link_error_recovery: int | None = None
    symbol_errors: int | None = None
    receive_errors: int | None = None


class Sensor(Record, frozen=True, kw_only=True):
    """One temperature (chip/label)."""

    name: str
    celsius: float | None = None
    high_celsius: float | None = None
    critical_celsius: float | None = None


class Process(Record, frozen=True, kw_only=True):
    """One process, from the top by CPU, memory or GPU."""

    pid: int
    start_ticks: int
    """Field 22 of /proc/PID/stat: with the pid it names one process for ever (pids are reused)."""
    user: str = ""
    name: str = ""
    command: str = ""
    state: str = ""
    """One letter as in ps: R S D Z T I."""
    cpu_percent: float | None = None
    """Of one core; 800 means eight cores."""
    resident_bytes: int | None = None
    gpu_memory_bytes: int | None = None
    gpus: tuple[int, ...] = ()
    """Indices of the GPUs that it uses."""
    container: str | None = None
    """Short container id or pod, read from the cgroup."""
    slurm_job: str | None = None
    nice: int | None = None


class ProcessTable(Record, frozen=True, kw_only=True):
    """The interesting processes and the counts of all."""

    total: int | None = None
    running: int | None = None
    blocked: int | None = None
    """In state D (uninterruptible)."""
    zombies: int | None = None
    top: tuple[Process, ...] = ()
    age_seconds: float = 0.0
    """How old this table was when the sample was taken (it is read less often than counters)."""


class GpuProcess(Record, frozen=True, kw_only=True):
    """A process that holds memory of a GPU, as the driver tells it."""

    pid: int
    memory_bytes: int | None = None
    kind: Literal["compute", "graphics"] = "compute"


class MigInstance(Record, frozen=True, kw_only=True):
    """One MIG device of a GPU."""

    uuid: str = ""
    name: str = ""
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None


class Gpu(Record, frozen=True, kw_only=True):
    """One GPU."""

    index: int
    vendor: Literal["nvidia", "amd"] = "nvidia"
    uuid: str = ""
    name: str = ""
    bus_id: str = ""
    utilisation_percent: float | None = None
    memory_utilisation_percent: float | None = None
    """Share of time in which memory was read or written (not how full it is)."""
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_celsius: float | None = None
    temperature_margin_celsius: float | None = None
    """Degrees left before the GPU slows down."""
    memory_temperature_celsius: float | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    sm_clock_mhz: float | None = None
    sm_clock_max_mhz: float | None = None
    memory_clock_mhz: float | None = None
    throttle_bits: int | None = None
    """NVML clocks event reasons bit mask; decode with `backends.metrics.throttle`."""
    performance_state: int | None = None
    """0 (fastest) … 15."""
    persistence: bool | None = None
    ecc_enabled: bool | None = None
    ecc_corrected_volatile: int | None = None
    ecc_uncorrected_volatile: int | None = None
    ecc_corrected_aggregate: int | None = None
    ecc_uncorrected_aggregate: int | None = None
    remapped_rows_corrected: int | None = None
    remapped_rows_uncorrected: int | None = None
    remap_pending: bool | None = None
    remap_failed: bool | None = None
    pcie_generation: int | None = None
    pcie_generation_max: int | None = None
    pcie_width: int | None = None
    pcie_width_max: int | None = None
    pcie_rx_bytes_per_second: float | None = None
    pcie_tx_bytes_per_second: float | None = None
    pcie_replays: int | None = None
    nvlinks_up: int | None = None
    nvlinks_total: int | None = None
    mig_enabled: bool | None = None
    mig: tuple[MigInstance, ...] = ()
    fan_percent: float | None = None
    processes: tuple[GpuProcess, ...] | None = None
    lost: bool = False
    """The driver says that the GPU is lost (fell off the bus)."""
    missing: dict[str, str] = {}
    """Field name → why it has no value ("not supported", "no permission", "GPU is lost")."""


class GpuStatus(Record, frozen=True, kw_only=True):
    """How the GPUs were read."""

    way: Literal["none", "nvml", "nvidia-smi", "amd-sysfs"] = "none"
    driver: str = ""
    cuda: str = ""
    hung: bool = False
    """The driver did not answer within its deadline; the GPUs are the last that were seen."""
    reason: str | None = None
    """Why there is no GPU data, when there should be."""


class ProbeCost(Record, frozen=True, kw_only=True):
    """What the sampler itself cost the host over the last interval."""

    cpu_seconds: float | None = None
    resident_bytes: int | None = None


class Sample(Record, frozen=True, kw_only=True):
    """Everything that one host measured at one moment."""

    time: float
    """Epoch seconds on this machine's clock, when the sample arrived."""
    interval_seconds: float | None = None
    """Over which rates are taken; None in the first sample, whose rates are all None."""
    uptime_seconds: float | None = None
    clock_offset_seconds: float | None = None
    """Host clock minus ours, corrected by half the round trip."""
    cpu: Cpu | None = None
    memory: Memory | None = None
    io_pressure: Pressure | None = None
    filesystems: tuple[Filesystem, ...] = ()
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    infiniband: tuple[InfinibandPort, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    processes: ProcessTable | None = None
    gpus: tuple[Gpu, ...] = ()
    gpu_status: GpuStatus | None = None
    probe: ProbeCost | None = None
    missing: dict[str, str] = {}
    """Group → why it is absent ("no permission", "no answer within 2 s")."""


class HostFacts(Record, frozen=True, kw_only=True):
    """What changes only with a reboot or an upgrade; sent once when the kit starts."""

    hostname: str = ""
    boot_id: str = ""
    kernel: str = ""
    system: str = ""
    """os-release's PRETTY_NAME, or the macOS version."""
    architecture: str = ""
    cpu_model: str = ""
    cpu_count: int | None = None
    memory_total_bytes: int | None = None
    python: str = ""
    user: str = ""
    """Who the kit runs as on the host."""
    kit_version: str = ""
    machine_id: str = ""
    virtualisation: str = ""
