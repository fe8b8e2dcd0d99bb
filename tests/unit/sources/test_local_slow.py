"""What may block on this machine: filesystems, links, temperatures and clocks, whatever the drivers say."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.sources.local_sensors import MAX_SENSORS, read_frequency, read_sensors
from backends.sources.local_slow import read_filesystems, read_links
from backends.text import clean

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/sys is read")


def part(mount: str, device: str = "/dev/sda1", kind: str = "ext4", opts: str = "rw,relatime") -> SimpleNamespace:
    return SimpleNamespace(device=device, mountpoint=mount, fstype=kind, opts=opts)


def mounted(monkeypatch: pytest.MonkeyPatch, *parts: SimpleNamespace) -> None:
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: list(parts))


# filesystems


def test_the_root_is_as_full_as_df_says() -> None:
    root = next(fs for fs in read_filesystems() if fs.mount == "/")
    found = os.statvfs("/")
    assert root.total_bytes == found.f_blocks * found.f_frsize
    assert root.used_bytes is not None and root.available_bytes is not None and root.used_percent is not None
    assert root.used_percent == pytest.approx(100 * root.used_bytes / (root.used_bytes + root.available_bytes))


def test_a_filesystem_counts_once_and_only_when_it_holds_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounted(
        monkeypatch,
        part("/", "overlay", "overlay"),
        part(str(tmp_path / "data"), "/dev/sdb1"),
        part(str(tmp_path), "/dev/sdb1", opts="ro,noexec"),  # the shorter of two mounts of one device
        part("/proc", "proc", "proc"),
        part("/snap/core", "/dev/loop3", "squashfs"),
        part("/run/nfs", "server:/export", "autofs"),
    )
    found = read_filesystems()
    assert [(fs.mount, fs.read_only) for fs in found] == [("/", False), (str(tmp_path), True)]


def test_one_that_cannot_be_read_is_named_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(monkeypatch, part("/not/there"))
    (found,) = read_filesystems()
    assert (found.reason, found.total_bytes, found.used_percent) == ("No such file or directory", None, None)


@pytest.mark.parametrize(
    ("fields", "inodes", "share"),
    [
        ({"f_files": 0, "f_ffree": 0}, None, None),  # btrfs has no inode table
        ({"f_files": 100, "f_ffree": 25}, 100, 75.0),
        ({"f_files": 100, "f_ffree": 120}, 100, None),  # some network filesystems
    ],
)
def test_inodes_are_known_where_there_is_a_table(
    fields: dict[str, int], inodes: int | None, share: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {"f_frsize": 4096, "f_bsize": 4096, "f_blocks": 100, "f_bfree": 50, "f_bavail": 40} | fields
    monkeypatch.setattr(os, "statvfs", lambda mount: SimpleNamespace(**whole))
    mounted(monkeypatch, part("/"))
    (found,) = read_filesystems()
    assert (found.inodes_total, found.inodes_used_percent) == (inodes, share)
    assert found.used_percent == pytest.approx(100 * 50 / 90)


def test_a_mount_point_with_control_characters_is_made_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(monkeypatch, part("/mnt/\x1b[31mred\u202e", device="/dev/\x07x"))
    (found,) = read_filesystems()
    assert "\x1b" not in found.mount and "\u202e" not in found.mount and "\x07" not in found.device


# links


def links(monkeypatch: pytest.MonkeyPatch, **stats: tuple[bool, int]) -> dict[str, tuple[bool | None, int | None]]:
    found = {name: SimpleNamespace(isup=up, speed=speed) for name, (up, speed) in stats.items()}
    monkeypatch.setattr(psutil, "net_if_stats", lambda: found)
    return {link.name: (link.up, link.speed_mbps) for link in read_links()}


def test_an_interface_is_up_as_the_kernel_sees_the_cable(monkeypatch: pytest.MonkeyPatch) -> None:
    found = links(monkeypatch, gone0=(True, 25_000), gone1=(False, 0))
    assert found == {"gone0": (True, 25_000), "gone1": (False, None)}


def test_the_loopback_is_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "lo" not in links(monkeypatch, lo=(True, 0), gone0=(True, 0))


# temperatures and clocks


def test_a_machine_without_sensors_has_none(tmp_path: Path) -> None:
    assert read_sensors(tmp_path) == ()
    assert read_frequency(tmp_path, tmp_path) is None


def test_a_chip_that_shows_too_many_is_bounded_and_every_name_differs(tmp_path: Path) -> None:
    chip = tmp_path / "class/hwmon/hwmon0"
    chip.mkdir(parents=True)
    for number in range(MAX_SENSORS + 10):
        (chip / f"temp{number}_input").write_text("40000\n")
        (chip / f"temp{number}_label").write_text("Core\n")
    found = read_sensors(tmp_path)
    assert len(found) == len({sensor.name for sensor in found}) == MAX_SENSORS
    assert [sensor.name for sensor in found[:2]] == ["hwmon0/Core", "hwmon0/Core 2"]


def test_a_sensor_that_cannot_be_read_keeps_its_place(tmp_path: Path) -> None:
    (tmp_path / "class/hwmon/hwmon0/temp1_input").mkdir(parents=True)  # reading a directory fails as a sick driver does
    (sensor,) = read_sensors(tmp_path)
    assert (sensor.name, sensor.celsius, sensor.high_celsius) == ("hwmon0/temp1", None, None)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.binary(max_size=80))
def test_whatever_a_driver_writes_is_a_temperature_or_unknown(
    tmp_path_factory: pytest.TempPathFactory, value: bytes, label: bytes
) -> None:
    root = tmp_path_factory.mktemp("sys")
    chip = root / "class/hwmon/hwmon0"
    chip.mkdir(parents=True)
    for leaf in ("temp1_input", "temp1_max", "temp1_crit"):
        (chip / leaf).write_bytes(value)
    (chip / "temp1_label").write_bytes(label)
    (sensor,) = read_sensors(root)
    for number in (sensor.celsius, sensor.high_celsius, sensor.critical_celsius):
        assert number is None or -100 < number < 250
    assert clean(sensor.name) == sensor.name and len(sensor.name) <= 80


def test_a_virtual_machine_shows_the_clock_of_its_model(tmp_path: Path) -> None:
    text = "processor\t: 0\ncpu MHz\t\t: 2000.000\nprocessor\t: 1\ncpu MHz\t\t: 3000.000\n"
    (tmp_path / "cpuinfo").write_text(text)
    assert read_frequency(tmp_path, tmp_path) == 2500.0
    (tmp_path / "cpuinfo").write_text("cpu MHz\n")
    assert read_frequency(tmp_path, tmp_path) is None
