"""What the lists beside the Alerts screen share: rows that are asked for again and again, a filter, an error, the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from textual.app import ComposeResult

from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.present.alert_board import said
from swarm_tui.present.alert_outbox import Row, filtered
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.listing import Listing
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.pick_list import PickList, PickRow

T = TypeVar("T")
ASK_SECONDS = 2.0


class AlertList(Listing, BaseScreen):
    """A list; subclasses say what is asked for (`load`) and how it is drawn (`made`)."""

    MODE = "alerts"

    def __init__(self) -> None:
        super().__init__()
        self.needle = ""
        self.loaded = False
        self._error: SwarmError | None = None
        self._asked = -1e9

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")

    # What a list provides ---------------------------------------------------------------------------------------

    def load(self) -> None:
        """Ask the engine for what is shown."""

    def made(self, width: int) -> Sequence[Row]:
        """Every row."""
        raise NotImplementedError

    def facts(self, width: int) -> list[Line]:
        """Two lines above the list."""
        return []

    def empty(self, width: int) -> list[Line]:
        """What stands where no row does."""
        return said("nothing here", "dim", "", width)

    def told(self) -> Line:
        """What the status line says."""
        return ()

    # Data -------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Epoch seconds, as the engine has them."""
        return self.console.fleet().time(self.console.monotonic())

    def fetch(self, method: str, params: Mapping[str, Any], kind: type[T], got: Callable[[T], None]) -> None:
        """Ask `alerts.<method>`; the list is drawn anew when the answer is there."""

        def done(answer: T) -> None:
            self._error, self.loaded = None, True
            got(answer)
            self.draw_if_shown()

        self.console.link.request(f"alerts.{method}", params, kind, done, self._failed)

    def _failed(self, error: SwarmError) -> None:
        self._error = error
        self.draw_if_shown()

    def act(self, method: str, params: Mapping[str, Any], done: Callable[[dict[str, Any]], str]) -> None:
        """Ask `alerts.<method>`, say what it came to, and look again at once."""

        def acted(answer: Any) -> None:
            self._asked = -1e9
            self.console.say(done(answer if isinstance(answer, dict) else {}))
            self.refresh_now()

        self.console.link.request(f"alerts.{method}", params, Any, acted, self.console.failed)

    def on_fleet(self, fleet: Fleet) -> None:
        now = self.console.monotonic()
        if now - self._asked >= ASK_SECONDS and (self.console.frozen_since is None or not self.loaded):
            self._asked = now
            self.load()
        self.draw()

    # Drawing ----------------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.draw)

    def draw_if_shown(self) -> None:
        """News came in."""
        if self.is_current:
            self.draw()
            self.refresh_frame()

    def draw(self) -> None:
        """Bring the list up to date; unchanged cells cost nothing."""
        if not self.is_mounted or not self.query("#main"):
            return
        width = self.list.room[0]
        self.query_one("#facts", FixedLines).set_lines(self.facts(width))
        rows = [PickRow(row.key, row.text) for row in filtered(self.made(width), self.needle)]
        self.list.show(rows or [PickRow(None, each) for each in self._instead(width)])

    def _instead(self, width: int) -> list[Line]:
        if not self.loaded:
            error = self._error
            return (
                said(error.message, "warn", error.hint or "", width)
                if error
                else said("asking the engine…", "dim", "", width)
            )
        if self.needle:
            return said(f"Nothing matches /{self.needle}", "warn", "Esc clears the filter.", width)
        return self.empty(width)

    def status(self) -> tuple[Line, Line]:
        picked = sum(row.key is not None for row in self.list.rows)
        left = line(
            Span(f"/{self.needle}  " if self.needle else "", "chip"),
            Span(self._error.message if self._error is not None and self.loaded else "", "warn"),
        )
        return left or self.told(), ((f"{picked:,} rows" if picked > 1 else "1 row", "dim"),) if picked else ()

    # Keys -------------------------------------------------------------------------------------------------------

    def on_pick_list_moved(self) -> None:
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Enter, or two clicks."""

    def action_filter(self) -> None:
        before = self.needle
        self.ask("/", self.needle, self._filter_by, on_change=self._try, on_cancel=lambda: self._filter_by(before))

    def _try(self, words: str) -> str:
        self._filter_by(words)
        return ""

    def _filter_by(self, words: str) -> None:
        self.needle = words.strip()
        self.draw_if_shown()

    async def action_back(self) -> None:
        if self.needle:
            self._filter_by("")
            return
        app: Any = self.app
        await app.action_back()
