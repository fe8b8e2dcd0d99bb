"""The modal box that confirmations, menus and help share: lines of text, an optional field, a line of keys."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from swarm_tui.present.line import Line
from swarm_tui.widgets.lines import FixedLines, LinesView

Answer = TypeVar("Answer")

TYPE_AHEAD_SECONDS = 0.3
"""Keys that come this soon after a dialog opened were meant for what was there before."""


class Dialog(ModalScreen[Answer], Generic[Answer]):
    """A box with a title."""

    FIELD: ClassVar[bool] = False
    BINDINGS = [("escape", "leave", "leave")]
    AUTO_FOCUS = None

    def __init__(self, title: str, lines: Sequence[Line] = (), foot: Line = (), *, danger: bool = False):
        super().__init__(classes="-danger" if danger else "")
        self._title = title
        self._first_lines = tuple(lines)
        self._foot = foot
        self._opened_at = time.monotonic()

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = None
            yield LinesView(id="dialog-lines")
            if self.FIELD:
                field = Input(id="dialog-field", compact=True)
                field.cursor_blink = False
                yield field
            yield FixedLines(id="dialog-foot")

    def on_mount(self) -> None:
        self.set_class(self.app.has_class("-ascii"), "-ascii")
        self.show(self._first_lines)
        self.query_one("#dialog-foot", FixedLines).set_lines([self._foot])
        target = self.query_one("#dialog-field", Input) if self.FIELD else self.query_one("#dialog-lines", LinesView)
        target.focus()
        self.opened()

    # Textual runs the `on_…` of every class of a screen's ancestry, so what subclasses add has names of its own.

    def opened(self) -> None:
        """The dialog is on screen."""

    def key_pressed(self, event: events.Key) -> None:
        """A key that was meant for this dialog."""

    def show(self, lines: Sequence[Line]) -> None:
        """The title and these lines."""
        self.query_one("#dialog-lines", LinesView).set_lines([((self._title, "title"),), (), *lines])

    @property
    def is_type_ahead(self) -> bool:
        """Whether a key now was probably meant for the screen before."""
        return time.monotonic() - self._opened_at < TYPE_AHEAD_SECONDS

    def on_key(self, event: events.Key) -> None:
        if not self.is_type_ahead:
            self.key_pressed(event)
        elif event.key != "escape":
            event.stop()
            event.prevent_default()

    def action_leave(self) -> None:
        self.dismiss(None)
