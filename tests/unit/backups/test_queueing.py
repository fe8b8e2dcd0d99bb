"""Who holds what while a job works, and what the timeline is told of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.backups.board import Board, Handle
from backends.backups.model import Job, JobKind, JobState, Outcome, Repository
from backends.backups.queueing import Queue, told
from backends.clock import ManualClock
from backends.errors import RetryLater
from backends.states import Severity

VAULT = Repository(name="vault", host="gpu01", location="/r/1")
OFFSITE = replace(VAULT, name="offsite", location="/r/2")
DONE = Outcome(state=JobState.DONE, notes=("well",))
SECONDS = 10.0


class Gate:
    """Work that waits until a test lets it go."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, handle: Handle) -> Outcome:
        self.begun.set()
        assert self.open.wait(SECONDS)
        return DONE


def nothing(handle: Handle) -> Outcome:
    return DONE


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    board = Board(tmp_path, ManualClock(), on_edge=lambda _: None, on_bug=lambda *_: None)
    yield Queue(board)
    board.stop()


@pytest.fixture
def gate() -> Iterator[Gate]:
    one = Gate()
    yield one
    one.open.set()


def state(queue: Queue, job: Job) -> JobState:
    return queue.board.job(job.id).state


def ended(queue: Queue, job: Job) -> JobState:
    return queue.board.wait(job.id, SECONDS).state


def test_a_job_tells_what_it_is_about(queue: Queue) -> None:
    job = queue.add(JobKind.BACKUP, VAULT, nothing, "ann", set_name="models", on_host="gpu01")
    assert (job.kind, job.repository, job.set, job.host, job.who) == (
        JobKind.BACKUP,
        "vault/gpu01",
        "models",
        "gpu01",
        "ann",
    )
    assert ended(queue, job) is JobState.DONE


def test_a_restore_onto_another_host_is_about_that_host(queue: Queue) -> None:
    job = queue.add(JobKind.RESTORE, VAULT, nothing, "ann", on_host="gpu09")
    assert job.host == "gpu09"
    ended(queue, job)


def test_one_job_a_repository_and_one_a_host_at_a_time(queue: Queue, gate: Gate) -> None:
    first = queue.add(JobKind.BACKUP, VAULT, gate, "", set_name="a", on_host="gpu01")
    assert gate.begun.wait(SECONDS)
    same_repository = queue.add(JobKind.CHECK, VAULT, nothing, "")
    same_host = queue.add(JobKind.BACKUP, OFFSITE, nothing, "", set_name="a", on_host="gpu01")
    elsewhere = queue.add(JobKind.INDEX, replace(OFFSITE, host="gpu02"), nothing, "")
    assert ended(queue, elsewhere) is JobState.DONE
    assert (state(queue, same_repository), state(queue, same_host)) == (JobState.QUEUED, JobState.QUEUED)
    gate.open.set()
    assert {ended(queue, each) for each in (first, same_repository, same_host)} == {JobState.DONE}


def test_other_repositories_that_it_needs_are_held_too(queue: Queue, gate: Gate) -> None:
    heal = queue.add(JobKind.HEAL, VAULT, gate, "", others=(OFFSITE,))
    assert gate.begun.wait(SECONDS)
    with pytest.raises(RetryLater, match="offsite/gpu01 is busy"), queue.alone(OFFSITE, seconds=0.0):
        pass
    gate.open.set()
    ended(queue, heal)
    with queue.alone(OFFSITE, VAULT, seconds=0.0):
        pass


def test_what_works_on_a_set_and_a_repository_now(queue: Queue, gate: Gate) -> None:
    job = queue.add(JobKind.BACKUP, VAULT, gate, "", set_name="models")
    assert gate.begun.wait(SECONDS)
    waiting = queue.add(JobKind.DRILL, VAULT, nothing, "", set_name="config")
    assert queue.working("vault/gpu01", "models") == job.id
    assert queue.working("vault/gpu01", "config") == "", "what only waits does not work"
    assert queue.busy(VAULT) == f"job {job.id} of this engine: backup models"
    assert queue.busy(OFFSITE) == ""
    gate.open.set()
    ended(queue, waiting)
    assert (queue.busy(VAULT), queue.working("vault/gpu01", "models")) == ("", "")


JOB = Job(id="j", kind=JobKind.PRUNE, host="gpu01", repository="vault/gpu01", set="models", who="ann", started=1.0)


@pytest.mark.parametrize(
    ("job", "text", "severity"),
    [
        (JOB, "prune models vault/gpu01 began", Severity.OK),
        (
            replace(JOB, state=JobState.FAILED, ended=2.0, text="no room"),
            "prune models vault/gpu01 failed: no room",
            Severity.CRITICAL,
        ),
        (
            replace(JOB, state=JobState.WARNING, ended=2.0, text="odd"),
            "prune models vault/gpu01 warning: odd",
            Severity.WARNING,
        ),
        (replace(JOB, state=JobState.CANCELLED, ended=2.0), "prune models vault/gpu01 cancelled", Severity.OK),
        (replace(JOB, set="", state=JobState.DONE, ended=2.0), "prune vault/gpu01 done", Severity.OK),
    ],
)
def test_the_timeline_is_told_of_both_edges(job: Job, text: str, severity: Severity) -> None:
    events: list[tuple[str, str, str, str, Severity]] = []
    told(job, lambda *event: events.append(event))
    assert events == [("backup", text, "gpu01", "ann", severity)]


def test_a_long_cause_is_cut_for_the_timeline() -> None:
    events: list[str] = []
    told(replace(JOB, state=JobState.FAILED, ended=2.0, text="x" * 5000), lambda _, text, *__: events.append(text))
    assert len(events[0]) == 400
