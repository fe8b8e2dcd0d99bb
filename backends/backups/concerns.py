"""What somebody should know about the backups, as conditions for the alert rules. Pure.

A condition says since when it holds; where that is not known, it is the time of asking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from backends import units
from backends.backups.alarms import Alarm
from backends.backups.catalog_model import Gone
from backends.backups.model import Concern
from backends.backups.views import LockReport, RepositoryStatus, SetStatus
from backends.metrics.sample import Record
from backends.states import Severity

DAY = 86400.0
SOON_DAYS, NOW_DAYS = 30.0, 7.0
"""A repository that is full within the first is worth a word, within the second it is urgent."""
LATE = 2.0
"""A check that is this many times as old as it may be is stale: one that waits for a quiet hour is not."""
_SHOWN = 3


class Facts(Record, frozen=True, kw_only=True):
    """Everything that the conditions are made from."""

    now: float
    sets: tuple[SetStatus, ...] = ()
    repositories: tuple[RepositoryStatus, ...] = ()
    every_seconds: Mapping[str, float] = {}
    """Name of a set → seconds between two backups; 0: only when somebody asks."""
    alarms: Mapping[str, tuple[Alarm, ...]] = {}
    """Key of a repository → what freezes it."""
    gone: Mapping[str, tuple[Gone, ...]] = {}
    """Key of a repository → archives that are listed no more, and not compacted away."""
    locks: tuple[LockReport, ...] = ()
    borg: Mapping[str, tuple[str, ...]] = {}
    """Host, "" for the engine's machine → what is known against its Borg."""
    drill_days: float = 7.0
    check_days: float = 1.0
    verify_days: float = 30.0


def judge(facts: Facts) -> tuple[Concern, ...]:
    """Every condition that holds, worst first, then by host and repository."""
    found = [concern for status in facts.sets for part in _OF_SETS for concern in part(facts, status)]
    found += [concern for status in facts.repositories for part in _OF_REPOSITORIES for concern in part(facts, status)]
    found += [*_locks(facts), *_borg(facts)]
    return tuple(sorted(found, key=lambda each: (-each.severity.rank, each.host, each.repository, each.set, each.code)))


# Sets ----------------------------------------------------------------------------------------------------------------


def _overdue(facts: Facts, status: SetStatus) -> Iterator[Concern]:
    step = f"swarm-tui backup run {status.host} --set {status.set}"
    if status.last is None:
        if status.due is not None:
            text = f"{status.set} was never backed up to {status.repository}"
            yield _of(status, "never", Severity.WARNING, text, min(status.due, facts.now), step)
        return
    if not status.overdue or status.due is None:
        return
    age = units.span(facts.now - status.last.start)
    every = facts.every_seconds.get(status.set, 0.0)
    worse = every > 0 and facts.now - status.due > 2 * every
    text = f"the newest backup of {status.set} in {status.repository} is {age} old"
    yield _of(status, "overdue", Severity.CRITICAL if worse else Severity.WARNING, text, status.due, step)


def _failing(facts: Facts, status: SetStatus) -> Iterator[Concern]:
    if status.problem is not None:
        text = f"the last backup of {status.set} to {status.repository} failed: {status.problem.text}"
        since = status.due if status.due is not None and status.due < facts.now else facts.now
        yield _of(status, "backup-failed", Severity.WARNING, text, since, status.problem.next_step)


def _proof(facts: Facts, status: SetStatus) -> Iterator[Concern]:
    step = f"swarm-tui backup drill {status.host} --set {status.set}"
    proof, place = status.proof, f"{status.set} in {status.repository}"
    if status.last is None:
        return  # told as never backed up
    if proof is None:
        text = f"{place} was never proven restorable"
        yield _of(status, "proof-stale", Severity.WARNING, text, status.last.start, step)
    elif not proof.ok:
        why = proof.problems[0] if proof.problems else "nothing could be compared"
        text = f"the restore drill of {place} failed: {why}"
        yield _of(status, "drill-failed", Severity.CRITICAL, text, proof.time, step)
    elif facts.now - proof.time > facts.drill_days * DAY * 1.25:
        text = f"{place} was last proven restorable {units.span(facts.now - proof.time)} ago"
        yield _of(status, "proof-stale", Severity.WARNING, text, proof.time + facts.drill_days * DAY, step)


# Repositories --------------------------------------------------------------------------------------------------------


def _broken(facts: Facts, status: RepositoryStatus) -> Iterator[Concern]:
    if status.problem is not None:
        text = f"{status.key}: {status.problem.text}"
        yield _about(status, "repository", Severity.CRITICAL, text, facts.now, status.problem.next_step)


def _escrow(facts: Facts, status: RepositoryStatus) -> Iterator[Concern]:
    step = f"swarm-tui backup key export {status.key}"
    if not status.made or not status.archives:
        return
    if status.escrow is None:
        text = f"nobody is known to keep the key of {status.key} elsewhere: without it every backup in it is lost"
        yield _about(status, "no-escrow", Severity.WARNING, text, _oldest(facts, status), step)
    elif status.key_changed:
        text = f"the key of {status.key} is another one than the one that {status.escrow.who} keeps"
        yield _about(status, "key-changed", Severity.CRITICAL, text, facts.now, step)


