"""One GPU of a job against the others: what runs slower holds all back, what works less is fed badly.

Rules: reference monitoring §5: SM clock, PCIe link or power off the peers by more than 10 % (own reasoning, a host's
view of nvrx's straggler score); utilisation histograms further apart than 0.5 (SageMaker Debugger).
"""

from __future__ import annotations

from collections.abc import Iterable

from backends.checks.commands import LINKS, gpu_look
from backends.checks.figures import MEASURED_SHARE, mean, median
from backends.checks.hang import MEMORY_IDLE, SPINS
from backends.checks.jobs import Job
from backends.checks.outcome import Gap, Outcome
from backends.checks.signs import Confidence
from backends.checks.verdict import Verdict
from backends.checks.window import GpuWindow
from backends.checks.work import link_rate
from backends.metrics.throttle import SW_POWER_CAP
from backends.states import Severity
from backends.units import percent

OFF = 0.1
"""Off the median of the others by more than this share."""
BUSY = 50.0
"""Clocks are compared while a GPU is used at least this much: they fall when it idles."""
SPIN_POWER = 0.5
"""Of the power limit: the others only wait when they are fully used and draw less than this (own reasoning)."""
APART, BINS, POINTS = 0.5, 5, 20.0
"""Histograms of as many bins further apart than this (SageMaker), and means by this many points: a value at the edge of
two bins is no imbalance (own reasoning)."""

Oddity = tuple[GpuWindow, str, Confidence, str]
"""The GPU, the numbers, how sure, the next command."""


def straggler(job: Job) -> Outcome:
    """The GPU that differs from its peers in clock, link or power."""
    if len(job.gpus) < 2:
        return None
    odd = _links(job) or _clocks(job) or _waited_for(job)
    if odd is not None:
        gpu, numbers, confidence, command = odd
        return Verdict(
            subject=job.subject,
            kind="straggler",
            text=f"gpu {gpu.index} holds back the other {len(job.gpus) - 1}",
            evidence=(numbers,),
            confidence=confidence,
            next_step=gpu_look((gpu,), command),
            severity=Severity.WARNING,
        )
    return _lacking(job)


def _lacking(job: Job) -> Gap | None:
    missing = job.lacking("pcie_width", "pcie_generation", "sm_clock_mhz", "power_watts") if _works(job) else ()
    return Gap("straggler", missing) if missing else None


def _works(job: Job) -> bool:
    """Only a GPU that works can hold others back."""
    return any(mean(gpu.values("utilisation_percent") or [0.0]) >= BUSY for gpu in job.gpus)


def _others(values: dict[GpuWindow, float], gpu: GpuWindow) -> float:
    return median([value for other, value in values.items() if other is not gpu])


def _links(job: Job) -> Oddity | None:
    """The narrowest or slowest link; links shift down at idle, so only GPUs that work count."""
    known = {gpu: link for gpu in job.gpus if (link := link_rate(gpu)) is not None and _awake(gpu)}
    if len(known) < 2:
        return None
    gpu = min(known, key=lambda one: known[one])
    if known[gpu] >= (1 - OFF) * _others(known, gpu):
        return None
    words = f"gen{max(gpu.values('pcie_generation') or [0.0]):.0f} x{gpu.newest.pcie_width}"
    numbers = f"PCIe {words}: {percent(100 * (1 - known[gpu] / _others(known, gpu)))} less than its peers"
    return gpu, numbers, "high", LINKS


def _awake(gpu: GpuWindow) -> bool:
    return bool(gpu.while_busy("pcie_generation", BUSY))


def _clocks(job: Job) -> Oddity | None:
    """The lowest SM clock among GPUs of the same model while they work."""
    known = busy_clocks([gpu for gpu in job.gpus if gpu.newest.name == job.gpus[0].newest.name])
    if len(known) < 2:
        return None
    gpu = min(known, key=lambda one: known[one])
    peers = _others(known, gpu)
    if known[gpu] >= (1 - OFF) * peers:
        return None
    capped = any(bits & SW_POWER_CAP for bits in gpu.bits() or ())
    numbers = f"SM clock {known[gpu]:.0f} MHz, its peers {peers:.0f}" + (" (at its power limit)" if capped else "")
    return gpu, numbers, "low" if capped else "high", "nvidia-smi -q -d CLOCK,PERFORMANCE"


