"""Repair steps of a host: chosen from a list, shown with their exact command, run after a last question."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from textual.app import App

from backends.updates.model import Repair
from swarm_tui.present.host_line import wrap
from swarm_tui.present.line import Line
from swarm_tui.screens.base import Console
from swarm_tui.screens.confirm import Confirm
from swarm_tui.screens.menu import Choice, Menu

CELLS = 70
"""Of a dialog's text."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def offer(console: Console, app: App[Any], host: str, only: Sequence[str] = ()) -> None:
    """Ask the engine which repairs the host's package manager has (only these, when given), and let one be chosen."""

    def got(answer: dict[str, tuple[Repair, ...]]) -> None:
        found = [each for each in answer.get("repairs", ()) if not only or each.id in only]
        if found:
            app.push_screen(_menu(host, found), lambda chosen: _ask(console, app, host, found, chosen))
        else:
            console.say(f"{host}: no repair step is known", "warning")

    kind = dict[str, tuple[Repair, ...]]
    console.link.request("updates.repairs", {"host": host}, kind, got, console.failed)


def _menu(host: str, repairs: Sequence[Repair]) -> Menu:
    about: list[Line] = [((f"on {host}; the exact command is shown before it runs", "dim"),)]
    choices = [Choice(letter, each.id, each.id, each.text) for letter, each in zip(LETTERS, repairs, strict=False)]
    return Menu("Repair", about, choices)


def _ask(console: Console, app: App[Any], host: str, repairs: Sequence[Repair], chosen: str | None) -> None:
    repair = next((each for each in repairs if each.id == chosen), None)
    if repair is None:
        return
    lines = [*wrap(repair.text, CELLS), (), *wrap(f"$ {shlex.join(repair.command)}", CELLS, 2, "dim")]

    def answered(yes: bool | None) -> None:
        if yes:
            done = f"{repair.id} began on {host}; its end is an event"
            params = {"host": host, "repair": repair.id}
            console.link.request("updates.repair", params, dict[str, Any], lambda _: console.say(done), console.failed)

    app.push_screen(Confirm(f"Run this on {host}?", lines), answered)
