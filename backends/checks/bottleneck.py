"""What holds a host and the jobs on its GPUs back: the verdicts over a window of samples, the weightiest first.

Each subject gets its findings, each with the numbers behind it, how sure it is and the next command; one "unknown" that
names the fields without which some rule could not be decided; and "ok" only when every rule was decided and none spoke.
The rules and the sources of their thresholds stand in the modules of their subjects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.checks import host
from backends.checks.commands import folded
from backends.checks.figures import mean, measured
from backends.checks.gpu import leaking, throttled
from backends.checks.hang import hang
from backends.checks.jobs import Job, jobs_of
from backends.checks.network import network
from backends.checks.outcome import Gap, Outcome, undecided, unknown, weight
from backends.checks.peers import imbalance, straggler
from backends.checks.verdict import Verdict
from backends.checks.waiting import waiting
from backends.checks.window import LEAST_SAMPLES, WINDOW_SECONDS, Window, unbroken
from backends.checks.work import bandwidth, copying, launching, power_share, small_batch
from backends.metrics.sample import HostFacts, Sample
from backends.units import percent

YOUNG_SECONDS = 180.0
"""The first minutes of a job prove nothing (reference: monitoring §5): it loads, compiles and warms up."""
WORKS_WELL = 70.0
"""Mean utilisation from which a job makes use of its GPUs (SageMaker's mark for a batch that is too small)."""
REASONS_TOLD = 3
CAUSES = (hang, waiting, copying, bandwidth, launching, small_batch)
"""Of these a job has one: the first that speaks."""


def judge(samples: Sequence[Sample], facts: HostFacts | None) -> tuple[Verdict, ...]:
    """The verdicts about one host, the weightiest first. Never raises, whatever the numbers are.

    Args:
        samples: in the order of their time, some seconds apart; those before a hole or a restart are left out.
        facts: for the number of cores; None falls back to the cores in the sample.
    """
    kept = unbroken(samples)
    if not kept:
        return (unknown("host", "no sample yet"),)
    window = Window(kept, facts)
    if not window.complete:
        return (unknown("host", _too_short(window)),)
    jobs, gpus = _gpus(window)
    return tuple(sorted([*_host(window, jobs), *gpus], key=weight, reverse=True))


def _too_short(window: Window) -> str:
    if window.seconds < WINDOW_SECONDS:
        return f"not enough samples yet ({window.seconds:.0f} of {WINDOW_SECONDS:.0f} s)"
    return f"not enough samples yet ({len(window.samples)} of {LEAST_SAMPLES})"


def _conclude(outcomes: Iterable[Outcome], fine: Verdict) -> list[Verdict]:
    """What was found, what could not be decided, or that all is well."""
    told = list(outcomes)
    found = [outcome for outcome in told if isinstance(outcome, Verdict)]
    gaps = [outcome for outcome in told if isinstance(outcome, Gap)]
    if gaps:
        found.append(undecided(fine.subject, gaps, fine.evidence))
    return found or [fine]


# -- the host ---------------------------------------------------------------------------------------------------


def _host(window: Window, jobs: tuple[Job, ...]) -> list[Verdict]:
    outcomes = (host.processors(window, alone=not jobs), host.memory(window), host.storage(window), network(window))
    text = "processors, memory, storage and network have room"
    evidence = (*_measured(window), *_unread(window))
    return _conclude(outcomes, Verdict(subject="host", kind="ok", text=text, evidence=evidence, confidence="high"))


def _unread(window: Window) -> list[str]:
    """What the host could not read, and why."""
    told = sorted(window.newest.missing.items())[:REASONS_TOLD]
    return [f"{group[:40]} not readable: {reason[:80]}" for group, reason in told]


def _measured(window: Window) -> list[str]:
    """The host's numbers in short."""
    total, left, size = (
        window.values(path) for path in ("cpu.busy_percent", "memory.available_bytes", "memory.total_bytes")
    )
    wait = window.values("cpu.iowait_percent")
    found = [f"CPU {percent(mean(total))} busy"] if total else []
    found += [f"{percent(100 * mean(left) / size[-1])} of memory left"] if left and size and size[-1] else []
    return found + ([f"iowait {percent(mean(wait))}"] if wait else [])


# -- its GPUs ---------------------------------------------------------------------------------------------------


def _gpus(window: Window) -> tuple[tuple[Job, ...], list[Verdict]]:
    """The jobs on the GPUs, and the verdicts about jobs and GPUs."""
    status = window.newest.gpu_status
    if status is not None and (status.hung or (status.reason and not window.gpus)):
        subject = f"gpu {folded(sorted(window.gpus))}" if window.gpus else "host"
        return (), [unknown(subject, f"GPUs not judged: {status.reason or 'the driver does not answer'}")]
    jobs = jobs_of(window)
    found = [verdict for job in jobs for verdict in _job(job)]
    return jobs, found + _free(window, jobs)


def _free(window: Window, jobs: tuple[Job, ...]) -> list[Verdict]:
    """A GPU without work may be slowed down all the same."""
    taken = {gpu.index for job in jobs for gpu in job.gpus}
    outcomes = [throttled(gpu, window) for index, gpu in window.gpus.items() if index not in taken]
    return [outcome for outcome in outcomes if isinstance(outcome, Verdict)]


def _job(job: Job) -> list[Verdict]:
    age = job.age_seconds()
    living, lost = _living(job)
    if not living.gpus:
        return [undecided(job.subject, lost)]
    held = [throttled(gpu, job.window) for gpu in living.gpus]
    if age is not None and age < YOUNG_SECONDS:
        young = f"too young to judge ({age:.0f} of {YOUNG_SECONDS:.0f} s)"
        return [*(one for one in held if isinstance(one, Verdict)), unknown(job.subject, young)]
    outcomes = [*lost, *held, *_causes(living), straggler(living), imbalance(living), *_leaks(living, age)]
    return _conclude(outcomes, _works(living))


def _living(job: Job) -> tuple[Job, list[Gap]]:
    """The job without the GPUs that are lost, and what is thereby unknown of it."""
    lost = [gpu for gpu in job.gpus if gpu.newest.lost]
    if not lost:
        return job, []
    living = Job((job.kind, job.name), [gpu for gpu in job.gpus if not gpu.newest.lost], job.pids, job.window)
    return living, [Gap(f"gpu {gpu.index}", ("everything (GPU is lost)",)) for gpu in lost]


def _causes(job: Job) -> list[Outcome]:
    """The first cause that speaks, after those that could not be decided."""
    told: list[Outcome] = []
    for rule in CAUSES:
        told.append(rule(job))
        if isinstance(told[-1], Verdict):
            break
    return told


def _leaks(job: Job, age: float | None) -> list[Outcome]:
    return [leaking(gpu, job.subject, age, job.window) for gpu in job.gpus]


def _works(job: Job) -> Verdict:
    """How a job that nothing holds back fares; one that is little used is just not explained by these rules."""
    busy, share = measured(job.busy) or [0.0], power_share(job, 0.0)
    found = [f"{job.shown} {percent(mean(busy))} used"] if measured(job.busy) else []
    found += [f"draws {percent(100 * share)} of the power limit"] if share is not None else []
    well = mean(busy) >= WORKS_WELL
    return Verdict(
        subject=job.subject,
        kind="ok",
        text="its GPUs work and nothing holds them back" if well else "no bottleneck found, though its GPUs have room",
        evidence=tuple(found),
        confidence="high" if well else "low",
    )
