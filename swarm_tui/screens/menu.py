"""A list of actions to choose from by letter; what cannot be done now stays in it, greyed, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual import events

from swarm_tui.present.line import Line, fit
from swarm_tui.screens.dialog import Dialog


class Choice(NamedTuple):
    """One entry."""

    key: str
    id: str
    label: str
    about: str = ""
    refusal: str = ""
    """Why it cannot be chosen; "" when it can."""


class Menu(Dialog[str | None]):
    """Dismisses with the chosen id. The hosts are those that were marked when it opened: a re-sort cannot swap them."""

    def __init__(self, title: str, about: Sequence[Line], choices: Sequence[Choice]):
        self._choices = {choice.key: choice for choice in choices}
        widest = max((len(choice.label) for choice in choices), default=0)
        lines = [*about, (), *(_line(choice, widest) for choice in choices)]
        super().__init__(title, lines, (("Esc", "key"), (" leave", "dim")))

    def key_pressed(self, event: events.Key) -> None:
        choice = self._choices.get(event.character or "")
        if choice is None:
            return
        event.stop()
        if choice.refusal:
            self.notify(f"{choice.label}: {choice.refusal}", severity="warning", markup=False)
        else:
            self.dismiss(choice.id)


def _line(choice: Choice, widest: int) -> Line:
    label = fit(choice.label, widest + 2)
    if choice.refusal:
        return ((f" {choice.key}  {label}", "faint"), (choice.refusal, "faint"))
    return ((f" {choice.key}  ", "key"), (label, "text"), (choice.about, "dim"))
