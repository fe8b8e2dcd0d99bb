"""Commands on this machine: exact words, bounded output, a deadline that ends the whole family."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BadInput, RetryLater, SkipHost
from backends.execution import Stream
from backends.sources.local_exec import LocalExec
from tests.unit.hostkit.kit import eventually, is_alive

WAY = LocalExec("here")
WORDS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30)


def test_the_result_is_what_the_command_left() -> None:
    result = WAY.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (result.stdout, result.stderr, result.exit_status) == (b"out\n", b"err\n", 3)
    assert (result.signal, result.truncated) == (None, False)
    assert 0 < result.duration_seconds < 20
    assert WAY.host == "here"


@settings(max_examples=15, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4))
def test_no_shell_reads_the_words(words: list[str]) -> None:
    result = WAY.run(["printf", "%s\\0", *words])
    assert result.stdout == b"".join(word.encode() + b"\0" for word in words)


def test_input_is_given_and_ends() -> None:
    data = os.urandom(1 << 20)  # more than a pipe holds, while the output comes back
    assert WAY.run(["cat"], stdin=data, limit_bytes=2 << 20).stdout == data


def test_a_command_that_does_not_read_its_input_is_not_waited_for() -> None:
    result = WAY.run(["true"], stdin=b"x" * (1 << 20))
    assert result.exit_status == 0


def test_output_beyond_the_limit_is_read_and_thrown_away() -> None:
    result = WAY.run(
        [sys.executable, "-c", "import os; os.write(1, b'a' * 300000); os.write(2, b'e')"], limit_bytes=1000
    )
    assert result.stdout == b"a" * 1000
    assert (result.stderr, result.truncated, result.exit_status) == (b"e", True, 0)


def test_every_piece_is_seen_as_it_comes_even_beyond_the_limit() -> None:
    seen: list[tuple[Stream, bytes]] = []
    WAY.run(["sh", "-c", "echo one; echo two >&2"], limit_bytes=1, on_output=lambda *piece: seen.append(piece))
    assert sorted(seen) == [("err", b"two\n"), ("out", b"one\n")]


def test_the_signal_that_ended_it_is_named() -> None:
    result = WAY.run(["sh", "-c", "kill -KILL $$"])
    assert (result.exit_status, result.signal) == (None, "KILL")


def test_after_the_deadline_it_and_its_children_are_gone(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    began = time.monotonic()
    with pytest.raises(RetryLater, match=r"not finished after 0\.5 s") as caught:
        WAY.run(["sh", "-c", f"sleep 60 & echo $! > {file}; wait"], timeout_seconds=0.5)
    assert time.monotonic() - began < 10
    assert (caught.value.host, caught.value.action) == ("here", "run sh")
    assert eventually(lambda: not is_alive(int(file.read_text())))


def test_a_command_that_closes_its_output_and_goes_on_is_ended_as_well() -> None:
    with pytest.raises(RetryLater):
        WAY.run(["sh", "-c", "exec >&- 2>&-; sleep 60"], timeout_seconds=0.3)


def test_a_program_that_is_not_there_is_a_matter_of_this_host() -> None:
    with pytest.raises(SkipHost, match="cannot start 'no-such-program': No such file") as caught:
        WAY.run(["no-such-program"])
    assert caught.value.hint == "is it installed?"


@pytest.mark.parametrize("argv", [[], ["a\0b"], ["echo", "\0"]])
def test_what_cannot_be_run_is_refused(argv: list[str]) -> None:
    with pytest.raises(BadInput):
        WAY.run(argv)


def test_an_error_of_the_listener_leaves_no_process_behind() -> None:
    pids: list[int] = []

    def listen(stream: Stream, data: bytes) -> None:
        pids.append(int(data))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        WAY.run(["sh", "-c", "echo $$; exec sleep 60"], on_output=listen)
    assert eventually(lambda: not is_alive(pids[0]))


def test_commands_end_and_leave_no_descriptor_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        WAY.run(["true"])
        with pytest.raises(SkipHost):
            WAY.run(["/"])
    assert len(os.listdir("/proc/self/fd")) <= before
