"""Raw counters of two moments → the public `Sample`. Pure, and calm about everything that counters do in the wild.

Counters wrap (diskstats milliseconds at 2³², some drivers' bytes too), start again (reboot, device re-plugged), stand still
(duplicates) or go backwards (iowait). A difference that cannot be told is None, never a guess and never negative.
"""

from __future__ import annotations

from backends.metrics.difference import count, quantity
from backends.metrics.parts import cpu, disk, infiniband, memory, nic, pressure
from backends.metrics.raw import IbReading, Raw
from backends.metrics.sample import InfinibandPort, ProbeCost, ProcessTable, Sample

MIN_INTERVAL_SECONDS = 0.01
"""Shorter intervals divide by noise; their rates are None."""
MAX_INTERVAL_SECONDS = 86_400.0
"""Nothing is sampled more seldom than hourly; a longer interval is a host's clock that is wrong."""
MAX_SECONDS = 1e10
"""Three hundred years: no uptime, age or CPU time is longer."""


def rates(previous: Raw | None, current: Raw, previous_infiniband: IbReading | None = None) -> Sample:
    """The sample at `current`, with rates since `previous`.

    Args:
        previous: the reading before; None, another boot, or a clock that did not advance give no rates.
        current: the newest reading.
        previous_infiniband: the ports' reading before the current one (they have a slower cadence of their own).
    """
    seconds = _interval(previous, current)
    before = previous if seconds is not None else None
    return Sample(
        time=current.time,
        interval_seconds=seconds,
        uptime_seconds=quantity(current.uptime_seconds, MAX_SECONDS),
        clock_offset_seconds=current.clock_offset_seconds,
        cpu=cpu(before, current),
        memory=memory(before, current, seconds),
        io_pressure=pressure(current.io_pressure),
        filesystems=current.filesystems,
        disks=tuple(
            [
                disk(name, before.disks.get(name) if before else None, row, seconds)
                for name, row in current.disks.items()
            ]
        ),
        nics=tuple(
            [
                nic(name, before.nics.get(name) if before else None, row, current.links.get(name), seconds)
                for name, row in current.nics.items()
            ]
        ),
        infiniband=_infiniband(previous_infiniband, current.infiniband),
        sensors=current.sensors,
        processes=_aged(current),
        gpus=current.gpus,
        gpu_status=current.gpu_status,
        probe=_cost(before, current),
        missing=current.missing,
    )


def _interval(previous: Raw | None, current: Raw) -> float | None:
    if previous is None or previous.boot_id != current.boot_id:
        return None
    return _between(previous.monotonic, current.monotonic)


def _between(earlier: float, later: float) -> float | None:
    seconds = later - earlier
    return seconds if MIN_INTERVAL_SECONDS <= seconds <= MAX_INTERVAL_SECONDS else None


def _infiniband(before: IbReading | None, now: IbReading | None) -> tuple[InfinibandPort, ...]:
    if now is None:
        return ()
    seconds = _between(before.monotonic, now.monotonic) if before else None
    old = {port.name: port for port in before.ports} if before and seconds is not None else {}
    return tuple([infiniband(old.get(port.name), port, seconds) for port in now.ports])


def _aged(current: Raw) -> ProcessTable | None:
    table, read = current.processes, current.processes_monotonic
    if table is None or read is None:
        return table
    return ProcessTable(
        total=table.total,
        running=table.running,
        blocked=table.blocked,
        zombies=table.zombies,
        top=table.top,
        age_seconds=min(MAX_SECONDS, max(0.0, round(current.monotonic - read, 3))),
    )


def _cost(before: Raw | None, current: Raw) -> ProbeCost | None:
    now = current.cost
    if now is None:
        return None
    old = before.cost if before else None
    spent = now.cpu_seconds - old.cpu_seconds if old else None
    return ProbeCost(cpu_seconds=quantity(spent, MAX_SECONDS), resident_bytes=count(now.resident_bytes))
