"""What checks and compactions say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg import check, compact
from backends.backups.borg.dialect import Dialect
from backends.backups.borg.events import LogMessage
from backends.backups.model import BorgResult
from backends.errors import BadInput
from tests.unit.backups.borg.captured import VERSIONS, events, result

DIALECT = Dialect()
HEAD = ("borg", "--log-json", "--progress", "--info", "check")


def test_the_lines() -> None:
    assert check.argv(DIALECT, "/srv/repo", max_seconds=60) == (
        *HEAD,
        *("--repository-only", "--max-duration", "60", "/srv/repo"),
    )
    assert check.argv(DIALECT, "/srv/repo", "archives") == (*HEAD, "--archives-only", "/srv/repo")
    assert check.argv(DIALECT, "/srv/repo", "data", repair=True) == (*HEAD, "--verify-data", "--repair", "/srv/repo")
    assert check.argv(DIALECT, "/srv/repo", repair=True) == (*HEAD, "--repair", "/srv/repo")
    assert compact.argv(DIALECT, "/srv/repo")[-4:] == ("compact", "--threshold", "10", "/srv/repo")


def test_what_borg_would_refuse_is_refused_before() -> None:
    for wrong in ({"level": "data", "max_seconds": 5}, {"max_seconds": 5, "repair": True}, {"level": "x"}):
        with pytest.raises(BadInput):
            check.argv(DIALECT, "/srv/repo", **wrong)
    with pytest.raises(BadInput):
        compact.argv(DIALECT, "/srv/repo", 100)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_good_repository(version: str) -> None:
    assert check.parse(result(version, "check"), events(version, "check")) == check.Findings(ok=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", ["check-damaged", "check-data-damaged"])
def test_damage_is_told_in_borgs_words(version: str, case: str) -> None:
    found = check.parse(result(version, case), events(version, case))
    assert not found.ok and "Data integrity error" in found.problems[0]
    assert check.parse(result(version, case)).problems == found.problems


@pytest.mark.parametrize("version", VERSIONS)
def test_a_repair_names_the_files_that_lost_data(version: str) -> None:
    found = check.parse(result(version, "check-repair"))
    assert not found.ok  # although Borg ends with 0: files have lost data
    assert {each.path for each in found.damaged} == {"srv/data/models/opt.bin"}
    assert {each.archive for each in found.damaged} >= {"models.20261107T020000Z"}


def test_messages_decide_before_the_exit_status() -> None:
    bad = {"levelname": "ERROR", "message": "Data integrity error: x"}
    assert not check.parse(BorgResult(exit_status=0, messages=(bad,))).ok
    assert not check.parse(BorgResult(exit_status=1)).ok and not check.parse(BorgResult(exit_status=None)).ok


@given(st.text(max_size=200))
def test_any_message_is_safe(message: str) -> None:
    found = check.parse(BorgResult(exit_status=1, messages=({"levelname": "ERROR", "message": message},)))
    assert all("\x1b" not in each and "\n" not in each for each in found.problems)
    assert all("\n" not in each.path for each in found.damaged)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_compaction_freed(version: str) -> None:
    freed = compact.parse(events(version, "compact"))
    assert freed is not None and freed > 1_000_000


@pytest.mark.parametrize(
    ("words", "freed"),
    [("8.69 MB", 8_690_000), ("0 B", 0), ("-12 B", 0), ("1.50 kB", 1500), ("2.00 TB", 2 * 10**12), ("1.2.3 MB", None)],
)
def test_sizes(words: str, freed: int | None) -> None:
    assert compact.parse([LogMessage(message=f"compaction freed about {words} repository space.")]) == freed


def test_silence_is_not_nothing_freed() -> None:
    assert compact.parse([LogMessage(message="nothing to do")]) is None
