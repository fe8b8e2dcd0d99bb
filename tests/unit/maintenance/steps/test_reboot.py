"""The reboot steps over records in memory."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.maintenance import facts
from backends.maintenance.steps.reboot import Need, RebootWorker, looked
from backends.maintenance.worker import Told
from backends.states import Severity
from backends.updates.gate_finding import Finding
from backends.updates.reboot import Phase, Reboot, Request
from backends.updates.reboots import RebootRecord
from tests.unit.maintenance.steps.places import ANN, HOST, REASON, place

RECORD = RebootRecord(id="b-0", batch="b", host=HOST, who=ANN, created=0.0)
RED = Finding(kind="initrd", severity=Severity.CRITICAL, text="kernel 6.9 has no initrd", blocks=True)
STATE = Reboot(
    request=Request(boot_id="old", asked=10.0, expected_kernel="6.9"),
    phase=Phase.DONE,
    boot_id="new",
    kernel="6.9",
    down=20.0,
    back=95.0,
)


class Reboots:
    """Records in memory; remembers what was asked for."""

    def __init__(self, needed: bool | None = True) -> None:
        self.needed = needed
        self.records: dict[str, RebootRecord] = {}
        self.begun: list[tuple[str, str]] = []

    def need(self, host: str) -> Need:
        return Need(needed=self.needed)

    def find(self, batch: str) -> RebootRecord | None:
        return self.records.get(batch)

    def start(self, host: str, who: str, override: str, batch: str, soak_seconds: float) -> RebootRecord:
        assert soak_seconds == 300.0
        self.begun.append((batch, override))
        self.records[batch] = replace(RECORD, batch=batch, override=override)
        return self.records[batch]


def ended(good: bool, text: str, **values: object) -> RebootRecord:
    return replace(RECORD, ended=100.0, good=good, text=text, **values)


def test_it_is_asked_for_once_for_each_key() -> None:
    reboots, here = Reboots(), place("reboot")
    assert len({RebootWorker(reboots).begin(here) for _ in range(3)}) == 1
    assert reboots.begun == [(here.key, "")]


def test_a_host_that_needs_none_is_left_alone() -> None:
    reboots, here = Reboots(needed=False), place("reboot-if-needed")
    worker = RebootWorker(reboots)
    look = worker.look(here, worker.begin(here))
    assert look.told is Told.DONE and look.facts[facts.REBOOTED].startswith("no") and not reboots.begun


@pytest.mark.parametrize(
    ("step", "needed"), [("reboot", False), ("reboot-if-needed", None), ("reboot-if-needed", True)]
)
def test_it_reboots_unless_nothing_asks_for_it_for_sure(step: str, needed: bool | None) -> None:
    reboots = Reboots(needed)
    RebootWorker(reboots).begin(place(step))
    assert len(reboots.begun) == 1


def test_a_red_gate_asks_and_the_answer_overrides_it() -> None:
    look = looked(ended(False, "must not be rebooted: …", stage="refused", findings=(RED,)))
    assert look.told is Told.ASKING and "no initrd" in look.text and "reason" in look.hint
    reboots = Reboots()
    RebootWorker(reboots).begin(place("reboot", reason=REASON))
    assert reboots.begun[0][1] == REASON


def test_what_holds_it_up_is_no_question_of_reasons() -> None:
    assert looked(ended(False, "held up by apt", stage="refused")).told is Told.FAILED


@pytest.mark.parametrize(("stage", "state"), [("going-down", "going down"), ("soak", "soak"), ("gate", "gate")])
def test_the_board_says_where_it_is(stage: str, state: str) -> None:
    look = looked(replace(RECORD, stage=stage))
    assert (look.told, look.state) == (Told.GOING, state)


def test_a_good_end_tells_boots_kernels_and_how_long_it_was_down() -> None:
    record = ended(True, "up", stage="done", state=STATE, sent=True, passed=f"gate overridden: {REASON}")
    look = looked(record, REASON)
    assert look.told is Told.DONE and look.facts[facts.BOOT_AFTER] == "new"
    assert look.facts[facts.KERNEL_AFTER] == "6.9" and look.facts[facts.DOWN_SECONDS] == "75"
    assert look.facts[facts.OVERRULED] == REASON


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("came back with kernel 6.8 instead of 6.9", "boot loader"),
        ("rebooted again by itself 40 s after it was back", "journalctl"),
        ("is not back 1440 min after the request", "BMC"),
        ("has not gone down 60 min after the request", "list-jobs"),
        ("something nobody thought of", "console"),
    ],
)
def test_each_bad_end_has_its_next_step(text: str, hint: str) -> None:
    look = looked(ended(False, text, stage="failed"))
    assert look.told is Told.FAILED and look.text == text and hint in look.hint


def test_a_record_that_is_gone_is_told_not_guessed() -> None:
    reboots, here = Reboots(), place("reboot")
    token = RebootWorker(reboots).begin(here)
    reboots.records.clear()
    assert RebootWorker(reboots).look(here, token).told is Told.FAILED
