"""This machine's counters in the kit's form: complete on Linux, and absent one group at a time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.clock import ManualClock, SystemClock
from backends.metrics.raw import DiskCounters, PressureAverages
from backends.sources import local_counters
from backends.sources.local_counters import CounterReader, diskstats

OUTPUTS = Path(__file__).parents[2] / "outputs" / "proc" / "vm-2cpu"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is read")


def test_a_reading_has_everything_that_linux_tells() -> None:
    missing: dict[str, str] = {}
    raw = CounterReader(SystemClock(), "boot").read(missing)
    assert set(missing) <= {"psi cpu", "psi memory", "psi io"}  # a kernel may be without
    assert (raw.boot_id, raw.page_bytes, raw.clock_offset_seconds) == ("boot", os.sysconf("SC_PAGE_SIZE"), 0.0)
    assert raw.cpu is not None and raw.cpu.idle > 0
    assert raw.memory is not None and (raw.memory.total or 0) > (raw.memory.available or 0) > 0
    assert raw.vm is not None and raw.vm.swap_in_pages is not None
    assert raw.load is not None and raw.uptime_seconds is not None and raw.uptime_seconds > 0
    assert raw.cost is not None and (raw.cost.resident_bytes or 0) > 1 << 20
    assert raw.disks and raw.nics


def test_times_are_those_of_the_clock() -> None:
    clock = ManualClock()
    raw = CounterReader(clock, "").read({})
    assert (raw.time, raw.monotonic) == (clock.now(), clock.monotonic())


def test_cores_are_busy_since_the_reading_before() -> None:
    reader = CounterReader(SystemClock(), "")
    assert reader.read({}).cores == (None,) * (psutil.cpu_count() or 0)
    reader._cores = [(total - 100.0, idle - 25.0) for total, idle in reader._cores]
    for busy in reader.read({}).cores:
        assert busy is not None and 0 <= busy <= 75.01 + 1e-6


def test_a_core_that_comes_or_goes_makes_all_unknown_once() -> None:
    reader = CounterReader(SystemClock(), "")
    reader.read({})
    reader._cores = reader._cores[1:]
    assert set(reader.read({}).cores) == {None}


@pytest.mark.parametrize(
    ("function", "group", "error", "reason"),
    [
        ("_memory", "memory", PermissionError(13, "Permission denied"), "Permission denied"),
        ("_disks", "disk", NotImplementedError("no diskstats"), "no diskstats"),
        ("_nics", "network", psutil.AccessDenied(1), "(pid=1)"),
        ("_vm", "vmstat", RuntimeError(), "RuntimeError"),
        ("_uptime", "uptime", ValueError("could not convert"), "could not convert"),
    ],
)
def test_a_group_that_cannot_be_read_takes_no_other_along(
    function: str, group: str, error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(local_counters, function, fail)
    missing: dict[str, str] = {}
    raw = CounterReader(SystemClock(), "").read(missing)
    assert missing[group] == reason
    assert raw.cpu is not None
    whole: dict[str, object] = {"memory": raw.memory, "disk": raw.disks, "network": raw.nics, "vmstat": raw.vm}
    assert [name for name, value in whole.items() if not value] == [name for name in whole if name == group]


# formats


def test_a_captured_diskstats_is_read_line_by_line() -> None:
    found = diskstats((OUTPUTS / "diskstats").read_text())
    assert list(found)[-1] == (OUTPUTS / "diskstats").read_text().splitlines()[-1].split()[2]
    line = next(line.split() for line in (OUTPUTS / "diskstats").read_text().splitlines() if " vda " in line)
    assert found["vda"] == DiskCounters(*(int(line[place]) for place in (3, 5, 6, 7, 9, 10, 11, 12, 13)))


@given(st.text(alphabet="0123456789 \n\tsda-", max_size=200))
def test_no_diskstats_makes_anything_but_a_value_error(text: str) -> None:
    try:
        found = diskstats(text)
    except ValueError:
        return
    assert all(isinstance(row, DiskCounters) for row in found.values())


def test_a_captured_meminfo_is_read_in_kib() -> None:
    text = (OUTPUTS / "meminfo").read_text()
    found = local_counters._meminfo(text)
    assert found.total == int(text.split()[1])
    assert None not in (found.free, found.available, found.cached, found.swap_free, found.dirty, found.huge_total)


@given(st.text(max_size=300))
def test_no_meminfo_makes_anything_but_a_value_error(text: str) -> None:
    try:
        found = local_counters._meminfo(text)
    except ValueError:
        return
    assert found.total is None or found.total >= 0


def test_pressure_of_the_processors_may_have_no_full_line() -> None:
    some = "some avg10=1.50 avg60=2.25 avg300=0.00 total=7\n"
    assert local_counters._averages(some) == PressureAverages(1.5, 2.25, None, None)
    both = some + "full avg10=0.10 avg60=0.20 avg300=0.00 total=1\n"
    assert local_counters._averages(both) == PressureAverages(1.5, 2.25, 0.1, 0.2)
    assert local_counters._averages("") == PressureAverages()


@given(st.text(alphabet="somefull avg10=6.\n", max_size=120))
def test_no_pressure_file_makes_anything_but_a_value_error(text: str) -> None:
    try:
        local_counters._averages(text)
    except ValueError:
        return
