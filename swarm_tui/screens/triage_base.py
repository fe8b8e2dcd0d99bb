"""What the screens about triage share: a list of rows, questions to the engine, an error in place, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from textual.app import ComposeResult

from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.present.triage import Row, said_rows
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.listing import Listing
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.pick_list import PickList, PickRow

T = TypeVar("T")


class TriageBase(Listing, BaseScreen):
    """A list under two lines of facts; subclasses say what is asked for (`load`) and how it is drawn (`rows`)."""

    MODE = "fleet"

    def __init__(self) -> None:
        super().__init__()
        self.error: SwarmError | None = None
        """Why the last question was not answered."""
        self.waiting = 0
        """Questions that are on their way."""
        self.turn = 0
        """How often all was begun anew: answers to questions of an earlier turn come too late."""

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")

    # What a screen provides -------------------------------------------------------------------------------------

    def load(self) -> None:
        """Ask the engine for what is shown."""

    def rows(self, width: int) -> Sequence[Row]:
        """Every row; none while nothing is known."""
        raise NotImplementedError

    def facts(self, width: int) -> list[Line]:
        """Two lines above the list."""
        return []

    def empty(self, width: int) -> Sequence[Row]:
        """What stands where no row does."""
        return said_rows("nothing here", "dim", "", width)

    # Data -------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.load()

    def fetch(self, method: str, params: Mapping[str, Any], kind: type[T], got: Callable[[T], None]) -> None:
        """Ask `triage.<method>`; what is shown is drawn anew when the answer is there."""

        turn = self.turn

        def done(answer: T) -> None:
            self.waiting -= 1
            if turn == self.turn:
                self.error = None
                got(answer)
                self.draw_if_shown()

        def failed(error: SwarmError) -> None:
            self.waiting -= 1
            if turn == self.turn:
                self.refused(error)
                self.draw_if_shown()

        self.waiting += 1
        self.console.link.request(f"triage.{method}", params, kind, done, failed)

    def refused(self, error: SwarmError) -> None:
        """The engine did not answer."""
        self.error = error

    @property
    def now(self) -> float:
        """Epoch seconds, as the engine has them."""
        return self.console.fleet().time(self.console.monotonic())

    # Drawing ----------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        self.draw()

    def on_resize(self) -> None:
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
        for head in self.query("#facts").results(FixedLines):
            head.set_lines(self.facts(width))
        self.list.show([PickRow(*row) for row in self.rows(width) or self._instead(width)])

    def _instead(self, width: int) -> Sequence[Row]:
        if self.error is not None:
            return said_rows(self.error.message, "bad", self.error.hint or "", width)
        return said_rows("asking the engine…", "dim", "", width) if self.waiting else self.empty(width)

    def status(self) -> tuple[Line, Line]:
        picked = [row.key for row in self.list.rows if row.key is not None]
        at = picked.index(self.list.cursor) + 1 if self.list.cursor in picked else 0
        return line(Span(self.told(), "dim")), ((f"{at}/{len(picked)}", "dim"),) if picked else ()

    def told(self) -> str:
        """What the status line says."""
        return ""

    # Keys -------------------------------------------------------------------------------------------------------

    def on_pick_list_moved(self) -> None:
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Enter, or two clicks."""

    async def leave(self) -> None:
        """Back to where this was opened from."""
        app: Any = self.app
        await app.action_back()
