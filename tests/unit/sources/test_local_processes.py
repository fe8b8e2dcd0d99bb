"""This machine's process table: who is shown, what it used, and that names stay true."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from backends.clock import ManualClock, SystemClock
from backends.metrics.sample import Gpu, GpuProcess, Process, ProcessTable
from backends.sources import local_processes
from backends.sources.local_identity import identify
from backends.sources.local_processes import FULL_EVERY, LocalProcesses
from tests.unit.hostkit.kit import eventually

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the rules are those of the kit")

QUIET = 'while read line; do case "$line" in exec) exec sleep 60;; esac; done'


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing until it is told to become another program."""
    with subprocess.Popen(["sh", "-c", QUIET], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def row(table: ProcessTable, pid: int) -> Process | None:
    return next((process for process in table.top if process.pid == pid), None)


def using(pid: int, *, memory: int = 1 << 20, index: int = 0) -> tuple[Gpu, ...]:
    """A GPU that `pid` uses: such a process is always shown."""
    return (Gpu(index=index, processes=(GpuProcess(pid=pid, memory_bytes=memory),)),)


def test_this_very_process_is_described_as_the_kernel_knows_it() -> None:
    me = identify(psutil.Process())
    stat = Path("/proc/self/stat").read_text()
    assert (me.pid, me.start_ticks) == (os.getpid(), int(stat.rpartition(")")[2].split()[19]))
    assert me.name == stat[stat.index("(") + 1 : stat.rindex(")")]
    assert me.user == psutil.Process().username()


def test_the_first_table_has_no_use_of_processors_yet_and_the_second_has() -> None:
    clock = ManualClock()
    processes = LocalProcesses(clock)
    first = processes.table(())
    assert {process.cpu_percent for process in first.top} == {None}
    clock.advance(10)
    sum(range(300_000))
    me = row(processes.table(using(os.getpid())), os.getpid())
    assert me is not None and me.cpu_percent is not None and 0 <= me.cpu_percent <= 100


def test_everything_is_counted_and_little_is_shown() -> None:
    table = LocalProcesses(SystemClock()).table(())
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    assert table.total == pytest.approx(len(pids), abs=20)
    assert 0 < len(table.top) <= 2 * local_processes.TOP + 10
    assert len({process.pid for process in table.top}) == len(table.top)
    sizes = [process.resident_bytes or 0 for process in table.top]
    assert sizes == sorted(sizes, reverse=True)


def test_a_user_of_a_gpu_is_shown_however_idle_it_is(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_processes, "TOP", 1)  # on a machine with few processes, a shell is among the ten largest
    processes = LocalProcesses(SystemClock())
    assert row(processes.table(()), child.pid) is None
    gpus = (*using(child.pid, memory=5, index=0), *using(child.pid, memory=7, index=3))
    shown = row(processes.table(gpus), child.pid)
    assert shown is not None
    assert (shown.name, shown.gpu_memory_bytes, shown.gpus) == ("sh", 12, (0, 3))
    assert shown.state in ("S", "R")


def test_a_process_that_has_ended_is_no_row(child: subprocess.Popen[bytes]) -> None:
    processes, gpus = LocalProcesses(SystemClock()), using(child.pid)
    assert row(processes.table(gpus), child.pid) is not None
    child.kill()
    child.wait()
    assert row(processes.table(gpus), child.pid) is None


def test_a_process_that_becomes_another_program_gets_its_new_name(child: subprocess.Popen[bytes]) -> None:
    processes, gpus = LocalProcesses(SystemClock()), using(child.pid)
    before = row(processes.table(gpus), child.pid)
    assert before is not None and before.command.startswith("sh -c while read line")
    assert child.stdin is not None
    child.stdin.write(b"exec\n")
    child.stdin.flush()
    assert eventually(lambda: identify(psutil.Process(child.pid)).name == "sleep")
    for _ in range(FULL_EVERY):
        after = row(processes.table(gpus), child.pid)
    assert after is not None
    assert (after.name, after.command, after.start_ticks) == ("sleep", "sleep 60", before.start_ticks)


def command(child: subprocess.Popen[bytes]) -> str:
    """The command as it is shown; "" for a moment while a program is being replaced by another."""
    assert eventually(lambda: identify(psutil.Process(child.pid)).command)
    return identify(psutil.Process(child.pid)).command


def test_a_name_that_is_written_to_deceive_is_made_safe() -> None:
    with subprocess.Popen(["\x1b]0;owned\x07rm\u202e", "60"], executable="/bin/sleep") as child:
        try:
            assert command(child) == "rm\ufffd 60"
        finally:
            child.kill()


def test_a_command_is_cut_as_the_kits_is() -> None:
    with subprocess.Popen(["sh", "-c", "read line", "x" * 2000], stdin=subprocess.PIPE) as child:
        try:
            assert command(child) == ("sh -c read line " + "x" * 2000)[:512]
        finally:
            child.kill()


def test_the_cost_of_a_table_is_measured() -> None:
    processes = LocalProcesses(SystemClock())
    processes.table(())
    assert 0 < processes.cost_seconds < 10
