"""Turns what is known about one host into the one line that the fleet table shows. Pure: no clock, no lock, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from backends.engine.run_marks import FREE, RunMark
from backends.engine.wire import GpuCell, HostRow
from backends.inventory.host import Host
from backends.metrics.sample import Disk, Gpu, HostFacts, Nic, Sample
from backends.metrics.throttle import worst_flag
from backends.sources.base import LinkInfo, StateChange
from backends.states import HostState, Severity

_NOT_ON_THE_WIRE = ("lo",)
_WHOLE_DISKS = ("loop", "ram", "zram", "dm-", "md")
"""Layered devices count the same bytes again, so the sums leave them out when real disks are there."""


def effective(change: StateChange, sample: Sample | None, stale_reason: str) -> StateChange:
    """The state to show: what the source says, unless samples stopped or the GPU driver hangs."""
    if change.state is not HostState.UP:
        return change
    if stale_reason:
        return StateChange(state=HostState.STALE, reason=stale_reason)
    status = sample.gpu_status if sample is not None else None
    if status is not None and status.hung:
        reason = status.reason or "the GPU driver does not answer"
        return StateChange(
            state=HostState.DRIVER_HUNG, reason=reason, hint="dmesg on the host; a reboot usually clears it"
        )
    return change


def build(
    host: Host,
    change: StateChange,
    *,
    version: int,
    since: float,
    sample: Sample | None,
    facts: HostFacts | None,
    link: LinkInfo | None,
    severity: Severity,
    worst: str,
    verdict: str,
    alerts: int | None = None,
    updates_pending: int | None = None,
    backup_time: float | None = None,
    run: RunMark = FREE,
) -> HostRow:
    """The row of `host`; every number that is not known is None."""
    numbers = _numbers(sample) if sample is not None else {}
    return HostRow(
        name=host.name,
        state=change.state,
        version=version,
        reason=change.reason,
        hint=change.hint,
        since=since,
        retry_at=change.retry_at,
        tags=host.tags,
        severity=severity,
        worst=worst,
        verdict=verdict,
        alerts=alerts,
        updates_pending=updates_pending,
        backup_time=backup_time,
        run=run.run,
        run_stage=run.stage,
        cpu_count=facts.cpu_count if facts is not None else None,
        kernel=facts.kernel if facts is not None else "",
        system=facts.system if facts is not None else "",
        round_trip_seconds=link.round_trip_seconds if link is not None else None,
        **numbers,
    )


def _numbers(sample: Sample) -> dict[str, Any]:
    return {
        "sample_time": sample.time,
        "uptime_seconds": sample.uptime_seconds,
        "process_count": sample.processes.total if sample.processes is not None else None,
        **_cpu(sample),
        **_memory(sample),
        **_disk(sample),
        **_network(sample.nics),
        **_gpus(sample),
    }


def _cpu(sample: Sample) -> dict[str, Any]:
    cpu = sample.cpu
    if cpu is None:
        return {}
    return {"cpu_percent": cpu.busy_percent, "iowait_percent": cpu.iowait_percent, "load_1": cpu.load_1}


def _memory(sample: Sample) -> dict[str, Any]:
    memory = sample.memory
    if memory is None:
        return {}
    return {
        "memory_percent": share(memory.used_bytes, memory.total_bytes),
        "memory_total_bytes": memory.total_bytes,
        "swap_percent": share(memory.swap_used_bytes, memory.swap_total_bytes),
    }


def _disk(sample: Sample) -> dict[str, Any]:
    fullest = max(
        (fs for fs in sample.filesystems if fs.used_percent is not None),
        key=lambda fs: fs.used_percent or 0.0,
        default=None,
    )
    disks = _real(sample.disks)
    return {
        "disk_percent": fullest.used_percent if fullest is not None else None,
        "disk_mount": fullest.mount if fullest is not None else "",
        "disk_read_bytes_per_second": total(disk.read_bytes_per_second for disk in disks),
        "disk_write_bytes_per_second": total(disk.write_bytes_per_second for disk in disks),
        "disk_busy_percent": largest(disk.busy_percent for disk in disks),
    }


def _real(disks: Sequence[Disk]) -> Sequence[Disk]:
    whole = [disk for disk in disks if not disk.name.startswith(_WHOLE_DISKS)]
    return whole or disks


def _network(nics: Sequence[Nic]) -> dict[str, Any]:
    outside = [nic for nic in nics if nic.name not in _NOT_ON_THE_WIRE]
    return {
        "net_rx_bytes_per_second": total(nic.rx_bytes_per_second for nic in outside),
        "net_tx_bytes_per_second": total(nic.tx_bytes_per_second for nic in outside),
    }


def _gpus(sample: Sample) -> dict[str, Any]:
    gpus = sample.gpus
    if not gpus:
        return {}
    hung = sample.gpu_status is not None and sample.gpu_status.hung
    return {
        "gpus": tuple(cell(gpu, hung=hung) for gpu in gpus),
        "gpu_model": gpus[0].name,
        "gpu_percent": mean(gpu.utilisation_percent for gpu in gpus),
        "gpu_memory_percent": _gpu_memory(gpus),
        "gpu_temperature_celsius": largest(gpu.temperature_celsius for gpu in gpus),
        "gpu_power_watts": total(gpu.power_watts for gpu in gpus),
    }


def _gpu_memory(gpus: Sequence[Gpu]) -> float | None:
    known = [gpu for gpu in gpus if gpu.memory_used_bytes is not None and gpu.memory_total_bytes]
    return share(total(gpu.memory_used_bytes for gpu in known), total(gpu.memory_total_bytes for gpu in known))


def cell(gpu: Gpu, *, hung: bool) -> GpuCell:
    """One GPU of the heat strip."""
    return GpuCell(
        utilisation_percent=gpu.utilisation_percent,
        memory_percent=share(gpu.memory_used_bytes, gpu.memory_total_bytes),
        temperature_celsius=gpu.temperature_celsius,
        power_watts=gpu.power_watts,
        flag=worst_flag(gpu, hung),
    )


def share(part: float | None, whole: float | None) -> float | None:
    """`part` of `whole` in per cent with one decimal; None when either is unknown or the whole is zero."""
    if part is None or not whole:
        return None
    return round(100.0 * part / whole, 1)


def total(values: Iterable[float | None]) -> float | None:
    """The sum of the known values; None when none is known."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def largest(values: Iterable[float | None]) -> float | None:
    """The largest known value; None when none is known."""
    return max((value for value in values if value is not None), default=None)


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of the known values with one decimal; None when none is known."""
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 1) if known else None
