"""Backups in words: what is not known is never made up, and a wrong clock is said to be one."""

from __future__ import annotations

from typing import Any

import pytest

from backends.backups.model import JobKind, JobState, Outcome, Progress
from swarm_tui.present import backup_text as text
from tests.unit.present import backup_data as data
from tests.unit.present.backup_data import DAY, HOUR, NOW


def test_every_kind_of_job_has_a_verb() -> None:
    assert set(text.VERBS) == set(JobKind)


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (0, "archive", "0 archives"),
        (1, "archive", "1 archive"),
        (1200, "file", "1,200 files"),
        (2, "repository", "2 repositories"),
    ],
)
def test_numbers_of_things(number: int, noun: str, said: str) -> None:
    assert text.some(number, noun) == said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "never proven"),
        (data.proof(), "proven 6d ago, 41M/s"),
        (data.proof(bytes_per_second=None), "proven 6d ago"),
        (data.proof(ok=False, problems=("x: other bytes",)), "drill failed 6d ago: x: other bytes"),
        (data.proof(ok=False), "drill failed 6d ago"),
        (data.proof(age=-HOUR), "proven in the future, 41M/s"),
    ],
)
def test_a_proof_has_a_date_and_a_speed(found: object, said: str) -> None:
    assert text.proof(found, NOW) == said  # type: ignore[arg-type]


def test_what_a_proof_rests_on() -> None:
    found = data.proof(skipped=2, validated=("etc/ssh/sshd_config",))
    assert text.compared(found) == (
        "20 files and 80M restored, 14 equal on the host, 6 equal to the recorded hash, 2 changed since, "
        "1 file accepted by their programs"
    )


@pytest.mark.parametrize(
    ("days", "said"), [(None, ""), (0.4, "full now"), (23.2, "full in 23 d"), (4000.0, "full in years")]
)
def test_the_forecast(days: float | None, said: str) -> None:
    assert text.full(days) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "due in 19h"),
        ({"due": NOW - 5.0}, "due now"),
        ({"due": None}, "when asked"),
        ({"due": NOW - DAY, "overdue": True}, "overdue 1d"),
        ({"last": None}, "never backed up"),
    ],
)
def test_a_set_against_its_schedule(fields: dict[str, Any], said: str) -> None:
    assert text.schedule(data.status("a", **fields), NOW) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, ""), ((200.0, 320.0), "3m–5m left"), ((60.0, 70.0), "1m left"), ((-5.0, 30.0), "0s–30s left")],
)
def test_the_time_that_is_left_is_a_range(seconds: tuple[float, float] | None, said: str) -> None:
    assert text.eta(seconds) == said


def test_progress_leaves_out_what_is_not_known() -> None:
    assert text.progress(Progress(phase="hooks")) == "hooks"
    assert text.progress(Progress()) == ""


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (data.job(), "running  reading  42%  81M/s  3m–5m left"),
        (data.WAITING, "waiting  vault/gpu1 is held by j1"),
        (data.FAILED, "failed: the passphrase does not open the repository"),
        (data.ended(outcome=Outcome(state=JobState.DONE)), "done"),
        (data.ended(outcome=None), "done"),
    ],
)
def test_where_a_job_stands(job: object, said: str) -> None:
    assert text.job(job) == said  # type: ignore[arg-type]


def test_a_hold_says_how_long_a_prune_can_be_undone() -> None:
    assert text.held(data.place("a"), NOW) == ""
    assert text.held(data.place("a", pruned=1, compact_at=NOW - 1.0), NOW) == (
        "1 archive pruned, U brings back, the hold has ended"
    )


def test_escrow_and_check_name_person_and_depth() -> None:
    assert text.escrow(data.place("a").escrow, True, NOW) == (
        "kept by anna since 40d ago, safe, 2nd floor; the key changed since"
    )
    assert text.check(data.repositories()[2].check, NOW) == "every byte DAMAGED 1h ago"
    assert text.check(None, NOW) == "never checked"
