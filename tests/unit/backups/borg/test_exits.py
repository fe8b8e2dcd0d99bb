"""Why a command failed, from what real Borgs left: one cause, its evidence, one safe next step."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg.causes import CAUSES
from backends.backups.borg.events import LogMessage, Text
from backends.backups.borg.exits import judge, warnings
from backends.backups.borg.msgids import BY_STATUS, MSGIDS, WORDS
from backends.backups.model import BorgResult, JobState
from tests.unit.backups.borg.captured import VERSIONS, result, result_of, statuses

DONE = (
    *(
        "check",
        "compact",
        "create",
        "create-again",
        "delete",
        "diff",
        "diff-all",
        "dump",
        "info",
        "info-archive",
        "init",
    ),
    *("key-export", "list-archives", "list-broken", "list-files", "list-hashes", "prune", "prune-preview"),
    *("relocated-confirmed", "check-repair"),
)
FAILED = {
    "archive-exists": "archive-exists",
    "archive-missing": "archive-missing",
    "bad-peer": "bad-peer",
    "borg-missing": "borg-missing",
    "check-damaged": "damaged",
    "check-data-damaged": "damaged",
    "check-no-answer": "cancelled-question",
    "connection-closed": "connection-closed",
    "dump-failed": "dump-failed",
    "extract-damaged": "damaged",
    "lock-held": "lock-held",
    "mount": "no-fuse",
    "no-passphrase-empty": "wrong-passphrase",
    "no-space": "no-space",
    "not-a-repository": "not-a-repository",
    "not-allowed": "not-allowed",
    "passcommand": "no-passphrase",
    "quota": "quota",
    "relocated": "relocated",
    "replay": "replay",
    "repository-missing": "repository-missing",
    "unknown-unencrypted": "unknown-unencrypted",
    "usage": "usage",
    "wrong-passphrase": "wrong-passphrase",
}
WARNED = {
    "extract-zeros": "zero-filled",
    "file-changed": "file-changed",
    "file-missing": "file-missing",
    "pattern-never": "not-in-archive",
}


def judged(version: str, case: str) -> tuple[JobState, str]:
    command = case.partition("-")[0] if case.startswith("check") else "create"
    state, cause = judge(command, result(version, case))
    return state, cause.code if cause else ""


@pytest.mark.parametrize("version", VERSIONS)
def test_every_captured_case_has_a_verdict(version: str) -> None:
    assert set(statuses(version)) == {*DONE, *FAILED, *WARNED}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", DONE)
def test_what_went_well(version: str, case: str) -> None:
    assert judged(version, case) == (JobState.DONE, "")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", FAILED)
def test_what_failed(version: str, case: str) -> None:
    assert judged(version, case) == (JobState.FAILED, FAILED[case])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", WARNED)
def test_what_was_done_with_warnings(version: str, case: str) -> None:
    assert judged(version, case) == (JobState.WARNING, WARNED[case])


@pytest.mark.parametrize("status", sorted(BY_STATUS))
def test_the_status_alone_tells_it_too(status: int) -> None:
    state, cause = judge("create", BorgResult(exit_status=status))
    assert cause is not None and cause.code == BY_STATUS[status]
    assert state is (JobState.WARNING if status >= 100 else JobState.FAILED)


@pytest.mark.parametrize("msgid", sorted(MSGIDS))
def test_the_name_alone_tells_it_too(msgid: str) -> None:
    """As the old way of 1.2 has it: status 2 or 1, whatever it was."""
    code = MSGIDS[msgid][1]
    warned = CAUSES[code].kind == "warning"
    message = LogMessage(level="WARNING" if warned else "ERROR", msgid=msgid, message="x")
    state, cause = judge("create", result_of([message], 1 if warned else 2))
    assert cause is not None and cause.code == code
    assert state is (JobState.WARNING if warned else JobState.FAILED)


def test_every_name_and_word_leads_to_a_known_cause() -> None:
    assert {code for _, code in MSGIDS.values()} | {code for _, code in WORDS} <= set(CAUSES)
    for cause in CAUSES.values():
        assert cause.text and cause.next_step and not cause.text.endswith(".")


def test_next_steps_name_the_repository_in_our_own_commands() -> None:
    wrong = BorgResult(exit_status=73)
    _, cause = judge("list", wrong, repository="vault/gpu01")
    assert cause is not None and cause.next_step.endswith("swarm-tui backup lock vault/gpu01")
    _, cause = judge("list", BorgResult(exit_status=12), repository="vault/gpu01+secrets")
    assert cause is not None and "swarm-tui backup check gpu01 --to vault" in cause.next_step
    for known in CAUSES.values():
        assert not re.search(r"[{}]", known.next_step.format(repository="r", place="p", host="h"))


def test_the_evidence_is_borgs_own_words_without_tracebacks() -> None:
    found = result("1.4.5", "extract-damaged")
    _, cause = judge("extract", found, location="ssh://backup@vault/srv/gpu01")
    assert cause is not None
    assert "checksum mismatch" in cause.evidence[0] and "exit status 90" in cause.evidence
    assert cause.evidence[-1] == "repository: ssh://backup@vault/srv/gpu01"
    assert not any("Traceback" in each for each in cause.evidence)


def test_a_wrong_passphrase_that_was_right_before_was_changed() -> None:
    found = result("1.2.4", "wrong-passphrase")
    _, cause = judge("list", found, opened_before=True)
    assert cause is not None and cause.code == "changed-passphrase"


def test_a_full_disk_in_words_only() -> None:
    words = "Local Exception. OSError: [Errno 28] No space left on device"
    state, cause = judge("create", result_of([LogMessage(level="ERROR", message=words)], 2))
    assert state is JobState.FAILED and cause is not None and cause.code == "no-space"
    closed = LogMessage(level="ERROR", msgid="ConnectionClosed", message="Connection closed by remote host")
    full = LogMessage(level="WARNING", message="Remote: OSError: [Errno 28] No space left on device")
    _, cause = judge("create", result_of([full, closed], 2))
    assert cause is not None and cause.code == "no-space"


def test_a_named_error_beats_a_good_status() -> None:
    replay = LogMessage(level="ERROR", msgid="Cache.RepositoryReplay", message="x")
    assert judge("list", result_of([replay], 0))[0] is JobState.FAILED


def test_the_worst_warning_is_told() -> None:
    found = [
        LogMessage(level="WARNING", message="/srv/a: [Errno 13] Permission denied: 'a'"),
        LogMessage(level="WARNING", message="/srv/b: file changed while we backed it up"),
    ]
    _, cause = judge("create", result_of(found, 1))
    assert cause is not None and cause.code == "file-changed" and len(cause.evidence) == 3


def test_what_borg_does_not_name_is_a_warning_still() -> None:
    state, cause = judge("create", result_of([LogMessage(level="WARNING", message="something")], 1))
    assert state is JobState.WARNING and cause is not None and cause.code == "warning"
    state, cause = judge("create", BorgResult(exit_status=120))
    assert state is JobState.WARNING and cause is not None and cause.code == "warning"


def test_ends_that_are_not_borgs() -> None:
    def code(**fields: object) -> tuple[JobState, str]:
        state, cause = judge("create", BorgResult(**fields))  # type: ignore[arg-type]
        assert cause is not None
        return state, cause.code

    assert code(exit_status=None, lost="the link was lost") == (JobState.FAILED, "link-lost")
    assert code(exit_status=None) == code(exit_status=137) == (JobState.FAILED, "killed")
    assert code(exit_status=2, cancelled=True) == (JobState.CANCELLED, "cancelled")
    assert code(exit_status=None, cancelled=True) == (JobState.CANCELLED, "cancelled")
    assert code(exit_status=2) == code(exit_status=29) == code(exit_status=255) == (JobState.FAILED, "unknown")


def test_what_was_done_before_the_cancel_came_is_done() -> None:
    assert judge("create", BorgResult(exit_status=0, cancelled=True)) == (JobState.DONE, None)


def test_a_program_that_is_no_borg() -> None:
    for status in (126, 127):  # of a shell or env, and no warning of Borg's
        state, cause = judge("create", result_of([Text(text="env: 'borg': No such file or directory")], status))
        assert state is JobState.FAILED and cause is not None and cause.code == "borg-missing"


def test_warnings_are_told_once() -> None:
    said = {"levelname": "WARNING", "message": "same"}
    assert warnings(BorgResult(exit_status=1, messages=(said, said, {"message": 7}))) == ("same",)


MESSAGES = st.dictionaries(
    st.sampled_from(["levelname", "msgid", "message", "type"]),
    st.text(max_size=20) | st.integers() | st.none() | st.sampled_from(["ERROR", *MSGIDS]),
)


@given(st.none() | st.integers(-5, 300), st.lists(MESSAGES, max_size=5), st.text(max_size=50), st.booleans())
def test_anything_is_judged(status: int | None, messages: list[dict[str, object]], text: str, cancelled: bool) -> None:
    found = BorgResult(exit_status=status, messages=tuple(messages), text=text, cancelled=cancelled)
    for command in ("create", "check"):
        state, cause = judge(command, found)
        assert (cause is None) == (state is JobState.DONE)
        if cause is not None:
            assert all("\x1b" not in each and "\n" not in each and len(each) <= 700 for each in cause.evidence)
