"""How sets and repositories stand, from the catalog alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.backups.catalog import Catalog
from backends.backups.model import BackupSet, Cause, Check, Dump, Escrow, Proof, Repository, Task, Transport
from backends.backups.status import Statuses, complete
from backends.backups.trust import said
from backends.backups.views import RepositoryStatus, SetStatus
from backends.clock import ManualClock
from tests.unit.backups.catalog_case import archive

KEY, DAY, HOUR = "vault/gpu01", 86400.0, 3600.0
MODELS = BackupSet(name="models", paths=("/srv",), every_seconds=DAY)
VAULT = Repository(name="vault", host="gpu01", location="/r", reserve_bytes=100)
PROVEN = Proof(repository=KEY, set="models", archive="models.a", time=0.0, ok=True)


class Case:
    """A catalog, and what is asked of it."""

    def __init__(self, folder: Path):
        self.clock = ManualClock()
        self.now = self.clock.now()
        self.catalog = Catalog(folder / "catalog.db", self.clock)
        self.held: float | None = None
        self.why = ""
        self._statuses = Statuses(self.catalog, held_until=lambda _: self.held, frozen=lambda _: self.why)

    def made(self, letter: str, hours: float, **more: Any) -> None:
        """An archive that was made so many hours ago."""
        name = more.pop("set_name", "models")
        self.catalog.add(archive(letter, KEY, name, **{"start": self.now - hours * HOUR, **more}))

    def set(self, made: BackupSet = MODELS, **more: Any) -> SetStatus:
        return self._statuses.of_set(Task(set=made, repository=VAULT), Transport.RELAY, self.now, 7 * DAY, **more)

    def repository(self, problem: Cause | None = None) -> RepositoryStatus:
        return self._statuses.of_repository(VAULT, self.now, problem)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    one = Case(tmp_path)
    yield one
    one.catalog.close()


def test_a_set_that_was_never_backed_up_is_due_and_unproven(case: Case) -> None:
    status = case.set()
    assert (status.last, status.archives, status.due, status.overdue) == (None, 0, case.now, False)
    assert status.proof_stale and status.stored_bytes is None and status.growth_bytes_per_day is None
    assert (status.set, status.kind, status.host, status.repository) == ("models", "data", "gpu01", KEY)
    assert status.trust == said(Transport.RELAY)


def test_the_newest_complete_archive_counts(case: Case) -> None:
    case.made("a", 30)
    case.made("b", 6)
    case.made("c", 1, name="models.c.checkpoint")
    case.made("d", 0.5, set_name="config")
    status = case.set()
    assert status.last is not None and status.last.name == "models.b"
    assert (status.archives, status.due, status.overdue) == (2, case.now + 18 * HOUR, False)


def test_what_is_late_beyond_the_grace_is_overdue(case: Case) -> None:
    case.made("a", 31)
    assert case.set().overdue


def test_a_set_without_a_schedule_is_never_due(case: Case) -> None:
    case.made("a", 1000)
    status = case.set(BackupSet(name="models", paths=("/srv",), every_seconds=0))
    assert (status.due, status.overdue) == (None, False)


def test_a_set_of_dumps_is_as_old_as_the_dump_that_is_furthest_behind(case: Case) -> None:
    """Its archives are those of its dumps: else it would be due for ever, and backed up every minute."""
    databases = BackupSet(name="db", dumps=(Dump(name="app", command=("x",)), Dump(name="log", command=("y",))))
    case.made("a", 2, set_name="db+app")
    assert case.set(databases).last is None, "the other one was never dumped"
    case.made("b", 5, set_name="db+log")
    status = case.set(databases)
    assert status.last is not None and status.last.set == "db+log"
    assert status.due == case.now + 19 * HOUR


def test_a_set_of_files_and_dumps_is_as_old_as_its_files(case: Case) -> None:
    both = BackupSet(name="models", paths=("/srv",), dumps=(Dump(name="app", command=("x",)),))
    case.made("a", 2, set_name="models+app")
    assert case.set(both).last is None


def test_growth_is_what_later_archives_brought_a_day(case: Case) -> None:
    case.made("a", 48, deduplicated_bytes=1_000_000)
    case.made("b", 24, deduplicated_bytes=30)
    case.made("c", 0, deduplicated_bytes=10)
    status = case.set()
    assert status.stored_bytes == 1_000_040
    assert status.growth_bytes_per_day == pytest.approx(20)


def test_the_first_archive_brings_everything_and_is_no_growth(case: Case) -> None:
    case.made("a", 1, deduplicated_bytes=1_000_000)
    assert case.set().growth_bytes_per_day is None
    case.made("b", 0)
    assert case.set().growth_bytes_per_day is None, "what it brought is not known"


@pytest.mark.parametrize(("days", "ok", "stale"), [(6.9, True, False), (7.1, True, True), (1.0, False, True)])
def test_a_proof_grows_stale(case: Case, days: float, ok: bool, stale: bool) -> None:
    proof = Proof(repository=KEY, set="models", archive="models.a", time=case.now - days * DAY, ok=ok)
    case.catalog.add_proof(proof)
    status = case.set()
    assert (status.proof, status.proof_stale) == (proof, stale)


def test_the_job_and_the_last_failure_are_told(case: Case) -> None:
    cause = Cause(code="no-space", text="full")
    status = case.set(job="j1", problem=cause)
    assert (status.job, status.problem) == ("j1", cause)


def test_a_repository_that_nobody_has_seen_is_not_known_to_exist(case: Case) -> None:
    status = case.repository()
    assert (status.made, status.archives, status.stored_bytes, status.free_bytes) == (None, 0, None, None)
    assert (status.key, status.location, status.encryption) == (KEY, "/r", "")
    assert status.escrow is None and not status.key_changed and status.check is None


def test_what_is_free_is_without_the_reserve(case: Case) -> None:
    case.catalog.set_note(KEY, "id", "f" * 64)
    case.catalog.set_note(KEY, "encryption", "repokey")
    case.made("a", 2, original_bytes=50)
    case.made("b", 1, original_bytes=60)
    case.catalog.add_size(KEY, case.now, 70, free_bytes=1100)
    status = case.repository()
    assert (status.made, status.encryption, status.archives) == (True, "repokey", 2)
    assert (status.stored_bytes, status.original_bytes, status.free_bytes) == (70, 110, 1000)
    case.catalog.add_size(KEY, case.now + 1, 70, free_bytes=40)
    assert case.repository().free_bytes == 0


def test_a_key_that_is_another_one_than_in_escrow_is_told(case: Case) -> None:
    case.catalog.set_escrow(Escrow(repository=KEY, fingerprint="aa", time=case.now, who="ann"))
    assert not case.repository().key_changed, "the key was not looked at yet"
    case.catalog.set_note(KEY, "fingerprint", "aa")
    assert not case.repository().key_changed
    case.catalog.set_note(KEY, "fingerprint", "bb")
    assert case.repository().key_changed


def test_the_last_check_and_the_last_one_of_every_byte(case: Case) -> None:
    data = Check(repository=KEY, level="data", time=case.now - DAY, ok=True)
    quick = Check(repository=KEY, level="quick", time=case.now, ok=False, problems=("x",))
    for each in (data, quick):
        case.catalog.add_check(each)
    status = case.repository()
    assert (status.check, status.verified) == (quick, data)


def test_only_what_we_removed_can_be_compacted_away(case: Case) -> None:
    for letter in "abc":
        case.made(letter, 1)
    case.catalog.put_archives(KEY, [archive("c", KEY, start=case.now - HOUR)])
    case.catalog.removed(KEY, ["a" * 64], "prune of models", case.now)
    case.held, case.why = case.now + 5, "b was removed by nobody here"
    status = case.repository(Cause(code="damaged", text="damaged"))
    assert (status.pruned, status.compact_at, status.frozen) == (1, case.now + 5, "b was removed by nobody here")
    assert status.problem is not None and status.problem.code == "damaged"


def test_checkpoints_are_no_complete_archives() -> None:
    whole = archive("a")
    assert complete([whole, archive("b", name="models.b.checkpoint"), archive("c", name="models.c.checkpoint.1")]) == (
        whole,
    )
