"""Jobs on repositories: one at a time in each, side by side across them, every edge written down."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.backups.board import Board, Handle
from backends.backups.borg.events import ArchiveProgress, LogMessage, Text
from backends.backups.job_book import LOOKED_NOT
from backends.backups.model import Job, JobKind, JobState, Outcome
from backends.clock import ManualClock
from backends.errors import BadInput, RetryLater, SkipHost, Stop

DONE = Outcome(state=JobState.DONE, notes=("all is well",))
SOON = 5.0


class Told:
    """What a board told."""

    def __init__(self) -> None:
        self.edges: list[tuple[str, JobState]] = []
        self.bugs: list[Exception] = []

    def edge(self, job: Job) -> None:
        self.edges.append((job.repository, job.state))

    def bug(self, where: str, error: Exception) -> None:
        self.bugs.append(error)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def board(tmp_path: Path, told: Told) -> Iterator[Board]:
    board = opened(tmp_path, told)
    yield board
    board.stop()


def opened(folder: Path, told: Told, parallel: int = 8) -> Board:
    return Board(folder / "jobs", ManualClock(), on_edge=told.edge, on_bug=told.bug, parallel=parallel)


def job(repository: str = "vault/gpu1", kind: JobKind = JobKind.BACKUP, set_name: str = "config") -> Job:
    return Job(id="", kind=kind, host=repository.partition("/")[2], repository=repository, set=set_name, who="root")


class Gate:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, handle: Handle) -> Outcome:
        self.begun.set()
        assert self.go.wait(SOON)
        return DONE


def test_a_job_runs_and_its_end_is_told(board: Board, told: Told) -> None:
    made = board.add(job(), lambda handle: DONE, holds=["r"])
    ended = board.wait(made.id, SOON)
    assert (ended.state, ended.text, ended.outcome) == (JobState.DONE, "all is well", DONE)
    assert [state for _, state in told.edges] == [JobState.RUNNING, JobState.DONE]


def test_two_jobs_of_one_repository_wait_for_each_other_and_others_do_not(board: Board) -> None:
    first, other = Gate(), Gate()
    one = board.add(job(), first, holds=["repository vault/gpu1"])
    second = board.add(job(kind=JobKind.CHECK), lambda handle: DONE, holds=["repository vault/gpu1"])
    third = board.add(job("vault/gpu2"), other, holds=["repository vault/gpu2"])
    assert first.begun.wait(SOON) and other.begun.wait(SOON)
    assert board.job(second.id).state is JobState.QUEUED
    first.go.set()
    other.go.set()
    assert {board.wait(each.id, SOON).state for each in (one, second, third)} == {JobState.DONE}


def test_a_job_that_waits_for_two_things_is_not_overtaken_by_a_later_one(board: Board) -> None:
    first = Gate()
    board.add(job(), first, holds=["a"])
    assert first.begun.wait(SOON)
    both = board.add(job(kind=JobKind.CHECK), lambda handle: DONE, holds=["a", "b"])
    later = board.add(job(kind=JobKind.DRILL), lambda handle: DONE, holds=["b"])
    assert board.job(later.id).state is JobState.QUEUED
    first.go.set()
    assert board.wait(later.id, SOON).state is JobState.DONE
    assert board.job(both.id).state is JobState.DONE


def test_no_more_run_at_a_time_than_is_allowed(tmp_path: Path, told: Told) -> None:
    board, gates = opened(tmp_path, told, parallel=2), [Gate() for _ in range(3)]
    jobs = [board.add(job(f"vault/gpu{n}"), gate, holds=[str(n)]) for n, gate in enumerate(gates)]
    assert gates[0].begun.wait(SOON) and gates[1].begun.wait(SOON)
    assert board.job(jobs[2].id).state is JobState.QUEUED
    for gate in gates:
        gate.go.set()
    assert {board.wait(each.id, SOON).state for each in jobs} == {JobState.DONE}


def test_the_same_job_is_not_begun_twice(board: Board) -> None:
    gate = Gate()
    board.add(job(), gate, holds=["r"])
    with pytest.raises(RetryLater, match=r"is (running|queued) already"):
        board.add(job(), gate, holds=["r"])
    gate.go.set()


def test_an_error_becomes_the_cause_with_its_next_step(board: Board) -> None:
    def work(handle: Handle) -> Outcome:
        raise SkipHost("no borg", host="gpu1", hint="apt install borgbackup")

    ended = board.wait(board.add(job(), work, holds=[]).id, SOON)
    assert ended.state is JobState.FAILED
    assert ended.outcome is not None and ended.outcome.cause is not None
    assert (ended.outcome.cause.text, ended.outcome.cause.next_step) == ("no borg", "apt install borgbackup")


def test_a_bug_fails_one_job_and_is_told(board: Board, told: Told) -> None:
    def work(handle: Handle) -> Outcome:
        raise ZeroDivisionError

    ended = board.wait(board.add(job(), work, holds=["r"]).id, SOON)
    assert ended.state is JobState.FAILED and len(told.bugs) == 1
    assert board.wait(board.add(job(), lambda handle: DONE, holds=["r"]).id, SOON).state is JobState.DONE


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked(board: Board) -> None:
    seen: list[bool] = []
    begun = threading.Event()

    def work(handle: Handle) -> Outcome:
        begun.set()
        seen.append(handle.cancel.asked.wait(SOON))
        return Outcome(state=JobState.CANCELLED, notes=("the checkpoint is kept",))

    running = board.add(job(), work, holds=["r"])
    waiting = board.add(job(kind=JobKind.CHECK), lambda handle: DONE, holds=["r"])
    assert begun.wait(SOON)
    assert board.cancel(waiting.id, "alice").state is JobState.CANCELLED
    assert board.cancel(running.id, "alice").state is JobState.CANCELLING
    assert board.wait(running.id, SOON).state is JobState.CANCELLED
    assert seen == [True]
    with pytest.raises(BadInput, match="has ended"):
        board.cancel(running.id, "alice")


def test_progress_and_words_of_borg_are_shown(board: Board) -> None:
    def work(handle: Handle) -> Outcome:
        handle.event(ArchiveProgress(original_bytes=10, files=2, path="srv/a"))
        handle.event(LogMessage(level="WARNING", message="srv/b: changed"))
        handle.event(Text(text="a traceback"))
        handle.show(command="borg create …", trust="nothing")
        return DONE

    ended = board.wait(board.add(job(), work, holds=[]).id, SOON)
    assert (ended.progress.files, ended.progress.path, ended.command) == (2, "srv/a", "borg create …")
    assert board.log(ended.id).splitlines() == ["warning: srv/b: changed", "a traceback"]


def test_ended_jobs_outlive_the_engine_and_those_in_flight_are_told_as_failed(tmp_path: Path, told: Told) -> None:
    first, gate = opened(tmp_path, told), Gate()
    done = first.wait(first.add(job(), lambda handle: DONE, holds=[]).id, SOON)
    running = first.add(job("vault/gpu2"), gate, holds=[])
    assert gate.begun.wait(SOON)
    second = opened(tmp_path, Told())
    assert second.job(done.id) == done
    assert [each.id for each in second.left] == [running.id]
    told_as = second.job(running.id)
    assert told_as.state is JobState.FAILED
    assert told_as.outcome is not None and told_as.outcome.cause is not None
    assert "not sent twice" in told_as.outcome.cause.next_step
    gate.go.set()


def test_a_job_that_had_done_its_work_when_its_engine_ended_is_done(board: Board, told: Told, tmp_path: Path) -> None:
    gate = Gate()

    def work(handle: Handle) -> Outcome:
        handle.made(DONE)
        return gate(handle)

    running = board.add(job(), work, holds=["r"])
    assert gate.begun.wait(SOON)
    left = opened(tmp_path, told).job(running.id)
    assert (left.state, left.ended is None) == (JobState.DONE, False)
    assert left.outcome is not None and left.outcome.notes == (*DONE.notes, LOOKED_NOT)
    gate.go.set()


def test_without_a_folder_nothing_is_begun(told: Told) -> None:
    board = Board(None, ManualClock(), on_edge=told.edge, on_bug=told.bug)
    with pytest.raises(Stop, match="keeps no state"):
        board.add(job(), lambda handle: DONE, holds=[])
    assert board.jobs() == ()


def test_the_end_of_the_engine_asks_what_runs_to_end_and_begins_nothing(board: Board) -> None:
    forced, begun = threading.Event(), threading.Event()

    def work(handle: Handle) -> Outcome:
        begun.set()
        if handle.cancel.forced.wait(SOON):
            forced.set()
        return Outcome(state=JobState.CANCELLED)

    board.add(job(), work, holds=["r"])
    waiting = board.add(job(kind=JobKind.CHECK), lambda handle: DONE, holds=["r"])
    assert begun.wait(SOON)
    board.stop()
    assert forced.wait(SOON)
    assert board.job(waiting.id).state is JobState.QUEUED
    with pytest.raises(RetryLater, match="ending"):
        board.add(job("vault/gpu9"), lambda handle: DONE, holds=[])


def test_unknown_jobs_are_refused(board: Board) -> None:
    for ask in (board.job, board.log):
        with pytest.raises(BadInput, match="no job"):
            ask("nope")


def test_a_look_waits_for_the_job_and_jobs_wait_for_the_look(board: Board) -> None:
    gate = Gate()
    first = board.add(job(), gate, holds=["r"])
    assert gate.begun.wait(SOON)
    with pytest.raises(RetryLater, match=r"r is busy: job .* backup config vault/gpu1"), board.holding(["r"], 0.0):
        pass
    gate.go.set()
    with board.holding(["r"], SOON):
        second = board.add(job(kind=JobKind.CHECK), lambda handle: DONE, holds=["r"])
        assert board.job(second.id).state is JobState.QUEUED
    assert board.wait(second.id, SOON).state is JobState.DONE
    assert board.job(first.id).state is JobState.DONE


def test_what_becomes_known_later_is_kept(tmp_path: Path, told: Told) -> None:
    board = opened(tmp_path, told)
    done = board.wait(board.add(job(), lambda handle: DONE, holds=[]).id, SOON)
    board.amend(done.id, text="confirmed by anna")
    assert opened(tmp_path, Told()).job(done.id).text == "confirmed by anna"
