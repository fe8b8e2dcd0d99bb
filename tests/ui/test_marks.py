"""Journeys with marks: they belong to hosts, whatever the order, and every one that is out of sight is counted."""

from __future__ import annotations

import msgspec

from backends.states import Severity
from tests.ui.fleet_console import opened
from tests.ui.host_console import journey
from tests.unit.present.fleet_rows import away, fleet, row

FIVE = [row(f"n{number}") for number in range(5)]


@journey
async def test_space_marks_and_moves_on_and_unmarks() -> None:
    async with opened(FIVE) as seat:
        rows = await seat.press("space", "space")
        assert seat.table.marks == {"n0", "n1"}
        assert seat.table.cursor == "n2"
        assert rows[3].startswith("◆ n0")
        assert "◆ 2 marked" in rows[-2]
        await seat.press("k", "space")
        assert seat.table.marks == {"n0"}


@journey
async def test_a_range_is_shown_before_it_is_marked() -> None:
    async with opened(FIVE) as seat:
        rows = await seat.press("j", "v", "j", "j")
        assert "range of 3 v marks it  Esc forgets it" in rows[-2]
        assert seat.table.marks == set()
        rows = await seat.press("v")
        assert seat.table.marks == {"n1", "n2", "n3"}
        assert "◆ 3 marked" in rows[-2]


@journey
async def test_a_range_upwards_is_one_too() -> None:
    async with opened(FIVE) as seat:
        await seat.press("G", "v", "k", "v")
        assert seat.table.marks == {"n3", "n4"}


@journey
async def test_escape_forgets_the_range_then_the_marks() -> None:
    async with opened(FIVE) as seat:
        await seat.press("space", "v", "j")
        await seat.press("escape")
        assert seat.table.marks == {"n0"}
        assert "range" not in await seat.text()
        await seat.press("escape")
        assert seat.table.marks == set()


@journey
async def test_the_star_marks_what_the_filter_shows_and_hidden_marks_are_counted() -> None:
    async with opened(FIVE) as seat:
        await seat.press("slash", *"n1,n3", "enter", "asterisk")
        assert seat.table.marks == {"n1", "n3"}
        rows = await seat.press("slash", "ctrl+u", *"n1", "enter")
        assert "◆ 2 marked (1 hidden)" in rows[-2]
        await seat.press("x")
        assert seat.dialog == "Actions for 2 hosts"


@journey
async def test_marks_stay_on_their_hosts_through_a_re_sort() -> None:
    async with opened(FIVE) as seat:
        await seat.press("space")
        rows = await seat.put(row("n4", severity=Severity.CRITICAL), seconds=10)
        assert seat.hosts[0] == "n4"
        assert rows[4].startswith("◆ n0")
        assert seat.table.marks == {"n0"}


@journey
async def test_y_then_a_letter_copies_and_says_what() -> None:
    async with opened() as seat:
        rows = await seat.press("y")
        assert "copy h host  s ssh line  r row  j JSON" in rows[-2]
        await seat.press("escape")
        copied = []
        for letter in "hsrj":
            await seat.press("y", letter)
            copied.append(seat.app.clipboard)
        assert copied[0] == "key2"
        assert copied[1] == "swarm-tui ssh key2"
        assert copied[2] == "key2  host-key-changed  the host key changed"
        assert msgspec.json.decode(copied[3])["name"] == "key2"
        assert seat.toasts()[:2] == ["copied the name: key2", "copied the ssh line: swarm-tui ssh key2"]


@journey
async def test_copying_marked_hosts_takes_all_of_them() -> None:
    async with opened(FIVE) as seat:
        rows = await seat.press("space", "space", "y")
        assert "copy of 2 hosts: h host" in rows[-2]
        await seat.press("h")
        assert seat.app.clipboard == "n0\nn1"
        assert seat.toasts() == ["copied 2 names: n0…"]
        await seat.press("y", "j")
        assert [each["name"] for each in msgspec.json.decode(seat.app.clipboard)] == ["n0", "n1"]


@journey
async def test_a_letter_that_copies_nothing_is_said_and_is_no_action() -> None:
    async with opened(FIVE) as seat:
        await seat.press("y", "q")
        assert seat.app.return_value is None
        assert seat.toasts() == ["nothing to copy with q"]
        await seat.press("y", "escape", "j")
        assert seat.table.cursor == "n1"
        assert seat.app.clipboard == ""


@journey
async def test_a_shell_wants_one_host() -> None:
    async with opened(FIVE) as seat:
        await seat.press("space", "space", "s")
        assert seat.toasts() == ["a shell opens on one host; Esc takes the marks away"]


@journey
async def test_marks_of_hosts_that_left_the_fleet_are_gone() -> None:
    async with opened([*fleet(), away("old1", fleet()[-1].state, "")]) as seat:
        await seat.press("asterisk")
        assert "old1" in seat.table.marks
        seat.engine.remove("old1")
        await seat.tick()
        assert len(seat.table.marks) == 14
