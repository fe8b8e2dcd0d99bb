"""What is begun by itself, and when it is not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from backends.backups.model import Archive, Cause, Check, Job, JobKind, JobState, Proof, Transport
from backends.backups.rounds import RETRY_SECONDS, Rules, Wanted, wanted
from backends.backups.views import RepositoryStatus, SetStatus

NOW = 1_800_000_000.0
DAY = 86400.0
KEY = "vault/gpu1"
ARCHIVE = Archive(id="a", repository=KEY, name="config.x", set="config", host="gpu1", start=NOW - 100)
PROOF = Proof(repository=KEY, set="config", archive="config.x", time=NOW - 100, ok=True)
SET = SetStatus(
    set="config",
    kind="config",
    host="gpu1",
    repository=KEY,
    transport=Transport.TAR,
    last=ARCHIVE,
    archives=3,
    due=NOW + 100,
    proof=PROOF,
)
REPOSITORY = RepositoryStatus(
    key=KEY,
    name="vault",
    host="gpu1",
    location="/r",
    made=True,
    archives=3,
    check=Check(repository=KEY, level="quick", time=NOW - 100, ok=True),
    verified=Check(repository=KEY, level="data", time=NOW - 100, ok=True),
)


def found(
    status: SetStatus = SET,
    repository: RepositoryStatus = REPOSITORY,
    *jobs: Job,
    pruned: float = NOW - 100,
    **rules: Any,
) -> tuple[Wanted, ...]:
    return wanted([status], [repository], jobs, {(KEY, "config"): pruned}, Rules(**rules), NOW)


def job(state: JobState, ended: float, kind: JobKind = JobKind.BACKUP) -> Job:
    return Job(
        id="j", kind=kind, host="gpu1", repository=KEY, set="config", state=state, created=ended - 1, ended=ended
    )


def test_when_all_is_fresh_nothing_is_begun() -> None:
    assert found() == ()


def test_a_set_that_is_due_is_backed_up() -> None:
    assert found(replace(SET, due=NOW)) == (Wanted(kind=JobKind.BACKUP, repository=KEY, set="config"),)
    assert found(replace(SET, due=None)) == ()


def test_a_set_that_was_never_backed_up_is_not_drilled() -> None:
    fresh = replace(SET, last=None, archives=0, proof=None, due=NOW)
    assert [each.kind for each in found(fresh, replace(REPOSITORY, archives=0))] == [JobKind.BACKUP]


def test_a_proof_that_is_old_or_missing_is_renewed() -> None:
    for proof in (None, replace(PROOF, time=NOW - 7 * DAY)):
        assert found(replace(SET, proof=proof)) == (Wanted(kind=JobKind.DRILL, repository=KEY, set="config"),)
    assert found(replace(SET, proof=None), drill_seconds=0) == ()


def test_the_retention_is_applied_once_a_day_unless_frozen() -> None:
    assert found(pruned=NOW - DAY) == (Wanted(kind=JobKind.PRUNE, repository=KEY, set="config"),)
    assert found(SET, replace(REPOSITORY, frozen="anomaly"), pruned=0) == ()


def test_a_compaction_waits_for_its_hold() -> None:
    held = replace(REPOSITORY, pruned=2, compact_at=NOW + 1)
    assert found(SET, held) == ()
    assert found(SET, replace(held, compact_at=NOW)) == (Wanted(kind=JobKind.COMPACT, repository=KEY),)
    assert found(SET, replace(held, compact_at=NOW, frozen="somebody removed archives")) == ()


@pytest.mark.parametrize(
    ("checked", "verified", "level"),
    [
        (None, None, "quick"),
        (DAY, DAY, "quick"),
        (DAY, None, "data"),
        (10, 31 * DAY, "data"),
        (10, 10, None),
        (10, None, None),
    ],
)
def test_the_ladder_of_checks(checked: float | None, verified: float | None, level: str | None) -> None:
    repository = replace(
        REPOSITORY,
        check=None if checked is None else Check(repository=KEY, level="quick", time=NOW - checked, ok=True),
        verified=None if verified is None else Check(repository=KEY, level="data", time=NOW - verified, ok=True),
    )
    assert [each.level for each in found(SET, repository)] == ([] if level is None else [level])


def test_what_waits_or_runs_is_not_begun_again() -> None:
    for state in (JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING):
        assert found(replace(SET, due=NOW), REPOSITORY, job(state, NOW)) == ()


def test_what_failed_is_tried_again_later_and_later() -> None:
    due = replace(SET, due=NOW - DAY)
    assert found(due, REPOSITORY, job(JobState.FAILED, NOW - RETRY_SECONDS[0] + 1)) == ()
    assert found(due, REPOSITORY, job(JobState.FAILED, NOW - RETRY_SECONDS[0]))
    twice = [job(JobState.FAILED, NOW - RETRY_SECONDS[0]), job(JobState.FAILED, NOW - RETRY_SECONDS[1])]
    assert found(due, REPOSITORY, *twice) == ()


def test_a_success_in_between_forgives() -> None:
    jobs = [job(JobState.FAILED, NOW - 2000), job(JobState.DONE, NOW - 3000), job(JobState.FAILED, NOW - 4000)]
    assert found(replace(SET, due=NOW), REPOSITORY, *jobs)


def test_a_cancelled_job_is_begun_at_the_next_look() -> None:
    assert found(replace(SET, due=NOW), REPOSITORY, job(JobState.CANCELLED, NOW - 1))


def test_a_repository_that_is_not_made_is_left_alone() -> None:
    assert found(SET, replace(REPOSITORY, made=None, check=None, verified=None)) == ()


def test_what_a_dump_printed_is_not_drilled_by_itself() -> None:
    """It is nowhere to be compared with; a drill of it could only fail."""
    dumped = replace(SET, set="db", last=replace(ARCHIVE, set="db+app"), proof=None)
    assert [each.kind for each in found(dumped)] == [JobKind.PRUNE]


# What schedules begin --------------------------------------------------------------------------------------------------


def left(status: SetStatus, *jobs: Job, kind: JobKind = JobKind.BACKUP, **rules: Any) -> tuple[Wanted, ...]:
    """With a schedule that begins jobs of this kind for the set."""
    return wanted(
        [status],
        [REPOSITORY],
        jobs,
        {(KEY, "config"): NOW - 100},
        Rules(**rules),
        NOW,
        lambda asked, host, name: (asked, host, name) == (kind, "gpu1", "config"),
    )


def test_a_backup_that_a_schedule_begins_is_left_to_it() -> None:
    due = replace(SET, due=NOW - 100)
    assert found(due) == (Wanted(kind=JobKind.BACKUP, repository=KEY, set="config"),)
    assert left(due) == ()
    assert left(due, kind=JobKind.DRILL) == found(due)


def test_the_first_backup_one_that_failed_and_one_that_did_not_come_are_begun_here_all_the_same() -> None:
    backup = Wanted(kind=JobKind.BACKUP, repository=KEY, set="config")
    assert left(replace(SET, last=None, archives=0, due=NOW, proof=None)) == (backup,)
    assert left(replace(SET, due=NOW - DAY, overdue=True)) == (backup,)
    failed = replace(SET, problem=Cause(code="no-space", text="full"))
    assert left(failed, job(JobState.FAILED, NOW - RETRY_SECONDS[0])) == (backup,)
    assert left(failed, job(JobState.FAILED, NOW - RETRY_SECONDS[0] + 1)) == ()


def test_a_drill_that_a_schedule_begins_is_left_to_it_but_for_the_first_proof() -> None:
    drill = Wanted(kind=JobKind.DRILL, repository=KEY, set="config")
    old = replace(SET, proof=replace(PROOF, time=NOW - 8 * DAY))
    assert found(old) == (drill,) and left(old, kind=JobKind.DRILL) == ()
    assert left(replace(SET, proof=None), kind=JobKind.DRILL) == (drill,)
