"""The real console on an engine in memory, with a clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from backends.config.schema import ConsoleConfig
from backends.engine.wire import HostRow
from swarm_tui.app import SwarmApp
from swarm_tui.options import ConsoleOptions
from swarm_tui.screens.dialog import Dialog
from swarm_tui.screens.fleet import FleetScreen
from swarm_tui.widgets.fleet_table import FleetTable
from tests.ui.host_console import shown
from tests.ui.memory_engine import Handler, MemoryEngine, StillLink
from tests.unit.present.fleet_rows import fleet

SLOWEST_HZ = 0.2
"""The console's own refresh timer does not come in between: journeys refresh with `tick`."""


CHARACTERS = {"slash": "/", "colon": ":"}


class Seat:
    """The operator's seat: keys, what is on the terminal, and the engine behind it."""

    def __init__(self, app: SwarmApp, pilot: Pilot[Any], engine: MemoryEngine, clock: list[float]):
        self.app = app
        self.engine = engine
        self._pilot = pilot
        self._clock = clock

    async def press(self, *keys: str) -> list[str]:
        """Press keys one after the other, and read the terminal."""
        await self._pilot.press(*keys)
        return await self.look()

    async def burst(self, *keys: str) -> list[str]:
        """Keys that arrive faster than the console can react, as from a fast typist or a paste."""
        driver = self.app._driver
        assert driver is not None
        for key in keys:
            name = key if len(key) > 1 or key.isalnum() else _character_to_key(key)
            driver.send_message(events.Key(name, key if len(key) == 1 else CHARACTERS.get(key)))
        return await self.look()

    async def look(self) -> list[str]:
        """The terminal's rows, once everything is painted."""
        await self._pilot.pause()
        await self._pilot.pause()
        return shown(self.app.screen)

    async def tick(self, seconds: float = 1.0) -> list[str]:
        """Let time pass on both sides, and the console ask for news."""
        self._clock[0] += seconds
        self.engine.now += seconds
        link = self.app.link
        assert isinstance(link, StillLink)
        link.step()
        self.app.refresh_screen()
        return await self.look()

    async def put(self, *rows: HostRow, seconds: float = 1.0) -> list[str]:
        """These hosts change, and the console learns of it."""
        self.engine.put(*rows)
        return await self.tick(seconds)

    async def push(self, method: str, **params: Any) -> list[str]:
        """The engine says something unasked, and the console has drawn it."""
        self.engine.push(method, params)
        await self._pilot.pause()
        return await self.tick(0)

    async def resize(self, columns: int, rows: int) -> list[str]:
        """The terminal's window changes its size."""
        await self._pilot.resize_terminal(columns, rows)
        while self.app._resize_event is not None:  # Textual waits a moment for further changes
            await asyncio.sleep(0.002)
        return await self.look()

    async def click(self, column: int, row: int, times: int = 1) -> list[str]:
        """Click on a cell of the terminal."""
        await self._pilot.click(offset=(column, row), times=times)
        return await self.look()

    def answer(self, method: str, handler: Handler) -> None:
        """From now on the engine answers this method so."""
        self.engine.handlers[method] = handler

    async def text(self) -> str:
        """All rows of the terminal."""
        return "\n".join(await self.look())

    def toasts(self) -> list[str]:
        """What was said, oldest first."""
        return [each.message for each in self.app._notifications]

    @property
    def fleet(self) -> FleetScreen:
        """The Fleet screen, which must be the active one."""
        assert isinstance(self.app.screen, FleetScreen), self.app.screen
        return self.app.screen

    @property
    def table(self) -> FleetTable:
        """Its list."""
        return self.fleet.table

    @property
    def hosts(self) -> list[str]:
        """The hosts in the list, from the top."""
        return list(self.table.names)

    @property
    def dialog(self) -> str:
        """The title of the dialog that is open; "" when none is."""
        return self.app.screen._title if isinstance(self.app.screen, Dialog) else ""


@asynccontextmanager
async def opened(
    rows: Iterable[HostRow] | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    engine: MemoryEngine | None = None,
    held: bool = False,
    no_color: bool = False,
    toasts: bool = False,
    config: ConsoleConfig | None = None,
    **options: Any,
) -> AsyncIterator[Seat]:
    """The console in a terminal of this size, on these hosts (or on all kinds of them); `toasts`: they are drawn, too."""
    clock = [1000.0]
    engine = engine or MemoryEngine(fleet() if rows is None else rows)
    link = StillLink(engine, lambda: clock[0], held=held)
    settings = config or ConsoleConfig(refresh_hz=SLOWEST_HZ)
    app = SwarmApp(link, ConsoleOptions(**options), settings, no_color=no_color, monotonic=lambda: clock[0])
    async with app.run_test(size=size, notifications=toasts) as pilot:
        seat = Seat(app, pilot, engine, clock)
        await seat.look()
        yield seat
