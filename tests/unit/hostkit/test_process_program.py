"""Signalling and renicing for real: only the process that the operator saw, and in words why not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.hostkit.answer import Answer, read_answer
from backends.hostkit.travel import program_launch
from tests.unit.hostkit.kit import eventually, is_alive
from tests.unit.hostkit.parts import plant


def run(arguments: dict[str, Any], **environment: str) -> Answer:
    """As on a host: through the launch command, its loader and the answer's decoding."""
    launch = program_launch("process", arguments)
    done = subprocess.run(
        ["/bin/sh", "-c", launch.command],
        input=launch.payload,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=20,
        check=False,
    )
    return read_answer(done.stdout)


def start_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as child:
        yield child
        child.kill()


def test_a_signal_reaches_the_process(sleeper: subprocess.Popen[bytes]) -> None:
    answer = run({"pid": sleeper.pid, "start_ticks": start_ticks(sleeper.pid), "signal": 15})
    assert answer == Answer(ok=True, text=f"sent signal 15 to sleep ({sleeper.pid})")
    assert sleeper.wait(5) == -signal.SIGTERM


def test_its_priority_is_set(sleeper: subprocess.Popen[bytes]) -> None:
    answer = run({"pid": sleeper.pid, "start_ticks": start_ticks(sleeper.pid), "nice": 7})
    assert answer == Answer(ok=True, text=f"set nice 7 for sleep ({sleeper.pid})")
    assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == 7


@pytest.mark.parametrize("what", [{"signal": 9}, {"nice": 7}])
def test_a_reused_pid_is_left_alone(what: dict[str, int], sleeper: subprocess.Popen[bytes]) -> None:
    answer = run({"pid": sleeper.pid, "start_ticks": start_ticks(sleeper.pid) - 1, **what})
    assert (answer.ok, answer.kind) == (False, "gone")
    assert answer.text == f"pid {sleeper.pid} is another process now (sleep); the one you saw has ended"
    assert is_alive(sleeper.pid)
    assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == 0


def test_one_that_has_ended_is_gone() -> None:
    child = subprocess.Popen(["true"])
    pid, ticks = child.pid, start_ticks(child.pid)
    child.wait()
    answer = run({"pid": pid, "start_ticks": ticks, "signal": 9})
    assert (answer.ok, answer.kind) == (False, "gone")


def test_a_zombie_is_told_as_such_since_no_signal_reaches_it() -> None:
    child = subprocess.Popen(["true"])
    try:
        assert eventually(lambda: not is_alive(child.pid))
        answer = run({"pid": child.pid, "start_ticks": start_ticks(child.pid), "signal": 9})
    finally:
        child.wait()
    assert (answer.ok, answer.kind) == (False, "gone")
    assert answer.text == f"true ({child.pid}) has ended; its parent {os.getpid()} has not collected it"


@pytest.mark.parametrize("pid", [1, 0, -1])
@pytest.mark.parametrize("what", [{"signal": 9}, {"nice": 7}])
def test_the_first_process_and_whole_groups_are_never_touched(pid: int, what: dict[str, int]) -> None:
    answer = run({"pid": pid, "start_ticks": 0, **what})
    assert (answer.ok, answer.kind, answer.text) == (False, "failed", f"pid {pid} is not touched from here")


def test_one_that_ends_between_the_check_and_the_signal_is_gone(tmp_path: Path) -> None:
    """The tree still shows it, the kernel does not."""
    pid = 4_194_303
    assert not Path(f"/proc/{pid}").exists()
    plant(tmp_path, {f"{pid}/stat": f"{pid} (ghost) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0\n"})
    for what in ({"signal": 15}, {"nice": 5}):
        answer = run({"pid": pid, "start_ticks": 77, **what}, PROCROOT=str(tmp_path))
        assert (answer.ok, answer.kind, answer.text) == (False, "gone", f"process {pid} has ended")


@pytest.mark.parametrize(
    "arguments",
    [{}, {"pid": "x", "start_ticks": 1, "signal": 9}, {"pid": 5}, {"pid": None, "start_ticks": None}],
    ids=str,
)
def test_arguments_that_make_no_sense_fail_in_words(arguments: dict[str, Any]) -> None:
    answer = run(arguments)
    assert (answer.ok, answer.kind) == (False, "failed")
    assert answer.text


@pytest.mark.parametrize("number", [0, 65, -1, 10**6])
def test_a_signal_that_does_not_exist_fails_and_hurts_nobody(number: int, sleeper: subprocess.Popen[bytes]) -> None:
    answer = run({"pid": sleeper.pid, "start_ticks": start_ticks(sleeper.pid), "signal": number})
    assert answer.ok is (number == 0)
    assert answer.kind == ("" if number == 0 else "failed")
    assert is_alive(sleeper.pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("what", [{"signal": 9}, {"nice": -5}])
def test_without_the_right_it_says_so(what: dict[str, int], sleeper: subprocess.Popen[bytes]) -> None:
    launch = program_launch("process", {"pid": sleeper.pid, "start_ticks": start_ticks(sleeper.pid), **what})
    program = "import sys,zlib;exec(zlib.decompress(sys.stdin.buffer.read()))"
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", "-c", program],
        input=launch.payload,
        capture_output=True,
        user=65534,
        timeout=20,
        check=False,
    )
    answer = read_answer(done.stdout)
    assert (answer.ok, answer.kind) == (False, "permission")
    assert answer.text.startswith("not permitted")
    assert is_alive(sleeper.pid)


@pytest.mark.parametrize("name", ["a) R 1 (b", "two\nlines", "\x1b[31mred\x1b[0m", "[/bold]", "日本"])
def test_odd_names_do_not_shift_the_fields_and_come_out_clean(name: str, tmp_path: Path) -> None:
    plant(tmp_path, {"77/stat": f"77 ({name}) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0\n"})
    answer = run({"pid": 77, "start_ticks": 1, "signal": 0}, PROCROOT=str(tmp_path))
    assert answer.kind == "gone" and "another process now" in answer.text
    assert "\x1b" not in answer.text and "\n" not in answer.text


@pytest.mark.parametrize(
    "stat", ["", "77", "77 (x", "77 (x) S", "77 (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 soon 0 0"]
)
def test_a_stat_that_cannot_be_read_is_no_permission_to_kill(stat: str, tmp_path: Path) -> None:
    plant(tmp_path, {"77/stat": stat})
    assert not run({"pid": 77, "start_ticks": 500, "signal": 9}, PROCROOT=str(tmp_path)).ok


def test_it_answers_where_only_python3_minimal_is_installed() -> None:
    launch = program_launch("process", {"pid": 1, "start_ticks": 0, "signal": 9})
    blocked = "import sys\nfor name in ('json', '_json', 'ctypes', 'resource'): sys.modules[name] = None\n"
    program = blocked + "import zlib;exec(zlib.decompress(sys.stdin.buffer.read()))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], input=launch.payload, capture_output=True, timeout=20, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1])["ok"] is False
