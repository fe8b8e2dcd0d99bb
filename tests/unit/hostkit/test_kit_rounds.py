"""What the worker's rounds read from sysfs, /proc and the user database; every risky step is announced first."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.hostkit import frames
from tests.unit.hostkit.parts import part, plant

Skip = dict[str, tuple[float, int]]


class Worker:
    """The worker's rounds in this process; what it writes is read back line by line."""

    def __init__(self, root: Path, skip: Skip | None = None):
        self.read, write = os.pipe()
        self.write = write
        os.set_blocking(self.read, False)
        self.rounds = part("kit_rounds").Rounds(write, str(root / "proc"), str(root / "sys"), skip or {})

    def lines(self, request: bytes) -> list[bytes]:
        self.rounds.answer(request)
        return os.read(self.read, 1 << 16).splitlines()

    def frames(self, request: bytes) -> dict[str, Any]:
        """The frames of a round by their kind; each decodes as the console decodes it."""
        found = [line for line in self.lines(request) if line.startswith(b"[")]
        for line in found:
            frames.decode(line)
        return {parsed[0]: parsed for parsed in map(json.loads, found)}

    def end(self) -> None:
        os.close(self.read)
        os.close(self.write)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path)
    yield worker
    worker.end()


class TestRounds:
    """What is read, and what is said first."""

    def test_every_risky_step_is_announced_and_the_round_ends_with_its_cost(
        self, worker: Worker, tmp_path: Path
    ) -> None:
        plant(tmp_path, {"proc/self/mounts": "/dev/vda / ext4 rw 0 0\nnas:/x /proc nfs4 ro 0 0\n"})
        lines = worker.lines(b"f")
        assert [line for line in lines if line.startswith(b">")] == [b">fs /", b">fs /proc"]
        assert lines[-1].startswith(b"<") and int(lines[-1][1:]) > 0

    def test_filesystems_have_their_sizes(self, worker: Worker, tmp_path: Path) -> None:
        plant(tmp_path, {"proc/self/mounts": "/dev/vda / ext4 rw,relatime 0 0\n/dev/vdb /not/there xfs ro 0 0\n"})
        root, gone = worker.frames(b"f")["f"][1]
        real = os.statvfs("/")
        assert root[:5] == ["/", "/dev/vda", "ext4", False, real.f_blocks * real.f_frsize]
        assert gone == [
            "/not/there",
            "/dev/vdb",
            "xfs",
            True,
            None,
            None,
            None,
            None,
            None,
            "No such file or directory",
        ]

    def test_without_a_list_of_mounts_it_says_why(self, worker: Worker) -> None:
        assert worker.frames(b"f") == {"f": ["f", None, "No such file or directory"]}

    def test_what_hung_before_is_not_touched_again_before_its_time(self, tmp_path: Path) -> None:
        plant(tmp_path, {"proc/self/mounts": "nas:/x /dead nfs4 rw 0 0\nnas:/y / nfs4 rw 0 0\n"})
        worker = Worker(tmp_path, {"fs /dead": (float("inf"), 1), "fs /": (0.0, 1)})
        rows = {row[0]: row for row in worker.frames(b"f")["f"][1]}
        assert rows["/dead"][-1] == "no answer within 2 s" and rows["/dead"][4] is None
        assert rows["/"][4], "its time has come"
        worker.end()

    def test_a_mount_point_with_a_newline_in_its_name_is_one_step(self, worker: Worker, tmp_path: Path) -> None:
        plant(tmp_path, {"proc/self/mounts": "/dev/vdb /a\\012<1\\040b xfs rw 0 0\n"})
        lines = worker.lines(b"f")
        assert lines[0] == b">fs /a?<1 b"
        assert json.loads(lines[1])[1][0][0] == "/a\n<1 b"

    @pytest.mark.parametrize(
        ("files", "row"),
        [
            ({"operstate": "up", "speed": "100000"}, ["eth0", True, 100000]),
            ({"operstate": "down", "speed": "-1"}, ["eth0", False, None]),
            ({"operstate": "up", "speed": "-1"}, ["eth0", True, None]),
            ({"operstate": "unknown", "carrier": "1"}, ["eth0", True, None]),
            ({"operstate": "unknown", "carrier": "0"}, ["eth0", False, None]),
            ({"operstate": "up", "speed": "fast"}, ["eth0", True, None]),
            ({}, ["eth0", None, None]),
        ],
    )
    def test_links(self, files: dict[str, str], row: list[object], worker: Worker, tmp_path: Path) -> None:
        plant(tmp_path / "sys/class/net/eth0", {"device/x": "", **files})
        plant(tmp_path / "sys/class/net/docker0", {"operstate": "up"})
        assert worker.frames(b"s")["l"] == ["l", [row]]

    def test_the_speed_is_asked_of_the_driver_seldom(self, worker: Worker, tmp_path: Path) -> None:
        folder = plant(tmp_path / "sys/class/net/eth0", {"device/x": "", "operstate": "up", "speed": "100000"})
        worker.frames(b"s")
        plant(folder, {"speed": "200000"})
        speeds = [worker.frames(b"s")["l"][1][0][2] for _ in range(12)]
        assert speeds == [100000] * 11 + [200000]

    def test_temperatures_come_from_hwmon_with_their_labels_and_limits(self, worker: Worker, tmp_path: Path) -> None:
        chip = {
            "name": "nvme",
            "temp1_input": "38850",
            "temp1_label": "Composite",
            "temp1_crit": "84850",
            "temp2_input": "x",
        }
        plant(tmp_path / "sys/class/hwmon/hwmon0", chip)
        plant(tmp_path / "sys/class/hwmon/hwmon1", {"name": "nvme", "temp1_input": "40000", "temp1_label": "Composite"})
        plant(tmp_path / "sys/class/thermal/thermal_zone0", {"type": "acpitz", "temp": "20000"})
        assert worker.frames(b"s")["x"][1] == [
            ["nvme/Composite", 38850, None, 84850],
            ["nvme/temp2", None, None, None],
            ["nvme/Composite 2", 40000, None, None],
        ]

    def test_or_from_thermal_zones_where_there_is_none(self, worker: Worker, tmp_path: Path) -> None:
        plant(tmp_path / "sys/class/thermal/thermal_zone0", {"type": "acpitz", "temp": "20000"})
        assert worker.frames(b"s")["x"][1] == [["thermal/acpitz", 20000, None, None]]

    def test_the_clock_rate_is_the_mean_of_a_spread_of_cores(self, worker: Worker, tmp_path: Path) -> None:
        for core in range(64):
            plant(tmp_path / f"sys/devices/system/cpu/cpu{core}/cpufreq", {"scaling_cur_freq": "2000000"})
        assert worker.frames(b"s")["q"] == ["q", 2000.0]
        assert len(worker.rounds.frequency) == 8

    def test_or_what_cpuinfo_says(self, worker: Worker, tmp_path: Path) -> None:
        plant(tmp_path, {"proc/cpuinfo": "cpu MHz\t\t: 2450.000\nmodel: x\ncpu MHz\t\t: 2550.000\n"})
        assert worker.frames(b"s")["q"] == ["q", 2500.0]

    def test_infiniband_counters_that_refuse_are_not_asked_again(self, worker: Worker, tmp_path: Path) -> None:
        """Some HCAs write a line into dmesg every time."""
        port = tmp_path / "sys/class/infiniband/mlx5_0/ports/1"
        plant(
            port,
            {
                "state": "4: ACTIVE",
                "phys_state": "5: LinkUp",
                "rate": "400 Gb/sec (4X NDR)",
                "counters/link_downed": "2",
            },
        )
        row = worker.frames(b"s")["i"][2][0]
        assert row == ["mlx5_0/1", "4: ACTIVE", "5: LinkUp", "400 Gb/sec (4X NDR)", None, None, 2, None, None, None]

    def test_users_are_looked_up(self, worker: Worker) -> None:
        assert worker.frames(b"u0")["u"] == ["u", 0, "root"]
        assert worker.frames(b"u4294967293")["u"] == ["u", 4294967293, "4294967293"]
        assert worker.frames(b"u99999999999999999999")["u"][2] == "99999999999999999999"
