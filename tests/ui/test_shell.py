"""The terminal is handed to a shell and taken back, whatever happens in between."""

from __future__ import annotations

import sys

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from swarm_tui import shell
from swarm_tui.options import ConsoleOptions
from tests.ui.fleet_console import opened
from tests.ui.host_console import journey
from tests.unit.present.fleet_rows import row


def lend(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A terminal that can be handed over; remembers how that went."""
    seen: list[str] = []
    monkeypatch.setattr(HeadlessDriver, "can_suspend", property(lambda self: True))
    monkeypatch.setattr(HeadlessDriver, "suspend_application_mode", lambda self: seen.append("given"))
    monkeypatch.setattr(HeadlessDriver, "resume_application_mode", lambda self: seen.append("taken"))
    return seen


def ended(status: int) -> list[str]:
    return [sys.executable, "-S", "-c", f"raise SystemExit({status})"]


@journey
async def test_it_comes_back_and_says_how_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = lend(monkeypatch)
    async with opened([row("a"), row("b")]) as seat:
        said = [shell.hand_over(seat.app, ended(status), "ssh a") for status in (0, 130, 255)]
        assert said == ["", "", "ended with status 255"]
        for command in (["/no/such/program"], ["\0"]):
            assert f"{command[0]} did not run: " in shell.hand_over(seat.app, command, "ssh a")
        assert seen == ["given", "taken"] * 5
        await seat.press("j")
        assert seat.table.cursor == "b"


@journey
async def test_s_opens_ssh_on_the_host_under_the_cursor_and_the_console_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = lend(monkeypatch)
    asked: list[str] = []

    def argv(options: ConsoleOptions, host: str) -> list[str]:
        asked.append(host)
        return ended(7)

    monkeypatch.setattr(shell, "argv", argv)
    async with opened([row("a"), row("b")]) as seat:
        await seat.press("j", "s")
        assert asked == ["b"]
        assert seat.toasts() == ["ssh b: ended with status 7"]
        await seat.press("colon", *"ssh a", "enter")
        await seat.press("x", "s")
        await seat.press("enter", "s")
        assert asked == ["b", "a", "b", "b"]
        assert seen == ["given", "taken"] * 4


@journey
async def test_a_terminal_that_cannot_be_handed_over_is_said() -> None:
    async with opened([row("a")]) as seat:
        await seat.press("s")
        assert seat.toasts() == ["ssh a: this terminal cannot be handed over"]


def test_the_shell_reaches_the_host_as_this_console_does() -> None:
    options = ConsoleOptions(config_path="/etc/swarm.toml", socket_path="/run/x.sock", demo=3)
    assert shell.argv(options, "a")[1:] == [
        "-m", "swarm_tui", "--config", "/etc/swarm.toml", "--socket", "/run/x.sock", "--demo", "--demo-hosts", "3", "ssh", "a",
    ]  # fmt: skip
    assert shell.argv(ConsoleOptions(), "a")[1:] == ["-m", "swarm_tui", "ssh", "a"]
