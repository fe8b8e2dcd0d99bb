"""A collective that never ends: every GPU of a job spins at full utilisation and does nothing.

Rule: reference monitoring §5, after sichek, whose numbers are for an H100 (power below 160 W of 700, SM clock above 1900
of 1980 MHz; in general 100 W and 1400 MHz). Shares of the GPU's own limits carry them to other models (own reasoning).
"""

from __future__ import annotations

from backends.checks.commands import first_pid, with_name
from backends.checks.figures import mean, share_above
from backends.checks.jobs import Job
from backends.checks.outcome import Gap, Outcome
from backends.checks.verdict import Verdict
from backends.checks.window import GpuWindow
from backends.states import Severity
from backends.units import percent, rate

SPINS = 95.0
"""Utilisation above it in every sample."""
ABSENT = 5.0
"""Utilisation below it in every sample: the process on this GPU is somewhere else, which is why the others wait."""
MEMORY_IDLE = 5.0
"""Memory active below it in every sample."""
POWER_SHARE, POWER_LEAST = 0.23, 100.0
"""Draw below this share of the limit, or below this many watts."""
CLOCK_SHARE, CLOCK_LEAST = 0.95, 1400.0
"""SM clock above this share of its maximum, or above this many MHz where the maximum is not known."""
COPY_RATE = 300e6
"""Bytes a second over PCIe below it, in each direction."""
FIELDS = ("utilisation_percent", "memory_utilisation_percent", "power_watts", "sm_clock_mhz")


def hang(job: Job) -> Outcome:
    """Every GPU of the job spins, or all but a few that take no part. A number that speaks against it decides."""
    absent = [gpu for gpu in job.gpus if _absent(gpu)]
    spinning = [gpu for gpu in job.gpus if gpu not in absent]
    if 2 * len(absent) >= len(job.gpus) or any(contradicted(gpu) for gpu in spinning):
        return None
    part = Job((job.kind, job.name), spinning, job.pids, job.window)
    lacking = part.lacking(*FIELDS)
    if lacking:
        return Gap("hang", lacking)
    copies = bool(part.lacking("pcie_rx_bytes_per_second", "pcie_tx_bytes_per_second"))
    several = len(job.gpus) > 1
    return Verdict(
        subject=job.subject,
        kind="hang",
        text="hangs: its GPUs spin at full use without doing anything",
        evidence=(*_evidence(part, copies), *(f"gpu {gpu.index} takes no part" for gpu in absent[:4])),
        confidence="low" if not several else "medium" if copies else "high",
        next_step=_dump(job, absent),
        severity=Severity.CRITICAL if several else Severity.WARNING,
    )


def _absent(gpu: GpuWindow) -> bool:
    busy = gpu.values("utilisation_percent")
    return bool(busy) and max(busy or [100.0]) < ABSENT


def _dump(job: Job, absent: list[GpuWindow]) -> str:
    """Where the process waits: one of those that take no part, where there is one."""
    holders = {process.pid for gpu in absent for process in gpu.newest.processes or ()} & job.pids
    return with_name("py-spy dump --pid", first_pid(holders or job.pids), "nvidia-smi pmon -c 1")


def contradicted(gpu: GpuWindow) -> bool:
    """Whether any known number says that the GPU does not spin idly."""
    busy, moved, watts, clock = (gpu.values(field) for field in FIELDS)
    if (busy and min(busy) <= SPINS) or (moved and max(moved) >= MEMORY_IDLE):
        return True
    if (watts and max(watts) >= _power(gpu)) or (clock and min(clock) <= _clock(gpu)):
        return True
    copies = (gpu.values(f"pcie_{way}_bytes_per_second") for way in ("rx", "tx"))
    return any(rates and share_above(rates, COPY_RATE) > 0 for rates in copies)


def _power(gpu: GpuWindow) -> float:
    return max(POWER_LEAST, POWER_SHARE * (gpu.latest("power_limit_watts") or 0.0))


def _clock(gpu: GpuWindow) -> float:
    most = gpu.latest("sm_clock_max_mhz")
    return CLOCK_SHARE * most if most else CLOCK_LEAST


def _evidence(job: Job, blind: bool) -> tuple[str, ...]:
    busy, moved, watts, clock = (mean(job.means(field) or [0.0]) for field in FIELDS)
    carried = [mean(gpu.values("pcie_rx_bytes_per_second") or [0.0]) for gpu in job.gpus]
    return (
        f"{job.shown} {percent(busy)} used for {job.window.span}",
        f"memory active {percent(moved)}, {watts:.0f} W at {clock:.0f} MHz",
        "PCIe not measured" if blind else f"{rate(max(carried))} over PCIe",
    )
