"""What the alerts' rules are given of the health checks."""

from __future__ import annotations

from typing import Any

import pytest

from backends.alerts.subjects import Clock, StuckProcess
from backends.checks.health_catalogue import HealthResult
from backends.checks.health_finding import Action, critical, ok, unknown, warning
from backends.checks.health_history import History
from backends.engine.health_subject import health, looks
from backends.hostkit.health_model import (
    ClockFacts,
    HealthFacts,
    Mounts,
    PciDevice,
    Processes,
    Raid,
    Said,
    Smart,
    Unit,
    Waiting,
    Wanted,
)
from backends.states import Severity
from tests.unit.checks.health_cases import NOW, OUTPUTS, facts

TRACKING = "D3B1,ntp1,2,1795675000.1,{offset},0.0,0.1,-3.2,0.0,0.1,0.01,0.001,64.0,{leap}"


def seen(**fields: Any) -> HealthFacts:
    return facts(at=NOW, **fields)


def test_findings_become_looks_but_for_those_that_rules_see_by_themselves() -> None:
    result = HealthResult(
        host="h",
        time=NOW,
        findings=(
            critical("G01", "reset it", "GPU-0", evidence=("x",), action=Action.RESET_GPU),
            warning("H22", "memlock", "memlock", advice="raise it"),
            ok("H19", "fine", "open files"),
            unknown("H18", "no answer"),
            critical("XID", "XID 79", "0000:05:00 79"),
            critical("H10", "full", "/"),
        ),
    )
    found = looks(result, {"H18": NOW + 60}, 7200.0)
    assert [(one.check, one.object, one.severity, one.action) for one in found] == [
        ("G01", "GPU-0", Severity.CRITICAL, "reset GPU"),
        ("H22", "memlock", Severity.WARNING, "raise it"),
        ("H19", "open files", Severity.OK, ""),
        ("H18", "", Severity.UNKNOWN, ""),
    ]
    assert [one.time for one in found] == [NOW, NOW, NOW, NOW + 60]
    assert {one.lasts_seconds for one in found} == {7200.0}


def test_units_failed_and_how_the_others_are() -> None:
    failed = Unit(unit="b.service", active="failed", result="signal")
    units = (failed, Unit(unit="nvidia-fabricmanager.service", active="inactive"))
    found = health(seen(units=units), History(), 240.0)
    assert (found.failed_units, found.lasts_seconds, found.time) == (("b.service",), 240.0, NOW)
    assert found.unit_results == {"b.service": "signal"}
    assert found.unit_states == {"b.service": "failed", "nvidia-fabricmanager.service": "inactive"}


def test_what_was_not_learnt_is_none_with_its_reason_and_never_empty() -> None:
    found = health(seen(missing={"units": "no answer within 10 s", "pci": "not asked"}), History(), 240.0)
    assert (found.failed_units, found.unit_states, found.pci_gpus, found.nvswitch, found.arrays) == (None,) * 5
    assert (found.stuck, found.clock, found.disks) == (None, None, None)
    assert found.missing["failed_units"] == "no answer within 10 s" and found.missing["nvswitch"] == "not asked"
    assert found.missing["disks"] == "no disk says how it is"
    assert "no such thing" in found.missing["arrays"]


def test_arrays_say_what_is_wrong_with_them() -> None:
    lines = tuple((OUTPUTS / "mdstat-degraded.txt").read_text().splitlines())
    found = health(seen(raid=Raid(lines=lines)), History(), 240.0).arrays
    assert found is not None and "members work" in found["md0"]
    whole = ("md0 : active raid1 sdb1[1] sda1[0]", "      976630464 blocks [2/2] [UU]")
    assert health(seen(raid=Raid(lines=whole)), History(), 240.0).arrays == {"md0": ""}


def test_disks_that_fail_are_told_warm_ones_are_not_and_silent_ones_are_not_there() -> None:
    warm = '{"smart_status": {"passed": true}, "temperature": {"current": 75}}'
    smart = {
        "sda": Smart(tool="smartctl", text='{"smart_status": {"passed": false}}'),
        "sdb": Smart(tool="smartctl", text=warm),
        "sdc": Smart(tool="smartctl", text="", error="timeout"),
    }
    found = health(seen(smart=smart), History(), 240.0).disks
    assert found == {"sda": "disk sda: its self-assessment failed", "sdb": ""}
    missing = {"smart sda": "no permission: /dev/sda"}
    assert health(seen(missing=missing), History(), 240.0).missing["disks"] == "no permission: /dev/sda"


@pytest.mark.parametrize(
    ("clock", "wanted"),
    [
        (ClockFacts(chrony=Said(status=0, lines=(TRACKING.format(offset="-1.5", leap="Normal"),))), Clock(synchronised=True, offset_seconds=-1.5)),
        (ClockFacts(chrony=Said(status=0, lines=(TRACKING.format(offset="0.0", leap="Not synchronised"),))), Clock(synchronised=False)),
        (ClockFacts(chrony=Said(status=0, lines=(TRACKING.format(offset="nan", leap="Normal"),))), Clock(synchronised=True)),
        (ClockFacts(chrony=Said(status=1), systemd=Said(status=0, lines=("NTP=yes", "NTPSynchronized=yes"))), Clock(synchronised=True)),
        (ClockFacts(systemd=Said(status=0, lines=("NTPSynchronized=no",))), Clock(synchronised=False)),
        (ClockFacts(systemd=Said(status=0, lines=("rubbish",))), Clock()),
        (ClockFacts(chrony=Said(status=0, lines=("1,2,3",))), Clock()),
    ],
)  # fmt: skip
def test_clocks_by_chrony_else_by_systemd(clock: ClockFacts, wanted: Clock) -> None:
    assert health(seen(clock=clock), History(), 240.0).clock == wanted


def test_processes_that_are_stuck_with_the_looks_that_found_them_so() -> None:
    waiting = (Waiting(pid=70, ticks=5, name="nvidia-smi", state="D"), Waiting(pid=71, ticks=6, name="dd", state="D"))
    found = health(seen(processes=Processes(waiting=waiting)), History(waiting={"70:5": 6}), 240.0)
    assert found.stuck == (
        StuckProcess(pid=70, name="nvidia-smi", checks=6),
        StuckProcess(pid=71, name="dd", checks=1),
    )


def test_the_pci_bus_counts_gpus_whether_the_driver_sees_them_or_not() -> None:
    devices = (
        PciDevice(address="0", kind="display", maker="nvidia"),
        PciDevice(address="1", kind="accelerator", maker="amd"),
        PciDevice(address="2", kind="display"),
        PciDevice(address="3", kind="bridge", maker="nvidia"),
        PciDevice(address="4", kind="nvme"),
    )
    found = health(seen(pci=devices), History(), 240.0)
    assert (found.pci_gpus, found.nvswitch) == (2, True)
    assert health(seen(pci=devices[:2]), History(), 240.0).nvswitch is False


def test_mounts_that_are_meant_to_be_read_only() -> None:
    wanted = (Wanted(mount="/srv", options="ro,noatime"), Wanted(mount="/data", options="rw,errors=remount-ro"))
    assert health(seen(mounts=Mounts(wanted=wanted)), History(), 240.0).read_only_mounts == ("/srv",)
