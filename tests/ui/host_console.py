"""A console with an engine made of plain values, for journeys through the Host and Events screens."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import msgspec
from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

from backends.engine.wire import EngineInfo, Event, FleetSummary, History, HostDetail, Series
from backends.errors import SwarmError
from backends.maintenance.views import Held
from swarm_tui import theme
from swarm_tui.bridge import Fleet, LinkStatus
from swarm_tui.glyphs import glyphs
from swarm_tui.keymap import Danger, Key, Keymap
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import chrome
from swarm_tui.present.line import Line
from swarm_tui.rpc import Notification
from swarm_tui.screens.base import BaseScreen, perform
from swarm_tui.widgets.paint import Painter
from tests.unit import check_calls
from tests.unit.present import backup_data
from tests.unit.present.host_samples import NOW, detail, event, tracks
from tests.unit.present.update_data import NEEDY


class FakeLink:
    """Answers at once, on the screen's loop, and remembers what was asked."""

    def __init__(self, shown: HostDetail | None = None, events: tuple[Event, ...] = ()):
        self.detail = shown or detail()
        self.all_events = events or tuple(event(number) for number in range(3))
        self.fleet = Fleet(1, NOW, 0.0, {self.detail.row.name: self.detail.row}, FleetSummary(total=1, up=1))
        self.info: EngineInfo | None = None
        self.status = LinkStatus(True, "", 1.0, True)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refuse: dict[str, SwarmError] = {}
        self.held: tuple[Held, ...] = ()
        self.listeners: list[Callable[[Notification], None]] = []

    def listen(self, listener: Callable[[Notification], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def push(self, shown: Event) -> None:
        """As the engine would tell everybody."""
        for listener in tuple(self.listeners):
            listener(Notification("event", msgspec.Raw(msgspec.json.encode(shown))))

    def request(
        self,
        method: str,
        params: Mapping[str, Any],
        kind: type[Any],
        on_result: Callable[[Any], None],
        on_error: Callable[[SwarmError], None] | None = None,
    ) -> None:
        self.asked.append((method, dict(params)))
        if method in self.refuse:
            if on_error:
                on_error(self.refuse[method])
            return
        on_result(msgspec.convert(msgspec.to_builtins(self._answer(method, params)), kind))

    def _answer(self, method: str, params: Mapping[str, Any]) -> Any:
        if method == "host.get":
            return self.detail
        if method == "host.history":
            known = tracks()
            series = tuple(Series(name=name, unit="percent", points=tuple(known[name])) for name in params["series"])
            return History(host=params["host"], start=0.0, interval_seconds=params["seconds"] / 180, series=series)
        if method == "events.list":
            return {"events": self._events(params)}
        if method == "updates.host":
            return NEEDY
        if method == "backups.view":
            return backup_data.view()
        if method == "runs.held":
            return {"held": self.held}
        if method == "checks.host":
            return check_calls.CHECKS
        return {"text": "sent"}

    def _events(self, params: Mapping[str, Any]) -> list[Event]:
        found = [each for each in self.all_events if params.get("host", each.host) == each.host]
        found = [each for each in found if params.get("since_id", -1) < each.id < params.get("before_id", 1 << 60)]
        return sorted(found, key=lambda each: -each.id)[: params["limit"]]

    def calls(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every request for `method`."""
        return [params for name, params in self.asked if name == method]


class FakeConsole(App[None], inherit_bindings=False):
    """As much of the console as a screen may use."""

    BINDINGS = [("escape", "escape", "back")]
    CSS_PATH = Path(theme.__file__).with_name("app.tcss")

    def __init__(self, screen: BaseScreen, link: FakeLink, *, ascii_only: bool = False, read_only: bool = False):
        super().__init__()
        self.link = link
        self.options = ConsoleOptions()
        self.keys = Keymap()
        self.glyphs = glyphs(ascii_only)
        self.painter = Painter(theme.DARK, ascii_only)
        self.frozen_since: float | None = None
        self.read_only = read_only
        self.said: list[str] = []
        self.copied = ""
        self.opened: list[tuple[str, str]] = []
        self.time = 1000.0
        self._first = screen

    def on_mount(self) -> None:
        self.set_class(self.glyphs.spark[0] == "0", "-ascii")
        self.push_screen(self._first)

    def monotonic(self) -> float:
        return self.time

    def fleet(self) -> Fleet:
        return self.link.fleet

    def say(self, text: str, severity: str = "information") -> None:
        self.said.append(text)

    def yank(self, text: str, what: str) -> None:
        self.copied = text

    def open_host(self, host: str, tab: str = "") -> None:
        self.opened.append((host, tab))

    def open_ssh(self, host: str) -> None:
        self.opened.append((host, "ssh"))

    def refusal(self, key: Key) -> str:
        return "read-only" if self.read_only and key.danger >= Danger.CHANGING else ""

    def run_command(self, text: str) -> None:
        raise AssertionError(text)

    def header_state(self) -> chrome.HeaderState:
        return chrome.HeaderState(fleet_name="test", connected=True, up=1, total=1, clock="12:00")

    def banner(self) -> Line:
        return ()

    async def on_key(self, event: events.Key) -> None:
        prompt = self.screen.open_prompt if isinstance(self.screen, BaseScreen) else None
        if prompt is not None and (event.is_printable or not prompt.has_focus_within):
            event.prevent_default()
            await prompt.take(event)

    async def action_escape(self) -> None:
        await perform(self.screen if hasattr(self.screen, "action_back") else self, "app.back", lambda key: "")

    async def action_back(self) -> None:
        self.opened.append(("back", ""))

    def tick(self, seconds: float = 1.0) -> None:
        """Let time pass and the screen ask again."""
        self.time += seconds
        screen = self.screen
        if isinstance(screen, BaseScreen):
            screen.refresh_now()


def shown(screen: Screen[Any]) -> list[str]:
    """What is on the terminal, row by row."""
    return [strip.text.rstrip() for strip in screen._compositor.render_strips()]


async def type_keys(pilot: Pilot[Any], *keys: str) -> list[str]:
    """Press keys and read the terminal."""
    await pilot.press(*keys)
    await pilot.pause()
    return shown(pilot.app.screen)


def journey(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an asynchronous test on a loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **values: Any) -> None:
        asyncio.run(test(*args, **values))

    return run
