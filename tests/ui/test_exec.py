"""Journeys through a command on many hosts: asked for twice, shown live, folded, cancelled, run again."""

from __future__ import annotations

import pytest

from backends.errors import BadInput
from swarm_tui.screens import dialog
from swarm_tui.screens.execution import ExecScreen
from swarm_tui.screens.fleet import FleetScreen
from tests.ui.fleet_console import Seat, opened
from tests.ui.host_console import journey
from tests.unit.present.fleet_rows import row

THREE = [row(f"n{number}") for number in range(3)]


async def started(seat: Seat, command: str = "uname -r") -> list[str]:
    """All hosts marked, and the command confirmed."""
    return await seat.press("asterisk", "x", "e", *command, "enter", "y")


async def output(seat: Seat, host: str, text: str, stream: str = "out") -> list[str]:
    return await seat.push("exec.output", id=1, host=host, stream=stream, text=text)


async def done(seat: Seat, host: str, status: int | None = 0, **fields: object) -> list[str]:
    return await seat.push("exec.done", id=1, host=host, exit_status=status, **fields)


@journey
async def test_nothing_runs_before_hosts_and_command_were_shown_and_y_was_pressed() -> None:
    async with opened(THREE) as seat:
        await seat.press("asterisk", "x", "e")
        text = await seat.text()
        assert "Run a command on 3 hosts" in text
        assert all(f"│   n{number} " in text for number in range(3))
        text = "\n".join(await seat.press(*"uptime; id", "enter"))
        assert "Run this command?" in text
        assert "on       n0,n1,n2" in text
        assert "command  sh -c 'uptime; id'" in text
        assert not seat.engine.asked("exec.start")
        await seat.press("y")
        assert seat.engine.asked("exec.start") == [{"select": "n0,n1,n2", "argv": ["sh", "-c", "uptime; id"]}]


@journey
async def test_every_other_answer_is_no() -> None:
    async with opened(THREE) as seat:
        for key in ("enter", "n", "escape", "q"):
            await seat.press("x", "e", *"reboot", "enter", key)
            assert isinstance(seat.app.screen, FleetScreen), key
            assert not seat.engine.asked("exec.start"), key
        assert seat.app.return_value is None


@journey
async def test_a_y_that_was_typed_ahead_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(THREE) as seat:
        await seat.press("x", "e", *"reboot")
        monkeypatch.setattr(dialog, "TYPE_AHEAD_SECONDS", 1e9)
        await seat.press("y", "enter")
        assert seat.dialog == "Run a command on n0"
        monkeypatch.setattr(dialog, "TYPE_AHEAD_SECONDS", 0.0)
        await seat.press("enter")
        assert seat.dialog == "Run this command?"
        monkeypatch.setattr(dialog, "TYPE_AHEAD_SECONDS", 1e9)
        await seat.press("y", "y", "enter")
        assert seat.dialog == "Run this command?"
        await seat.press("escape")
        assert not seat.engine.asked("exec.start")


@journey
async def test_an_empty_command_is_not_asked_about() -> None:
    async with opened(THREE) as seat:
        await seat.press("x", "e", "space", "enter")
        assert seat.dialog == "Run a command on n0"


@journey
async def test_the_command_line_form_asks_the_same_question() -> None:
    async with opened(THREE) as seat:
        text = "\n".join(await seat.press("colon", *"exec n[0-1] -- echo 'a b'", "enter"))
        assert "on       n[0-1]" in text
        assert "command  echo 'a b'" in text
        await seat.press("y")
        assert seat.engine.asked("exec.start") == [{"select": "n[0-1]", "argv": ["echo", "a b"]}]


