"""A page of text about backups: the log of a job while it grows, a unified diff, an exported key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.cells import chop_cells
from textual.app import ComposeResult

from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present.line import Line, width
from swarm_tui.screens.base import BaseScreen
from swarm_tui.widgets.lines import LinesView

MOST_LINES = 20_000
AGAIN_SECONDS = 2.0


def plain_lines(text: str) -> list[Line]:
    """The text as it is, its newest lines."""
    return [((f" {each}", "text"),) for each in text.splitlines()[-MOST_LINES:]]


def folded(line: Line, cells: int) -> list[Line]:
    """A line of one role in pieces of at most `cells`."""
    if width(line) <= cells or len(line) != 1:
        return [line]
    text, role = line[0]
    return [((each, role),) for each in chop_cells(text, max(10, cells))]


class PageScreen(BaseScreen):
    """What `backups.<method>` answers as `text`."""

    SCOPES = ("page",)
    MODE = "backups"

    def __init__(
        self,
        place: tuple[str, ...],
        method: str,
        params: Mapping[str, Any],
        *,
        lines: Callable[[str], list[Line]] = plain_lines,
        follow: bool = False,
        secret: str = "",
        empty: str = "nothing yet",
    ):
        """`follow`: ask again and stay at the end. `secret`: why it is not put on the clipboard."""
        super().__init__()
        self._place, self._method, self._params = place, method, dict(params)
        self._lines, self._follow, self._secret, self._empty = lines, follow, secret, empty
        self._text: str | None = None
        self._error = ""
        self._asking = False
        self._asked = -1e9

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", *self._place)

    def on_fleet(self, fleet: Fleet) -> None:
        now = self.console.monotonic()
        due = self._text is None or (self._follow and self.console.frozen_since is None)
        if self._asking or self._error or not due or now - self._asked < AGAIN_SECONDS:
            return
        self._asking, self._asked = True, now
        self.console.link.request(f"backups.{self._method}", self._params, dict[str, str], self._got, self._failed)

    def _got(self, answer: dict[str, str]) -> None:
        self._asking = False
        text = answer.get("text", "")
        if text != self._text:
            self._text = text
            self._show(self._lines(text) or [((f" {self._empty}", "dim"),)])

    def _failed(self, error: SwarmError) -> None:
        self._asking, self._error = False, error.message
        hint: list[Line] = [((f" {error.hint}", "dim"),)] if error.hint else []
        self._show([(), ((f" {error.message}", "bad"),), *hint])

    def on_resize(self) -> None:
        if self._text is not None:
            self._show(self._lines(self._text))

    def _show(self, lines: list[Line]) -> None:
        """Longer lines than the terminal is wide go on below."""
        if not self.is_mounted or not self.query("#main"):
            return
        view = self.query_one("#main", LinesView)
        lines = [part for each in lines for part in folded(each, self.size.width - 2)]
        at_end = view.scroll_offset.y + view.size.height >= len(view.lines)
        view.set_lines(lines)
        if self._follow and at_end:
            view.scroll_end(animate=False)
        if self.is_current:
            self.refresh_frame()

    def status(self) -> tuple[Line, Line]:
        if self._text is None:
            return ((("asking the engine…", "dim"),) if not self._error else ()), ()
        return ((self._secret, "warn"),), ((f"{len(self._text.splitlines()):,} lines", "dim"),)

    def refusal(self, key: Key) -> str:
        if key.id == "page.yank":
            return self._secret or ("" if self._text else "nothing here")
        return ""

    def action_yank(self) -> None:
        self.console.yank(self._text or "", "the text")
