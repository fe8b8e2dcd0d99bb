"""The catalog's archives and small facts, and what happens when its file is not what it was."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.backups import catalog_facts, catalog_tables
from backends.backups.catalog import Catalog
from backends.backups.catalog_model import Figures, Sync
from backends.backups.model import Archive, BrowseEntry, Check, Escrow, Proof
from backends.clock import ManualClock
from backends.errors import BadInput, RetryLater, Stop
from tests.unit.backups.catalog_case import NOON, archive, file

VAULT = "vault/gpu1"
A, B, C = archive("a"), archive("b"), archive("c")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def catalog(tmp_path: Path, clock: ManualClock) -> Iterator[Catalog]:
    one = Catalog(tmp_path / "catalog.db", clock)
    yield one
    one.close()


def proof(set_name: str, time: float, *, ok: bool = True) -> Proof:
    return Proof(repository=VAULT, set=set_name, archive="models.a", time=time, ok=ok)


# Archives ----------------------------------------------------------------------------------------------------------


def test_archives_come_newest_first_and_by_repository_set_and_host(catalog: Catalog) -> None:
    other = archive("d", "offsite/gpu1", "config")
    catalog.put_archives(VAULT, [A, C, B])
    catalog.add(other)
    assert catalog.archives() == (other, C, B, A)
    assert catalog.archives(VAULT, "models") == (C, B, A)
    assert catalog.archives(set="config", host="gpu1") == (other,)
    assert catalog.archives(host="gpu2") == ()


def test_a_listing_tells_what_came_and_what_went(catalog: Catalog, clock: ManualClock) -> None:
    assert catalog.put_archives(VAULT, [A, B]) == Sync(added=(A, B))
    clock.advance(60)
    assert catalog.put_archives(VAULT, [B, C]) == Sync(added=(C,), gone=(A,))
    assert catalog.archives(VAULT) == (C, B)
    assert catalog.archives(VAULT, gone=True) == (C, B, A)
    (missing,) = catalog.gone(VAULT)
    assert (missing.archive, missing.by, missing.time) == (A, "", NOON + 60)


def test_a_listing_knows_less_than_the_backup_did_and_takes_nothing_away(catalog: Catalog) -> None:
    made = archive("a", files=12, original_bytes=1 << 40, deduplicated_bytes=5, end=NOON + 9, comment="nightly")
    catalog.add(made)
    catalog.put_archives(VAULT, [A])
    assert catalog.archive(VAULT, A.name) == made


def test_what_we_removed_says_who_did_it(catalog: Catalog) -> None:
    catalog.put_archives(VAULT, [A, B])
    catalog.removed(VAULT, [A.id], "prune job 7, root", NOON + 5)
    assert catalog.archives(VAULT) == (B,)
    catalog.put_archives(VAULT, [B])
    (missing,) = catalog.gone(VAULT)
    assert (missing.by, missing.time) == ("prune job 7, root", NOON + 5)
    assert [(each.archive_id, each.by) for each in catalog.removals(VAULT)] == [(A.id, "prune job 7, root")]


def test_a_removal_that_did_not_happen_cannot_hide_a_later_one(catalog: Catalog) -> None:
    catalog.put_archives(VAULT, [A, B])
    catalog.removed(VAULT, [A.id], "prune job 7, root", NOON)
    assert catalog.put_archives(VAULT, [A, B]).added == (A,)
    catalog.put_archives(VAULT, [B])
    assert catalog.gone(VAULT)[0].by == ""


def test_who_removed_it_may_become_known_later_and_the_time_stays(catalog: Catalog, clock: ManualClock) -> None:
    catalog.put_archives(VAULT, [A])
    catalog.put_archives(VAULT, [])
    catalog.removed(VAULT, [A.id], "accepted by root", NOON + 99)
    (missing,) = catalog.gone(VAULT)
    assert (missing.by, missing.time) == ("accepted by root", NOON)


def test_what_was_brought_back_is_there_again(catalog: Catalog) -> None:
    catalog.put_archives(VAULT, [A, B])
    catalog.removed(VAULT, [A.id], "prune", NOON)
    catalog.unremoved(VAULT, [A.id])
    assert catalog.archives(VAULT) == (B, A)
    assert (catalog.gone(VAULT), catalog.removals(VAULT)) == ((), ())


def test_after_a_compaction_what_is_gone_is_forgotten(catalog: Catalog) -> None:
    catalog.put_archives(VAULT, [A, B])
    catalog.record_hashes(A, {"x": (1, 2.0, "00")})
    catalog.removed(VAULT, [A.id], "prune", NOON)
    catalog.forget_gone(VAULT)
    assert catalog.archives(VAULT, gone=True) == (B,)
    assert (catalog.gone(VAULT), catalog.removals(VAULT), catalog.hashes(A)) == ((), (), {})


@pytest.mark.parametrize("name", ["models.b.checkpoint", "models.b.checkpoint.1"])
def test_a_checkpoint_that_is_not_listed_any_more_is_no_loss(catalog: Catalog, name: str) -> None:
    catalog.put_archives(VAULT, [A, archive("b", name=name)])
    assert catalog.put_archives(VAULT, [A]) == Sync()
    assert catalog.gone(VAULT) == ()


def test_repositories_do_not_mix(catalog: Catalog) -> None:
    other = archive("a", "offsite/gpu1")
    catalog.put_archives(VAULT, [A])
    catalog.put_archives("offsite/gpu1", [other])
    catalog.put_archives(VAULT, [])
    assert catalog.archives() == (other,)
    assert catalog.gone("offsite/gpu1") == ()


def test_an_unknown_archive_is_answered_with_the_nearest(catalog: Catalog) -> None:
    with pytest.raises(BadInput, match="nothing was backed up"):
        raise_text(catalog, "models.a")
    catalog.put_archives(VAULT, [A])
    with pytest.raises(BadInput, match=r"there are: models\.a"):
        raise_text(catalog, "model.a")


def raise_text(catalog: Catalog, name: str) -> None:
    try:
        catalog.archive(VAULT, name)
    except BadInput as error:
        raise BadInput(str(error)) from error


def test_an_archive_that_is_there_comes_before_one_of_the_same_name_that_is_gone(catalog: Catalog) -> None:
    again = archive("b", name=A.name, start=A.start - 5)
    catalog.put_archives(VAULT, [A])
    catalog.put_archives(VAULT, [again])
    assert catalog.archive(VAULT, A.name) == again


def test_the_baseline_of_a_host_stays_pinned_while_it_can_be_brought_back(catalog: Catalog) -> None:
    catalog.put_archives(VAULT, [A])
    assert catalog.pinned("gpu1") is None
    catalog.pin("gpu1", A.id)
    catalog.put_archives(VAULT, [])
    assert catalog.pinned("gpu1") == A
    assert catalog.pinned("gpu2") is None
    catalog.pin("gpu1", "")
    assert catalog.pinned("gpu1") is None


known = st.fixed_dictionaries({letter: st.sampled_from(["listed", "removed", "lost"]) for letter in "abcdef"})


@settings(max_examples=25, deadline=None)
@given(st.lists(known, min_size=1, max_size=5))
def test_whatever_happens_each_archive_is_there_or_gone_with_the_right_name(
    tmp_path_factory: pytest.TempPathFactory, days: list[dict[str, str]]
) -> None:
    catalog = Catalog(tmp_path_factory.mktemp("c") / "catalog.db", ManualClock())
    by = {}
    there: set[str] = set()
    for day, wanted in enumerate(days):
        listed = {letter for letter, fate in wanted.items() if fate == "listed"}
        for letter in there - listed:
            if wanted[letter] == "removed":
                catalog.removed(VAULT, [archive(letter).id], f"prune {day}", NOON)
                by[letter] = f"prune {day}"
            else:
                by[letter] = ""
        catalog.put_archives(VAULT, [archive(letter) for letter in sorted(listed)])
        for letter in listed:
            by.pop(letter, None)
        there = listed
        assert {each.archive.name[-1]: each.by for each in catalog.gone(VAULT)} == by
        assert {each.name[-1] for each in catalog.archives()} == there
    catalog.close()


# Facts -------------------------------------------------------------------------------------------------------------


def test_the_newest_proof_of_a_set_counts_good_or_bad(catalog: Catalog) -> None:
    good, bad, other = proof("models", 10), proof("models", 20, ok=False), proof("config", 15)
    for each in (bad, good, other):
        catalog.add_proof(each)
    assert catalog.proof(VAULT, "models") == bad
    assert catalog.proofs(VAULT) == (bad, other, good)
    assert catalog.proof("offsite/gpu1", "models") is None


def test_the_last_check_of_any_or_of_some_levels(catalog: Catalog) -> None:
    quick = Check(repository=VAULT, level="quick", time=30, ok=True)
    data = Check(repository=VAULT, level="data", time=10, ok=False, problems=("chunk missing",))
    catalog.add_check(quick)
    catalog.add_check(data)
    assert catalog.last_check(VAULT) == quick
    assert catalog.last_check(VAULT, ("archives", "data")) == data
    assert catalog.last_check(VAULT, ("archives",)) is None


def test_escrow_is_the_newest_record(catalog: Catalog) -> None:
    for time in (1.0, 2.0):
        catalog.set_escrow(Escrow(repository=VAULT, fingerprint=f"{time}", time=time, who="root", note="safe"))
    found = catalog.escrow(VAULT)
    assert found is not None
    assert found.fingerprint == "2.0"
    assert catalog.escrow("x/y") is None


def test_sizes_are_a_series_of_the_last_days(catalog: Catalog) -> None:
    for day in range(100, 0, -1):
        catalog.add_size(VAULT, NOON - day * 86_400, day, day * 2, None)
    assert [point.stored_bytes for point in catalog.sizes(VAULT, days=3.5)] == [3, 2, 1]
    assert catalog.sizes(VAULT)[-1].original_bytes == 2


def test_figures_come_newest_first_and_bounded(catalog: Catalog) -> None:
    for time in range(5):
        catalog.observe(VAULT, "models", Figures(time=time, files=time, ratio=1.5))
    assert [each.files for each in catalog.figures(VAULT, "models", limit=3)] == [4, 3, 2]
    assert catalog.figures(VAULT, "config") == ()


def test_only_so_many_records_of_a_kind_are_kept(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalog_facts.KEEP, "proof", 3)
    for time in (3, 5, 1, 4, 0, 2):
        catalog.add_proof(proof("models", time))
    catalog.add_proof(proof("config", 0))
    assert [each.time for each in catalog.proofs(VAULT)] == [5, 4, 3, 0]


def test_notes_are_small_facts(catalog: Catalog) -> None:
    assert catalog.note(VAULT, "encryption") == ""
    catalog.set_note(VAULT, "encryption", "repokey")
    catalog.set_note(VAULT, "encryption", "repokey-blake2")
    assert catalog.note(VAULT, "encryption") == "repokey-blake2"
    catalog.set_note(VAULT, "encryption", "")
    assert catalog.note(VAULT, "encryption") == ""
    with pytest.raises(BadInput, match="longer"):
        catalog.set_note(VAULT, "encryption", "x" * 20_001)


def test_hashes_are_kept_with_the_archive(catalog: Catalog) -> None:
    catalog.add(A)
    catalog.record_hashes(A, {"etc/fstab": (12, 1.25, "ab" * 32), "b\\n": (0, None, "cd" * 32)})
    catalog.record_hashes(A, {"etc/fstab": (13, 1.5, "ef" * 32)})
    assert catalog.hashes(A) == {"etc/fstab": (13, 1.5, "ef" * 32), "b\\n": (0, None, "cd" * 32)}
    assert catalog.hashes(B) == {}
    with pytest.raises(BadInput, match="not known"):
        catalog.record_hashes(B, {})


# The file ----------------------------------------------------------------------------------------------------------


def test_the_version_grows_with_every_change_and_with_nothing_else(catalog: Catalog) -> None:
    before = catalog.version
    catalog.archives()
    catalog.note(VAULT, "id")
    assert catalog.version == before
    catalog.add(A)
    catalog.set_note(VAULT, "id", "x")
    assert catalog.version == before + 2


def test_the_file_is_for_its_owner_only(catalog: Catalog, tmp_path: Path) -> None:
    catalog.add(A)
    assert [stat.S_IMODE(each.stat().st_mode) for each in tmp_path.glob("catalog.db*")] == [0o600] * 3


def test_everything_is_there_after_opening_it_again(tmp_path: Path, clock: ManualClock) -> None:
    first = Catalog(tmp_path / "c.db", clock)
    first.add(A)
    first.index(A, [file("etc/fstab")])
    first.close()
    second = Catalog(tmp_path / "c.db", clock)
    assert second.archives()[0].indexed
    assert second.entry(A, "etc/fstab") is not None
    assert second.aside is None
    second.close()


def test_a_damaged_file_is_moved_aside_and_a_new_one_begun(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "c.db"
    path.write_bytes(b"no database at all" * 100)
    catalog = Catalog(path, clock)
    assert catalog.aside == tmp_path / "c.db.damaged-1"
    catalog.add(A)
    assert catalog.archives() == (A,)
    catalog.close()


def test_damage_that_is_met_later_costs_one_question_and_no_restart(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "c.db"
    catalog = Catalog(path, clock)
    catalog.put_archives(VAULT, [A])
    catalog.index(A, [file(f"a/{number}") for number in range(3000)])
    catalog._store.write(lambda db: db.execute("SELECT 1"))
    catalog._store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = catalog.version
    content = bytearray(path.read_bytes())
    content[8192:] = bytes(byte ^ 0x5A for byte in content[8192:])
    with path.open("r+b") as handle:
        handle.write(content)
    catalog._store._drop_readers()
    assert catalog.archives() == ()
    assert catalog.aside is not None
    assert catalog.version > before
    catalog.put_archives(VAULT, [A])
    assert catalog.archives() == (A,)
    catalog.close()


def damage(path: Path, table: str) -> None:
    """Write garbage over the root page of a table, as a bad disk would."""
    with sqlite3.connect(path) as db:
        page, size = (
            db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0],
            db.execute("PRAGMA page_size").fetchone()[0],
        )
    db.close()
    with path.open("r+b") as handle:
        handle.seek((page - 1) * size)
        handle.write(b"\xa5" * size)


def filled(path: Path, clock: ManualClock) -> Catalog:
    catalog = Catalog(path, clock)
    catalog.put_archives(VAULT, [A, B, C])
    catalog.index(A, [file(f"a/{number}") for number in range(300)])
    catalog.removed(VAULT, [B.id], "prune, root", NOON)
    catalog.put_archives(VAULT, [A])
    catalog.set_escrow(Escrow(repository=VAULT, fingerprint="f", time=1, who="root"))
    catalog.add_proof(proof("models", 3))
    catalog.set_note(VAULT, "frozen", "why")
    catalog.pin("gpu1", A.id)
    catalog.record_hashes(A, {"x": (1, 2.0, "00")})
    return catalog


def test_of_a_damaged_file_everything_is_kept_that_can_be_read(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "c.db"
    filled(path, clock).close()
    damage(path, "versions")
    catalog = Catalog(path, clock)
    with pytest.raises(RetryLater, match="not indexed"):
        catalog.entry(A, "a/7")
    assert catalog.aside is not None
    assert catalog.archives() == (A,)
    assert {each.archive.name: each.by for each in catalog.gone(VAULT)} == {B.name: "prune, root", C.name: ""}
    assert catalog.escrow(VAULT) is not None
    assert catalog.proof(VAULT, "models") == proof("models", 3)
    assert catalog.note(VAULT, "frozen") == "why"
    assert catalog.pinned("gpu1") == A
    assert catalog.hashes(A) == {"x": (1, 2.0, "00")}
    assert catalog.index(A, [file("a/7")]).complete
    assert catalog.entry(A, "a/7") is not None
    catalog.close()


@pytest.mark.parametrize(
    "table", ["series", "archives", "removals", "records", "notes", "pins", "hashes", "sqlite_master"]
)
def test_whatever_is_damaged_the_new_file_works(tmp_path: Path, clock: ManualClock, table: str) -> None:
    path = tmp_path / "c.db"
    filled(path, clock).close()
    if table == "sqlite_master":
        path.write_bytes(path.read_bytes()[:100] + b"\xa5" * 5000)
    else:
        damage(path, table)
    catalog = Catalog(path, clock)
    for ask in (
        catalog.archives,
        lambda: catalog.gone(VAULT),
        lambda: catalog.proofs(VAULT),
        lambda: catalog.hashes(A),
    ):
        ask()
    catalog.put_archives(VAULT, [A, B, C])
    catalog.set_note(VAULT, "x", "y")
    catalog.pin("gpu1", B.id)
    catalog.set_escrow(Escrow(repository=VAULT, fingerprint="f", time=1, who="root"))
    try:
        catalog.index(B, [file("x")])
    except RetryLater:  # the damage was met only here
        catalog.index(B, [file("x")])
    assert set(catalog.archives()) == {C, msgspec.structs.replace(B, indexed=True), A}
    assert catalog.aside is not None
    catalog.close()


def test_a_file_that_is_begun_anew_under_a_run_shows_no_empty_archive(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "c.db"
    catalog = filled(path, clock)
    catalog.add(B)

    def entries() -> Iterator[BrowseEntry]:
        yield file("x")
        catalog._store.failed(sqlite3.DatabaseError("malformed"), catalog._store.generation)

    with pytest.raises(RetryLater, match="begun anew"):
        catalog.index(B, entries())
    assert not any(each.indexed for each in catalog.archives())
    assert catalog.index(B, [file("x")]).complete
    assert catalog.entry(B, "x") is not None
    catalog.close()


def test_damage_that_two_meet_at_once_is_dealt_with_once(catalog: Catalog, tmp_path: Path) -> None:
    catalog.add(A)
    generation = catalog._store.generation
    for _ in range(2):
        catalog._store.failed(sqlite3.DatabaseError("malformed"), generation)
    assert [each.name for each in tmp_path.glob("*.damaged-*") if each.suffix[-1].isdigit()] == ["catalog.db.damaged-1"]
    assert catalog.archives() == (A,)


def test_a_record_that_makes_no_sense_is_not_taken_over(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "c.db"
    catalog = filled(path, clock)
    catalog._store.write(lambda db: db.execute("UPDATE records SET data = x'ff' WHERE kind = 'escrow'"))
    with pytest.raises(Stop, match="cannot be read"):
        catalog.escrow(VAULT)
    catalog.close()
    damage(path, "versions")
    again = Catalog(path, clock)
    with pytest.raises(RetryLater):
        again.entry(A, "a/7")
    assert again.escrow(VAULT) is None
    assert again.proof(VAULT, "models") == proof("models", 3)
    again.close()


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "c.db"
    Catalog(path, clock).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(Stop, match="newer version"):
        Catalog(path, clock)


def test_a_place_that_cannot_be_written_is_told_with_a_hint(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Stop, match="cannot be used") as caught:
        Catalog(tmp_path / "file" / "c.db", clock)
    assert caught.value.hint


def test_a_full_disk_changes_nothing_and_is_told(catalog: Catalog) -> None:
    catalog.add(A)
    pages = catalog._store._connection.execute("PRAGMA page_count").fetchone()[0]
    catalog._store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Stop, match="full"):
        for number in range(100):
            catalog.set_note(VAULT, f"note {number}", "x" * 15_000)
    assert catalog.archives() == (A,)


def test_a_closed_catalog_says_so(tmp_path: Path, clock: ManualClock) -> None:
    catalog = Catalog(tmp_path / "c.db", clock)
    catalog.close()
    catalog.close()
    for use in (catalog.archives, lambda: catalog.add(A), lambda: catalog.index(A, [])):
        with pytest.raises(Stop, match="closed"):
            use()


def test_every_step_of_the_layout_makes_the_same_as_all_at_once(tmp_path: Path) -> None:
    connection, _ = catalog_tables.open_or_replace(tmp_path / "c.db")
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(catalog_tables.STEPS)
    connection.close()


def test_one_question_sees_one_moment(catalog: Catalog) -> None:
    def question(db: sqlite3.Connection) -> tuple[int, int]:
        count = "SELECT count(*) FROM archives"
        before = db.execute(count).fetchone()[0]
        catalog.add(A)
        return before, db.execute(count).fetchone()[0]

    assert catalog._store.read(question) == (0, 0)
    assert catalog.archives() == (A,)


def test_many_threads_may_use_it_at_once(catalog: Catalog) -> None:
    errors: list[Exception] = []

    def work(letter: str) -> None:
        try:
            for number in range(15):
                one: Archive = archive(letter, f"vault/{letter}", id=f"{letter}{number}")
                catalog.add(one)
                catalog.index(one, [file(f"x/{letter}{number}")])
                assert catalog.entry(one, f"x/{letter}{number}") is not None
                catalog.archives(f"vault/{letter}")
        except Exception as error:  # noqa: BLE001 - told on the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(letter,), daemon=True) for letter in "pqrstu"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert len(catalog.archives()) == 90
