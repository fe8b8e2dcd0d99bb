"""Journeys through looks: every theme on every kind of terminal, no colour at all, and nothing but ASCII."""

from __future__ import annotations

import pytest
from rich.color import Color, ColorType
from rich.style import Style

from backends.config.schema import ConsoleConfig
from backends.states import HostState
from swarm_tui import theme
from tests.ui.fleet_console import SLOWEST_HZ, Seat, opened
from tests.ui.host_console import journey
from tests.ui.memory_engine import MemoryEngine
from tests.unit.present.fleet_rows import fleet
from tests.unit.present.host_samples import OFFERED, VERDICT, detail, event

TOUR = (
    (), ("d",), ("escape", "h"), ("m",), ("m",), ("m",), ("escape", "x"), ("escape", "question_mark"),
    ("escape", "slash", "g", "greater_than_sign"), ("escape", "colon", "z"), ("escape", "o"), ("escape", "y"),
    ("escape", "v", "j"), ("escape", "asterisk"), ("escape", "p"), ("p", "R"),
    ("colon", *"exec dgx1,web1 -- uname", "enter"), ("y",), ("escape", "6"), ("d",), ("escape", "1", "enter"),
    *(("right_square_bracket",),) * 11, ("right_square_bracket", "A"), ("escape", "1", "colon", *"runs", "enter"),
    ("1", "exclamation_mark", "slash", *"zebra", "enter"),
)  # fmt: skip
"""Keys that lead through every screen, dialog and prompt."""


def engine() -> MemoryEngine:
    rows = {row.name: row for row in fleet()}
    found = MemoryEngine(rows.values())
    found.events = (event(7, host="web1"), event(8, text="a longer text"))
    found.details["key2"] = detail(HostState.UP, row_name="key2", verdicts=(VERDICT,), offered_key=OFFERED)
    found.handlers["exec.start"] = lambda params: {"id": 1, "hosts": ["dgx1", "web1"]}
    return found


def styles(seat: Seat) -> list[Style]:
    """The style of everything that is on the terminal and not blank."""
    strips = seat.app.screen._compositor.render_strips()
    return [segment.style for strip in strips for segment in strip if segment.style and segment.text.strip()]


@journey
async def test_ascii_is_ascii_on_every_screen() -> None:
    async with opened(engine=engine(), size=(150, 45), ascii=True, toasts=True) as seat:
        visited = set()
        for keys in TOUR:
            rows = await seat.press(*keys)
            visited.add(type(seat.app.screen).__name__)
            assert [row for row in rows if not row.isascii()] == [], keys
        assert visited == {
            "FleetScreen", "HeatmapScreen", "HostScreen", "EventsScreen", "ExecScreen", "RunsScreen",
            "Menu", "HelpScreen", "Confirm", "Dialog",
        }  # fmt: skip


@journey
async def test_ascii_is_ascii_in_a_command_and_in_a_terminal_that_is_too_small() -> None:
    async with opened(engine=engine(), ascii=True) as seat:
        await seat.press("colon", *"exec dgx1,web1 -- uname", "enter", "y")
        for host in ("dgx1", "web1"):
            await seat.push("exec.output", id=1, host=host, stream="out", text="Linux\n")
            rows = await seat.push("exec.done", id=1, host=host, exit_status=0)
        assert "Linux" in rows
        assert all(row.isascii() for row in rows)
        assert all(row.isascii() for row in await seat.resize(40, 10))


@pytest.mark.parametrize("name", sorted(theme.THEMES))
@journey
async def test_every_theme_paints(name: str) -> None:
    async with opened(engine=engine(), theme=name) as seat:
        for keys in TOUR if name == "ansi" else TOUR[:3]:
            rows = await seat.press(*keys)
            assert any(row.strip() for row in rows)


@journey
async def test_the_theme_key_goes_round_and_paints_at_once() -> None:
    async with opened(engine=engine()) as seat:
        seen, titles = [], set()
        for _ in theme.THEMES:
            await seat.press("ctrl+t")
            seen.append(seat.app.theme)
            titles.add(styles(seat)[0].color)
        assert seen == ["swarm-light", "high-contrast", "colour-blind", "ansi", "swarm-dark"]
        assert len(titles) == 5


@journey
async def test_the_ansi_theme_sends_the_terminals_own_colours_only() -> None:
    async with opened(engine=engine(), theme="ansi") as seat:
        used = [colour for style in styles(seat) for colour in (style.color, style.bgcolor) if colour is not None]
        assert used
        assert {colour.type for colour in used} <= {ColorType.STANDARD, ColorType.DEFAULT}


@journey
async def test_no_color_sends_no_colour_on_any_screen_but_still_tells_things_apart() -> None:
    async with opened(engine=engine(), no_color=True, toasts=True) as seat:
        for keys in TOUR:
            await seat.press(*keys)
            used = {colour for style in styles(seat) for colour in (style.color, style.bgcolor) if colour is not None}
            assert used <= {Color.default()}, keys
        await seat.press("escape", "escape", "escape")
        assert any(style.reverse for style in styles(seat))
        assert any(style.bold for style in styles(seat))


@journey
async def test_no_color_keeps_its_look() -> None:
    async with opened(engine=engine(), no_color=True) as seat:
        await seat.press("ctrl+t")
        assert seat.toasts() == ["NO_COLOR is set"]
        assert seat.app.theme == "mono"


@journey
async def test_the_command_line_goes_before_the_configuration() -> None:
    config = ConsoleConfig(refresh_hz=SLOWEST_HZ, ascii=True, theme="ansi")
    async with opened(config=config, ascii=False, theme="swarm-light") as seat:
        assert not (await seat.text()).isascii()
        assert seat.app.theme == "swarm-light"
    async with opened(config=config) as seat:
        assert (await seat.text()).isascii()
        assert seat.app.theme == "ansi"