def _checks(facts: Facts, status: RepositoryStatus) -> Iterator[Concern]:
    if not status.archives:
        return
    failed = [check for check in (status.check, status.verified) if check is not None and not check.ok]
    if failed:
        worst = max(failed, key=lambda check: check.time)
        why = f": {worst.problems[0]}" if worst.problems else ""
        step = f"swarm-tui backup heal {status.key}"
        yield _about(status, "check-failed", Severity.CRITICAL, f"{status.key} is damaged{why}", worst.time, step)
        return
    yield from _stale(facts, status, "quick", "looked at", facts.check_days)
    yield from _stale(facts, status, "data", "verified byte by byte", facts.verify_days)


def _stale(facts: Facts, status: RepositoryStatus, level: str, words: str, days: float) -> Iterator[Concern]:
    check = status.verified if level == "data" else status.check
    if days <= 0:
        return
    since = (check.time if check else _oldest(facts, status)) + days * LATE * DAY
    if facts.now <= since:
        return
    ago = f"was last {words} {units.span(facts.now - check.time)} ago" if check else f"was never {words}"
    step = f"swarm-tui backup check {status.key} --level {level}"
    yield _about(status, "check-stale", Severity.WARNING, f"{status.key} {ago}", since, step)


def _filling(facts: Facts, status: RepositoryStatus) -> Iterator[Concern]:
    days = status.full_in_days
    if days is None or days > SOON_DAYS:
        return
    severity = Severity.CRITICAL if days <= NOW_DAYS else Severity.WARNING
    left = f" ({units.size(status.free_bytes)} left)" if status.free_bytes is not None else ""
    when = f"full in {days:.0f} days" if days >= 1 else "full within a day"
    step = f"swarm-tui backup prune {status.key} SET --preview, or give its filesystem more space"
    yield _about(status, "filling", severity, f"{status.key} is {when} at its present growth{left}", facts.now, step)


def _alarms(facts: Facts, status: RepositoryStatus) -> Iterator[Concern]:
    for alarm in facts.alarms.get(status.key, ()):
        step = f"look at the newest archive, then: swarm-tui backup release {status.key}"
        concern = _about(status, alarm.code, Severity.CRITICAL, f"{alarm.text}; pruning is frozen", alarm.since, step)
        yield msgspec.structs.replace(concern, set=alarm.set)


def _vanished(facts: Facts, status: RepositoryStatus) -> Iterator[Concern]:
    strange = [each for each in facts.gone.get(status.key, ()) if not each.by]
    if strange:
        names = ", ".join(each.archive.name for each in strange[:_SHOWN])
        more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
        text = f"archives vanished from {status.key} and nobody here removed them: {names}{more}"
        step = f"swarm-tui backup undo {status.key}; never compact before"
        yield _about(status, "vanished", Severity.CRITICAL, text, min(each.time for each in strange), step)


def _oldest(facts: Facts, status: RepositoryStatus) -> float:
    """Since when there is something in it, as far as the sets tell."""
    known = [each.last.start for each in facts.sets if each.repository == status.key and each.last is not None]
    return min(known, default=facts.now)


# Elsewhere -----------------------------------------------------------------------------------------------------------


def _locks(facts: Facts) -> Iterator[Concern]:
    for lock in facts.locks:
        if lock.holder and lock.dead:
            yield Concern(
                code="lock-dead",
                severity=Severity.WARNING,
                host=lock.repository.partition("/")[2].partition("+")[0],
                repository=lock.repository,
                text=f"{lock.repository} is locked by {lock.holder}, which is gone",
                since=lock.since if lock.since is not None else facts.now,
                next_step=f"swarm-tui backup lock {lock.repository} --break",
            )


def _borg(facts: Facts) -> Iterator[Concern]:
    for host, problems in sorted(facts.borg.items()):
        if problems:
            yield Concern(
                code="borg-vulnerable",
                severity=Severity.WARNING,
                host=host,
                repository="",
                text=f"Borg {'on ' + host if host else 'beside the engine'}: {'; '.join(problems[:_SHOWN])}",
                since=facts.now,
                next_step="install a newer Borg from the distribution",
            )


def _of(status: SetStatus, code: str, severity: Severity, text: str, since: float, step: str) -> Concern:
    return Concern(
        code=code,
        severity=severity,
        host=status.host,
        repository=status.repository,
        set=status.set,
        text=text,
        since=since,
        next_step=step,
    )


def _about(status: RepositoryStatus, code: str, severity: Severity, text: str, since: float, step: str) -> Concern:
    return Concern(
        code=code, severity=severity, host=status.host, repository=status.key, text=text, since=since, next_step=step
    )


_OF_SETS = (_overdue, _failing, _proof)
_OF_REPOSITORIES = (_broken, _escrow, _checks, _filling, _alarms, _vanished)
