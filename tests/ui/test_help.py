"""Journeys through `?`: this place's keys first, narrowed by typing, greyed with the reason; and through keys of one's own."""

from __future__ import annotations

import re

import pytest

from backends.config.schema import ConsoleConfig
from backends.errors import BadInput
from swarm_tui.playback import NO_REPLAY
from swarm_tui.screens.heatmap import HeatmapScreen
from tests.ui import golden
from tests.ui.fleet_console import SLOWEST_HZ, opened
from tests.ui.host_console import journey


def keys(**overrides: str) -> ConsoleConfig:
    return ConsoleConfig(refresh_hz=SLOWEST_HZ, keys={name.replace("__", "."): key for name, key in overrides.items()})


@journey
async def test_golden() -> None:
    async with opened() as seat:
        golden.check("help-80x24", await seat.press("question_mark"))


@journey
async def test_typing_narrows_the_keys_down() -> None:
    async with opened() as seat:
        text = "\n".join(await seat.press("question_mark", *"heat"))
        assert "Every GPU of the fleet in one picture." in text
        assert "Live filter" not in text
        text = "\n".join(await seat.press(*"zzz"))
        assert "No key matches." in text
        await seat.press("escape")
        assert seat.dialog == ""
        assert seat.app.return_value is None


@journey
async def test_what_does_nothing_now_is_greyed_with_the_reason() -> None:
    async with opened(read_only=True) as seat:
        await seat.press("enter", "question_mark", *"renice")
        text = await seat.text()
        assert "renice          read-only" in text


@journey
async def test_the_long_list_can_be_scrolled_while_typing() -> None:
    async with opened() as seat:
        first = await seat.press("f1")
        later = await seat.press("pagedown", "down")
        assert first[5] != later[5]
        assert await seat.press("pageup", "up") == first


@journey
async def test_a_key_of_ones_own_works_is_shown_and_replaces_the_old_one() -> None:
    async with opened(config=keys(fleet__heatmap="f8", app__freeze="Z,f9")) as seat:
        text = "\n".join(await seat.press("question_mark", *"heat map"))
        assert "F8          heat map" in text
        await seat.press("escape", "h")
        assert not isinstance(seat.app.screen, HeatmapScreen)
        rows = await seat.press("f8")
        assert isinstance(seat.app.screen, HeatmapScreen)
        rows = await seat.press("f9")
        assert "Z goes on" in rows[2]
        rows = await seat.press("Z")
        assert "FROZEN" not in rows[2]


@journey
async def test_an_action_without_any_key_is_still_a_word_of_the_command_line() -> None:
    async with opened(config=keys(app__freeze="")) as seat:
        await seat.press("p")
        assert seat.app.frozen_since is None
        rows = await seat.press("colon", *"freeze", "enter")
        assert seat.app.frozen_since is not None
        assert ":freeze goes on" in rows[2]


@journey
async def test_a_greyed_key_says_why_when_it_is_pressed() -> None:
    async with opened() as seat:
        await seat.press("comma")
        assert seat.toasts() == [f"replay back: {NO_REPLAY}"]
        assert seat.table.cursor == "key2"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"fleet__heatmop": "f8"}, "unknown action 'fleet.heatmop'"),
        ({"fleet__heatmap": "ctrl+j"}, "'ctrl+j' cannot be used for fleet.heatmap"),
        ({"fleet__heatmap": "s"}, "key 's' is bound to both"),
    ],
)
def test_keys_that_cannot_work_are_refused_before_the_console_opens(overrides: dict[str, str], message: str) -> None:
    @journey
    async def start() -> None:
        async with opened(config=keys(**overrides)):
            pass

    with pytest.raises(BadInput, match=re.escape(message)):
        start()
