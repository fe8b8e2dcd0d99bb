"""Journeys through the action menu: its hosts are those of the moment it opened, and what cannot be done says why."""

from __future__ import annotations

import pytest

from backends.states import Severity
from swarm_tui.screens import dialog
from tests.ui.fleet_console import opened
from tests.ui.host_console import journey
from tests.unit.present.fleet_rows import row

FIVE = [row(f"n{number}") for number in range(5)]


@journey
async def test_the_menu_lists_what_can_be_done_and_what_cannot_with_the_reason() -> None:
    async with opened(FIVE) as seat:
        text = "\n".join(await seat.press("x"))
        assert "Actions for n0" in text
        assert "p  poll now" in text
        assert "a  accept the host key  no key waits" in text
        assert "r  reboot               after asking whether they would come back" in text
        assert "u  update               not part of this release" in text


@journey
async def test_marked_hosts_are_named() -> None:
    async with opened(FIVE) as seat:
        text = "\n".join(await seat.press("space", "space", "x"))
        assert "Actions for 2 hosts" in text
        assert "s  shell                for one host" in text
        assert all(f"│   {name}  " in text for name in ("n0", "n1"))


@journey
async def test_a_re_sort_behind_the_menu_cannot_swap_its_host() -> None:
    async with opened(FIVE) as seat:
        await seat.press("x")
        await seat.put(row("n4", severity=Severity.CRITICAL), seconds=20)
        await seat.press("p")
        assert seat.engine.asked("fleet.poll") == [{"hosts": ["n0"]}]


@journey
async def test_a_host_that_leaves_the_fleet_behind_the_menu_harms_nothing() -> None:
    async with opened(FIVE) as seat:
        await seat.press("x")
        seat.engine.remove("n0")
        await seat.tick()
        await seat.press("p")
        assert seat.engine.asked("fleet.poll") == [{"hosts": ["n0"]}]


@journey
async def test_a_greyed_entry_says_why_and_the_menu_stays() -> None:
    async with opened(FIVE) as seat:
        await seat.press("x", "u")
        assert seat.toasts() == ["update: not part of this release"]
        assert seat.dialog == "Actions for n0"
        await seat.press("escape")
        assert seat.dialog == ""


@journey
async def test_keys_of_the_list_mean_nothing_in_the_menu() -> None:
    async with opened(FIVE) as seat:
        await seat.press("x", "j", "space", "q", "1", "slash")
        assert seat.dialog == "Actions for n0"
        await seat.press("escape")
        assert (seat.table.cursor, seat.table.marks, seat.app.return_value) == ("n0", set(), None)


@journey
async def test_what_was_typed_ahead_chooses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(FIVE) as seat:
        monkeypatch.setattr(dialog, "TYPE_AHEAD_SECONDS", 1e9)
        await seat.burst("x", "p")
        assert seat.engine.asked("fleet.poll") == []
        assert seat.dialog == "Actions for n0"
        monkeypatch.setattr(dialog, "TYPE_AHEAD_SECONDS", 0.0)
        await seat.press("p")
        assert len(seat.engine.asked("fleet.poll")) == 1


@journey
async def test_many_hosts_are_counted_after_the_first_dozen() -> None:
    async with opened([row(f"n{number}") for number in range(30)], size=(80, 44)) as seat:
        text = "\n".join(await seat.press("asterisk", "x"))
        assert "Actions for 30 hosts" in text
        assert "n11" in text
        assert "and 18 more" in text
        assert "maintenance run" in text
