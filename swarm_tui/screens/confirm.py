"""Asking before something changes: `y` answers a plain question, dangerous ones want a word typed. Enter never answers yes."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.widgets import Input

from backends.text import clean
from swarm_tui.present.line import Line
from swarm_tui.screens.dialog import Dialog


class Confirm(Dialog[bool]):
    """Tier 2: what will be done, to whom, and `y`."""

    def __init__(self, title: str, lines: Sequence[Line]):
        foot: Line = (
            ("y", "key"),
            (" yes   ", "dim"),
            ("n", "key"),
            (" or ", "dim"),
            ("Esc", "key"),
            (" no (default)", "dim"),
        )
        super().__init__(title, lines, foot)

    def key_pressed(self, event: events.Key) -> None:
        if event.key == "y":
            event.stop()
            self.dismiss(True)
        elif event.key in ("n", "enter", "q"):
            event.stop()
            self.dismiss(False)


class ConfirmTyped(Dialog[bool]):
    """Tier 3: the host's name, the number of hosts or another word is typed in full."""

    FIELD = True

    def __init__(self, title: str, lines: Sequence[Line], word: str):
        self._word = word = clean(word)  # the field draws it without the painter's last look
        foot: Line = (("Enter", "key"), (" when it is typed   ", "dim"), ("Esc", "key"), (" no", "dim"))
        asked: Line = (("Type ", "text"), (word, "bad"), (" to go on:", "text"))
        super().__init__(title, [*lines, (), asked], foot, danger=True)

    def opened(self) -> None:
        """Long lines may scroll what is asked for out of sight; the field itself always says it."""
        self.query_one("#dialog-field", Input).placeholder = f"type {self._word}"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.is_type_ahead:
            return
        if event.value.strip() == self._word:
            self.dismiss(True)
        else:
            self.notify("that is not it; Esc leaves", severity="warning", markup=False)


class AskLine(Dialog[str | None]):
    """A line of text; Enter takes it, Escape does not."""

    FIELD = True

    def __init__(self, title: str, lines: Sequence[Line], value: str = ""):
        foot: Line = (("Enter", "key"), (" go on   ", "dim"), ("Esc", "key"), (" leave", "dim"))
        super().__init__(title, lines, foot)
        self._value = value

    def opened(self) -> None:
        self.query_one("#dialog-field", Input).value = self._value

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() and not self.is_type_ahead:
            self.dismiss(event.value.strip())
