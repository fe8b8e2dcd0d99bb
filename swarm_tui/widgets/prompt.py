"""The prompt at the bottom, for the filter and the command line: a line of text, and below it what is wrong or possible.

It takes the places of status line and footer, so that nothing above it moves. While it is open every printable key goes into it, so that correcting a filter can never trigger an action.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from swarm_tui.present.line import Line
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.paint import painted

Complete = Callable[[str], list[str]]
Complaint = str | tuple[int, str]
"""What is wrong with the text, with the column (from 0) where it is known; "" when nothing is."""


KEYS: Line = (
    ("Enter", "key"), (" keeps it  ", "dim"), ("Esc", "key"), (" takes it back  ", "dim"), ("Up", "key"), (" earlier ones", "dim"),
)  # fmt: skip


class _Line(Input):
    """The text field: Enter submits, Escape leaves, Up and Down walk the history, Tab completes."""

    def __init__(self) -> None:
        super().__init__(id="prompt-input", select_on_focus=False, compact=True)
        self.cursor_blink = False


class Prompt(Vertical):
    """Label and text field, and a message line; hidden unless open."""

    BINDINGS = [
        ("escape", "cancel", "leave"),
        ("up", "older", "older"),
        ("down", "newer", "newer"),
        ("tab", "complete", "complete"),
    ]

    def __init__(self, *, id: str | None = None):
        super().__init__(id=id)
        self._on_submit: Callable[[str], None] = lambda text: None
        self._on_change: Callable[[str], Complaint] | None = None
        self._label = ""
        self._on_cancel: Callable[[], None] | None = None
        self._complete: Complete | None = None
        self._history: list[str] = []
        self._position = 0
        self._candidates: list[str] = []
        self._candidate = -1

    def compose(self) -> ComposeResult:
        with Horizontal(id="prompt-line"):
            yield FixedLines(id="prompt-label")
            yield _Line()
        yield FixedLines(id="prompt-message")

    @property
    def is_open(self) -> bool:
        """Whether it takes the keys."""
        return self.has_class("-open")

    def open(
        self,
        label: str,
        value: str,
        on_submit: Callable[[str], None],
        *,
        on_change: Callable[[str], Complaint] | None = None,
        on_cancel: Callable[[], None] | None = None,
        complete: Complete | None = None,
        history: list[str] | None = None,
    ) -> None:
        """Show the prompt and take the keys."""
        self._on_submit, self._on_change, self._on_cancel = on_submit, on_change, on_cancel
        self._complete, self._history = complete, history or []
        self._position, self._candidate = len(self._history), -1
        self._label = label
        head = self.query_one("#prompt-label", FixedLines)
        head.set_lines([((f" {label}", "accent"),)])
        head.styles.width = len(label) + 1
        field = self._field
        field.can_focus = True
        self.add_class("-open")
        self.screen.add_class("-asking")
        field.value = value
        field.cursor_position = len(value)
        field.focus()
        self._react(value)

    def close(self) -> None:
        """Hide it and give the keys back."""
        self.remove_class("-open")
        self.screen.remove_class("-asking")
        self._field.can_focus = False
        main = self.screen.query("#main")
        if main:
            main.first().focus()

    async def take(self, event: events.Key) -> None:
        """A key that was still on its way to the screen when the prompt opened (a fast typist, a paste)."""
        field = self._field
        if event.is_printable and event.character:
            field.insert_text_at_cursor(event.character)
        elif event.key == "backspace":
            field.action_delete_left()
        elif event.key == "enter":
            await field.action_submit()
        elif event.key == "escape":
            self.action_cancel()

    @property
    def _field(self) -> _Line:
        return self.query_one(_Line)

    def _react(self, text: str) -> None:
        """Say what is wrong with the text, else what may come next, else how to leave."""
        wrong = self._on_change(text) if self._on_change else ""
        if wrong:
            self._complain(wrong)
            return
        candidates = self._complete(text)[:12] if self._complete else []
        words = [candidate.rpartition(" ")[2] for candidate in candidates]
        line: Line = (("  ".join(words), "dim"),) if words else KEYS
        self._message.set_lines([((" ", "text"), *line)])

    def _complain(self, wrong: Complaint) -> None:
        """The caret stands below the character that it is about, as far as there is room for the sentence."""
        column, text = wrong if isinstance(wrong, tuple) else (0, wrong)
        room = max(0, self.size.width - len(text) - 4)
        indent = min(room, len(self._label) + 1 + column)
        self._message.set_lines([((" " * indent + painted(self).glyphs.caret + " ", "bad"), (text, "warn"))])

    @property
    def _message(self) -> FixedLines:
        return self.query_one("#prompt-message", FixedLines)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._candidate = -1
        if self.is_open:
            self._react(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close()
        self._on_submit(event.value)

    def action_cancel(self) -> None:
        self.close()
        if self._on_cancel:
            self._on_cancel()

    def action_older(self) -> None:
        self._recall(-1)

    def action_newer(self) -> None:
        self._recall(1)

    def _recall(self, step: int) -> None:
        self._position = min(len(self._history), max(0, self._position + step))
        past = self._history[self._position] if self._position < len(self._history) else ""
        self._set(past)

    def action_complete(self) -> None:
        if not self._complete:
            return
        if self._candidate < 0:
            self._candidates = self._complete(self._field.value)
        if self._candidates:
            self._candidate = (self._candidate + 1) % len(self._candidates)
            self._set(self._candidates[self._candidate], keep=True)

    def _set(self, value: str, keep: bool = False) -> None:
        with self.prevent(Input.Changed):
            self._field.value = value
            self._field.cursor_position = len(value)
        if not keep:
            self._candidate = -1
