"""The probe's process table from /proc trees: odd names, D state, zombies, containers, jobs, and the rotating scan."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit import frames
from backends.hostkit.table import ProcessTables
from backends.metrics.sample import Gpu, Process, ProcessTable
from tests.unit.hostkit.hostile import assert_calm
from tests.unit.hostkit.parts import OUTPUTS, part

PAGE = os.sysconf("SC_PAGE_SIZE")
HZ = os.sysconf("SC_CLK_TCK")
CAPTURED = OUTPUTS / "proc" / "processes"


def stat(
    pid: int, comm: bytes = b"sh", state: str = "S", ticks: int = 0, start: int = 100, pages: int = 10, nice: int = 0
) -> bytes:
    """A line of /proc/PID/stat as proc_pid_stat(5) orders it."""
    fields = [state, 1, pid, pid, 0, -1, 4194560, 0, 0, 0, 0, ticks, 0, 0, 0, 20, nice, 1, 0, start, 1 << 20, pages]
    return b"%d (%s) %s 18446744073709551615 0\n" % (pid, comm, " ".join(map(str, fields)).encode())


class Tree:
    """A /proc that a test fills; the table is read as the console reads it."""

    def __init__(self, root: Path):
        self.root = root
        self.program = part("kit_processes").Processes(str(root))
        self.tables = ProcessTables()
        self.clock = 1000.0
        self.last: list[Any] = []

    def put(
        self,
        pid: int,
        comm: bytes = b"sh",
        *,
        uid: int = 0,
        cmdline: bytes = b"",
        cgroup: bytes = b"0::/\n",
        **fields: Any,
    ) -> None:
        folder = self.root / str(pid)
        folder.mkdir(exist_ok=True)
        (folder / "stat").write_bytes(stat(pid, comm, **fields))
        (folder / "status").write_bytes(b"Name:\t%s\nUid:\t1\t%d\t%d\t%d\nGid:\t0\t0\t0\t0\n" % (comm, uid, uid, uid))
        (folder / "cmdline").write_bytes(cmdline)
        (folder / "cgroup").write_bytes(cgroup)

    def scan(self, wanted: tuple[int, ...] = (), gpus: tuple[Gpu, ...] = ()) -> ProcessTable:
        self.last = self.program.table(wanted)
        return self.tables.table(msgspec.convert(self.last, frames.Table), gpus)

    def one(self, pid: int, table: ProcessTable) -> Process:
        return next(process for process in table.top if process.pid == pid)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_process_is_named_with_its_command_owner_and_size(tree: Tree) -> None:
    tree.put(
        42, b"python3", uid=1000, cmdline=b"python3\0train.py\0--lr\x000.1\0", state="R", start=900, pages=3, nice=-5
    )
    process = tree.one(42, tree.scan())
    assert process == Process(
        pid=42,
        start_ticks=900,
        user="1000",
        name="python3",
        command="python3 train.py --lr 0.1",
        state="R",
        resident_bytes=3 * PAGE,
        nice=-5,
    )
    assert tree.program.new_users() == [1000]
    assert tree.program.new_users() == []


@pytest.mark.parametrize(
    ("comm", "shown"),
    [
        (b"(sd-pam)", "(sd-pam)"),
        (b"a) R 1 (b", "a) R 1 (b"),
        (b"Web Content", "Web Content"),
        (b"two\nlines", "two lines"),
        (b")", ")"),
        (b"", ""),
        (b"\x1b]0;owned\x07x", "x"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("東京".encode(), "東京"),
        (b"[/bold]", "[/bold]"),
    ],
)
def test_names_with_brackets_spaces_and_newlines_do_not_shift_the_fields(comm: bytes, shown: str, tree: Tree) -> None:
    tree.put(42, comm, start=900, pages=3)
    process = tree.one(42, tree.scan())
    assert (process.name, process.start_ticks, process.resident_bytes, process.state) == (shown, 900, 3 * PAGE, "S")


def test_states_are_counted_over_all_processes(tree: Tree) -> None:
    for pid, state in enumerate("RRDZZZSIT", start=10):
        tree.put(pid, state=state)
    table = tree.scan()
    assert (table.total, table.running, table.blocked, table.zombies) == (9, 2, 1, 3)


def test_what_waits_in_the_kernel_is_always_shown(tree: Tree) -> None:
    for pid in range(100, 160):
        tree.put(pid, pages=1000 + pid)
    tree.put(7, b"nfsd", state="D", pages=0)
    assert tree.one(7, tree.scan()).state == "D"


def test_so_is_what_the_gpu_driver_named(tree: Tree) -> None:
    for pid in range(100, 160):
        tree.put(pid, pages=1000 + pid)
    tree.put(7, b"idle-cuda", pages=0)
    assert tree.one(7, tree.scan(wanted=(7, 99999))).name == "idle-cuda"
    assert len(tree.last[6]) <= 64


def test_the_largest_are_shown(tree: Tree) -> None:
    for pid in range(100, 200):
        tree.put(pid, pages=pid)
    assert sorted(process.pid for process in tree.scan().top) == list(range(190, 200))


class TestCpu:
    """Per cent of one core between two reads."""

    @pytest.fixture(autouse=True)
    def _clock(self, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(part("kit_processes"), "time", SimpleNamespace(monotonic=lambda: tree.clock))

    def percent(self, tree: Tree, **fields: Any) -> float | None:
        tree.put(42, **fields)
        tree.clock += 2.0
        return tree.one(42, tree.scan()).cpu_percent

    def test_it_takes_two_reads(self, tree: Tree) -> None:
        assert self.percent(tree, ticks=100) is None
        assert self.percent(tree, ticks=100 + 3 * HZ) == 150.0

    def test_a_reused_pid_starts_anew(self, tree: Tree) -> None:
        self.percent(tree, ticks=100)
        assert self.percent(tree, ticks=5000, start=777) is None

    def test_ticks_that_went_back_are_no_negative_use(self, tree: Tree) -> None:
        self.percent(tree, ticks=100)
        assert self.percent(tree, ticks=50) == 0.0

    def test_idle_ones_are_read_in_turns_and_busy_ones_every_time(self, tree: Tree) -> None:
        for pid in range(100, 164):
            tree.put(pid)
        for ticks in range(6):
            self.percent(tree, ticks=ticks * HZ)
        for pid in range(100, 164):
            tree.put(pid, ticks=HZ)  # all wake up
        assert self.percent(tree, ticks=7 * HZ) == 100.0
        seen = []
        for _ in range(8):
            tree.scan()
            seen.append(sum(entry[0] == HZ for entry in tree.program.known.values()))
            tree.clock += 2.0
        assert seen[0] < 32, "not all at once"
        assert seen[-1] == 64, "but all within eight scans"


class TestNames:
    """They are read and sent once while a process stays in the table."""

    def names(self, tree: Tree) -> dict[int, bool]:
        tree.scan()
        return {row[0]: row[6] != 0 for row in tree.last[6]}

    def test_once(self, tree: Tree) -> None:
        tree.put(42)
        assert self.names(tree) == {42: True}
        assert self.names(tree) == {42: False}
        assert tree.one(42, tree.scan()).name == "sh"

    def test_and_again_after_a_while_in_case_a_line_was_lost(self, tree: Tree) -> None:
        tree.put(42)
        assert [self.names(tree)[42] for _ in range(13)] == [True, *[False] * 11, True]

    def test_and_for_a_reused_pid(self, tree: Tree) -> None:
        tree.put(42)
        self.names(tree)
        tree.put(42, b"other", start=555)
        assert self.names(tree) == {42: True}


class TestGone:
    """Processes end while they are read."""

    def test_one_that_ended_is_gone_from_the_table(self, tree: Tree) -> None:
        tree.put(42)
        tree.put(43)
        tree.scan()
        shutil.rmtree(tree.root / "42")
        assert [process.pid for process in tree.scan().top] == [43]

    @pytest.mark.parametrize("file", ["stat", "status", "cmdline"])
    def test_one_that_ends_in_the_middle_takes_nobody_along(self, file: str, tree: Tree) -> None:
        tree.put(42)
        tree.put(43)
        (tree.root / "42" / file).unlink()
        assert [process.pid for process in tree.scan().top] == [43]

    @pytest.mark.parametrize(
        "content", [b"", b"42 (sh", b"42 (sh) S", b"42 sh S 1 1", b"\x00" * 50, b"42 (sh) S 1 1 1 0 x x x"]
    )
    def test_a_stat_that_cannot_be_read_takes_nobody_along(self, content: bytes, tree: Tree) -> None:
        tree.put(42)
        tree.put(43)
        (tree.root / "42" / "stat").write_bytes(content)
        assert [process.pid for process in tree.scan().top] == [43]

    @pytest.mark.parametrize("content", [b"", b"Uid:\n", b"Uid:\tx\ty\tz\n", b"\xff" * 3000])
    def test_neither_does_an_owner_that_cannot(self, content: bytes, tree: Tree) -> None:
        tree.put(42)
        tree.put(43)
        (tree.root / "42" / "status").write_bytes(content)
        assert 43 in [process.pid for process in tree.scan().top]

    def test_what_is_no_process_is_not_read(self, tree: Tree) -> None:
        (tree.root / "sys").mkdir()
        (tree.root / "1file").write_text("x")
        tree.put(42)
        assert tree.scan().total == 1


CGROUPS = {
    "slurm-v1-root": (None, "7"),
    "slurm-v1-user-session": (None, "1234"),
    "slurm-v2": (None, "991"),
    "docker-v1": ("docker 3f1d2c4b5a69", None),
    "docker-v2": ("docker 3f1d2c4b5a69", None),
    "kubernetes-v2": ("pod 1a2b3c4d", None),
    "podman-rootless-v2": ("podman 3f1d2c4b5a69", None),
    "session-v2": (None, None),
    "hybrid-v1": (None, None),
}


@pytest.mark.parametrize(("case", "owner"), CGROUPS.items(), ids=CGROUPS)
def test_its_container_and_job_are_found_in_both_versions_of_cgroups(
    case: str, owner: tuple[str | None, str | None], tree: Tree
) -> None:
    tree.put(42, cgroup=(CAPTURED / case / "cgroup").read_bytes())
    process = tree.one(42, tree.scan())
    assert (process.container, process.slurm_job) == owner


@pytest.mark.parametrize("content", [b"", b"\n\n", b"garbage", b"0:", b"::", b"\xff\xfe\n"])
def test_a_cgroup_file_that_cannot_be_read_costs_only_the_owner(content: bytes, tree: Tree) -> None:
    tree.put(42, cgroup=content)
    process = tree.one(42, tree.scan())
    assert (process.name, process.container) == ("sh", None)


def test_no_cgroup_file_either(tree: Tree) -> None:
    tree.put(42)
    (tree.root / "42" / "cgroup").unlink()
    assert tree.one(42, tree.scan()).container is None


def test_this_very_process_is_among_those_of_this_machine() -> None:
    program = part("kit_processes").Processes("/proc")
    table = ProcessTables().table(msgspec.convert(program.table([os.getpid()]), frames.Table), ())
    me = next(process for process in table.top if process.pid == os.getpid())
    assert me.start_ticks == int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    assert me.user == str(os.geteuid())


@given(st.binary(max_size=40).filter(lambda name: b"\0" not in name), st.binary(max_size=600))
def test_any_name_and_command_come_out_calm(comm: bytes, cmdline: bytes) -> None:
    program = part("kit_processes").Processes("/nonexistent")
    entry = program.entry(None, stat(42, comm, start=900), 1.0)
    assert entry[1] == b"900" and entry[7] == comm
    text = part("kit_text")
    names = [0, text.line_text(comm, 64), text.line_text(cmdline.replace(b"\0", b" "), 512), "/"]
    line = text.encode(["t", 1.0, 1, 0, 0, 0, [[42, 900, "S", None, 1, 0, names]]])
    assert_calm(ProcessTables().table(frames.decode(line), ()))
