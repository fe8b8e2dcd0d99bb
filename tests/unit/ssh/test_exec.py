from __future__ import annotations

import shutil
import subprocess
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import AskOperator, BadInput, RetryLater
from backends.execution import ExecResult, Stream
from backends.ssh.exec import AS_ROOT, SshExec, command_line
from backends.ssh.target import Target
from tests.unit.ssh.sessions import FakeSession

WORDS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30)
SHELLS = [shell for shell in ("sh", "bash", "dash", "zsh", "csh", "tcsh", "fish") if shutil.which(shell)]
ROOT = Target(name="gpu01", address="gpu01", user="anna", become="sudo")


def run_with(session: FakeSession | None, *argv: str, target: Target = ROOT, **options: object) -> ExecResult:
    way = SshExec(lambda: target, lambda: session, "gpu01")  # type: ignore[arg-type,return-value]
    return way.run(argv or ("true",), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("shell", SHELLS)
@given(st.lists(WORDS, min_size=1, max_size=4))
@settings(max_examples=15, deadline=None)
def test_every_login_shell_reads_every_word_alike(shell: str, words: list[str]) -> None:
    line = command_line(["printf", "%s\\0", *words])
    done = subprocess.run([shell, "-c", line], capture_output=True, timeout=20)
    assert done.stdout == b"".join(word.encode() + b"\0" for word in words), done.stderr


def test_plain_commands_stay_readable() -> None:
    assert command_line(["uname", "-r"]) == "exec uname -r"
    assert command_line(["echo", "two words"]) == "exec echo 'two words'"


@pytest.mark.parametrize("argv", [[], ["a\0b"]])
def test_what_cannot_be_run_is_refused(argv: list[str]) -> None:
    with pytest.raises(BadInput):
        command_line(argv)


def test_the_result_is_what_the_command_left() -> None:
    session = FakeSession(out=b"hello\n", err=b"oops", status=3)
    result = run_with(session, "x", stdin=b"data", become=False)
    assert (result.stdout, result.stderr, result.exit_status) == (b"hello\n", b"oops", 3)
    assert session.given == b"data"
    assert session.input_ended


def test_root_is_had_through_sudo_only_when_asked_for() -> None:
    session = FakeSession()
    run_with(session, "id")
    assert session.line == command_line([*AS_ROOT, "id"])
    run_with(session, "id", become=False)
    assert session.line == "exec id"


@pytest.mark.parametrize(
    ("status", "err"),
    [
        (1, b"sudo: a password is required\n"),
        (1, b"sudo: ein Passwort ist notwendig\n"),
        (1, b"Sorry, user anna is not allowed to execute '/bin/id' as root on gpu01.\n"),
        (127, b"sh: 1: exec: sudo: not found\n"),
    ],
)
def test_a_refusal_of_sudo_asks_for_an_operator(status: int, err: bytes) -> None:
    with pytest.raises(AskOperator, match="sudo refused") as raised:
        run_with(FakeSession(err=err, status=status))
    assert "anna ALL=(ALL) NOPASSWD: ALL" in (raised.value.hint or "")


def test_a_command_that_fails_is_no_refusal() -> None:
    assert run_with(FakeSession(err=b"ls: no such file", status=1)).exit_status == 1


def test_no_session_or_a_dead_one_is_not_connected() -> None:
    for session in (None, FakeSession(alive=False)):
        with pytest.raises(RetryLater, match="not connected"):
            run_with(session)


def test_an_end_without_status_or_signal_is_a_lost_link() -> None:
    with pytest.raises(RetryLater, match="connection lost"):
        run_with(FakeSession(status=None, dies=True))
    assert run_with(FakeSession(status=None, signal="KILL"), become=False).signal == "KILL"


def test_no_end_in_time_closes_the_channel() -> None:
    session = FakeSession(ends=False)
    with pytest.raises(RetryLater, match="no end within"):
        run_with(session, timeout_seconds=0.01)
    assert session.closed


def test_output_is_kept_up_to_the_limit_per_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    seen: list[tuple[Stream, bytes]] = []
    result = run_with(
        FakeSession(out=b"x" * 10, err=b"y" * 3),
        limit_bytes=4,
        become=False,
        on_output=lambda stream, data: seen.append((stream, data)),
    )
    assert (result.stdout, result.stderr, result.truncated) == (b"xxxx", b"yyy", True)
    assert seen == [("out", b"xxxx"), ("err", b"yyy")]
    assert pauses, "what is thrown away is slowed down"


def test_input_that_is_not_wanted_is_no_failure() -> None:
    assert run_with(FakeSession(refuses_input=True), stdin=b"x").exit_status == 0


def test_the_duration_is_measured() -> None:
    before = time.monotonic()
    assert 0 <= run_with(FakeSession()).duration_seconds <= time.monotonic() - before + 0.01
