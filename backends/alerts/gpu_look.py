"""Looks at GPUs that all their rules share: what may be bad, cheaply, and how a GPU is named. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.alerts.model import RuleTimes
from backends.alerts.rules import Finding, Limit, Rule
from backends.alerts.subjects import Held, Subject
from backends.alerts.thresholds import nodata
from backends.metrics.sample import Gpu
from backends.metrics.throttle import BUSY_PERCENT, IDLE, REMAPPED_ROWS_LIMIT

MARGIN = Limit(5, 10)
"""Degrees to the slowdown; 0 and less is unreliable (gpud)."""
HOT, MEMORY_HOT = Limit(85, 80), Limit(95, 90)
"""Own values of the default rule pack; HBM: VESSL, sichek."""
MEMORY_HELD = 1 << 30
"""Bytes that no idle driver holds (own reasoning; others take 15 MiB to 4 GiB)."""

GpuJudge = Callable[[Subject, Gpu, Held], Finding]


def key(gpu: Gpu) -> str:
    """What names the GPU in alerts."""
    return gpu.uuid or str(gpu.index)


def name_of(gpu: Gpu) -> str:
    """For a sentence: "GPU 3"."""
    return f"GPU {gpu.index}"


def gpus_of(subject: Subject) -> tuple[Gpu, ...]:
    """Those of the sample."""
    return subject.sample.gpus if subject.sample is not None else ()


def driver_hung(subject: Subject) -> bool:
    """The GPUs are the last that were seen."""
    status = subject.sample.gpu_status if subject.sample is not None else None
    return status is not None and status.hung


def gpu_rule(
    id: str,
    title: str,
    bad: Callable[[Gpu], bool],
    judge: GpuJudge,
    *,
    times: RuleTimes,
    advice: str,
    source: str,
    warn: Limit | None = None,
    crit: Limit | None = None,
    unit: str = "",
) -> Rule:
    """`bad` is the cheap look that says whether `judge` is worth its price."""

    def scan(subject: Subject) -> Sequence[str]:
        return [key(gpu) for gpu in gpus_of(subject) if bad(gpu)]

    def full(subject: Subject, thing: str, held: Held) -> Finding:
        if driver_hung(subject):
            return nodata("the GPU driver does not answer")
        gpu = next((gpu for gpu in gpus_of(subject) if key(gpu) == thing), None)
        return judge(subject, gpu, held) if gpu is not None else nodata("the GPU is not there")

    return Rule(
        id=id, title=title, times=times, gate=doubtful, scan=scan, judge=full, advice=advice, source=source, warn=warn, crit=crit, unit=unit
    )  # fmt: skip


def not_measured(gpu: Gpu, field: str) -> Finding:
    """No data, with the reason that the driver gave."""
    return nodata(gpu.missing.get(field, "the GPU is lost" if gpu.lost else "not measured"))


def remap_bad(gpu: Gpu) -> bool:
    """A remapped row that needs somebody."""
    return bool(gpu.remap_failed or gpu.remap_pending or (gpu.remapped_rows_uncorrected or 0) >= REMAPPED_ROWS_LIMIT)


def hot_bad(gpu: Gpu) -> bool:
    """Beyond any limit of heat."""
    celsius, margin, memory = gpu.temperature_celsius, gpu.temperature_margin_celsius, gpu.memory_temperature_celsius
    return bool(
        (celsius is not None and celsius > HOT.fire)
        or (margin is not None and margin <= MARGIN.fire)
        or (memory is not None and memory > MEMORY_HOT.fire)
    )


def nvlink_bad(gpu: Gpu) -> bool:
    """Fewer links than the driver names."""
    return gpu.nvlinks_up is not None and gpu.nvlinks_total is not None and gpu.nvlinks_up < gpu.nvlinks_total


def pcie_bad(gpu: Gpu) -> bool:
    """Narrower than it could be, or slower while it works; links shift down at idle."""
    width, most = gpu.pcie_width, gpu.pcie_width_max
    if width and most and width < most:
        return True
    return bool(gpu.pcie_generation and gpu.pcie_generation_max and gpu.pcie_generation < gpu.pcie_generation_max) and (
        (gpu.utilisation_percent or 0.0) >= BUSY_PERCENT and not (gpu.throttle_bits or 0) & IDLE
    )


def idle_bad(gpu: Gpu) -> bool:
    """Does nothing with memory that somebody holds."""
    return gpu.utilisation_percent == 0 and (gpu.memory_used_bytes or 0) > MEMORY_HELD


def doubtful(subject: Subject) -> bool:
    """Whether anything about the GPUs may be bad: one look at each that spares eight."""
    sample = subject.sample
    if sample is None:
        return False
    for gpu in sample.gpus:
        celsius, margin = gpu.temperature_celsius, gpu.temperature_margin_celsius
        if (
            (celsius is not None and celsius > HOT.fire)
            or (margin is not None and margin <= MARGIN.fire)
            or gpu.ecc_uncorrected_volatile
            or gpu.remap_failed
            or gpu.remap_pending
            or gpu.lost
            or (
                (gpu.pcie_width != gpu.pcie_width_max or gpu.pcie_generation != gpu.pcie_generation_max)
                and pcie_bad(gpu)
            )
            or gpu.nvlinks_up != gpu.nvlinks_total
            or (not gpu.utilisation_percent and idle_bad(gpu))
            or (gpu.memory_temperature_celsius or 0.0) > MEMORY_HOT.fire
            or (gpu.remapped_rows_uncorrected or 0) >= REMAPPED_ROWS_LIMIT
        ):
            return True
    return bool((subject.recent is not None and subject.recent.slowed) or subject.expected.nvlinks is not None)
