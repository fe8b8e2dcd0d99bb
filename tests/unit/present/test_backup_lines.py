"""Backups as lines of text: what a person reads on a terminal without the console."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from backends.backups.model import Cause, Check, Job, JobState, Outcome, Progress
from backends.backups.views import Change, DriftReport, LockReport
from swarm_tui.present import backup_lines as text
from tests.unit import backup_samples as samples
from tests.unit.backup_samples import JOB, KEY, NOW, PROOF, REPOSITORY, SET

BAD = Cause(code="no-space", text="no room is left", evidence=("2 B free",), next_step="make room")


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "ok"),
        ({"proof_stale": True}, "proof is stale"),
        ({"overdue": True, "proof_stale": True}, "overdue"),
        ({"last": None, "overdue": True}, "never backed up"),
        ({"problem": BAD, "last": None}, "no room is left"),
        ({"job": "j1", "problem": BAD}, "job j1"),
    ],
)
def test_the_worst_of_a_set_is_its_state(change: dict[str, Any], state: str) -> None:
    assert text.set_state(replace(SET, **change)) == state


def test_a_row_of_a_set() -> None:
    assert len(text.set_cells(SET, NOW)) == len(text.SET_HEAD)
    row = dict(zip(text.SET_HEAD, text.set_cells(SET, NOW), strict=True))
    assert (row["HOST"], row["SET"], row["REPOSITORY"], row["ARCHIVES"]) == ("gpu01", "config", KEY, "2")
    assert (row["AGE"], row["SIZE"]) == ("1h", "5.0M")
    never = dict(zip(text.SET_HEAD, text.set_cells(replace(SET, last=None, proof=None), NOW), strict=True))
    assert (never["AGE"], never["SIZE"], never["PROVEN"]) == ("never", "n/a", "never")


def test_a_proof_has_its_age_and_speed_and_a_failed_one_says_so() -> None:
    assert text.proof_words(PROOF, NOW) == "1d ago, 39M/s"
    assert text.proof_words(replace(PROOF, bytes_per_second=None), NOW) == "1d ago"
    assert text.proof_words(replace(PROOF, ok=False), NOW) == "FAILED 1d ago"


def test_a_clock_that_is_behind_makes_nothing_older_than_now() -> None:
    assert text.age(NOW + 500, NOW) == text.age(NOW, NOW)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "ok"),
        ({"pruned": 2, "compact_at": 0.0}, "2 pruned, compaction 1970-01-01 00:00 UTC"),
        ({"pruned": 2, "compact_at": None}, "2 pruned, compaction —"),
        ({"made": None}, "not looked at yet"),
        ({"made": False}, "not made yet"),
        ({"key_changed": True}, "its key is not the one in escrow"),
        ({"frozen": "canary", "key_changed": True}, "frozen: canary"),
        ({"problem": BAD, "frozen": "x"}, "no room is left"),
    ],
)
def test_the_worst_of_a_repository_is_its_state(change: dict[str, Any], state: str) -> None:
    assert text.repository_state(replace(REPOSITORY, **change)) == state


def test_a_row_of_a_repository() -> None:
    row = dict(zip(text.REPOSITORY_HEAD, text.repository_cells(REPOSITORY, NOW), strict=True))
    assert (row["REPOSITORY"], row["STORED"], row["FREE"], row["FULL IN"]) == (KEY, "1.0G", "9.0G", "23 d")
    damaged = replace(REPOSITORY, check=Check(repository=KEY, level="data", time=NOW - 60, ok=False), escrow=None)
    row = dict(zip(text.REPOSITORY_HEAD, text.repository_cells(damaged, NOW), strict=True))
    assert row["CHECKED"].startswith("FAILED ") and row["ESCROW"] == "none"
    unknown = replace(REPOSITORY, check=None, full_in_days=None, stored_bytes=None, free_bytes=None)
    assert text.repository_cells(unknown, NOW)[2:6] == ("n/a", "n/a", "—", "never")


def test_files_show_what_they_are() -> None:
    assert text.file_cells(samples.FOLDER)[-1] == "ssh/"
    assert text.file_cells(samples.FILE)[:3] == ("-rw-r--r--", "root:root", "210B")
    link = replace(samples.FILE, type="l", target="../x", healthy=False)
    assert text.file_cells(link)[-1] == "hosts → ../x  DAMAGED"
    assert text.file_cells(replace(samples.FILE, user="", group="", mtime=None))[1:4] == ("", "210B", "—")


def test_progress_shows_only_what_is_known() -> None:
    assert text.progress_words(Progress()) == ""
    assert text.progress_words(Progress(phase="hooks")) == "hooks"
    full = Progress(
        phase="reading",
        path="x" * 100,
        files=3,
        original_bytes=1 << 20,
        deduplicated_bytes=1 << 10,
        bytes_per_second=1 << 20,
        percent=40.4,
        eta_seconds=(60.0, 120.0),
    )
    words = text.progress_words(full).split(" · ")
    assert words[:6] == ["reading", "40%", "3 files", "1.0M", "1.0K new", "1.0M/s"]
    assert words[6].endswith(" left") and "–" in words[6] and len(words[7]) == 60
    assert "–" not in text.progress_words(replace(full, eta_seconds=(60.0, 61.0)))


def test_a_job_is_one_line_with_progress_while_it_runs_and_its_text_afterwards() -> None:
    assert text.job_words(JOB).startswith(f"{JOB.id}  backup models {KEY}: running — reading · 40%")
    waiting = replace(JOB, state=JobState.QUEUED, text="waits for job j0")
    assert text.job_words(waiting).endswith(": queued — waits for job j0")
    assert text.job_words(replace(JOB, state=JobState.DONE, text="", set="")) == f"{JOB.id}  backup {KEY}: done"


def test_everything_about_a_job() -> None:
    outcome = Outcome(state=JobState.FAILED, cause=BAD, notes=("a note",), warnings=("a warning",))
    lines = text.job_lines(replace(JOB, state=JobState.FAILED, outcome=outcome, text=BAD.text))
    assert lines[1:] == [
        f"  way: relay — {JOB.trust}",
        f"  $ {JOB.command}",
        "  a note",
        "  warning: a warning",
        "  no room is left",
        "    2 B free",
        "    → make room",
    ]
    assert text.job_lines(Job(id="j", kind=JOB.kind, host="h", repository=KEY)) == [f"j  backup {KEY}: queued"]


def test_a_cause_without_a_next_step_promises_none() -> None:
    assert text.cause_lines(Cause(code="x", text="a")) == ["a"]


def test_jobs_that_have_not_ended() -> None:
    states = {each.state for each in text.running([replace(JOB, state=state) for state in JobState])}
    assert states == {JobState.QUEUED, JobState.WAITING, JobState.RUNNING, JobState.CANCELLING}


def test_a_prune_says_what_goes() -> None:
    lines = text.prune_lines(replace(samples.PRUNE, frozen="canary"))
    assert lines[0].startswith(f"keep    {samples.ARCHIVE.name}  daily #1") and lines[1].startswith("REMOVE  ")
    assert lines[2:] == [
        f"1 of 2 archives of config in {KEY} would be removed",
        "frozen: canary",
        f"$ {samples.PRUNE.command}",
    ]


def test_a_compaction_says_who_removed_what_and_where_else_it_is() -> None:
    (known,) = samples.COMPACT.vanishing
    nobody = replace(known, by="", elsewhere=())
    lines = text.compact_lines(replace(samples.COMPACT, vanishing=(known, nobody), refused="held"))
    assert lines[0].endswith("prune job j1, anna; also in offsite/gpu01")
    assert lines[1].endswith("NOBODY HERE removed it; nowhere else")
    assert lines[2:] == [f"2 archives of {KEY} can never be brought back after this", "refused: held"]


def test_a_restore_says_what_it_meets_there() -> None:
    plan = replace(samples.PLAN, same=1, free_bytes=1 << 30, warnings=("odd",))
    lines = text.restore_lines(plan)
    assert lines[1] == f"to gpu01: the original place; what is there: {plan.request.conflict}"
    for line in ("1 files are there, 1 of them the same", "free there: 1.0G", "validator: sshd -t", "warning: odd"):
        assert line in lines
    assert "put back by itself after 5m unless confirmed" in lines
    plain = replace(plan, there=0, free_bytes=None, validators=(), rollback_seconds=0, warnings=(), command="")
    assert len(text.restore_lines(plain)) == 2


def test_what_changed() -> None:
    assert text.change_words(Change(path="a", kinds=("modified",), added_bytes=10, removed_bytes=None)) == (
        "modified   a +10B −0B"
    )
    assert text.change_words(Change(path="a", kinds=("mode",), before="-rw", after="-rwx")).endswith("a -rw → -rwx")


def test_drift_and_why_there_is_none_to_tell() -> None:
    head, line = text.drift_lines(samples.REPORT)
    assert head == "gpu01: 1 differ from the snapshot of yesterday, 1199 are the same"
    assert line == "  content  etc/hosts  1a → 2b"
    (secret,) = (replace(entry, secret=True) for entry in samples.REPORT.entries)
    assert text.drift_lines(replace(samples.REPORT, entries=(secret,)))[1].endswith("  (secret)")
    failed = DriftReport(host="gpu01", against="last", time=NOW, entries=(), problem="not connected")
    assert text.drift_lines(failed) == ["gpu01: not compared with last: not connected"]


@pytest.mark.parametrize(
    ("dead", "words"), [(True, "dead: the lock can be broken"), (False, "alive"), (None, "nobody can tell")]
)
def test_a_lock_s_holder_with_the_evidence(dead: bool | None, words: str) -> None:
    head, evidence = text.lock_lines(replace(samples.LOCK, dead=dead))
    assert words in head and evidence == "  gone"
    assert text.lock_lines(LockReport(repository=KEY)) == [f"{KEY}: nobody holds it"]
