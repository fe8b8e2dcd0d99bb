"""Keeping repositories small, whole and readable, as the API asks for it: plans are looked at, and exactly they are done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.backups.model import Dump, JobKind, JobState
from backends.errors import BadInput, RetryLater
from backends.states import Severity
from tests.borgs import borg_12
from tests.unit.backups.service_case import KEY, Case, copied

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    borg_12()
    one = copied(tmp_path)
    yield one
    one.close()


def test_pruned_compacted_and_brought_back_exactly_as_shown(case: Case) -> None:
    keeping, (newest, older) = case.backups.keeping, case.archives()
    shown = keeping.prune_preview(KEY, "data")
    assert {fate.archive.name: fate.keep for fate in shown.fates} == {newest: True, older: False}
    job = case.wait(keeping.prune(KEY, "data", shown.token, "ann"))
    assert job.state is JobState.DONE and case.archives() == [newest]
    (gone,) = case.backups.depot.catalog.gone(KEY)
    assert f"ann (job {job.id})" in gone.by
    refused = keeping.compact_preview(KEY)
    assert "is held until" in refused.refused
    undone = case.wait(keeping.undo(KEY, "ann"))
    assert undone.state in (JobState.DONE, JobState.WARNING), undone
    assert case.archives() == [newest, older]


def test_what_is_due_prunes_the_dumps_of_a_set_too(case: Case) -> None:
    """The archives of a dump are a series of their own; nobody else would ever prune them."""
    case.set_data(paths=(), dumps=(Dump(name="app", command=("echo", "1")),))
    for hour in (1, 2):
        name = f"data+app.20261101T0{hour}0000Z"
        place = f"{case.repository.location}::{name}"
        case.borg("create", "--timestamp", f"2026-11-01T0{hour}:00:00", place, "/etc/hostname")
    keeping = case.backups.keeping
    job = case.wait(keeping.prune_by_rule(KEY, "data", "the schedule"))
    assert job.state is JobState.DONE, job
    assert sorted(name.partition(".")[0] for name in case.archives()) == ["data", "data", "data+app"]
    assert case.backups.depot.catalog.note(KEY, "pruned data")
    with pytest.raises(BadInput, match="no dump 'log' in data"):
        keeping.prune_preview(KEY, "data+log")


def test_a_freeze_is_ended_by_somebody_and_told(case: Case) -> None:
    keeping = case.backups.keeping
    with pytest.raises(BadInput, match="nothing is frozen"):
        keeping.release(KEY, "ann")
    canary = case.folder / "canary"
    canary.write_text("a")
    case.set_data(canaries=(str(canary),))
    canaries = case.backups.depot.canaries
    assert canaries.watch(case.every[0]) == ""
    canary.write_text("b")
    assert "was changed" in canaries.watch(case.every[0])
    assert case.backups.standing.statuses(["here"])[1][0].frozen
    keeping.release(KEY, "ann")
    assert not case.backups.standing.statuses(["here"])[1][0].frozen
    assert canaries.watch(case.every[0]) == "", "as it is now it is well"
    assert case.events[-1][3:] == ("ann", Severity.WARNING) and "pruning goes on" in case.events[-1][1]


def test_a_key_is_shown_and_kept_elsewhere_with_who_did_it(case: Case) -> None:
    keeping = case.backups.keeping
    sheet, text = keeping.key_export(KEY, "paper", "ann"), keeping.key_export(KEY, "text", "bob")
    passphrase = case.backups.depot.passphrases.of(case.repository).decode()
    assert "BORG PAPER KEY" in sheet and passphrase in sheet
    assert text.startswith("BORG_KEY ") and passphrase not in text
    escrow = keeping.escrow(KEY, "safe, 2nd floor", "ann")
    assert (escrow.who, escrow.note) == ("ann", "safe, 2nd floor")
    assert case.backups.standing.statuses(["here"])[1][0].escrow == escrow
    assert [text for _, text, *_ in case.events] == [
        f"{KEY}: its key was shown (paper)",
        f"{KEY}: its key was shown (text)",
        f"{KEY}: key {escrow.fingerprint} is kept elsewhere",
    ]
    assert not any(passphrase in text for _, text, *_ in case.events)


def test_nobody_holds_a_repository_and_no_lock_is_broken(case: Case) -> None:
    keeping = case.backups.keeping
    assert keeping.lock(KEY).holder == ""
    with pytest.raises(RetryLater):
        keeping.break_lock(KEY, "a token", "ann")
    assert case.told("lock") == []


def test_a_whole_repository_needs_no_healing(case: Case) -> None:
    plan = case.backups.keeping.heal_plan(KEY)
    assert (plan.id, plan.files, plan.repository) == ("", (), KEY)


def test_a_healing_that_nobody_planned_is_refused(case: Case) -> None:
    with pytest.raises(BadInput, match="no healing plan") as told:
        case.backups.keeping.heal("h1", "f" * 64, "ann")
    assert told.value.hint == "make it again; plans are not kept over a restart"


def test_a_check_is_one_job_of_its_repository(case: Case) -> None:
    keeping = case.backups.keeping
    with case.backups.queue.alone(case.repository):
        job = keeping.check(case.repository, "quick", "ann")
        assert (job.kind, job.state, job.repository, job.set) == (JobKind.CHECK, JobState.QUEUED, KEY, "")
        with pytest.raises(RetryLater, match="check of local/here is queued already"):
            keeping.check(case.repository, "data", "bob")
        case.backups.cancel(job.id, "ann", force=False)


def test_accepting_what_is_not_missing_frees_nothing(case: Case) -> None:
    job = case.wait(case.backups.keeping.compact(KEY, "token", ("data.x",), "ann"))
    assert job.state is JobState.FAILED and "'data.x' is not missing" in job.text


def test_what_somebody_else_removed_goes_only_when_accepted(case: Case) -> None:
    keeping, (_, older) = case.backups.keeping, case.archives()
    case.borg("delete", f"{case.repository.location}::{older}")
    shown = keeping.compact_preview(KEY)
    assert "removed by nobody here" in shown.refused and [each.by for each in shown.vanishing] == [""]
    job = case.wait(keeping.compact(KEY, shown.token, (older,), "ann"))
    assert job.state is JobState.DONE, job
    assert case.backups.depot.catalog.gone(KEY) == ()


@pytest.mark.parametrize("key", ["vault/nowhere", "local"])
def test_a_repository_that_is_not_there(case: Case, key: str) -> None:
    keeping = case.backups.keeping
    for ask in (
        lambda: keeping.prune_preview(key, "data"),
        lambda: keeping.prune(key, "data", "t", "ann"),
        lambda: keeping.prune_by_rule(key, "data", "ann"),
        lambda: keeping.undo(key, "ann"),
        lambda: keeping.compact_preview(key),
        lambda: keeping.compact(key, "t", (), "ann"),
        lambda: keeping.compact_by_rule(key, "ann"),
        lambda: keeping.heal_plan(key),
        lambda: keeping.lock(key),
        lambda: keeping.break_lock(key, "t", "ann"),
        lambda: keeping.key_export(key, "text", "ann"),
        lambda: keeping.escrow(key, "", "ann"),
        lambda: keeping.release(key, "ann"),
    ):
        with pytest.raises(BadInput, match="no repository"):
            ask()
    assert case.backups.board.in_flight() == ()


def test_a_set_that_is_not_in_it(case: Case) -> None:
    with pytest.raises(BadInput, match="no set 'modles' in local/here"):
        case.backups.keeping.prune(KEY, "modles", "t", "ann")
    case.every[0] = replace(case.every[0], set=replace(case.set, name="other"))
    with pytest.raises(BadInput, match="no set 'data'"):
        case.backups.keeping.prune_by_rule(KEY, "data", "ann")
