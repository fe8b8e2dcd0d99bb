"""The backup and snapshot steps over jobs in memory."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from backends.backups.model import Archive, Cause, Job, JobKind, JobState, Outcome, Progress
from backends.errors import BadInput
from backends.maintenance import facts
from backends.maintenance.steps.backup import BackupWorker
from backends.maintenance.worker import Told
from tests.unit.maintenance.steps.places import HOST, place

HERE = place("backup:models")


class Backups:
    """Two places for each set; jobs end as a test says."""

    def __init__(self) -> None:
        self.board: dict[str, Job] = {}
        self.there = 2
        self.asked: list[str] = []

    def places(self, host: str, set: str) -> int:
        return self.there

    def start(self, host: str, set: str, who: str, places: Sequence[str] = ()) -> Sequence[Job]:
        self.asked.append(set)
        keys = [f"vault{n}/{host}" for n in range(self.there)]
        made = [
            Job(id=f"j{len(self.board) + n}", kind=JobKind.BACKUP, host=host, repository=key, set=set)
            for n, key in enumerate(keys)
            if not places or key in places
        ]
        self.board |= {job.id: job for job in made}
        return made

    def jobs(self, host: str, set: str, since: float) -> Sequence[Job]:
        return tuple(self.board.values())

    def proof(self, host: str, set: str) -> float | None:
        return 1_799_000_000.0

    def now(self) -> float:
        return 1_800_000_000.0

    def log(self, job: str) -> str:
        return f"log of {job}"

    def each(self, state: JobState, **values: object) -> None:
        self.board = {name: replace(job, state=state, **values) for name, job in self.board.items()}


@pytest.fixture
def backups() -> Backups:
    return Backups()


def archived(size: int) -> Outcome:
    archive = Archive(
        id="a", repository="vault0/gpu01", name="models.x", set="models", host=HOST, start=0.0, deduplicated_bytes=size
    )
    return Outcome(state=JobState.DONE, archive=archive)


def test_a_set_that_nobody_keeps_fails_with_what_to_do(backups: Backups) -> None:
    backups.there = 0
    with pytest.raises(BadInput, match="models"):
        BackupWorker(backups).begin(HERE)


def test_it_is_done_when_all_places_have_it(backups: Backups) -> None:
    worker = BackupWorker(backups)
    token = worker.begin(HERE)
    first = next(iter(backups.board))
    backups.board[first] = replace(backups.board[first], state=JobState.DONE, outcome=archived(7))
    assert worker.look(HERE, token).told is Told.GOING
    backups.each(JobState.DONE, outcome=archived(7))
    look = worker.look(HERE, token)
    assert look.told is Told.DONE and "2 places" in look.text and look.facts[facts.PROOF] == "1799000000"
    assert facts.archives(look.facts)[0].size_bytes == 7
    assert worker.output(HERE, token) == "log of j0\nlog of j1"


def test_one_place_that_fails_is_a_failure_with_its_cause(backups: Backups) -> None:
    worker = BackupWorker(backups)
    token = worker.begin(HERE)
    backups.each(JobState.DONE)
    cause = Cause(code="no-space", text="full", next_step="free some space")
    backups.board["j1"] = replace(
        backups.board["j1"], state=JobState.FAILED, text="full", outcome=Outcome(state=JobState.FAILED, cause=cause)
    )
    look = worker.look(HERE, token)
    assert look.told is Told.FAILED and "vault1/gpu01: full" in look.text and look.hint == "free some space"


def test_a_snapshot_is_the_configuration_now(backups: Backups) -> None:
    BackupWorker(backups).begin(place("snapshot"))
    assert backups.asked == ["config"]


def test_how_far_it_is_is_never_made_up(backups: Backups) -> None:
    worker = BackupWorker(backups)
    token = worker.begin(HERE)
    backups.each(JobState.RUNNING, progress=Progress(phase="reading", percent=50.0))
    look = worker.look(HERE, token)
    assert (look.state, look.done) == ("reading", 0.5)
    backups.each(JobState.RUNNING, progress=Progress(phase="reading"))
    assert worker.look(HERE, token).done is None


def _ended_with_engine(backups: Backups) -> None:
    cause = Cause(code="engine-ended", text="the engine ended while this went on")
    backups.each(JobState.FAILED, outcome=Outcome(state=JobState.FAILED, cause=cause))


def _stopped_with_engine(backups: Backups) -> None:
    backups.each(JobState.CANCELLED, text="cancelled by the engine, which ends")


@pytest.mark.parametrize("end", [_ended_with_engine, _stopped_with_engine, lambda backups: backups.board.clear()])
def test_jobs_that_ended_with_their_engine_are_begun_again(backups: Backups, end: object) -> None:
    worker = BackupWorker(backups)
    token = worker.begin(HERE)
    end(backups)  # type: ignore[operator]
    look = worker.look(HERE, token)
    assert look.told is Told.GOING and look.token and len(backups.asked) == 2
    backups.each(JobState.DONE, outcome=archived(1), text="")
    assert worker.look(HERE, look.token).told is Told.DONE


def test_a_place_that_has_it_already_is_not_asked_again(backups: Backups) -> None:
    worker = BackupWorker(backups)
    token = worker.begin(HERE)
    _ended_with_engine(backups)
    first, second = backups.board
    backups.board[first] = replace(backups.board[first], state=JobState.DONE, outcome=archived(0))
    look = worker.look(HERE, token)
    assert [job.repository for job in backups.board.values()][2:] == [backups.board[second].repository]
    backups.board = {name: replace(job, state=JobState.DONE) for name, job in backups.board.items() if name != second}
    over = worker.look(HERE, look.token)
    assert over.told is Told.DONE and over.text == "models in 2 places"


def test_a_job_that_somebody_cancelled_is_a_failure(backups: Backups) -> None:
    worker = BackupWorker(backups)
    token = worker.begin(HERE)
    backups.each(JobState.CANCELLED, text="cancelled by bob")
    assert worker.look(HERE, token).told is Told.FAILED
