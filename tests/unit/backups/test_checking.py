"""The ladder of checks: when each level is due, and what a check says, whatever Borg's exit status is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg.check import Level
from backends.backups.catalog import Catalog
from backends.backups.checking import DAY, Checking, Due, Ladder, due
from backends.backups.model import BorgResult, Check, JobState, Repository
from backends.backups.watching import Unwatched
from backends.clock import ManualClock
from tests.unit.backups.pair import Pair, flip
from tests.unit.backups.scripted import Said, Scripted

REPOSITORY = Repository(name="vault", host="gpu01", location="/srv/borg/gpu01")
KEY = REPOSITORY.key
NOW = 100 * DAY
DAILY = Ladder()


def check(level: Level, days_ago: float, *, ok: bool = True) -> Check:
    return Check(repository=KEY, level=level, time=NOW - days_ago * DAY, ok=ok)


def next_one(*checks: Check, ladder: Ladder = DAILY, since_days: float = 50.0) -> Due | None:
    return due({each.level: each for each in checks}, ladder, NOW - since_days * DAY, NOW)


# When ----------------------------------------------------------------------------------------------------------------


def test_a_new_repository_is_looked_at_at_once_and_read_whole_later() -> None:
    found = next_one(since_days=0.5)
    assert found == Due(level="quick", time=NOW - 0.5 * DAY)


def test_an_old_repository_that_was_never_checked_is_read_whole() -> None:
    assert next_one() == Due(level="data", time=NOW - 20 * DAY)


def test_the_structure_is_due_daily() -> None:
    fresh = (check("data", 3), check("archives", 3))
    assert next_one(*fresh, check("quick", 1.5)) == Due(level="quick", time=NOW - 0.5 * DAY)
    assert next_one(*fresh, check("quick", 0.25)) == Due(level="quick", time=NOW + 0.75 * DAY)


def test_of_several_that_are_due_the_most_thorough_is_made() -> None:
    due_now = next_one(check("data", 29), check("archives", 8), check("quick", 2))
    assert due_now is not None
    assert due_now.level == "archives"


def test_a_thorough_check_counts_for_those_below_it() -> None:
    assert next_one(check("data", 0.5), check("quick", 9)) == Due(level="quick", time=NOW + 0.5 * DAY)


def test_a_level_that_is_switched_off_is_never_due() -> None:
    assert next_one(ladder=Ladder(quick=0, archives=0, data=0)) is None
    found = next_one(ladder=Ladder(quick=1, archives=0, data=0))
    assert found is not None
    assert found.level == "quick"


@given(
    st.lists(st.floats(0, 200) | st.none(), min_size=3, max_size=3),
    st.lists(st.floats(0, 60), min_size=3, max_size=3),
    st.floats(0, 300),
)
def test_what_is_due_is_a_level_that_is_wanted(ages: list[float | None], days: list[float], since: float) -> None:
    levels: tuple[Level, ...] = ("quick", "archives", "data")
    ladder = Ladder(quick=days[0], archives=days[1], data=days[2])
    known = [check(level, age) for level, age in zip(levels, ages, strict=True) if age is not None]
    found = next_one(*known, ladder=ladder, since_days=since)
    assert (found is None) == (not any(days))
    assert found is None or getattr(ladder, found.level) > 0


# What Borg says ------------------------------------------------------------------------------------------------------


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    made = Catalog(tmp_path / "catalog.db", ManualClock())
    yield made
    made.close()


def log(message: str, level: str = "INFO", msgid: str = "") -> bytes:
    said = {"type": "log_message", "time": 1.0, "message": message, "levelname": level, "name": "borg.repository"}
    return json.dumps({**said, **({"msgid": msgid} if msgid else {})}).encode() + b"\n"


def ended(status: int | None, *messages: tuple[str, str, str], cancelled: bool = False) -> BorgResult:
    told = tuple({"levelname": level, "message": text, "msgid": msgid} for level, text, msgid in messages)
    return BorgResult(exit_status=status, messages=told, cancelled=cancelled, seconds=3.0)


def checking(catalog: Catalog, *answers: Said) -> tuple[Checking, Scripted]:
    runner = Scripted(answers)
    return Checking(runner, catalog, ManualClock()), runner


def test_a_good_check_is_kept_with_its_time(catalog: Catalog) -> None:
    said = Said(stderr=log("Finished full repository check, no problems found."), result=ended(0))
    checks, runner = checking(catalog, said)
    assert checks.run(REPOSITORY, "quick").state is JobState.DONE
    assert runner.lines[0][:4] == ("borg", "--log-json", "--progress", "--info")
    kept = catalog.last_check(KEY)
    assert kept is not None
    assert (kept.level, kept.ok, kept.time) == ("quick", True, ManualClock().now())


def test_a_check_within_a_time_limit_counts_only_when_it_came_to_the_end(catalog: Catalog) -> None:
    partial = Said(
        stderr=log("finished partial segment check, last segment checked is 12")
        + log("Finished partial repository check, no problems found."),
        result=ended(0),
    )
    checks, runner = checking(catalog, partial)
    outcome = checks.run(REPOSITORY, "quick", max_seconds=60)
    assert runner.lines[0][-3:] == ("--max-duration", "60", "/srv/borg/gpu01")
    assert outcome.notes == ("good up to segment 12; the next check goes on",)
    assert catalog.last_check(KEY) is None
    assert catalog.note(KEY, "checked up to").startswith("12 at ")


def test_damage_within_a_time_limit_counts_at_once(catalog: Catalog) -> None:
    bad = "Data integrity error: Segment entry checksum mismatch [segment 2, offset 8]"
    said = Said(
        stderr=log(bad, "ERROR") + log("finished partial segment check, last segment checked is 12"),
        result=ended(1, ("ERROR", bad, "")),
    )
    checks, _ = checking(catalog, said)
    assert checks.run(REPOSITORY, "quick", max_seconds=60).state is JobState.FAILED
    kept = catalog.last_check(KEY)
    assert kept is not None
    assert kept.problems == (bad,)


def test_only_a_quick_check_is_limited(catalog: Catalog) -> None:
    checks, runner = checking(catalog, Said())
    checks.run(REPOSITORY, "data", max_seconds=60)
    assert "--max-duration" not in runner.lines[0]


def test_exit_status_one_means_damaged_and_not_with_warnings(catalog: Catalog) -> None:
    checks, _ = checking(catalog, Said(result=ended(1)))
    outcome = checks.run(REPOSITORY, "archives")
    assert outcome.state is JobState.FAILED
    assert outcome.cause is not None
    assert outcome.cause.code == "damaged"
    assert "heal" in outcome.cause.next_step


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (ended(2, ("ERROR", "Failed to create/acquire the lock", "LockTimeout")), "lock-held"),
        (ended(2, ("ERROR", "Connection closed by remote host.", "ConnectionClosed")), "connection-closed"),
        (ended(2, ("ERROR", "passphrase supplied is incorrect", "PassphraseWrong")), "wrong-passphrase"),
        (BorgResult(exit_status=None, lost="the link was lost"), "link-lost"),
    ],
)
def test_what_kept_the_check_from_being_made_says_nothing_about_the_repository(
    catalog: Catalog, result: BorgResult, code: str
) -> None:
    checks, _ = checking(catalog, Said(result=result))
    outcome = checks.run(REPOSITORY, "quick")
    assert outcome.state is JobState.FAILED
    assert outcome.cause is not None
    assert outcome.cause.code == code
    assert catalog.last_check(KEY) is None


def test_a_cancelled_check_says_nothing(catalog: Catalog) -> None:
    checks, _ = checking(catalog, Said(result=ended(130, cancelled=True)))
    assert checks.run(REPOSITORY, "data", watch=Unwatched()).state is JobState.CANCELLED
    assert catalog.last_check(KEY) is None


def test_a_repository_without_archives_needs_no_check(catalog: Catalog) -> None:
    checks, _ = checking(catalog)
    assert checks.due(REPOSITORY, Ladder()) is None


# Real Borg -----------------------------------------------------------------------------------------------------------


def test_flipped_bytes_are_found_by_the_quick_check_and_a_forged_checksum_only_by_reading_everything(
    tmp_path: Path,
) -> None:
    pair = Pair(tmp_path)
    assert pair.checking.run(pair.second, "quick").state is JobState.DONE
    flip(tmp_path / "second", forge=True)
    assert pair.checking.run(pair.second, "quick").state is JobState.DONE
    outcome = pair.checking.run(pair.second, "data")
    assert outcome.state is JobState.FAILED
    assert any("integrity error" in problem for problem in outcome.warnings)
    flip(tmp_path / "first")
    assert pair.checking.run(pair.first, "archives").state is JobState.DONE, "it reads no data"
    outcome = pair.checking.run(pair.first, "quick")
    assert outcome.state is JobState.FAILED
    assert outcome.warnings[0].startswith("Data integrity error: Segment entry checksum mismatch")
    found = pair.checking.due(pair.first, Ladder())
    assert found is not None
    assert found.level == "data"
    pair.catalog.close()
