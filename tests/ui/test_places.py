"""Journeys between places: six modes, hosts on top of them, breadcrumbs, and the way back."""

from __future__ import annotations

import msgspec

from swarm_tui.screens.confirm import Confirm
from swarm_tui.screens.events import EventsScreen
from swarm_tui.screens.host import HostScreen
from tests.ui.fleet_console import Seat, opened
from tests.ui.host_console import journey
from tests.ui.memory_engine import INFO, MemoryEngine
from tests.unit.present.fleet_rows import fleet
from tests.unit.present.host_samples import event


def host(seat: Seat) -> str:
    assert isinstance(seat.app.screen, HostScreen)
    return seat.app.screen.host


@journey
async def test_modes_by_number_and_the_header_says_where() -> None:
    async with opened(size=(100, 24)) as seat:
        await seat.press("6")
        assert isinstance(seat.app.screen, EventsScreen)
        rows = await seat.press("1", "enter")
        assert rows[1].endswith("key2 › Overview")
        rows = await seat.press("right_square_bracket")
        assert rows[1].endswith("key2 › GPU")
        rows = await seat.press("1", "h")
        assert rows[1].endswith("fleet › heat map › utilisation")


@journey
async def test_on_a_narrow_terminal_the_place_is_still_told_in_full() -> None:
    async with opened() as seat:
        rows = await seat.press("h")
        assert rows[1].endswith("  fleet › heat map › utilisation")
        assert " 1 Fleet  2  3 " in rows[1]


@journey
async def test_the_backtick_goes_there_and_back_again() -> None:
    async with opened() as seat:
        await seat.press("j", "enter", "6")
        await seat.press("grave_accent")
        assert host(seat) == "hung1"
        await seat.press("grave_accent")
        assert isinstance(seat.app.screen, EventsScreen)
        await seat.press("grave_accent", "escape", "grave_accent")
        assert host(seat) == "hung1"


@journey
async def test_escape_leads_from_a_host_to_where_it_was_opened() -> None:
    engine = MemoryEngine(fleet())
    engine.events = (event(7, host="web1"),)
    async with opened(engine=engine) as seat:
        await seat.press("6")
        await seat.tick()
        await seat.press("enter")
        assert host(seat) == "web1"
        await seat.press("escape")
        assert isinstance(seat.app.screen, EventsScreen)


@journey
async def test_a_host_that_is_opened_from_a_host_takes_its_place() -> None:
    async with opened() as seat:
        await seat.press("enter", "colon", *"host web1", "enter")
        assert host(seat) == "web1"
        await seat.press("escape")
        assert seat.table.cursor == "key2"


@journey
async def test_the_heat_map_opens_the_host_and_escape_comes_back_to_it() -> None:
    async with opened() as seat:
        await seat.press("h", "g", "enter")
        assert host(seat) == "dgx1"
        await seat.press("escape", "escape")
        assert seat.table.cursor == "key2"


@journey
async def test_q_leaves_at_once_when_nothing_is_in_flight() -> None:
    async with opened() as seat:
        await seat.press("q")
        assert seat.app.return_value == 0


def flying() -> MemoryEngine:
    engine = MemoryEngine(fleet())
    engine.info = msgspec.structs.replace(INFO, in_flight=("exec 4: uname -r on 3 hosts [/x]",))
    return engine


@journey
async def test_quitting_asks_when_something_is_in_flight_and_says_that_it_goes_on() -> None:
    async with opened(engine=flying()) as seat:
        text = "\n".join(await seat.press("q"))
        assert "exec 4: uname -r on 3 hosts [/x]" in text
        assert "the engine keeps running" in text
        await seat.press("enter")
        assert (seat.dialog, seat.app.return_value) == ("", None)
        await seat.press("ctrl+q", "n")
        await seat.press("ctrl+c")
        assert isinstance(seat.app.screen, Confirm)
        await seat.press("y")
        assert seat.app.return_value == 0


@journey
async def test_a_resize_on_any_place_keeps_it_whole() -> None:
    async with opened() as seat:
        for keys in ((), ("h",), ("escape", "enter"), ("6",)):
            await seat.press(*keys)
            for columns, rows in ((140, 40), (60, 16), (40, 10), (100, 30)):
                shown = await seat.resize(columns, rows)
                assert len(shown) == rows
                assert any(line.strip() for line in shown)
