"""What is due by itself: backups by their age, proofs, checks, the retention, and compactions after their hold. Pure.

Nothing here changes a host: a backup reads, and what is removed from a repository can be brought back until its hold ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from backends.backups.model import ENDED, Job, JobKind, JobState
from backends.backups.views import RepositoryStatus, SetStatus
from backends.metrics.sample import Record

RETRY_SECONDS = (900.0, 3600.0, 4 * 3600.0)
"""After one, two, more failures in a row a job is begun again by itself."""
DAY = 86400.0


class Wanted(Record, frozen=True, kw_only=True):
    """A job that should be queued."""

    kind: Literal[JobKind.BACKUP, JobKind.DRILL, JobKind.CHECK, JobKind.PRUNE, JobKind.COMPACT]
    repository: str
    set: str = ""
    level: Literal["quick", "archives", "data"] = "quick"


Scheduled = Callable[[JobKind, str, str], bool]
"""kind, host, set → whether a schedule begins it."""


def unscheduled(kind: JobKind, host: str, set_name: str) -> bool:
    """No schedule begins anything."""
    return False


class Rules(Record, frozen=True, kw_only=True):
    """How often things are done by themselves, in seconds; 0: never."""

    drill_seconds: float = 7 * DAY
    check_seconds: float = DAY
    verify_seconds: float = 30 * DAY
    prune_seconds: float = DAY


def wanted(
    sets: Sequence[SetStatus],
    repositories: Sequence[RepositoryStatus],
    jobs: Sequence[Job],
    pruned_at: Mapping[tuple[str, str], float],
    rules: Rules,
    now: float,
    scheduled: Scheduled = unscheduled,
) -> tuple[Wanted, ...]:
    """Everything that is due and neither waits, runs, nor failed a moment ago.

    Args:
        sets: as they stand.
        repositories: as they stand.
        jobs: those in flight and the newest ended ones, newest first.
        pruned_at: (repository, set) → when its retention was applied last.
        rules: how often.
        now: epoch seconds.
        scheduled: what a schedule begins is left to it, unless that brought nothing.
    """
    known = {each.key: each for each in repositories}
    found = [
        each
        for status in sets
        for each in _of_set(status, known.get(status.repository), pruned_at, rules, now, scheduled)
    ]
    found += [each for status in repositories for each in _of_repository(status, rules, now)]
    return tuple(each for each in found if may_begin(each, jobs, now))


def _of_set(
    status: SetStatus,
    repository: RepositoryStatus | None,
    pruned_at: Mapping[tuple[str, str], float],
    rules: Rules,
    now: float,
    scheduled: Scheduled,
) -> list[Wanted]:
    found = []
    if _backup_due(status, now, scheduled(JobKind.BACKUP, status.host, status.set)):
        found.append(Wanted(kind=JobKind.BACKUP, repository=status.repository, set=status.set))
    if status.last is None:
        return found
    proof, dump = status.proof, "+" in status.last.set  # what a dump printed is nowhere to compare it with
    planned = proof is not None and scheduled(JobKind.DRILL, status.host, status.set)
    if rules.drill_seconds and not dump and not planned and (proof is None or now - proof.time >= rules.drill_seconds):
        found.append(Wanted(kind=JobKind.DRILL, repository=status.repository, set=status.set))
    last = pruned_at.get((status.repository, status.set), 0.0)
    frozen = repository is None or bool(repository.frozen)
    if rules.prune_seconds and status.archives > 1 and not frozen and now - last >= rules.prune_seconds:
        found.append(Wanted(kind=JobKind.PRUNE, repository=status.repository, set=status.set))
    return found


def _backup_due(status: SetStatus, now: float, scheduled: bool) -> bool:
    """A set that a schedule backs up is left to it, but for the first backup, one that failed, and one that did not come."""
    if status.due is None or (scheduled and status.last is not None and not status.overdue and status.problem is None):
        return False
    return status.due <= now or (scheduled and status.problem is not None)


def _of_repository(status: RepositoryStatus, rules: Rules, now: float) -> list[Wanted]:
    if not status.made or not status.archives:
        return []
    found: list[Wanted] = []
    verified = status.verified.time if status.verified else None
    checked = status.check.time if status.check else None
    if rules.verify_seconds and verified is not None and now - verified >= rules.verify_seconds:
        found.append(Wanted(kind=JobKind.CHECK, repository=status.key, level="data"))
    elif rules.check_seconds and (checked is None or now - checked >= rules.check_seconds):
        # the first complete one follows the first quick one after a day, not at once: it reads every byte
        level: Literal["quick", "data"] = "data" if verified is None and checked is not None else "quick"
        found.append(Wanted(kind=JobKind.CHECK, repository=status.key, level=level))
    if status.pruned and not status.frozen and status.compact_at is not None and status.compact_at <= now:
        found.append(Wanted(kind=JobKind.COMPACT, repository=status.key))
    return found


def may_begin(each: Wanted, jobs: Sequence[Job], now: float) -> bool:
    """False while the same job waits or runs, or right after it failed."""
    same = [job for job in jobs if (job.kind, job.repository, job.set) == (each.kind, each.repository, each.set)]
    if any(job.state not in ENDED for job in same):
        return False
    failures = 0
    for job in same:
        if job.state is not JobState.FAILED:
            break
        failures += 1
    if not failures:
        return True
    last = max(job.ended or job.created for job in same)
    return now - last >= RETRY_SECONDS[min(failures, len(RETRY_SECONDS)) - 1]
