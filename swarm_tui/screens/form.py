"""A dialog of questions with few answers each, and one line of text: the arrow keys choose, what is typed goes into the line.

No letter is an answer, so that nothing that is typed can change one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.widgets import Input

from backends.text import clean
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line, width
from swarm_tui.screens.dialog import Dialog

LABEL_CELLS = 7
BOX_CELLS = 70
"""Of a dialog's text, where the terminal is wide enough."""
MOST_CHARACTERS = 500


class Option(NamedTuple):
    """One answer."""

    words: str
    value: Any
    refusal: str = ""
    """Why it cannot be chosen; "" when it can."""


class Question(NamedTuple):
    """What is asked, and the answer that stands."""

    label: str
    options: tuple[Option, ...]
    at: int = 0

    @property
    def answer(self) -> Option:
        return self.options[self.at]

    def turned(self, step: int) -> Question:
        """With the next answer, or the one before; they go round."""
        return self._replace(at=(self.at + step) % len(self.options))


class Answers(NamedTuple):
    """What was chosen, in the order of the questions, and what was typed."""

    values: tuple[Any, ...]
    text: str


class Form(Dialog[Answers | None]):
    """Dismisses with the answers; None: it was left."""

    FIELD = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,shift+tab", "row(-1)", "row above", priority=True),
        Binding("down,tab", "row(1)", "row below", priority=True),
        Binding("left", "turn(-1)", "answer before", priority=True),
        Binding("right", "turn(1)", "next answer", priority=True),
    ]

    def __init__(self, title: str, questions: Sequence[Question], asked: str, done: str):
        """
        Args:
            asked: what the line of text is for, one sentence.
            done: what Enter does, one word.
        """
        self.questions = [each._replace(at=_first(each.options)) if each.answer.refusal else each for each in questions]
        self.row = 0
        self._asked = asked
        foot: Line = (
            ("Up Down", "key"), (" row  ", "dim"), ("Left Right", "key"), (" change  ", "dim"),
            ("Enter", "key"), (f" {done}  ", "dim"), ("Esc", "key"), (" leave", "dim"),
        )  # fmt: skip
        super().__init__(title, (), foot)

    def opened(self) -> None:
        self.changed()

    # What a form provides ---------------------------------------------------------------------------------------

    def changed(self) -> None:
        """Other answers stand."""
        self.draw()

    def below(self) -> list[Line]:
        """What the answers come to."""
        return []

    def against(self) -> str:
        """Why these answers cannot be taken; "" when they can."""
        return next((each.answer.refusal for each in self.questions if each.answer.refusal), "")

    # Drawing ----------------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """Cells of a line."""
        return min(BOX_CELLS, self.app.size.width * 96 // 100 - 6)

    def draw(self) -> None:
        """Bring the lines up to date."""
        if self.is_attached:
            asked = line(Span("▸ " if self.row == len(self.questions) else "  ", "accent"), Span(self._asked))
            rows = [self._question(index, each) for index, each in enumerate(self.questions)]
            self.show([*rows, (), *self.below(), (), asked])

    def _question(self, index: int, question: Question) -> Line:
        head = [
            Span("▸ " if index == self.row else "  ", "accent"),
            Span(f"{question.label:<{LABEL_CELLS}}", "strong" if index == self.row else "dim"),
        ]
        every = line(*head, *(_option(each, at == question.at) for at, each in enumerate(question.options)))
        if width(every) <= self.room:
            return every
        count = Span(f"  {question.at + 1} of {len(question.options)}", "dim")
        return line(*head, _option(question.answer, chosen=True), count)

    # Keys -------------------------------------------------------------------------------------------------------

    def action_row(self, step: int) -> None:
        """The line of text is the last row."""
        self.row = (self.row + step) % (len(self.questions) + 1)
        self.draw()

    def action_turn(self, step: int) -> None:
        """On the line of text the cursor moves instead."""
        if self.row < len(self.questions):
            self.questions[self.row] = self.questions[self.row].turned(step)
            self.changed()
            return
        field = self.query_one("#dialog-field", Input)
        field.cursor_position += step

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.is_type_ahead:
            return
        typed = clean(event.value, MOST_CHARACTERS).strip()
        against = self.against() or ("" if typed else "who finds it next must know why")
        if against:
            self.notify(clean(against, 400), severity="warning", markup=False)
        else:
            self.dismiss(Answers(tuple(each.answer.value for each in self.questions), typed))


def _first(options: Sequence[Option]) -> int:
    """The first that can be chosen."""
    return next((index for index, each in enumerate(options) if not each.refusal), 0)


def _option(option: Option, chosen: bool) -> Span:
    if chosen:
        return Span(f"[{option.words}]", "warn" if option.refusal else "tab-on")
    return Span(f" {option.words} ", "faint" if option.refusal else "tab")
