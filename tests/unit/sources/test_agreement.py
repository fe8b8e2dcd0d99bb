"""This machine seen through `local` and through the kit: the same facts, names and totals, the same rates within noise.

Both are asked at the same moments. What the machine does meanwhile differs by milliseconds, so rates are compared over
windows, of which one must agree; a wrong unit or formula agrees in none.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from backends.metrics.sample import HostFacts, Process, Sample
from backends.sources.base import LinkInfo, StateChange
from backends.sources.local import LocalSource
from backends.sources.local_sensors import read_frequency, read_sensors
from tests.unit.hostkit.kit import RunningKit

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kit reads /proc")

PATIENCE_SECONDS = 30.0
WINDOW_SECONDS = 2.0
LONG_NAME = "known-child-with-a-long-name"
BURN = "printf known-child-with-a-long > /proc/$$/comm; while :; do :; done"
ODD = "grüße \x1b[31m\u202eevil\tx"
WRITE = """
import os, sys, time
with open(sys.argv[1], "wb", buffering=0) as file:
    while True:
        file.seek(0)
        file.write(os.urandom(1 << 20) * 4)
        os.fsync(file.fileno())
        time.sleep(0.2)
"""
OTHER_USER = "import os\nos.setresuid(65534, 0, 0)\nwhile True: pass"
"""What a set-uid program is: started by nobody, running as root."""


class Heard:
    """A sink that keeps facts and hands out samples."""

    def __init__(self) -> None:
        self.told: list[HostFacts] = []
        self.samples: queue.Queue[Sample] = queue.Queue()

    def facts(self, host: str, facts: HostFacts) -> None:
        self.told.append(facts)

    def sample(self, host: str, sample: Sample) -> None:
        self.samples.put(sample)

    def state(self, host: str, change: StateChange) -> None:
        """Not compared."""

    def link(self, host: str, link: LinkInfo) -> None:
        """Not compared."""

    def note(self, host: str, kind: str, text: str) -> None:
        """Not compared."""


class Pair:
    """Both ways to this machine, sampling only when asked."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.local = LocalSource("me", interval_seconds=3600)
        self.kit = RunningKit(interval_seconds=3600)

    def start(self) -> None:
        self.local.start(self.heard)
        self.kit.until(Sample, lambda sample: sample.interval_seconds)
        while self.heard.samples.get(timeout=PATIENCE_SECONDS).interval_seconds is None:
            pass

    def stop(self) -> None:
        self.kit.__exit__(None, None, None)
        self.local.stop()

    def both(self) -> tuple[Sample, Sample]:
        """A new sample of the kit's and one of `local`, of the same moment."""
        while not self.heard.samples.empty():
            self.heard.samples.get_nowait()
        seen = len(self.kit.events)
        self.kit.write(self.kit.reader.poll())
        self.local.poll("me")
        fresh = self.heard.samples.get(timeout=PATIENCE_SECONDS)
        remote = self.kit.until(Sample, lambda sample: any(sample is event for event in self.kit.events[seen:]))
        return remote, fresh

    def until(self, agree: Callable[[Sample, Sample], object], window: float = 0.5) -> tuple[Sample, Sample]:
        """The first pair of samples, one window apart, for which `agree` holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            threading.Event().wait(window)  # the machine must do something between two readings
            remote, local = self.both()
            if agree(remote, local):
                return remote, local
            assert time.monotonic() < deadline, f"they never agreed; the last were\n{remote}\n{local}"


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[subprocess.Popen[bytes]]]:
    """One process that computes and one that writes."""
    file = tmp_path_factory.mktemp("load") / "file"
    processes = [
        subprocess.Popen([LONG_NAME, "-c", BURN, ODD, "x" * 600], executable="/bin/sh"),
        subprocess.Popen([sys.executable, "-c", WRITE, str(file)]),
    ]
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def pair(load: list[subprocess.Popen[bytes]]) -> Iterator[Pair]:
    one = Pair()
    one.start()
    yield one
    one.stop()


def close(one: float | None, other: float | None, *, rel: float = 0.0, abs: float = 0.0) -> bool:
    """Both known, and no further apart than a share or an amount."""
    return one is not None and other is not None and one == pytest.approx(other, rel=rel, abs=abs)


def same_share(one: float | None, other: float | None) -> bool:
    """Both unknown, or within two per cent of the whole."""
    return (one is None and other is None) or close(one, other, abs=2)


def row(sample: Sample, pid: int) -> Process | None:
    table = sample.processes
    return next((process for process in table.top if process.pid == pid), None) if table is not None else None


def test_the_facts_are_equal(pair: Pair) -> None:
    remote, (local,) = pair.kit.until(HostFacts), pair.heard.told
    own = {"kit_version", "python"}  # the host's python3 runs the one, the engine's the other
    assert [
        (name, getattr(remote, name), getattr(local, name))
        for name in HostFacts.__struct_fields__
        if name not in own and getattr(remote, name) != getattr(local, name)
    ] == []
    assert remote.boot_id and remote.cpu_count == os.cpu_count()


def test_processors_are_as_many_and_as_busy(pair: Pair) -> None:
    def agree(remote: Sample, local: Sample) -> bool:
        one, other = remote.cpu, local.cpu
        assert one is not None and other is not None
        assert len(one.cores) == len(other.cores) == os.cpu_count()
        shares = ("busy_percent", "user_percent", "system_percent", "iowait_percent", "steal_percent")
        return all(close(getattr(one, name), getattr(other, name), abs=5) for name in shares) and all(
            close(*cores, abs=10) for cores in zip(one.cores, other.cores, strict=True)
        )

    remote, _ = pair.until(agree, WINDOW_SECONDS)
    assert remote.cpu is not None and (remote.cpu.busy_percent or 0) > 50.0 / (os.cpu_count() or 1)


def test_load_pressure_and_clock_agree(pair: Pair) -> None:
    def agree(remote: Sample, local: Sample) -> bool:
        one, other = remote.cpu, local.cpu
        assert one is not None and other is not None
        loads = [(one.load_1, other.load_1), (one.load_5, other.load_5), (one.load_15, other.load_15)]
        clocks = one.frequency_mhz is other.frequency_mhz or close(one.frequency_mhz, other.frequency_mhz, rel=0.2)
        return all(close(*each, abs=0.02) for each in loads) and one.pressure == other.pressure and clocks

    pair.until(agree)


def test_memory_agrees(pair: Pair) -> None:
    def agree(remote: Sample, local: Sample) -> bool:
        one, other = remote.memory, local.memory
        assert one is not None and other is not None and one.total_bytes
        assert (one.total_bytes, one.swap_total_bytes) == (other.total_bytes, other.swap_total_bytes)
        assert (one.huge_pages_total, one.oom_kills is None) == (other.huge_pages_total, other.oom_kills is None)
        near = 0.03 * one.total_bytes
        names = ("used_bytes", "available_bytes", "cached_bytes", "swap_used_bytes", "dirty_bytes")
        return all(close(getattr(one, name), getattr(other, name), abs=near) for name in names)

    pair.until(agree)


def test_filesystems_are_the_same_and_as_full(pair: Pair) -> None:
    def agree(remote: Sample, local: Sample) -> bool:
        exact = ("mount", "device", "kind", "total_bytes", "read_only", "inodes_total", "reason")
        one, other = ([[getattr(fs, name) for name in exact] for fs in each.filesystems] for each in (remote, local))
        if one != other or not one:  # somebody may mount something between the two
            return False
        pairs = list(zip(remote.filesystems, local.filesystems, strict=True))
        return all(
            same_share(fs.used_percent, same.used_percent)
            and same_share(fs.inodes_used_percent, same.inodes_used_percent)
            for fs, same in pairs
        )

    pair.until(agree)


def test_disks_are_the_same_and_do_as_much(pair: Pair) -> None:
    def agree(remote: Sample, local: Sample) -> bool:
        assert [disk.name for disk in remote.disks] == [disk.name for disk in local.disks]
        assert all(
            (disk.queue_length is None) == (same.queue_length is None)
            for disk, same in zip(remote.disks, local.disks, strict=True)
        )
        return all(
            close(disk.write_bytes_per_second, same.write_bytes_per_second, rel=0.2, abs=1e6)
            and close(disk.writes_per_second, same.writes_per_second, rel=0.2, abs=20)
            and close(disk.busy_percent, same.busy_percent, abs=10)
            and close(disk.queue_length, same.queue_length, rel=0.3, abs=0.2)
            for disk, same in zip(remote.disks, local.disks, strict=True)
        )

    pair.until(agree, WINDOW_SECONDS)


def test_network_interfaces_are_the_same(pair: Pair) -> None:
    def agree(remote: Sample, local: Sample) -> bool:
        level = ("name", "rx_errors", "tx_errors", "rx_drops", "tx_drops", "up", "speed_bits_per_second")
        rates = ("rx_bytes_per_second", "tx_bytes_per_second", "rx_packets_per_second", "tx_packets_per_second")
        pairs = list(zip(remote.nics, local.nics, strict=True))
        return all(
            all(getattr(nic, name) == getattr(same, name) for name in level)
            and all(close(getattr(nic, name), getattr(same, name), rel=0.2, abs=1e5) for name in rates)
            for nic, same in pairs
        )

    remote, _ = pair.until(agree, WINDOW_SECONDS)
    assert remote.nics


def test_a_known_process_is_the_same_in_both_tables(pair: Pair, load: list[subprocess.Popen[bytes]]) -> None:
    pid = load[0].pid

    def agree(remote: Sample, local: Sample) -> bool:
        one, other = row(remote, pid), row(local, pid)
        return bool(one and other and one.user == other.user and close(one.cpu_percent, other.cpu_percent, abs=15))

    remote, local = pair.until(agree, WINDOW_SECONDS)
    one, other = row(remote, pid), row(local, pid)
    assert one is not None and other is not None
    moving = {"cpu_percent": None, "resident_bytes": None, "state": ""}
    assert msgspec.structs.replace(one, **moving) == msgspec.structs.replace(other, **moving)
    assert one.name == "known-child-wit"
    assert one.command.startswith(LONG_NAME) and "\x1b" not in one.command and "\u202e" not in one.command
    assert (one.cpu_percent or 0) > 5
    assert close(one.resident_bytes, other.resident_bytes, rel=0.2)


def test_the_tables_count_the_same_processes(pair: Pair) -> None:
    def agree(remote: Sample, local: Sample) -> bool:
        one, other = remote.processes, local.processes
        if one is None or other is None:
            return False
        return close(one.total, other.total, abs=8) and close(one.zombies, other.zombies, abs=3)

    pair.until(agree)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a set-uid process")
def test_the_user_of_a_set_uid_process_is_the_one_whose_rights_it_has(pair: Pair) -> None:
    with subprocess.Popen([sys.executable, "-c", OTHER_USER]) as child:
        try:
            remote, local = pair.until(
                lambda *both: all((found := row(each, child.pid)) and found.user == "root" for each in both)
            )
        finally:
            child.kill()
    assert row(remote, child.pid) is not None and row(local, child.pid) is not None


def test_a_changed_nice_value_is_seen_by_both(pair: Pair, load: list[subprocess.Popen[bytes]]) -> None:
    pid = load[1].pid
    pair.until(lambda *both: all((found := row(each, pid)) and found.nice == 0 for each in both))
    os.setpriority(os.PRIO_PROCESS, pid, 5)
    pair.until(lambda *both: all((found := row(each, pid)) and found.nice == 5 for each in both))


def test_uptime_and_sampling_agree(pair: Pair) -> None:
    remote, local = pair.until(lambda one, other: close(one.uptime_seconds, other.uptime_seconds, abs=0.25))
    assert (remote.io_pressure is None) == (local.io_pressure is None)
    assert remote.gpu_status == local.gpu_status
    assert set(remote.missing) == set(local.missing)


# devices that this machine may not have


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


CHIPS = {
    "class/hwmon/hwmon0/name": "coretemp\n",
    "class/hwmon/hwmon0/temp1_input": "45000\n",
    "class/hwmon/hwmon0/temp1_label": "Package id 0\n",
    "class/hwmon/hwmon0/temp1_max": "80000\n",
    "class/hwmon/hwmon0/temp1_crit": "100000\n",
    "class/hwmon/hwmon0/temp3_input": "44000\n",  # unlabelled, and there is no temp2
    "class/hwmon/hwmon0/temp4_input": "0\n",  # "nothing here"
    "class/hwmon/hwmon0/temp5_input": "-273150\n",
    "class/hwmon/hwmon0/temp6_input": "broken\n",
    "class/hwmon/hwmon0/fan1_input": "1200\n",
    "class/hwmon/hwmon1/name": "coretemp\n",
    "class/hwmon/hwmon1/temp1_input": "47500\n",
    "class/hwmon/hwmon1/temp1_label": "Package id 0\n",
    "class/hwmon/hwmon2/temp1_input": "30000\n",  # without a name
    "class/thermal/thermal_zone0/type": "acpitz\n",
    "class/thermal/thermal_zone0/temp": "27800\n",
}
ZONES = {name: text for name, text in CHIPS.items() if "thermal" in name}
CLOCKS = {f"devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq": f"{1000 + 100 * core}000\n" for core in range(24)}


@pytest.mark.parametrize("files", [CHIPS, ZONES], ids=["chips", "zones"])
def test_temperatures_have_the_same_names_values_and_limits(tmp_path: Path, files: dict[str, str]) -> None:
    sysfs = write(tmp_path, files)
    with RunningKit(sysfs=sysfs) as kit:
        remote = kit.until(Sample, lambda sample: sample.sensors)
    assert read_sensors(sysfs) == remote.sensors


def test_the_clock_is_the_mean_of_the_same_cores(tmp_path: Path) -> None:
    sysfs = write(tmp_path, CLOCKS)
    with RunningKit(sysfs=sysfs) as kit:
        remote = kit.until(Sample, lambda sample: sample.cpu and sample.cpu.frequency_mhz)
    assert remote.cpu is not None
    assert read_frequency(sysfs) == remote.cpu.frequency_mhz
