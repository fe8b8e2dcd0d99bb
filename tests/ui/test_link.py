"""The console on a real socket, with all its threads: it shows what comes, and lives through the death of an engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from backends.config.schema import ConsoleConfig
from backends.engine.wire import FleetView, HostRow
from swarm_tui import bridge
from swarm_tui.app import SwarmApp
from swarm_tui.bridge import Link
from swarm_tui.client import EngineClient
from swarm_tui.options import ConsoleOptions
from swarm_tui.screens.fleet import FleetScreen
from tests.ui.host_console import journey, shown
from tests.unit.fake_engine import SILENCE, FakeEngine
from tests.unit.present.fleet_rows import NOW, row, summary
from tests.unit.present.host_samples import event

PATIENCE_SECONDS = 10.0


def view(*rows: HostRow) -> Callable[[dict[str, Any]], FleetView]:
    return lambda params: FleetView(version=1, now=NOW, full=True, rows=rows, summary=summary(rows))


def engine(path: Path, *rows: HostRow, **handlers: Any) -> FakeEngine:
    return FakeEngine(path, {"events.subscribe": {}, "fleet.view": view(*rows), "fleet.poll": {}, **handlers})


def link_to(path: Path) -> Link:
    return Link(lambda on_notification: EngineClient.connect(path, on_notification=on_notification), hz=4)


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "RECONNECT_SECONDS", (0.02,))


@asynccontextmanager
async def console(path: Path) -> AsyncIterator[tuple[SwarmApp, Any]]:
    link = link_to(path)
    app = SwarmApp(link, ConsoleOptions(), ConsoleConfig(refresh_hz=4))
    try:
        async with app.run_test(size=(100, 24)) as pilot:
            yield app, pilot
    finally:
        link.stop()


async def until(app: SwarmApp, wanted: str) -> list[str]:
    """Wait until the terminal shows this."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while wanted not in "\n".join(rows := shown(app.screen)):
            await asyncio.sleep(0.02)
    return rows


@journey
async def test_the_first_picture_appears_without_waiting_for_a_refresh(tmp_path: Path) -> None:
    with engine(tmp_path / "s", row("a")):
        async with console(tmp_path / "s") as (app, _):
            rows = await until(app, "● up")
            assert "1/1 up" in rows[0]


@journey
async def test_a_dead_engine_is_said_its_last_picture_stays_and_the_next_one_takes_over(tmp_path: Path) -> None:
    async with console(tmp_path / "s") as (app, pilot):
        await until(app, "no engine answers")
        with engine(tmp_path / "s", row("a")):
            await until(app, "● up")
        await until(app, "engine lost")
        assert isinstance(app.screen, FleetScreen)
        assert list(app.screen.table.names) == ["a"]
        with engine(tmp_path / "s", row("b"), row("c")):
            await until(app, "2/2 up")
            assert list(app.screen.table.names) == ["b", "c"]
            await pilot.pause(0.3)
            assert "engine lost" not in "\n".join(shown(app.screen))


@journey
async def test_what_the_engine_pushes_reaches_the_screen_and_answers_come_back(tmp_path: Path) -> None:
    with engine(tmp_path / "s", row("a"), **{"events.list": {"events": []}}) as far:
        async with console(tmp_path / "s") as (app, pilot):
            await until(app, "● up")
            await pilot.press("R")
            async with asyncio.timeout(PATIENCE_SECONDS):
                while "polling a" not in [each.message for each in app._notifications]:
                    await asyncio.sleep(0.02)
            await pilot.press("6")
            await until(app, "Nothing has happened yet.")
            far.push("event", event(9, text="dgx04 is back"))
            await until(app, "dgx04 is back")


def test_stopping_does_not_wait_for_an_engine_that_hangs(tmp_path: Path) -> None:
    with FakeEngine(tmp_path / "s", {"events.subscribe": lambda params: SILENCE}) as far:
        link = link_to(tmp_path / "s")
        link.start(lambda call: call())
        asked = threading.Event()
        for _ in range(int(PATIENCE_SECONDS / 0.01)):
            if any(method == "events.subscribe" for method, _ in far.calls):
                break
            asked.wait(0.01)
        link.request("fleet.poll", {}, dict, lambda _: None)
        link.stop()
        assert [thread.name for thread in link._threads if thread.is_alive()] == []


def test_requests_beyond_what_can_be_carried_are_refused_not_kept_forever() -> None:
    link = Link(lambda on_notification: pytest.fail("not started"), hz=4)
    refused: list[str] = []
    for _ in range(300):
        link.request("fleet.poll", {}, dict, lambda _: None, lambda error: refused.append(error.message))
    assert refused == ["the engine does not keep up with the requests"] * 44
