"""`?`: every key of this place first, then those that work everywhere; typing narrows the list down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from textual.widgets import Input

from swarm_tui.keymap import Key, Scope
from swarm_tui.present import help as help_lines
from swarm_tui.present.line import Line
from swarm_tui.screens.base import Console
from swarm_tui.screens.dialog import Dialog
from swarm_tui.widgets.lines import LinesView


class HelpScreen(Dialog[None]):
    """The key table, searchable."""

    FIELD = True
    BINDINGS = [
        ("down", "scroll(1)", ""),
        ("up", "scroll(-1)", ""),
        ("pagedown", "scroll(10)", ""),
        ("pageup", "scroll(-10)", ""),
    ]

    def __init__(self, scopes: Sequence[Scope], reason_against: Callable[[Key], str]):
        foot: Line = (("type", "key"), (" to search   ", "dim"), ("Esc", "key"), (" leave", "dim"))
        super().__init__("Keys", (), foot)
        self.add_class("-tall")
        self._scopes, self._reason = scopes, reason_against

    def opened(self) -> None:
        self._search("")

    def _search(self, text: str) -> None:
        keys = cast("Console", self.app).keys
        self.show(help_lines.key_lines(self._scopes, keys, self._reason, text))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._search(event.value)

    def action_scroll(self, rows: int) -> None:
        self.query_one("#dialog-lines", LinesView).scroll_relative(y=rows, animate=False)
