"""A part that is new beside what is as it was: facts that were not asked, findings that were not judged."""

from __future__ import annotations

from typing import Any

import pytest

from backends.checks.health_catalogue import NOT_ASKED, NOT_HERE, HealthResult
from backends.checks.health_finding import Finding, critical, ok, warning
from backends.checks.health_merge import Asked, carried, digest, renewed
from backends.hostkit.health_model import ClockFacts, HealthFacts, Processes, Raid, Said, Smart
from tests.unit.checks.health_cases import BOOT, NOW, OTHER, facts

DISK, RAID = Smart(tool="smartctl", text="{}"), Raid(lines=("md0",))
SMI, CLOCK = Said(status=0, lines=("GPU",)), ClockFacts(chrony=None)
FULL = facts(
    at=NOW - 600,
    smi=SMI,
    raid=RAID,
    clock=CLOCK,
    smart={"sda": DISK},
    runtimes={"docker": 0.1},
    missing={"board": "no permission: /dev/ipmi0", "smart sdb": "no permission: /dev/sdb"},
)


def light(**fields: Any) -> HealthFacts:
    missing = dict.fromkeys(["smi", "board", "pci"], NOT_ASKED)
    return facts(missing=missing, processes=Processes(), **fields)


def test_what_was_not_asked_is_as_it_was_and_what_was_asked_is_new() -> None:
    now = carried(light(raid=None), FULL, "light")
    assert (now.smi, now.raid, now.processes, now.time) == (SMI, None, Processes(), NOW)
    assert now.smart == {"sda": DISK} and now.runtimes == {"docker": 0.1}


def test_a_reason_is_carried_too_and_not_asked_is_said_of_nothing_that_is_known() -> None:
    now = carried(light(), FULL, "light")
    assert now.missing == {"board": "no permission: /dev/ipmi0", "smart sdb": "no permission: /dev/sdb"}


@pytest.mark.parametrize(("asked", "kept"), [("all", False), ("quick", True), ("light", True)])
def test_disks_are_carried_where_they_were_not_asked(asked: Asked, kept: bool) -> None:
    assert bool(carried(light(), FULL, asked).smart) is kept


def test_nothing_is_carried_over_a_reboot_or_from_nowhere() -> None:
    assert carried(light(boot=OTHER), FULL, "light").smi is None
    assert carried(light(), None, "light") == light()
    nowhere = HealthFacts(time=NOW, missing={"boot": "no answer within 10 s", "smi": NOT_ASKED})
    assert carried(nowhere, FULL, "light") == nowhere


def test_a_clock_without_chrony_keeps_what_the_full_look_learnt() -> None:
    assert carried(light(), FULL, "light").clock is CLOCK
    failed = light()
    failed.missing["clock"] = "no answer within 10 s"
    assert carried(failed, FULL, "light").clock is None


def test_only_the_checks_that_were_judged_are_renewed() -> None:
    old = HealthResult(
        host="h",
        time=NOW - 600,
        boot=BOOT,
        findings=(ok("G05", "none"), critical("H20", "a failed", "a"), critical("H20", "b failed", "b")),
        skipped={"N01": NOT_HERE, "H15": NOT_HERE},
    )
    new = HealthResult(host="h", time=NOW, findings=(ok("H20", "no unit has failed"), ok("H15", "2 of 2", "md0")))
    now = renewed(old, new, {"H20", "H15"})
    assert [(one.check, one.object) for one in now.findings] == [("G05", ""), ("H20", ""), ("H15", "md0")]
    assert (now.time, now.boot, now.skipped) == (NOW - 600, BOOT, {"N01": NOT_HERE})


@pytest.mark.parametrize(
    ("finding", "same"),
    [
        (warning("H10", "/ is 92% full", "/", value=92.0), True),
        (critical("H10", "/ is 91% full", "/"), False),
        (warning("H10", "/ is 91% full", "/data"), False),
    ],
)
def test_numbers_make_no_other_result_but_severity_and_things_do(finding: Finding, same: bool) -> None:
    one = HealthResult(host="h", time=NOW, boot=BOOT, findings=(warning("H10", "/ is 91% full", "/", value=91.0),))
    other = HealthResult(host="h", time=NOW + 1, boot=BOOT, findings=(finding,))
    assert (digest(one) == digest(other)) is same


def test_another_boot_is_another_result() -> None:
    assert digest(HealthResult(host="h", time=NOW, boot="a")) != digest(HealthResult(host="h", time=NOW, boot="b"))
