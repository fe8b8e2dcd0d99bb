"""What speaks for a shortage of disks or processors on a host, with the numbers; rules of several subjects weigh it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from backends.checks.figures import mean, measured, number, percent, share_above
from backends.checks.window import Window
from backends.metrics.sample import Disk
from backends.units import percent as shown

Confidence = Literal["low", "medium", "high"]

MOST_SAMPLES = 0.5
"""A sign must hold in more than half of the samples (SageMaker Debugger)."""
IOWAIT = 50.0
"""Per cent of CPU time spent waiting for IO (SageMaker)."""
STALLS = 20.0
"""Per cent of time in which some task stalled on IO (own reasoning)."""
DISK_BUSY, DISK_QUEUE, DISK_LATENCY = 98.0, 10.0, 0.1
"""Per cent busy (netdata) together with requests waiting (node mixin) or seconds for one (awesome-prometheus-alerts);
busy alone says little about NVMe."""
CPU_BUSY = 90.0
"""Per cent of all cores (SageMaker)."""
CORE_BUSY = 95.0
"""Per cent of one core (own reasoning: a single-threaded step saturates one core of many)."""
DISKS_TOLD = 3


class Signs(NamedTuple):
    """What speaks for one cause, and how surely."""

    evidence: tuple[str, ...]
    confidence: Confidence


def agreeing(evidence: list[str]) -> Signs | None:
    """One sign is weak, two agree, three are sure; None for none."""
    if not evidence:
        return None
    return Signs(tuple(evidence), "low" if len(evidence) == 1 else "medium" if len(evidence) == 2 else "high")


def disk_evidence(window: Window) -> list[str]:
    """Waiting for IO, tasks stalled on IO, saturated disks, mounts that do not answer."""
    found = []
    wait, stalls = window.values("cpu.iowait_percent"), window.values("io_pressure.some_avg10_percent")
    if wait and share_above(wait, IOWAIT) > MOST_SAMPLES:
        found.append(f"iowait {shown(mean(wait))}")
    if stalls and mean(stalls) > STALLS:
        found.append(f"tasks stall on IO {shown(mean(stalls))} of the time")
    return found + _saturated(window) + mounts_silent(window)


def _saturated(window: Window) -> list[str]:
    counts: dict[str, int] = {}
    for sample in window.samples:
        for disk in sample.disks:
            if _is_saturated(disk):
                counts[disk.name] = counts.get(disk.name, 0) + 1
    most = MOST_SAMPLES * len(window.samples)
    names = [name for name, count in counts.items() if count > most]
    return [f"disk {', '.join(names[:DISKS_TOLD])} saturated"] if names else []


def _is_saturated(disk: Disk) -> bool:
    if (percent(disk.busy_percent) or 0.0) <= DISK_BUSY:
        return False
    return (number(disk.queue_length) or 0.0) > DISK_QUEUE or (number(disk.latency_seconds) or 0.0) > DISK_LATENCY


def mounts_silent(window: Window) -> list[str]:
    """Mounts that gave no numbers, now and at the start of the window."""
    before = {one.mount for one in window.samples[0].filesystems if one.reason is not None}
    names = [one.mount for one in window.newest.filesystems if one.reason is not None and one.mount in before]
    return [f"no answer from {', '.join(name[:60] for name in names[:DISKS_TOLD])}"] if names else []


def disks_lacking(window: Window) -> tuple[str, ...]:
    """The fields without which nothing is known about waiting for storage; either of the two is enough."""
    if window.values("cpu.iowait_percent") or window.values("io_pressure.some_avg10_percent"):
        return ()
    return ("cpu.iowait_percent", "io_pressure.some_avg10_percent")


def cores_busy(window: Window) -> str:
    """All cores are in use: the words for it; "" when they are not or it is not known."""
    total = window.values("cpu.busy_percent")
    if total and share_above(total, CPU_BUSY) > MOST_SAMPLES:
        return f"all CPU cores {shown(mean(total))} busy"
    return ""


def one_core_busy(window: Window) -> str:
    """One core is saturated beside a low total: the words for it."""
    total, cores = window.values("cpu.busy_percent"), measured(window.hottest_core())
    if total and cores and mean(total) < CPU_BUSY and share_above(cores, CORE_BUSY) > MOST_SAMPLES:
        return f"one core {shown(mean(cores))} busy, all together {shown(mean(total))}"
    return ""


def cpu_lacking(window: Window) -> tuple[str, ...]:
    """The fields without which nothing is known about the processors."""
    total, cores = window.values("cpu.busy_percent"), measured(window.hottest_core())
    return tuple(name for name, have in (("cpu.busy_percent", total), ("cpu.cores", cores)) if have is None)
