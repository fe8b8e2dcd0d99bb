"""Does a job let its GPUs wait: for data from the processors, for the disks, or for anybody to use them.

Rules: reference monitoring §5, after SageMaker Debugger and all-smi. What decides is the utilisation of the job's GPUs
(their mean) in each sample.
"""

from __future__ import annotations

from backends.checks import signs
from backends.checks.commands import first_pid, pids, with_name
from backends.checks.figures import falls, mean, measured, percentile, share_above, share_below
from backends.checks.jobs import Job
from backends.checks.outcome import Gap, Outcome
from backends.checks.signs import MOST_SAMPLES, Signs
from backends.checks.verdict import Verdict
from backends.states import Severity
from backends.units import percent, size, span

WAITS = 10.0
"""Below this utilisation a GPU waits; a job is starved when it does in more than half of the samples (SageMaker)."""
IDLE = 5.0
"""All samples below it: nothing is asked of the GPU (all-smi)."""
IDLE_SURE_SECONDS = 900.0
"""Age from which a job that idles now has had its time to begin (all-smi and Princeton warn after 15 minutes)."""
PEAK, TROUGH, TEETH = 70.0, 10.0, 3
"""A saw-tooth: the 95th percentile at or above, the 5th at or below (SageMaker), in at least three separate falls (own
reasoning: one fall is a checkpoint)."""


def waiting(job: Job) -> Outcome:
    """Idle, starved by the processors or the disks, or none of these."""
    busy = measured(job.busy)
    if busy is None:
        return Gap("idle, data-loader, storage", job.lacking("utilisation_percent") or ("utilisation_percent",))
    if max(busy) < IDLE:
        return _idle(job, f"{job.shown} at {percent(max(busy))} or less for {job.window.span}")
    shape = [f"{job.shown} below 10% in {percent(100 * share_below(busy, WAITS))} of {job.window.span}"]
    teeth = falls(busy, TROUGH)
    saw = percentile(busy, 0.95) >= PEAK and percentile(busy, 0.05) <= TROUGH and teeth >= TEETH
    if saw:
        shape.append(f"{teeth} falls from {percent(percentile(busy, 0.95))} to {percent(min(busy))}")
    if saw or share_below(busy, WAITS) > MOST_SAMPLES:
        return _starved(job, shape, saw)
    return None


def _starved(job: Job, shape: list[str], saw: bool) -> Outcome:
    """The cause that is surer; a saw-tooth alone speaks for the loader, but weakly."""
    disks, cpus = _disks(job), _cpus(job)
    if disks and (cpus is None or disks.confidence == "high" or cpus.confidence != "high"):
        return _storage(job, shape, disks)
    if cpus:
        return _loader(job, shape, cpus)
    lacking = signs.cpu_lacking(job.window) + signs.disks_lacking(job.window)
    if lacking:
        return Gap("data-loader, storage", lacking)
    return _loader(job, shape, Signs((), "low")) if saw else _unexplained(job, shape)


def _disks(job: Job) -> Signs | None:
    return signs.agreeing(signs.disk_evidence(job.window) + _blocked(job))


def _blocked(job: Job) -> list[str]:
    blocked = job.blocked_share() > MOST_SAMPLES
    return ["a process of it is blocked in the kernel (state D)"] if blocked else []


def _cpus(job: Job) -> Signs | None:
    everything, one, own = signs.cores_busy(job.window), signs.one_core_busy(job.window), _own(job)
    if everything:
        return Signs((everything, *own), "high")
    if own:
        return Signs((*own, one) if one else tuple(own), "high" if one else "medium")
    return Signs((one,), "medium") if one else None


def _own(job: Job) -> list[str]:
    """A process of the job that has a whole core or more in use."""
    loads = job.hottest_process()
    busy = loads is not None and share_above(loads, signs.CORE_BUSY) > MOST_SAMPLES
    return [f"its busiest process takes {percent(mean(loads))} of a core"] if loads and busy else []


def _storage(job: Job, shape: list[str], found: Signs) -> Verdict:
    return Verdict(
        subject=job.subject,
        kind="storage",
        text="waits for storage while its GPUs starve",
        evidence=(*shape, *found.evidence),
        confidence=found.confidence,
        next_step="iostat -xz 1 5",
        severity=Severity.WARNING,
    )


def _loader(job: Job, shape: list[str], found: Signs) -> Verdict:
    return Verdict(
        subject=job.subject,
        kind="data-loader",
        text="waits for data: its CPU side does not keep the GPUs fed",
        evidence=(*shape, *found.evidence),
        confidence=found.confidence,
        next_step=with_name("top -H -b -n 1 -p", first_pid(job.pids), "top -H -b -n 1"),
        severity=Severity.WARNING,
    )


def _unexplained(job: Job, shape: list[str]) -> Verdict:
    """It waits, and neither processors nor disks show why: requests, other hosts, its own sleep."""
    return Verdict(
        subject=job.subject,
        kind="unknown",
        text="waits for something that this host does not show: requests, other hosts or itself",
        evidence=tuple(shape),
        confidence="medium",
        next_step=with_name("py-spy dump --pid", first_pid(job.pids), "top -H -b -n 1"),
        severity=Severity.UNKNOWN,
    )


def _idle(job: Job, shown: str) -> Outcome:
    """Nothing runs on the GPUs: the job is blocked, works on the processors, or is forgotten."""
    blocked, own = _blocked(job), _own(job)
    if blocked:
        return _storage(job, [shown], Signs(tuple(blocked), "medium"))
    if own:
        return _loader(job, [shown], Signs(tuple(own), "medium"))
    if not job.pids:
        return Gap("idle-allocated", ("processes",))
    age = job.age_seconds()
    return Verdict(
        subject=job.subject,
        kind="idle-allocated",
        text=f"holds {job.shown} and asks nothing of {'it' if len(job.gpus) == 1 else 'them'}",
        evidence=(shown, *_held(job), f"runs for {span(age)}" if age is not None else "how long it runs is not known"),
        confidence="low" if age is None or age < IDLE_SURE_SECONDS else "medium",
        next_step=_who(job),
        severity=Severity.WARNING,
    )


def _held(job: Job) -> list[str]:
    used = [gpu.latest("memory_used_bytes") for gpu in job.gpus]
    return [f"{size(sum(value or 0.0 for value in used))} of GPU memory held"] if None not in used else []


def _who(job: Job) -> str:
    """Who started it."""
    ask = with_name("ps -o pid,user,etime,args -p", pids(job.pids), "ps -eo pid,user,etime,args --sort=etime")
    return with_name("scontrol show job", job.name, ask) if job.kind == "job" else ask