@journey
async def test_answers_come_in_live_and_equal_ones_are_folded() -> None:
    async with opened(THREE) as seat:
        rows = await started(seat)
        assert "0 of 3 done, 3 running" in rows[-2]
        await output(seat, "n0", "6.8.0\n")
        rows = await done(seat, "n0")
        assert "1 of 3 done, 2 running" in rows[-2]
        assert "6.8.0" in rows
        await output(seat, "n1", "6.8.0\n")
        await done(seat, "n1")
        await output(seat, "n2", "no such file\n", "err")
        rows = await done(seat, "n2", 2)
        assert "3 of 3 done, 1 failed, 0 running" in rows[-2]
        assert any(line.startswith("── n[0-1] (2) ") for line in rows)
        assert rows.count("6.8.0") == 1
        assert "n2: exit status 2" in rows
        rows = await seat.press("f")
        assert rows.count("6.8.0") == 2


@journey
async def test_what_arrives_before_the_engine_told_the_number_is_not_lost() -> None:
    async with opened(THREE) as seat:
        start = seat.engine.handlers["exec.start"]

        def hasty(params: object) -> object:
            seat.engine.push("exec.output", {"id": 1, "host": "n0", "stream": "out", "text": "early\n"})
            return start({"select": "n0"})

        seat.answer("exec.start", hasty)
        await started(seat)
        assert "early" in await seat.tick()


@journey
async def test_the_output_of_another_run_is_not_shown() -> None:
    async with opened(THREE) as seat:
        await started(seat)
        await seat.push("exec.output", id=99, host="n0", stream="out", text="somebody else's\n")
        rows = await seat.push("exec.done", id=99, host="n0", exit_status=0)
        assert "somebody" not in "\n".join(rows)
        assert "0 of 3 done" in rows[-2]


@journey
async def test_cancel_says_so_and_afterwards_nothing_runs() -> None:
    async with opened(THREE) as seat:
        await started(seat)
        await seat.press("c")
        assert seat.engine.asked("exec.cancel") == [{"id": 1}]
        assert seat.toasts() == ["cancelled"]
        for name in ("n0", "n1", "n2"):
            rows = await done(seat, name, None, signal="TERM")
        assert "n[0-2] (3): ended by signal TERM" in rows
        await seat.press("c")
        assert seat.toasts()[-1] == "cancel: nothing runs any more"


@journey
async def test_running_again_waits_for_the_end_and_starts_anew() -> None:
    async with opened(THREE[:1]) as seat:
        await started(seat)
        await seat.press("r")
        assert seat.toasts() == ["run again: still running"]
        await output(seat, "n0", "old\n")
        await done(seat, "n0")
        rows = await seat.press("r")
        assert len(seat.engine.asked("exec.start")) == 2
        assert "old" not in rows
        assert "0 of 1 done" in rows[-2]


@journey
async def test_a_refused_command_says_why_and_what_helps() -> None:
    async with opened(THREE) as seat:
        seat.engine.refuse["exec.start"] = BadInput("no host is called n9", hint="swarm-tui hosts list")
        rows = await started(seat)
        assert "  no host is called n9 — swarm-tui hosts list" in rows


@journey
async def test_the_result_is_copied_as_it_is_shown() -> None:
    async with opened(THREE[:1]) as seat:
        await started(seat)
        await output(seat, "n0", "[/x] one\ntwo\n")
        await done(seat, "n0")
        await seat.press("y")
        assert seat.app.clipboard == "[/x] one\ntwo"
        assert seat.toasts() == ["copied the result: [/x] one…"]


@journey
async def test_leaving_does_not_cancel() -> None:
    async with opened(THREE) as seat:
        await started(seat)
        await seat.press("escape")
        assert isinstance(seat.app.screen, FleetScreen)
        await output(seat, "n0", "still coming\n")
        assert seat.engine.asked("exec.cancel") == []
        await seat.press("grave_accent")
        assert not isinstance(seat.app.screen, ExecScreen)


@journey
async def test_much_output_can_be_scrolled() -> None:
    async with opened(THREE[:1]) as seat:
        await started(seat, "seq 100")
        await output(seat, "n0", "".join(f"line {number}\n" for number in range(100)))
        rows = await done(seat, "n0")
        assert "line 0" in rows
        rows = await seat.press("end")
        assert "line 99" in rows
