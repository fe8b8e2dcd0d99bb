"""Journeys run as fast as the loop allows, in UTC, and without the wait for keys that were typed ahead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

from swarm_tui import picture
from swarm_tui.screens import dialog

PAUSE = Pilot.pause
PAINT_SECONDS = 0.5
"""What is not painted by then never will be."""
CALM = 2
"""Looks in a row that find nothing to paint."""


async def until_idle(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Let the loop run everything that is ready. Textual's own version sleeps and watches the processor instead."""
    loop: Any = asyncio.get_running_loop()
    deadline = loop.time() + max_sleep
    while loop._ready and loop.time() < deadline:
        await asyncio.sleep(0)


async def pause(pilot: Pilot[Any], delay: float | None = None) -> None:
    """Textual's, and then what waits to be painted: it holds that back for the sixtieth of a second of a frame."""
    await PAUSE(pilot, delay)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PAINT_SECONDS
    calm = 0
    while calm < CALM and loop.time() < deadline:  # a scrollbar asks for its place only after the list was painted
        await asyncio.sleep(0.001)
        await until_idle()
        calm = 0 if to_be_painted(pilot.app) else calm + 1


def to_be_painted(app: App[Any]) -> bool:
    """Whether the screen that is shown has something to lay out or to paint."""
    if not app._screen_stack:
        return False
    if app._batch_count:  # a change of screens that is not over
        return True
    screen = app.screen
    asked = screen._layout_required or screen._scroll_required or screen._repaint_required or screen._dirty_widgets
    return bool(asked) or screen._update_timer._active.is_set()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{place}.wait_for_idle", until_idle)
    monkeypatch.setattr(Pilot, "pause", pause)
    monkeypatch.setattr(dialog, "TYPE_AHEAD_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def _toasts_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, what was said can still be read at the end of a journey."""
    monkeypatch.setattr(picture, "TOAST_SECONDS", 3600.0)
    monkeypatch.setattr("textual.app.App.NOTIFICATION_TIMEOUT", 3600.0)


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
