"""The probe's counters from /proc trees: every group on its own, odd kernels, devices that come and go."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit import frames
from tests.unit.hostkit.parts import OUTPUTS, part, plant

CAPTURED = OUTPUTS / "proc/vm-2cpu"
NET_HEAD = (
    "Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n"
)
NAMES = ("stat", "uptime", "loadavg", "meminfo", "vmstat", "diskstats", "net/dev", "self/statm")
PRESSURE = tuple(f"pressure/{name}" for name in ("cpu", "memory", "io"))


def sampled(counters: Any, children: tuple[tuple[int, int], ...] = ()) -> tuple[list[Any], frames.Counters]:
    """(names frames, the counters as the console decodes them)."""
    changed = counters.names_changed()
    line = part("kit_text").encode(counters.sample(1, children))
    decoded = frames.decode(line)
    assert isinstance(decoded, frames.Counters)
    return changed, decoded


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """The files that counters keep open are closed after each test."""
    yield
    while OPENED:
        close(OPENED.pop())


OPENED: list[Any] = []


def of(root: Path, sysfs: Path | None = None) -> Any:
    OPENED.append(part("kit_counters").Counters(str(root), str(sysfs or root / "no-sysfs")))
    return OPENED[-1]


def close(counters: Any) -> None:
    for kept in counters.files.values():
        kept.close()


def copied(root: Path) -> Path:
    """The captured tree, to be changed."""
    return plant(root, {name: (CAPTURED / name).read_bytes() for name in (*NAMES, *PRESSURE)})


def rewrite(path: Path, text: str) -> None:
    """As the kernel does: the same file, read anew by whoever has it open."""
    with path.open("r+") as file:
        file.write(text)
        file.truncate()


def test_a_captured_tree_is_read_as_it_stands() -> None:
    changed, counters = sampled(of(CAPTURED))
    assert counters.uptime == 10639.43
    assert counters.load == (0.67, 1.80, 3.36)
    assert (counters.running, counters.blocked) == (1, 0)
    assert counters.cpu is not None and (counters.cpu.user, counters.cpu.idle, counters.cpu.steal) == (
        146694,
        1925105,
        12298,
    )
    assert counters.cores == [None, None], "no share before the second look"
    assert counters.memory is not None and counters.memory.total is not None and counters.memory.total > 1 << 20
    assert counters.vm is not None and counters.vm.swap_in_pages == 0
    assert changed[0][:2] == ["n", "disks"] and changed[1] == ["n", "nics", ["ifb0", "ifb1", "eth0", "swl-hand"]]


def test_disks_count_reads_writes_and_busy_time() -> None:
    changed, counters = sampled(of(CAPTURED))
    disk = dict(zip(changed[0][2], counters.disks or [], strict=True))["vda"]
    assert disk is not None
    assert (disk.reads, disk.read_sectors, disk.read_ms) == (247941, 10415146, 206737)
    assert (disk.writes, disk.write_sectors, disk.write_ms) == (219105, 12736576, 103607)
    assert (disk.in_flight, disk.busy_ms, disk.weighted_ms) == (0, 63948, 329831)
    assert set(changed[0][2]) == {"vda"}, "no loop device, no RAM disk"


def test_cores_are_busy_by_what_passed_between_two_looks(tmp_path: Path) -> None:
    counters = of(copied(tmp_path))
    sampled(counters)
    text = "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 59299 329 17623 979118 686 0 335 5817 0 0\ncpu1 87444 224 20086 946137 3001 0 912 6480 0 0\n"
    rewrite(tmp_path / "stat", text + "intr 0\nprocs_running 5\nprocs_blocked 2\n")
    _, second = sampled(counters)
    assert second.cores == [50, 0]
    assert (second.running, second.blocked) == (5, 2)


def test_a_core_that_was_taken_offline_and_back_has_no_share_at_first(tmp_path: Path) -> None:
    counters = of(plant(tmp_path, {"stat": "cpu  1 0 0 1 0 0 0 0\ncpu0 1 0 0 1 0 0 0 0\ncpu1 1 0 0 1 0 0 0 0\n"}))
    sampled(counters)
    rewrite(tmp_path / "stat", "cpu  1 0 0 1 0 0 0 0\ncpu0 2 0 0 1 0 0 0 0\n")
    assert sampled(counters)[1].cores == [100]
    rewrite(tmp_path / "stat", "cpu  1 0 0 1 0 0 0 0\ncpu0 2 0 0 2 0 0 0 0\ncpu1 9 0 0 9 0 0 0 0\n")
    assert sampled(counters)[1].cores == [0, None]


class TestOldKernels:
    """Files have fewer lines and columns."""

    def test_no_pressure_and_no_available_memory(self, tmp_path: Path) -> None:
        root = plant(copied(tmp_path), {"meminfo": "MemTotal: 100 kB\nMemFree: 50 kB\nBuffers: 5 kB\nCached: 6 kB\n"})
        for name in PRESSURE:
            (root / name).unlink()
        counters = of(root)
        _, frame = sampled(counters)
        assert frame.cpu_pressure is None
        assert frame.memory is not None
        assert (frame.memory.total, frame.memory.available, frame.memory.cached) == (100, None, 6)
        assert {"psi cpu", "psi memory", "psi io"} == set(counters.absent)

    def test_pressure_of_the_cpu_without_a_full_line(self, tmp_path: Path) -> None:
        plant(copied(tmp_path), {"pressure/cpu": "some avg10=1.50 avg60=0.25 avg300=0.00 total=5\n"})
        _, frame = sampled(of(tmp_path))
        assert frame.cpu_pressure is not None
        assert (frame.cpu_pressure.some_avg10, frame.cpu_pressure.full_avg10) == (1.5, None)

    def test_four_columns_of_cpu_time(self, tmp_path: Path) -> None:
        plant(copied(tmp_path), {"stat": "cpu  1 2 3 4\n"})
        _, frame = sampled(of(tmp_path))
        assert frame.cpu is not None and (frame.cpu.idle, frame.cpu.steal) == (4, 0)

    def test_no_oom_counter(self, tmp_path: Path) -> None:
        plant(copied(tmp_path), {"vmstat": "nr_free_pages 5\npswpin 7\npswpout 8\n"})
        _, frame = sampled(of(tmp_path))
        assert frame.vm is not None and (frame.vm.swap_in_pages, frame.vm.oom_kills) == (7, None)


GROUPS = {
    "stat": "cpu",
    "uptime": "uptime",
    "loadavg": "load",
    "meminfo": "memory",
    "vmstat": "vmstat",
    "diskstats": "disk",
    "net/dev": "network",
    "self/statm": "cost",
    "pressure/io": "psi io",
}


class TestBroken:
    """One file at a time."""

    @pytest.mark.parametrize(("name", "group"), GROUPS.items(), ids=GROUPS.values())
    def test_a_missing_file_says_why_and_comes_back(self, name: str, group: str, tmp_path: Path) -> None:
        root = copied(tmp_path)
        content = (root / name).read_bytes()
        (root / name).unlink()
        counters = of(root)
        sampled(counters)
        assert counters.absent == {group: "No such file or directory"}
        plant(root, {name: content})
        sampled(counters)
        assert counters.absent == {}

    @pytest.mark.parametrize(("name", "group"), GROUPS.items(), ids=GROUPS.values())
    @pytest.mark.parametrize(
        "content", [b"garbage\n", b"a b c d e f g h i j k l m n o p\n" * 3, b"x: y\n" * 5, b"\xff\xfe\x00\n"]
    )
    def test_garbage_is_not_understood_and_the_others_go_on(
        self, name: str, group: str, content: bytes, tmp_path: Path
    ) -> None:
        counters = of(plant(copied(tmp_path), {name: content}))
        _, frame = sampled(counters)
        assert set(counters.absent) <= {group}
        assert all("not understood" in reason for reason in counters.absent.values())
        assert (frame.load is None) == (name == "loadavg")
        assert (frame.uptime is None) == (name == "uptime")

    @given(st.sampled_from(sorted(GROUPS)), st.binary(max_size=200))
    def test_any_bytes_in_any_file_still_give_a_frame_that_decodes(self, name: str, content: bytes) -> None:
        counters = of(CAPTURED)
        real = counters.file
        counters.file = lambda wanted: content if wanted == name else real(wanted)
        counters.names_changed()
        frame = counters.sample(1, ())
        close(OPENED.pop())
        line = part("kit_text").encode(frame)
        assert b"\n" not in line
        if content.isascii() and b"n" not in content.lower() and b"e" not in content.lower():  # no nan, inf, 1e999
            msgspec.json.decode(line)


class TestDevices:
    """Which rows there are, and when their names are told again."""

    def test_names_are_told_when_they_change_and_only_then(self, tmp_path: Path) -> None:
        root = copied(tmp_path)
        counters = of(root)
        assert [frame[1] for frame in sampled(counters)[0]] == ["disks", "nics"]
        assert sampled(counters)[0] == []
        rewrite(
            root / "net/dev",
            NET_HEAD + "  eth0: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n  eth9: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n",
        )
        changed, frame = sampled(counters)
        assert changed == [["n", "nics", ["eth0", "eth9"]]]
        assert frame.nics is not None and len(frame.nics) == 2
        assert (frame.nics[0].rx_drops, frame.nics[0].tx_bytes, frame.nics[0].tx_drops) == (4, 5, 8)

    def test_a_name_without_a_space_behind_its_colon(self, tmp_path: Path) -> None:
        """Old kernels write large counters right behind it."""
        counters = of(
            plant(copied(tmp_path), {"net/dev": NET_HEAD + "eth0:4294967295 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n"})
        )
        changed, frame = sampled(counters)
        assert changed[1] == ["n", "nics", ["eth0"]]
        assert frame.nics is not None and frame.nics[0].rx_bytes == 4294967295

    def test_physical_devices_are_told_from_the_others_by_sysfs(self, tmp_path: Path) -> None:
        sysfs = plant(
            tmp_path / "sys", {"class/net/eth0/device/x": "", "block/nvme0n1/device/x": "", "block/dm-0/x": ""}
        )
        line = "259 0 {} 1 0 8 1 1 0 8 1 0 2 2\n".format
        proc = plant(
            copied(tmp_path / "proc"),
            {
                "diskstats": "".join(map(line, ("nvme0n1", "nvme0n1p1", "dm-0", "loop0"))),
                "net/dev": NET_HEAD
                + "".join(f"{name}: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n" for name in ("lo", "eth0", "docker0")),
            },
        )
        changed, frame = sampled(of(proc, sysfs))
        assert changed == [["n", "disks", ["nvme0n1"]], ["n", "nics", ["eth0"]]]
        assert frame.disks is not None and len(frame.disks) == 1

    def test_a_disk_that_vanishes_is_a_gap_until_the_list_is_looked_up_again(self, tmp_path: Path) -> None:
        line = "8 0 {} 1 0 8 1 1 0 8 1 0 2 2\n".format
        root = plant(copied(tmp_path), {"diskstats": line("sda") + line("sdb")})
        counters = of(root)
        sampled(counters)
        rewrite(root / "diskstats", line("sda") + line("sdc"))
        _, frame = sampled(counters)
        assert frame.disks is not None and [row is None for row in frame.disks] == [False, True]
        rewrite(root / "diskstats", line("sda"))
        changed, frame = sampled(counters)
        assert changed == [["n", "disks", ["sda"]]]
        assert frame.disks is not None and len(frame.disks) == 1


def test_what_it_costs_counts_its_children_in(tmp_path: Path) -> None:
    counters = of(copied(tmp_path))
    _, alone = sampled(counters)
    _, family = sampled(counters, ((3_000_000_000, 4096), (0, 0)))
    assert alone.cost is not None and family.cost is not None
    assert family.cost.cpu_seconds - alone.cost.cpu_seconds >= 3.0
    assert (family.cost.resident_bytes or 0) - (alone.cost.resident_bytes or 0) == 4096


def test_times_are_those_of_this_machine() -> None:
    _, frame = sampled(of(CAPTURED))
    assert abs(frame.monotonic - time.monotonic()) < 5
    assert abs(frame.wall - time.time()) < 5


def test_files_stay_open_between_samples() -> None:
    counters = of(CAPTURED)
    sampled(counters)
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(5):
        sampled(counters)
    assert set(os.listdir("/proc/self/fd")) == before
    close(counters)
    close(counters)
    assert len(os.listdir("/proc/self/fd")) == len(before) - len(counters.files)
