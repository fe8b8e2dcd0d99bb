"""One engine a socket: whoever holds the lock, until its process is no more."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from backends.engine.ownership import Ownership
from backends.errors import AskOperator
from tests.unit.hostkit.kit import eventually

HOLD = """
import sys
from pathlib import Path
from backends.engine.ownership import Ownership
print(Ownership(Path(sys.argv[1])).take(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    return tmp_path / "engine.sock"


def test_one_takes_it_the_next_is_told_no(socket_path: Path) -> None:
    one, two = Ownership(socket_path), Ownership(socket_path)
    assert one.take()
    assert one.take()  # it is ours already
    assert not two.take()
    one.release()
    assert two.take()
    two.release()


def test_the_file_is_private_and_gone_afterwards(socket_path: Path) -> None:
    one = Ownership(socket_path)
    one.take()
    (file,) = socket_path.parent.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    one.release()
    one.release()
    assert list(socket_path.parent.iterdir()) == []


def test_a_process_that_is_killed_gives_it_back(socket_path: Path, checkout: Path) -> None:
    argv = [sys.executable, "-c", HOLD, str(socket_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=checkout) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"True\n"
        mine = Ownership(socket_path)
        assert not mine.take()
        holder.kill()
        assert eventually(mine.take)
    mine.release()


def test_a_file_that_was_left_behind_is_no_lock(socket_path: Path) -> None:
    socket_path.with_name("engine.sock.owner").write_text("left by a crash")
    one = Ownership(socket_path)
    assert one.take()
    one.release()


def test_the_lock_of_a_file_that_was_just_removed_protects_nothing(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our opening and our locking, the one before removes its file and a third makes a new one."""
    late = Ownership(socket_path)
    really_open = late._open

    def slow_open() -> int:
        handle = really_open()
        monkeypatch.setattr(late, "_open", really_open)
        socket_path.with_name("engine.sock.owner").unlink()
        assert third.take()
        return handle

    third = Ownership(socket_path)
    monkeypatch.setattr(late, "_open", slow_open)
    assert not late.take()
    third.release()


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AskOperator, match=r"cannot make .*: No such file"):
        Ownership(tmp_path / "none" / "engine.sock").take()


def test_of_many_that_begin_together_one_wins(socket_path: Path) -> None:
    contenders = [Ownership(socket_path) for _ in range(8)]
    won: list[Ownership] = []
    start = threading.Barrier(len(contenders))

    def contend(one: Ownership) -> None:
        start.wait()
        if one.take():
            won.append(one)

    threads = [threading.Thread(target=contend, args=(one,)) for one in contenders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    won[0].release()


def test_no_descriptor_is_left_open(socket_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    holder = Ownership(socket_path)
    holder.take()
    for _ in range(5):
        Ownership(socket_path).take()
    holder.release()
    assert len(os.listdir("/proc/self/fd")) <= before
