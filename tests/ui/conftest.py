"""Journeys run as fast as the loop allows, in UTC, and without the wait for keys that were typed ahead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual._context import active_app

from swarm_tui import picture
from swarm_tui.screens import dialog


async def until_idle(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Let the loop run everything that is ready, what waits to be painted included. Textual's own version sleeps and
    watches the processor instead."""
    loop: Any = asyncio.get_running_loop()
    deadline = loop.time() + max_sleep
    while (loop._ready or to_be_painted()) and loop.time() < deadline:
        await asyncio.sleep(0 if loop._ready else 0.001)


def to_be_painted() -> bool:
    """Whether the screen has something to paint that Textual holds back for the sixtieth of a second of a frame."""
    app = active_app.get(None)
    return bool(app and app._screen_stack and app.screen._update_timer._active.is_set())


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{place}.wait_for_idle", until_idle)
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
