"""The severity of a host's row and the few words why, from its newest sample alone (and, for counters, the one before).

This runs for every host at every sample, so it is a few plain comparisons. It sees one moment: conditions that need
time (five minutes of slowdown, a drain that never ends) belong to the health checks.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.metrics.sample import Filesystem, Gpu, HostFacts, Memory, Sample
from backends.metrics.throttle import worst_flag
from backends.states import STATE_SEVERITY, HostState, Severity

FULL_WARNING, FULL_CRITICAL = 95.0, 97.0
"""Per cent of space or inodes in use (kubernetes node mixin: < 5 % left warns, < 3 % is critical)."""
MEMORY_WARNING, MEMORY_CRITICAL = 5.0, 2.0
"""Per cent of memory available (netdata: critical at 98 % used)."""
SWAP_STORM = 1 << 20
"""Bytes a second both in and out: pages come back that were just thrown out (own reasoning)."""
PRESSURE_WARNING, PRESSURE_CRITICAL = 20.0, 40.0
"""Per cent of a minute in which some task stalled on memory (own reasoning; no shipped tool has a default)."""
STALL_WARNING = 40.0
"""The same for IO and CPU, which a busy host may well show; never critical."""
LOAD_PER_CORE = 2.0
"""15-minute load over cores (node mixin)."""
STEAL_WARNING = 10.0
"""Per cent of CPU time taken by the hypervisor (awesome-prometheus-alerts)."""
MARGIN_WARNING = 10.0
"""Degrees left before a GPU slows down (gpud); a margin of 0 or less is skipped as unreliable."""
HOT_WARNING, HOT_CRITICAL = 85.0, 95.0
"""GPU temperature where it has no margin to offer (VESSL)."""
DISK_BUSY, DISK_LATENCY = 98.0, 0.1
"""Per cent busy (netdata) together with seconds for a request (awesome-prometheus-alerts)."""
ERRORS_PER_PACKET, ERRORS_LEAST = 0.01, 5
"""Network errors over packets (node mixin), from five errors on (netdata)."""

_KINDS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "zfs", "bcachefs"})
_READ_ONLY_BY_DESIGN = ("/usr", "/nix", "/snap", "/media", "/run", "/boot")
_FLAGS = {
    "lost": (3, "lost"),
    "hung": (3, "hung"),
    "ecc": (3, "uncorrected ECC"),
    "nvlink": (3, "NVLink down"),
    "hw-slow": (2, "HW slowdown"),
    "thermal": (2, "thermal slowdown"),
    "power-brake": (2, "power brake"),
    "pcie": (2, "PCIe link degraded"),
}
_SEVERITIES = (Severity.OK, Severity.UNKNOWN, Severity.WARNING, Severity.CRITICAL)
_UNREAD = frozenset({HostState.UP, HostState.STALE, HostState.DRIVER_HUNG})
_STATE_WORDS = {HostState.STALE: "stale", HostState.DRIVER_HUNG: "GPU driver hung"}

Finding = tuple[int, str]
"""Rank of the severity and the words; rank 0 is no finding."""
_NOTHING: Finding = (0, "")


def worst(
    sample: Sample | None, state: HostState, facts: HostFacts | None, previous: Sample | None = None
) -> tuple[Severity, str]:
    """The worst thing about a host in a few words; (OK, "") when nothing is.

    Args:
        sample: the newest one; None when there is none yet, which is UNKNOWN.
        state: of the way to the host; whatever is not connected is judged by its state alone.
        facts: for the number of cores; None falls back to the cores in the sample.
        previous: the sample before, for counters that rise (network errors, out-of-memory kills).
    """
    if state not in _UNREAD:
        return STATE_SEVERITY[state], state.value
    if sample is None:
        return Severity.UNKNOWN, "no sample yet"
    found: Finding = (STATE_SEVERITY[state].rank, _STATE_WORDS.get(state, ""))
    for finding in (_gpus(sample), _filesystems(sample.filesystems), _memory(sample, previous)):
        if finding[0] > found[0]:
            found = finding
    if found[0] < 2:
        found = max(_busy(sample, facts), _network(sample, previous), found, key=_rank)
    return _SEVERITIES[found[0]], found[1]


def _rank(finding: Finding) -> int:
    return finding[0]


def _gpus(sample: Sample) -> Finding:
    status = sample.gpu_status
    if status is not None:
        if status.hung:
            return 3, "GPU driver hung"
        if status.reason and status.way == "none" and "released" not in status.reason:
            return 3, f"no GPUs: {status.reason}"
    found = _NOTHING
    for gpu in sample.gpus:
        finding = _gpu(gpu)
        if finding[0] > found[0]:
            same = sum(1 for other in sample.gpus if _gpu(other) == finding)
            found = (finding[0], f"gpu {gpu.index} {finding[1]}" if same == 1 else f"{same} GPUs {finding[1]}")
    return found


def _gpu(gpu: Gpu) -> Finding:
    flag = worst_flag(gpu)
    if flag == "remap":
        return (
            (3, "row remap failed")
            if gpu.remap_failed
            else (3, "row remap pending")
            if gpu.remap_pending
            else (2, "rows remapped")
        )
    if flag:
        return _FLAGS[flag]
    margin, celsius = gpu.temperature_margin_celsius, gpu.temperature_celsius
    if margin is not None and margin > 0:
        return (2, f"{margin:.0f}° below slowdown") if margin <= MARGIN_WARNING else _NOTHING
    if celsius is not None and celsius >= HOT_WARNING:
        return (3 if celsius >= HOT_CRITICAL else 2), f"{celsius:.0f}°C"
    return _NOTHING


def _filesystems(filesystems: Sequence[Filesystem]) -> Finding:
    found = _NOTHING
    for one in filesystems:
        used, inodes = one.used_percent, one.inodes_used_percent
        if one.read_only and one.kind in _KINDS and not one.mount.startswith(_READ_ONLY_BY_DESIGN):
            return 3, f"{one.mount} is read-only"
        if one.reason is not None and found[0] < 2:
            found = (2, f"{one.mount}: {one.reason}")
        if one.read_only:
            continue  # an image is always full
        if used is not None and used >= FULL_WARNING and found[0] < 3:
            found = (3 if used >= FULL_CRITICAL else 2, f"{one.mount} {used:.0f}% full")
        if inodes is not None and inodes >= FULL_WARNING and found[0] < 3:
            found = (3 if inodes >= FULL_CRITICAL else 2, f"{one.mount} {inodes:.0f}% of inodes")
    return found


def _memory(sample: Sample, previous: Sample | None) -> Finding:
    memory = sample.memory
    if memory is None:
        return _NOTHING
    found = _NOTHING
    if memory.total_bytes and memory.available_bytes is not None:
        left = 100.0 * memory.available_bytes / memory.total_bytes
        if left < MEMORY_WARNING:
            found = (3 if left < MEMORY_CRITICAL else 2, f"memory {left:.0f}% left")
    stalled = memory.pressure.some_avg60_percent if memory.pressure is not None else None
    if stalled is not None and stalled > PRESSURE_WARNING and found[0] < 3:
        found = (3 if stalled > PRESSURE_CRITICAL else 2, f"memory stalls {stalled:.0f}%")
    return found if found[0] else _swapping(memory, previous)


def _swapping(memory: Memory, previous: Sample | None) -> Finding:
    incoming, outgoing = memory.swap_in_bytes_per_second, memory.swap_out_bytes_per_second
    if incoming is not None and outgoing is not None and incoming > SWAP_STORM and outgoing > SWAP_STORM:
        return 2, "swap storm"
    before = previous.memory.oom_kills if previous is not None and previous.memory is not None else None
    if before is not None and memory.oom_kills is not None and memory.oom_kills > before:
        return 2, "out-of-memory kill"
    return _NOTHING


def _busy(sample: Sample, facts: HostFacts | None) -> Finding:
    pressure = sample.io_pressure
    if pressure is not None and (pressure.some_avg60_percent or 0.0) > STALL_WARNING:
        return 2, f"IO stalls {pressure.some_avg60_percent:.0f}%"
    for disk in sample.disks:
        if (disk.busy_percent or 0.0) > DISK_BUSY and (disk.latency_seconds or 0.0) > DISK_LATENCY:
            return 2, f"disk {disk.name} saturated"
    cpu = sample.cpu
    if cpu is None:
        return _NOTHING
    if cpu.steal_percent is not None and cpu.steal_percent > STEAL_WARNING:
        return 2, f"steal {cpu.steal_percent:.0f}%"
    cores = (facts.cpu_count if facts is not None else None) or len(cpu.cores)
    if cores and cpu.load_15 is not None and cpu.load_15 > LOAD_PER_CORE * cores:
        return 2, f"load {cpu.load_15:.0f} on {cores} cores"
    if cpu.pressure is not None and (cpu.pressure.some_avg60_percent or 0.0) > STALL_WARNING:
        return 2, f"CPU stalls {cpu.pressure.some_avg60_percent:.0f}%"
    return _NOTHING


def _network(sample: Sample, previous: Sample | None) -> Finding:
    for port in sample.infiniband:
        if "linkup" in port.physical_state.lower() and "active" not in port.state.lower():
            return 2, f"InfiniBand {port.name} {port.state.lower() or 'not active'}"
    if previous is None or not sample.interval_seconds:
        return _NOTHING
    before = {nic.name: nic for nic in previous.nics}
    for nic in sample.nics:
        earlier = before.get(nic.name)
        if earlier is None or not (nic.rx_errors or nic.tx_errors):
            continue
        risen = (nic.rx_errors or 0) + (nic.tx_errors or 0) - (earlier.rx_errors or 0) - (earlier.tx_errors or 0)
        packets = ((nic.rx_packets_per_second or 0.0) + (nic.tx_packets_per_second or 0.0)) * sample.interval_seconds
        if risen >= ERRORS_LEAST and risen > ERRORS_PER_PACKET * packets:
            return 2, f"{nic.name} {risen} errors"
    return _NOTHING
