"""Damage is localised, an intact copy of each file found, the healing planned, carried out and proven by hash."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from backends.backups.borg.dialect import Dialect
from backends.backups.damage_model import Copy, Damage, Damaged
from backends.backups.damage_search import is_broken
from backends.backups.heal_fetch import Fetch, Sink
from backends.backups.heal_plan import HealPlan, plan, preview
from backends.backups.model import BorgResult, JobState, Repository
from backends.backups.onsite import Onsite
from backends.backups.safety import Safety
from backends.backups.watching import Unwatched
from backends.errors import BadInput, RetryLater, SkipHost
from backends.sources.local_exec import LocalExec
from tests.borgs import BORG_12, DIALECT_12, DIALECT_14, borgs
from tests.unit.backups.pair import BIG, FIRST_DAY, SECOND, SECOND_DAY, Host, Pair, flip
from tests.unit.backups.scripted import Said, Scripted
from tests.unit.backups.vaults import PASSPHRASE

INTACT, LIVE = "a" * 64, "b" * 64
FILE = Damaged(
    archive=FIRST_DAY,
    set="models",
    path=BIG,
    size=300_000,
    copies=(Copy(repository="second/gpu01", archive=SECOND_DAY, sha256=INTACT), Copy(sha256=INTACT)),
)
DAMAGE = Damage(repository="first/gpu01", time=0.0, files=(FILE,), archives=2, of_archives=2, complete=True, text="all")
FIRST = Repository(name="first", host="gpu01", location="/srv/first")
SECOND_PLACE = Repository(name="second", host="gpu01", location="/srv/second")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.catalog.close()


def planned(damage: Damage, *, deep: bool = False, chunker: tuple[str, ...] = ()) -> HealPlan:
    return plan(damage, [FIRST, SECOND_PLACE], Dialect(), "/srv/first", 1_800_000_000.0, deep=deep, chunker=chunker)


# Real Borg: the whole way --------------------------------------------------------------------------------------------


@pytest.mark.timeout(180)
def test_flipped_bytes_are_localised_healed_from_the_other_repository_and_proven(pair: Pair) -> None:
    flip(pair.folder / "first")
    flip(pair.folder / "first", size=120_000)
    pair.index(pair.catalog.archive("second/gpu01", "models.20261102T030000Z"))
    pair.host.file(SECOND).write_bytes(b"another one now")
    before = pair.archives(pair.first)
    assert pair.checking.run(pair.first, "quick").state is JobState.FAILED

    damage = pair.damages.locate(pair.first, [pair.second])
    assert sorted((each.archive, each.path) for each in damage.files) == [
        (FIRST_DAY, BIG), (FIRST_DAY, SECOND), (SECOND_DAY, BIG), (SECOND_DAY, SECOND),
    ]  # fmt: skip
    assert damage.complete
    assert {each.path: tuple(copy.text for copy in each.copies) for each in damage.files} == {
        BIG: ("second/gpu01::models.20261102T030000Z", "the live file"),
        SECOND: ("second/gpu01::models.20261102T030000Z",),
    }

    made = pair.healing.plan(damage, [pair.first, pair.second])
    shown = preview(made)
    assert shown.problem == ""
    assert any("check --repair" in line for line in shown.lines)
    outcome = pair.healing.run(made, made.hash, pair.both, who="root")
    assert outcome.state is JobState.DONE, outcome
    assert outcome.notes == ("4 files are whole again, proven by hash", "the repository was checked and is good")

    assert pair.archives(pair.first) == before, "nothing was added, nothing was lost"
    assert pair.catalog.gone("first/gpu01") == ()
    kept = pair.catalog.last_check("first/gpu01", ("quick",))
    assert kept is not None
    assert kept.ok
    assert pair.onsite.look(pair.first).append_only, "as it was"
    assert not list(pair.folder.glob("first.*")), "the copy is not needed any more"
    assert pair.scratch() == []


@pytest.mark.timeout(180)
def test_a_chunk_with_a_forged_checksum_is_healed_from_the_live_file_by_the_newest_borg(tmp_path: Path) -> None:
    program = borgs()[-1]
    pair = Pair(tmp_path, program=program, dialect=DIALECT_12 if program == BORG_12 else DIALECT_14)
    flip(pair.folder / "first", forge=True)
    assert pair.checking.run(pair.first, "data").state is JobState.FAILED
    damage = pair.damages.locate(pair.first, [])
    assert {each.path: [copy.text for copy in each.copies] for each in damage.files} == {BIG: ["the live file"]}
    made = pair.healing.plan(damage, [pair.first])
    assert made.deep, "only reading every byte found it"
    outcome = pair.healing.run(made, made.hash, pair.both, who="root")
    assert outcome.state is JobState.DONE, outcome
    every_byte = pair.catalog.last_check("first/gpu01", ("data",))
    assert every_byte is not None
    assert every_byte.ok
    pair.catalog.close()


@pytest.mark.timeout(180)
def test_a_copy_that_only_looks_alike_heals_nothing_and_the_repository_as_it_was_is_kept(pair: Pair) -> None:
    flip(pair.folder / "first")
    info = pair.host.file(BIG).stat()
    pair.host.file(BIG).write_bytes(b"x" * 300_000)
    os.utime(pair.host.file(BIG), ns=(info.st_atime_ns, info.st_mtime_ns))
    damage = pair.damages.locate(pair.first, [])
    made = pair.healing.plan(damage, [pair.first])
    outcome = pair.healing.run(made, made.hash, pair.both, who="root")
    assert outcome.state is JobState.WARNING
    assert outcome.cause is not None
    assert len(outcome.warnings) == 2
    assert outcome.warnings[0].endswith("some of it is still zeros: the copy has other bytes than the backup had")
    assert made.safety in outcome.cause.next_step
    assert (Path(made.safety) / "data").is_dir()
    assert pair.catalog.gone("first/gpu01") == () or all(each.by for each in pair.catalog.gone("first/gpu01"))

    again = pair.damages.locate(pair.first, [pair.second])
    assert [each.zeros for each in again.files] == [True, True], "what was repaired before is still known to be lost"
    assert all(each.copies for each in again.files), "and can be healed when a copy turns up"


def test_without_any_copy_nothing_is_touched(pair: Pair) -> None:
    flip(pair.folder / "first")
    pair.host.down = True
    nowhere = msgspec.structs.replace(pair.second, name="nowhere", location=str(pair.folder / "nowhere"))
    damage = pair.damages.locate(pair.first, [nowhere])
    made = pair.healing.plan(damage, [pair.first])
    assert preview(made).problem.startswith(f"nobody has an intact copy of 2 files ({SECOND_DAY}: {BIG}")
    with pytest.raises(BadInput, match="nothing to heal first/gpu01 from"):
        pair.healing.run(made, made.hash, pair.both, who="root")
    assert not list(pair.folder.glob("first.*"))


def test_a_repository_that_somebody_holds_is_left_as_it_is(pair: Pair) -> None:
    damage = msgspec.structs.replace(DAMAGE, files=(msgspec.structs.replace(FILE, archive=SECOND_DAY),))
    made = pair.healing.plan(damage, [pair.first, pair.second])
    holder = subprocess.Popen(
        [BORG_12, "with-lock", str(pair.folder / "first"), "sh", "-c", "echo held; read x"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "BORG_BASE_DIR": str(pair.folder / "other"), "BORG_PASSPHRASE": PASSPHRASE},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    outcome = pair.healing.run(made, made.hash, pair.both, who="root")
    holder.communicate(b"\n")
    assert outcome.state is JobState.FAILED
    assert outcome.notes == ("nothing was changed",)
    assert not list(pair.folder.glob("first.*"))
    assert pair.onsite.look(pair.first).append_only


# Plans ---------------------------------------------------------------------------------------------------------------


def test_the_plan_names_every_step_with_its_exact_line() -> None:
    made = planned(DAMAGE)
    lines = preview(made).lines
    assert (
        lines[0] == "copy the repository to /srv/first.swarm-heal-20270115T080000Z by hard links, which takes no room"
    )
    assert lines[1].endswith(": borg --log-json --progress --info check --repair /srv/first")
    assert lines[2] == (
        f"fetch {BIG} from second/gpu01: borg --log-json extract --stdout /srv/second::{SECOND_DAY} pp:{BIG}"
    )
    assert "/srv/first::heal.20270115T080000Z" in lines[3]
    assert preview(made).files == (f"{FIRST_DAY}: {BIG} (293K): second/gpu01::{SECOND_DAY}, the live file",)
    assert made.names == ("first/gpu01", "second/gpu01")


def test_files_are_cut_into_chunks_as_the_damaged_archive_was() -> None:
    made = planned(DAMAGE, chunker=("buzhash", "10", "23", "16", "4095"))
    assert any("--chunker-params buzhash,10,23,16,4095" in step.line for step in made.steps)


def test_damage_that_only_reading_finds_is_repaired_and_checked_by_reading() -> None:
    lines = [step.line for step in planned(DAMAGE, deep=True).steps if " check " in step.line]
    assert ["--verify-data" in line for line in lines] == [True, False, True]


def test_two_copies_that_differ_are_both_fetched() -> None:
    other = msgspec.structs.replace(FILE, copies=(FILE.copies[0], Copy(sha256=LIVE)))
    made = planned(msgspec.structs.replace(DAMAGE, files=(other,)))
    assert set(made.contents) == {INTACT, LIVE}
    assert made.bytes == 600_000


def test_another_plan_has_another_hash() -> None:
    assert planned(DAMAGE).hash == planned(DAMAGE).hash
    lost = msgspec.structs.replace(DAMAGE, files=(msgspec.structs.replace(FILE, copies=()),))
    assert planned(lost).hash != planned(DAMAGE).hash


def test_what_cannot_be_healed_is_said() -> None:
    odd = msgspec.structs.replace(DAMAGE, unreadable=("models.x",), complete=False, text="1 of 2 archives were read")
    assert preview(planned(odd)).problem == (
        "the file lists of these archives are broken, files in them are lost: models.x; 1 of 2 archives were read"
    )


def test_a_plan_is_carried_out_only_as_it_was_shown(pair: Pair) -> None:
    with pytest.raises(BadInput, match="another one"):
        pair.healing.run(planned(DAMAGE), "0" * 64, pair.both, who="root")
    with pytest.raises(BadInput, match="no repository 'second/gpu01'"):
        pair.healing.run(planned(DAMAGE), planned(DAMAGE).hash, {"first/gpu01": pair.first}, who="root")


# Parts ---------------------------------------------------------------------------------------------------------------


def test_the_copy_shares_segments_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "repository with spaces"
    (place / "data/0").mkdir(parents=True)
    (place / "data/0/1").write_bytes(b"segment")
    (place / "config").write_text("secret")
    safety = Safety(Onsite(lambda _: LocalExec("vault"), lambda _: str(place)))
    copy = tmp_path / "copy"
    safety.copy(FIRST, str(copy))
    assert (copy / "data/0/1").read_bytes() == b"segment"
    assert (copy / "config").stat().st_ino != (place / "config").stat().st_ino
    assert copy.stat().st_mode & 0o777 == 0o700
    os.replace(_written(tmp_path / "new", b"repaired"), place / "data/0/1")
    assert (copy / "data/0/1").read_bytes() == b"segment", "a repair writes a new file"
    safety.drop(FIRST, str(copy))
    assert not copy.exists()


def test_a_copy_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    safety = Safety(Onsite(lambda _: LocalExec("vault"), lambda _: str(tmp_path / "empty")))
    with pytest.raises(SkipHost, match="cp ended with"):
        safety.copy(FIRST, str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


def _written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


def test_a_copy_that_gives_other_bytes_now_is_not_used(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.file(f"/{BIG}").parent.mkdir(parents=True)
    host.file(f"/{BIG}").write_bytes(b"changed meanwhile")
    fetch = Fetch(Scripted([Said(stdout=b"rotten")]), lambda _: host)
    with pytest.raises(RetryLater, match="the live file gave other bytes than it had before"):
        fetch.fetch(FILE, INTACT, "gpu01", {"second/gpu01": SECOND_PLACE}, tmp_path / "target", Unwatched())
    assert not (tmp_path / "target").exists()


def test_more_than_was_announced_is_neither_written_nor_believed(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        sink = Sink(file, 4)
        sink.write(b"1234")
        sink.write(b"5")
        assert sink.digest() == ""
    assert (tmp_path / "file").read_bytes() == b"1234"


@pytest.mark.parametrize(
    ("message", "broken"),
    [
        ({"msgid": "IntegrityError", "message": "Data integrity error: Segment entry checksum mismatch"}, True),
        ({"msgid": "Repository.ObjectNotFound", "message": "Object with key … not found in repository"}, True),
        ({"msgid": "", "message": "Traceback … borg.crypto.low_level.IntegrityError: MAC Authentication failed"}, True),
        ({"msgid": "LockTimeout", "message": "Failed to create/acquire the lock"}, False),
        ({"msgid": "ConnectionClosed", "message": "Connection closed by remote host"}, False),
    ],
)
def test_only_broken_data_count_as_damage(message: dict[str, object], broken: bool) -> None:
    assert is_broken(BorgResult(exit_status=2, messages=(message,))) is broken
