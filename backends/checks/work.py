"""What limits a job whose GPUs do work: the PCIe link, GPU memory, launches, or too small a batch.

Rules: reference monitoring §5, after kempnerpulse and SageMaker Debugger. Their thresholds are of SM and DRAM activity,
which needs profiling counters; from outside, the share of the power limit stands for SM activity (own reasoning), so
these verdicts are never sure and the next command measures the real thing.
"""

from __future__ import annotations

from backends.checks.commands import LINKS, PROFILE, gpu_look
from backends.checks.figures import mean, measured, percentile
from backends.checks.jobs import Job
from backends.checks.outcome import Gap, Outcome
from backends.checks.verdict import Verdict
from backends.checks.waiting import WAITS
from backends.checks.window import GpuWindow
from backends.states import Severity
from backends.units import percent, rate

COPY_RATE, COPY_IDLE = 1e9, 30.0
"""Bytes a second over PCIe while the GPU is used less than this (kempnerpulse: 1 GB/s, SM below 30 %)."""
LINK_FULL, LINK_BUSY = 0.8, 70.0
"""Of what the link can carry (own reasoning); a GPU used more than this is not held back by it."""
LANE_RATE = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.969e9, 5: 3.938e9, 6: 7.563e9}
"""Bytes a second of one PCIe lane in one direction, by generation, after encoding."""
BANDWIDTH, BANDWIDTH_BUSY, BANDWIDTH_POWER = 50.0, 70.0, 0.75
"""Memory active (kempnerpulse) while the GPU is used at least this and draws less than this share of its limit (own
reasoning: matrix work drives a GPU to its limit)."""
LAUNCH_BUSY, LAUNCH_POWER = 40.0, 0.35
"""Used at least this (kempnerpulse) and drawing less than this share of its limit (own reasoning for SM below 25 %)."""
SMALL = 70.0
"""GPU, processors and GPU memory all below it at the 95th percentile (SageMaker)."""


def copying(job: Job) -> Outcome:
    """The PCIe link carries much while the GPUs wait."""
    busy = measured(job.busy)
    if busy is None or mean(busy) >= LINK_BUSY:
        return None
    lacking = job.lacking("pcie_rx_bytes_per_second", "pcie_tx_bytes_per_second")
    if lacking:
        return Gap("pcie-copy", lacking)
    for gpu in job.gpus:
        carried = max(mean(gpu.values(f"pcie_{way}_bytes_per_second") or [0.0]) for way in ("rx", "tx"))
        most = link_rate(gpu)
        full = most is not None and carried > LINK_FULL * most
        if full or (carried >= COPY_RATE and mean(busy) < COPY_IDLE):
            return _copies(job, gpu, carried, most, full)
    return None


def link_rate(gpu: GpuWindow) -> float | None:
    """What the GPU's PCIe link carries at most in one direction, bytes a second; None when it is not known."""
    generations, width = gpu.values("pcie_generation"), gpu.latest("pcie_width")
    lane = LANE_RATE.get(int(max(generations))) if generations else None  # the fastest: links shift down at idle
    return lane * width if lane is not None and width and width <= 32 else None


def _copies(job: Job, gpu: GpuWindow, carried: float, most: float | None, full: bool) -> Verdict:
    share = f", {percent(100 * carried / most)} of its link" if most else ""
    return Verdict(
        subject=job.subject,
        kind="pcie-copy",
        text="spends its time on copies over PCIe",
        evidence=(f"gpu {gpu.index} {rate(carried)} over PCIe{share}", f"{job.shown} {_used(job)} used"),
        confidence="high" if full else "medium",
        next_step=gpu_look((gpu,), LINKS if full else "nvidia-smi dmon -s ut -c 10"),
        severity=Severity.WARNING,
    )


def _used(job: Job) -> str:
    return percent(mean(measured(job.busy) or [0.0]))


