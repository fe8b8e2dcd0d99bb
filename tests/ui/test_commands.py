"""Journeys through the `:` line and the palette: the words of the command line, completed, remembered, and never guessed."""

from __future__ import annotations

import asyncio
from typing import Any

from textual.command import CommandPalette

from backends.errors import BadInput
from swarm_tui.screens.heatmap import HeatmapScreen
from swarm_tui.screens.host import HostScreen
from tests.ui.fleet_console import Seat, opened
from tests.ui.host_console import journey


async def run(seat: Seat, line: str) -> list[str]:
    """Type a line after `:` and press Enter."""
    return await seat.press("colon", *line, "enter")


@journey
async def test_words_are_offered_and_tab_walks_through_them() -> None:
    async with opened() as seat:
        rows = await seat.press("colon", "h")
        offered = rows[-1].split()
        assert {"host", "health", "heatmap", "handover", "help"} == set(offered)
        rows = await seat.press("tab")
        assert rows[-2] == " :host"
        rows = await seat.press(*["tab"] * offered.index("heatmap"))
        assert rows[-2] == " :heatmap"
        await seat.press("enter")
        assert isinstance(seat.app.screen, HeatmapScreen)


@journey
async def test_hosts_are_completed_where_a_host_is_meant() -> None:
    async with opened() as seat:
        rows = await seat.press("colon", *"host dg")
        assert rows[-1].split() == ["dgx1", "dgx10", "dgx2"]
        await seat.press("tab", "tab", "enter")
        assert isinstance(seat.app.screen, HostScreen)
        assert seat.app.screen.host == "dgx10"


@journey
async def test_the_last_host_of_a_list_is_completed() -> None:
    async with opened() as seat:
        rows = await seat.press("colon", *"exec web1,we")
        assert rows[-1].split() == ["web1,web1", "web1,web2"]


@journey
async def test_up_and_down_walk_through_earlier_lines() -> None:
    async with opened() as seat:
        await run(seat, "filter web")
        await run(seat, "filter dgx")
        rows = await seat.press("colon", "up")
        assert rows[-2] == " :filter dgx"
        rows = await seat.press("up", "up")
        assert rows[-2] == " :filter web"
        rows = await seat.press("down", "down")
        assert rows[-2].strip() == ":"


@journey
async def test_an_unknown_word_says_what_is_near_and_does_nothing() -> None:
    async with opened() as seat:
        await run(seat, "hots dgx1")
        await run(seat, "rm -rf /")
        await run(seat, "host 'dgx1")
        assert seat.toasts() == [
            "unknown command hots; did you mean host?",
            "unknown command rm; ? lists the keys",
            "No closing quotation in: host 'dgx1",
        ]
        assert seat.table.cursor == "key2"


@journey
async def test_an_empty_line_and_escape_do_nothing() -> None:
    async with opened() as seat:
        await run(seat, "  ")
        await seat.press("colon", *"quit", "escape")
        assert (seat.app.return_value, seat.app.history, seat.toasts()) == (None, [], [])


@journey
async def test_filter_and_status_are_the_same_filter_as_the_slash() -> None:
    async with opened() as seat:
        await run(seat, "status state:stale")
        assert seat.hosts == ["lag1"]
        await seat.press("6")
        await run(seat, "filter gpu>90")
        assert seat.hosts == ["dgx2"]
        await run(seat, "filter gpu>x")
        assert seat.toasts()[-1].startswith('filter: "x" is no')


WRONG = {
    "host nosuch": "no host 'nosuch'",
    "ssh nosuch": "no host 'nosuch'",
    "exec uptime": "usage: exec SELECTOR -- COMMAND",
    "exec web1 --": "usage: exec SELECTOR -- COMMAND",
    "exec -- uptime": "usage: exec SELECTOR -- COMMAND",
    "interval": "usage: interval SECONDS",
    "interval soon": "usage: interval SECONDS",
    "theme pink": "themes: swarm-dark, swarm-light, high-contrast, colour-blind, ansi",
    "theme": "themes: swarm-dark, swarm-light, high-contrast, colour-blind, ansi",
}


@journey
async def test_a_line_that_cannot_be_run_says_why() -> None:
    async with opened() as seat:
        for line, said in WRONG.items():
            await run(seat, line)
            assert seat.toasts()[-1] == said, line
            assert seat.dialog == ""
        assert len(seat.toasts()) == len(WRONG)


@journey
async def test_host_without_a_name_is_the_one_under_the_cursor() -> None:
    async with opened() as seat:
        await run(seat, "host")
        assert isinstance(seat.app.screen, HostScreen)
        assert seat.app.screen.host == "key2"


@journey
async def test_reload_says_what_is_wrong_with_the_configuration() -> None:
    async with opened() as seat:
        await run(seat, "reload")
        seat.engine.refuse["engine.reload"] = BadInput("config.toml: unknown key", hint="did you mean hosts?")
        await run(seat, "reload")
        assert seat.toasts() == ["configuration read again", "config.toml: unknown key — did you mean hosts?"]


@journey
async def test_interval_freeze_poll_and_theme_are_words_too() -> None:
    async with opened() as seat:
        await run(seat, "interval 5s")
        await run(seat, "poll")
        await run(seat, "theme ansi")
        await run(seat, "freeze")
        assert seat.engine.asked("engine.set_interval") == [{"seconds": 5.0}]
        assert seat.engine.asked("fleet.poll") == [{"hosts": ["key2"]}]
        assert seat.app.theme == "ansi"
        assert seat.app.frozen_since is not None


@journey
async def test_an_interval_that_is_refused_says_why() -> None:
    async with opened() as seat:
        seat.engine.refuse["engine.set_interval"] = BadInput("0.001 s is too often", hint="at least 0.25 s")
        await run(seat, "interval 0.001")
        assert seat.toasts() == ["0.001 s is too often — at least 0.25 s"]


@journey
async def test_quit_is_a_word() -> None:
    async with opened() as seat:
        await seat.press("colon", *"quit", "enter")
        assert seat.app.return_value == 0


async def found(palette: CommandPalette, wanted: str) -> None:
    """Wait for the palette's own search, which runs beside the loop."""
    options: Any = palette.query_one("CommandList")
    async with asyncio.timeout(5):
        while not any(wanted in str(options.get_option_at_index(at).prompt) for at in range(options.option_count)):
            await asyncio.sleep(0.01)


@journey
async def test_the_palette_finds_an_action_by_its_name() -> None:
    async with opened() as seat:
        await seat.press("ctrl+p", *"heat")
        palette = seat.app.screen
        assert isinstance(palette, CommandPalette)
        await found(palette, "Heat map")
        await seat.press("down", "enter")
        await seat.look()
        assert isinstance(seat.app.screen, HeatmapScreen)


@journey
async def test_the_palette_lists_the_keys_of_this_place_and_of_no_other() -> None:
    async with opened() as seat:
        names = {command.title for command in seat.app.get_system_commands(seat.app.screen)}
        assert {"Heat map", "Mark", "Freeze", "Quit"} <= names
        assert "Runs" in names
        assert {"Signal", "Down"} & names == set()
        await seat.press("h")
        assert "Metric" in {command.title for command in seat.app.get_system_commands(seat.app.screen)}