def busy_clocks(gpus: Iterable[GpuWindow]) -> dict[GpuWindow, float]:
    """The mean SM clock of each GPU that worked in most of the window."""
    clocks = {gpu: gpu.while_busy("sm_clock_mhz", BUSY) for gpu in gpus}
    return {
        gpu: mean(found)
        for gpu, found in clocks.items()
        if len(found) >= MEASURED_SHARE * len(gpu.column("sm_clock_mhz"))
    }


def _waited_for(job: Job) -> Oddity | None:
    """Higher power than the others, which are fully used and draw little: they spin until this one is done."""
    shares = {gpu: share for gpu in job.gpus if (share := _draw(gpu)) is not None}
    if len(shares) < max(3, len(job.gpus)):
        return None
    gpu = max(shares, key=lambda one: shares[one])
    peers = _others(shares, gpu)
    if (
        peers >= SPIN_POWER
        or shares[gpu] <= (1 + OFF) * peers
        or not all(_spins(one) for one in job.gpus if one is not gpu)
    ):
        return None
    numbers = f"draws {percent(100 * shares[gpu])} of its power limit, its peers {percent(100 * peers)} at full use"
    clear = shares[gpu] >= SPIN_POWER and peers > 0
    return gpu, numbers, "medium" if clear else "low", "nvidia-smi dmon -s puc -c 10"


def _draw(gpu: GpuWindow) -> float | None:
    watts, limit = gpu.values("power_watts"), gpu.latest("power_limit_watts")
    return mean(watts) / limit if watts and limit else None


def _spins(gpu: GpuWindow) -> bool:
    busy, moved = gpu.values("utilisation_percent"), gpu.values("memory_utilisation_percent")
    return bool(busy) and min(busy or [0.0]) > SPINS and bool(moved) and max(moved or [100.0]) < 2 * MEMORY_IDLE


def imbalance(job: Job) -> Outcome:
    """The GPU whose utilisation is spread quite differently from that of the others."""
    columns = {gpu: gpu.values("utilisation_percent") for gpu in job.gpus}
    if len(columns) < 2:
        return None
    known = {gpu: values for gpu, values in columns.items() if values is not None}
    if len(known) < len(columns):
        return Gap("imbalance", job.lacking("utilisation_percent"))
    means = {gpu: mean(values) for gpu, values in known.items()}
    for gpu, own in known.items():
        rest = (sum(means.values()) - means[gpu]) / (len(means) - 1)
        if abs(means[gpu] - rest) > POINTS:
            others = [value for other, values in known.items() if other is not gpu for value in values]
            if _distance(own, others) > APART:
                return _uneven(job, gpu, means[gpu], rest)
    return None


def _distance(left: list[float], right: list[float]) -> float:
    """Between the two histograms: half the sum of the differences, 0 (the same) to 1 (nothing in common)."""
    return sum(abs(one - other) for one, other in zip(_histogram(left), _histogram(right), strict=True)) / 2


def _histogram(values: list[float]) -> list[float]:
    counts = [0.0] * BINS
    for value in values:
        counts[min(BINS - 1, int(value * BINS / 100))] += 1 / len(values)
    return counts


def _uneven(job: Job, gpu: GpuWindow, own: float, rest: float) -> Verdict:
    less = own < rest
    return Verdict(
        subject=job.subject,
        kind="imbalance",
        text=f"gpu {gpu.index} works {'less' if less else 'more'} than the other {len(job.gpus) - 1}",
        evidence=(f"gpu {gpu.index} {percent(own)} used, the others {percent(rest)}",),
        confidence="medium",
        next_step=gpu_look(job.gpus, "nvidia-smi dmon -s um -c 10"),
        severity=Severity.WARNING,
    )