def power_share(job: Job, busy_percent: float) -> float | None:
    """The mean draw over the limit while a GPU is that busy, 0–1, over the job's GPUs; None where it is not known."""
    shares = []
    for gpu in job.gpus:
        watts, limit = gpu.while_busy("power_watts", busy_percent), gpu.latest("power_limit_watts")
        if not watts or not limit:
            return None
        shares.append(mean(watts) / limit)
    return mean(shares)


def bandwidth(job: Job) -> Outcome:
    """GPU memory is read and written all the time while the cores draw little."""
    busy = measured(job.busy)
    if busy is None or mean(busy) < BANDWIDTH_BUSY:
        return None
    moved = job.means("memory_utilisation_percent")
    if moved is None:
        return Gap("memory-bandwidth", job.lacking("memory_utilisation_percent"))
    if mean(moved) < BANDWIDTH:
        return None
    share = power_share(job, BANDWIDTH_BUSY)
    if share is None:
        return Gap("memory-bandwidth", _power_lacking(job))
    if share >= BANDWIDTH_POWER:
        return None
    return _advice(
        job,
        "memory-bandwidth",
        "is limited by the bandwidth of GPU memory",
        (f"memory active {percent(mean(moved))}", f"draws {percent(100 * share)} of the power limit", _busy(job)),
        PROFILE,
    )


def launching(job: Job) -> Outcome:
    """Kernels run all the time and do little: small launches or waiting for other GPUs."""
    busy = measured(job.busy)
    if busy is None or mean(busy) < LAUNCH_BUSY:
        return None
    share = power_share(job, LAUNCH_BUSY)
    if share is None:
        return Gap("launch-overhead", _power_lacking(job))
    if share >= LAUNCH_POWER:
        return None
    evidence = (_busy(job), f"draws {percent(100 * share)} of the power limit")
    return _advice(job, "launch-overhead", "is busy with little work: many small launches, or waits", evidence, PROFILE)


def small_batch(job: Job) -> Outcome:
    """Nothing is used fully, not even GPU memory: a larger batch may fit."""
    busy = measured(job.busy)
    if busy is None or percentile(busy, 0.95) >= SMALL or mean(busy) < WAITS:
        return None
    fills = [_filled(gpu) for gpu in job.gpus]
    known = [fill for fill in fills if fill is not None]
    if known and max(known) >= SMALL:
        return None
    total = job.window.values("cpu.busy_percent")
    if total is not None and percentile(total, 0.95) >= SMALL:
        return None
    lacking = job.lacking("memory_used_bytes", "memory_total_bytes") if len(known) < len(fills) else ()
    if not known and not lacking:  # a GPU that says it has no memory at all
        lacking = ("memory_total_bytes",)
    lacking += ("cpu.busy_percent",) if total is None else ()
    if lacking:
        return Gap("small-batch", lacking)
    evidence = (
        f"{job.shown} {percent(percentile(busy, 0.95))} used at the 95th percentile",
        f"GPU memory {percent(max(known))} full",
        f"CPU {percent(percentile(total or [0.0], 0.95))} busy",
    )
    return _advice(
        job, "small-batch", "uses nothing fully: a larger batch may fit", evidence, "nvidia-smi dmon -s um -c 10"
    )


def _filled(gpu: GpuWindow) -> float | None:
    """How full the GPU's memory is at the 95th percentile, per cent."""
    used, total = gpu.values("memory_used_bytes"), gpu.latest("memory_total_bytes")
    return 100 * percentile(used, 0.95) / total if used and total else None


def _power_lacking(job: Job) -> tuple[str, ...]:
    return job.lacking("power_watts", "power_limit_watts") or ("power_watts while busy",)


def _busy(job: Job) -> str:
    return f"{job.shown} {_used(job)} used"


def _advice(job: Job, kind: str, text: str, evidence: tuple[str, ...], command: str) -> Verdict:
    """Nothing is broken; there is something to gain."""
    return Verdict(
        subject=job.subject,
        kind=kind,
        text=text,
        evidence=evidence,
        confidence="low",
        next_step=gpu_look(job.gpus, command),
        severity=Severity.OK,
    )
