"""What a single GPU suffers from, whatever runs on it: its clocks are held down, or its memory fills up.

Rules: reference monitoring §5 and G12 (DCGM), §5 memory leak (SageMaker Debugger).
"""

from __future__ import annotations

from itertools import pairwise

from backends.checks.commands import gpu_look
from backends.checks.figures import mean, median
from backends.checks.outcome import Gap, Outcome
from backends.checks.peers import BUSY, busy_clocks
from backends.checks.verdict import Verdict
from backends.checks.window import GpuWindow, Window
from backends.metrics.throttle import SLOWED, SW_POWER_CAP, decode
from backends.states import Severity
from backends.units import percent, size, span

CLOCK_OFF = 0.9
"""Of the peers' or the maximum clock: what runs at less for no stated reason is held down (own reasoning)."""
SAME_USE = 10.0
"""Points of utilisation within which two GPUs do the same."""
LASTING = 0.5
"""Of the samples with a reason set: from then on it is no passing event (own reasoning)."""
GROWTH, PART = 5.0, 4
"""Points of memory between the first and the last of as many parts of the window (SageMaker)."""
ONE_STEP, SHRINK = 0.5, 0.1
"""Of the growth at most up or down between two samples: more is an allocation, not a leak (own reasoning)."""
SURE_SECONDS = 900.0
"""A job of this age has its memory; a younger one may still be loading (own reasoning)."""
LOOK = "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER"


def throttled(gpu: GpuWindow, window: Window) -> Outcome:
    """A reason that DCGM takes for a fault is set; a power cap at full load is how a GPU is meant to run."""
    bits = gpu.bits()
    if bits is None:
        return _without_bits(gpu)
    slowed = [mask for mask in bits if mask & SLOWED]
    if not slowed:
        return _slow_for_no_reason(gpu, bits, window)
    union = 0
    for mask in slowed:
        union |= mask & SLOWED
    reasons, share = decode(union), len(slowed) / len(bits)
    clock = gpu.values("sm_clock_mhz")
    evidence = (
        f"{', '.join(reason.name for reason in reasons)} in {percent(100 * share)} of {window.span}",
        *([f"SM clock {mean(clock):.0f} MHz{_most(gpu)}"] if clock else []),
        *_heat(gpu),
    )
    return Verdict(
        subject=f"gpu {gpu.index}",
        kind="throttled",
        text=reasons[0].meaning.rstrip(".").replace("The GPU", "it").replace("The ", "the ", 1),
        evidence=evidence,
        confidence="high" if share >= LASTING else "medium" if len(slowed) > 1 else "low",
        next_step=gpu_look((gpu,), LOOK),
        severity=reasons[0].severity if share >= LASTING else Severity.WARNING,
    )


def _most(gpu: GpuWindow) -> str:
    most = gpu.latest("sm_clock_max_mhz")
    return f" of {most:.0f}" if most else ""


def _heat(gpu: GpuWindow) -> list[str]:
    celsius = gpu.values("temperature_celsius")
    return [f"{max(celsius):.0f}°C"] if celsius else []


def _without_bits(gpu: GpuWindow) -> Outcome:
    """Without reasons only a clock near its maximum says that nothing holds it down."""
    busy, clocks, most = (
        gpu.values("utilisation_percent"),
        gpu.while_busy("sm_clock_mhz", BUSY),
        gpu.latest("sm_clock_max_mhz"),
    )
    if busy is not None and max(busy) < BUSY:
        return None
    if clocks and most and mean(clocks) >= CLOCK_OFF * most:
        return None
    return Gap("throttled", ("throttle_bits",))


def _slow_for_no_reason(gpu: GpuWindow, bits: list[int], window: Window) -> Outcome:
    """Below GPUs of its model that are used as much, and not at its power limit."""
    if any(mask & SW_POWER_CAP for mask in bits):
        return None
    own = busy_clocks([gpu]).get(gpu)
    clocks = busy_clocks(other for other in window.gpus.values() if other is not gpu) if own else {}
    peers = [clock for other, clock in clocks.items() if own and own < CLOCK_OFF * clock and _alike(gpu, other)]
    if own is None or not peers or 2 * len(peers) <= len(clocks):
        return None
    return Verdict(
        subject=f"gpu {gpu.index}",
        kind="throttled",
        text="runs slower than its peers, and the driver states no reason",
        evidence=(f"SM clock {own:.0f} MHz, peers {median(peers):.0f}{_most(gpu)} at the same use",),
        confidence="medium",
        next_step=gpu_look((gpu,), LOOK),
        severity=Severity.WARNING,
    )


def _alike(gpu: GpuWindow, other: GpuWindow) -> bool:
    mine, theirs = gpu.values("utilisation_percent"), other.values("utilisation_percent")
    same = mine is not None and theirs is not None and abs(mean(mine) - mean(theirs)) <= SAME_USE
    return same and gpu.newest.name == other.newest.name


def leaking(gpu: GpuWindow, subject: str, age_seconds: float | None, window: Window) -> Outcome:
    """Memory in use grows all through the window, in small steps."""
    used, total = gpu.values("memory_used_bytes"), gpu.latest("memory_total_bytes")
    if used is None or not total:
        names = [name for name in ("memory_used_bytes", "memory_total_bytes") if not gpu.values(name)]
        return Gap("memory-leak", tuple(names) or ("memory_total_bytes",))
    part = max(1, len(used) // PART)
    grown = 100 * (mean(used[-part:]) - mean(used[:part])) / total
    steps = [later - earlier for earlier, later in pairwise(used)]
    if grown <= GROWTH or min(steps) < -SHRINK * (used[-1] - used[0]) or max(steps) > ONE_STEP * (used[-1] - used[0]):
        return None
    per_second = (used[-1] - used[0]) / window.seconds
    left = span(max(0.0, total - used[-1]) / per_second)
    return Verdict(
        subject=f"gpu {gpu.index}",
        kind="memory-leak",
        text=f"{subject} takes ever more GPU memory: full in {left}",
        evidence=(
            f"{size(used[0])} → {size(used[-1])} of {size(total)} in {window.span}",
            f"runs for {span(age_seconds)}" if age_seconds is not None else "how long it runs is not known",
        ),
        confidence="low" if age_seconds is None or age_seconds < SURE_SECONDS else "medium",
        next_step=gpu_look((gpu,), "nvidia-smi --query-compute-apps=pid,used_memory --format=csv -l 5"),
        severity=Severity.WARNING,
    )
