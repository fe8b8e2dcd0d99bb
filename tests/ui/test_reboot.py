"""Journeys to a reboot from the fleet's menu: the gate is seen, a word is typed, a red one wants a reason, the end is said."""

from __future__ import annotations

from typing import Any

import pytest

from backends.engine.wire import Event
from backends.errors import RetryLater, SwarmError
from backends.states import Severity
from backends.updates.aftercare import HostGate
from backends.updates.gate_finding import amber, good, red
from backends.updates.reboots import OVER, RebootRecord
from tests.ui.fleet_console import Seat, opened
from tests.ui.host_console import journey
from tests.unit.present.fleet_rows import row

HOSTS = [row(f"n{number}") for number in range(7)]
REASON = "the vendor has confirmed it"


def gate(host: str, *, is_red: bool = False) -> HostGate:
    findings = (red("initrd", "kernel 9 has no initrd"),) if is_red else (good("initrd", "kernel 9 has its initrd"),)
    severity = Severity.CRITICAL if is_red else Severity.OK
    return HostGate(host=host, taken=1.0, severity=severity, red=is_red, findings=findings, users=("ops pts/0",))


def prepared(seat: Seat, *reds: str, silent: str = "") -> None:
    """The engine knows the gates and takes reboots."""

    def answer(params: Any) -> HostGate:
        if params["host"] == silent:
            raise RetryLater("not connected", host=silent)
        return gate(params["host"], is_red=params["host"] in reds)

    def begin(params: Any) -> dict[str, Any]:
        hosts = params["select"].split(",")
        return {"reboots": [RebootRecord(id=f"b-{h}", batch="b", host=h, who="ops", created=1.0) for h in hosts]}

    seat.answer("updates.gate", answer)
    seat.answer("updates.reboot", begin)


async def told(seat: Seat, host: str, text: str, severity: Severity = Severity.OK, kind: str = "reboot") -> None:
    event = Event(id=1, time=1.0, kind=kind, text=text, host=host, actor="ops", severity=severity)
    await seat.push("event", **{name: getattr(event, name) for name in event.__struct_fields__})


@journey
async def test_the_hosts_name_is_typed_below_what_its_gate_found() -> None:
    async with opened(HOSTS) as seat:
        prepared(seat)
        text = "\n".join(await seat.press("x", "r"))
        assert "Reboot n0?" in text and "kernel 9 has its initrd" in text and "logged in: ops pts/0" in text
        await seat.press("y", "enter", "backspace", *"n1", "enter")
        assert seat.engine.asked("updates.reboot") == []
        await seat.press("backspace", "backspace", *"n0", "enter")
        assert seat.engine.asked("updates.reboot") == [{"select": "n0", "override": ""}]
        assert seat.toasts()[-1] == "reboot of n0 begins; 6 shows how it goes"


@journey
async def test_escape_reboots_nothing() -> None:
    async with opened(HOSTS) as seat:
        prepared(seat)
        await seat.press("x", "r", *"n0", "escape")
        assert (seat.dialog, seat.engine.asked("updates.reboot")) == ("", [])


@journey
async def test_a_red_gate_wants_the_reason_typed() -> None:
    async with opened(HOSTS) as seat:
        prepared(seat, "n0")
        text = "\n".join(await seat.press("x", "r"))
        assert "kernel 9 has no initrd" in text
        text = "\n".join(await seat.press(*"n0", "enter"))
        assert "n0 must not be rebooted. Type why it is done all the same:" in text
        await seat.press(*"yes", "enter")
        assert seat.toasts() == ["a reason has at least 10 letters; Esc leaves"]
        assert seat.engine.asked("updates.reboot") == []
        await seat.press(*["backspace"] * 3, *["space" if letter == " " else letter for letter in REASON], "enter")
        assert seat.engine.asked("updates.reboot") == [{"select": "n0", "override": REASON}]


@journey
async def test_of_many_hosts_their_number_is_typed_and_who_cannot_be_asked_is_told() -> None:
    async with opened(HOSTS) as seat:
        prepared(seat, silent="n1")
        text = "\n".join(await seat.press("space", "space", "space", "x", "r"))
        assert "Reboot 3 hosts?" in text and "n1: cannot be asked: not connected" in text
        await seat.press("3", "enter")
        assert seat.engine.asked("updates.reboot") == [{"select": "n0,n1,n2", "override": ""}]


@journey
async def test_what_becomes_of_it_is_said_until_it_is_over() -> None:
    async with opened(HOSTS) as seat:
        prepared(seat)
        await seat.press("x", "r", *"n0", "enter")
        await told(seat, "n0", "back after 60 s with kernel 9")
        await told(seat, "n1", "another operator's")
        await told(seat, "n0", "reboot FAILED: came back with kernel 8", Severity.CRITICAL, OVER)
        await told(seat, "n0", "a later one")
        assert seat.toasts()[1:] == [
            "n0: back after 60 s with kernel 9",
            "n0: reboot FAILED: came back with kernel 8",
        ]


@journey
async def test_of_many_only_what_is_wrong_is_said_and_the_end_of_all() -> None:
    async with opened(HOSTS) as seat:
        prepared(seat)
        await seat.press("asterisk", "x", "r", "7", "enter")
        for number in range(7):
            await told(seat, f"n{number}", "back after 60 s")
            severity = Severity.CRITICAL if number == 3 else Severity.OK
            await told(seat, f"n{number}", "reboot over", severity, OVER)
        assert seat.toasts()[1:] == ["n3: reboot over", "7 reboots are over, 1 not well"]


@journey
async def test_a_refusal_of_the_engine_is_said() -> None:
    async with opened(HOSTS) as seat:
        prepared(seat)
        refusal: SwarmError = RetryLater("is being updated", host="n0", hint="wait")
        seat.engine.refuse["updates.reboot"] = refusal
        await seat.press("x", "r", *"n0", "enter")
        assert seat.toasts() == ["n0: is being updated — wait"]
        await told(seat, "n0", "somebody else's reboot")
        assert len(seat.toasts()) == 1


@journey
async def test_a_read_only_console_does_not_reboot() -> None:
    async with opened(HOSTS, read_only=True) as seat:
        await seat.press("x", "r")
        assert seat.toasts() == ["reboot: read-only"]
        assert seat.engine.asked("updates.gate") == []


@pytest.mark.parametrize("finding", [amber("boot-entry", "odd [red]markup[/red]"), good("x", "\\[b]")])
def test_findings_are_shown_as_they_are(finding: Any) -> None:
    @journey
    async def look() -> None:
        async with opened(HOSTS) as seat:
            shown = HostGate(host="n0", taken=1.0, severity=finding.severity, red=False, findings=(finding,))
            seat.answer("updates.gate", lambda params: shown)
            assert finding.text in "\n".join(await seat.press("x", "r"))

    look()
