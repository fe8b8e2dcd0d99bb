"""Restores as the API asks for them: a plan first, then exactly that, then kept or put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.backups.model import JobKind, JobState, Transport
from backends.backups.views import RestorePlan, RestoreRequest
from backends.errors import BadInput, RetryLater
from tests.borgs import borg_12
from tests.unit.backups.service_case import GPU, KEY, Case, copied

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def shelf() -> Iterator[list[Case]]:
    """The one case from which all restore."""
    found: list[Case] = []
    yield found
    for each in found:
        each.close()


@pytest.fixture
def case(shelf: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Case:
    borg_12()
    if not shelf:
        shelf.append(copied(tmp_path_factory.mktemp("restoring")))
    return shelf[0]


def planned(case: Case, target: Path, *names: str, archive: int = 0, host: str = "") -> RestorePlan:
    request = RestoreRequest(
        repository=KEY,
        archive=case.archives()[archive],
        paths=tuple(case.inside(name) for name in names),
        directory=str(target),
        host=host,
    )
    return case.backups.restoring.plan(request)


def test_a_tree_comes_back_as_planned_and_goes_again(case: Case, tmp_path: Path) -> None:
    plan = planned(case, tmp_path / "back", "notes", archive=1)
    assert (plan.files, plan.host, plan.transport, plan.there) == (1, "here", Transport.LOCAL, 0)
    assert plan.command.startswith("borg ") and not (tmp_path / "back").exists(), "a plan changes nothing"
    job = case.backups.restoring.start(plan.id, plan.hash[:12], "ann")
    ended = case.wait(job)
    assert ended.state is JobState.DONE, ended
    assert (ended.kind, ended.plan, ended.who, ended.host) == (JobKind.RESTORE, plan.id, "ann", "here")
    (back,) = (tmp_path / "back").rglob("today.txt")
    assert back.read_text().startswith("monday")
    settled = case.backups.settled(job.id, "bob", keep=False)
    assert settled.id == job.id and settled.text.startswith("put back: ") and "1 were removed" in settled.text
    assert not back.exists()
    assert case.events[-1][1].startswith(f"restore {plan.id}: put back") and case.events[-1][3] == "bob"


def test_a_plan_is_named_by_its_hash(case: Case, tmp_path: Path) -> None:
    plan = planned(case, tmp_path / "x", "notes")
    with pytest.raises(BadInput, match="the hash is that of another plan"):
        case.backups.restoring.start(plan.id, "0" * 64, "ann")
    with pytest.raises(BadInput, match="no restore plan 'p'") as told:
        case.backups.restoring.start("p", "0" * 64, "ann")
    assert told.value.hint == "make it again; plans are not kept over a restart"


def test_what_is_not_there_is_not_planned(case: Case, tmp_path: Path) -> None:
    restoring = case.backups.restoring
    with pytest.raises(BadInput, match="no repository"):
        restoring.plan(RestoreRequest(repository="vault/x", archive="a", paths=("x",)))
    with pytest.raises(BadInput):
        restoring.plan(RestoreRequest(repository=KEY, archive="data.x", paths=("x",)))
    with pytest.raises(BadInput):
        planned(case, tmp_path / "x", "no/such")


def test_a_host_that_is_not_connected_is_not_restored_to(case: Case, tmp_path: Path) -> None:
    with pytest.raises(RetryLater, match="not connected"):
        planned(case, tmp_path / "x", "notes", host=GPU)


def test_only_restores_are_kept_or_put_back(case: Case) -> None:
    restoring = case.backups.restoring
    (backup, *_) = [job for job in case.backups.board.jobs() if job.kind is JobKind.BACKUP]
    for ask in (restoring.confirm, restoring.undo):
        with pytest.raises(BadInput, match="restored nothing"):
            ask(backup.id, "ann")
        with pytest.raises(BadInput):
            ask("unknown", "ann")


def test_an_archive_without_a_list_of_files_is_listed_first(case: Case, tmp_path: Path) -> None:
    place = f"{case.repository.location}::data.20200101T000000Z"
    case.borg("create", "--timestamp", "2020-01-01T00:00:00", place, "/etc/hostname")
    case.backups.depot.listings.take(case.repository)
    with pytest.raises(RetryLater, match=r"are being listed \(job ") as told:
        planned(case, tmp_path / "x", archive=-1)
    assert told.value.hint == "ask again in a moment"
    (job,) = [job for job in case.settle() if job.id in told.value.message]
    assert (job.state, job.who) == (JobState.DONE, "a restore plan")
    assert planned(case, tmp_path / "x", archive=-1).files == 1


def test_a_plan_is_carried_out_once(case: Case, tmp_path: Path) -> None:
    """What is there must stay what was there before, or it could not be put back."""
    plan = planned(case, tmp_path / "back", "notes")
    restoring = case.backups.restoring
    first, second = (restoring.start(plan.id, plan.hash, who) for who in ("ann", "bob"))
    assert case.wait(first).state is JobState.DONE
    refused = case.wait(second)
    assert refused.state is JobState.FAILED and "is there already" in refused.text
    assert "1 were removed" in restoring.undo(plan.id, "ann")
