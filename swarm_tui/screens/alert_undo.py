"""Taking back: what is in hand is given back, what hides alerts is ended; first what is meant, else what was done last."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.alerts.views import AlertRow
from backends.inventory.ranges import fold
from swarm_tui.present.alert_silences import silence_words
from swarm_tui.present.host_line import wrap
from swarm_tui.present.line import Line
from swarm_tui.screens.alert_base import QUESTION_CELLS, AlertBase, Done, named, place
from swarm_tui.screens.confirm import Confirm

SHOWN = 8
"""Alerts that a question names."""


def question(rows: Sequence[AlertRow]) -> list[Line]:
    """The alerts by name, as many as fit."""
    lines = [each for row in rows[:SHOWN] for each in wrap(place(row), QUESTION_CELLS, 2)]
    left = len(rows) - SHOWN
    return lines + ([((f"and {left} more", "dim"),)] if left > 0 else [])


class AlertUndo(AlertBase):
    """The key `u`."""

    def action_undo(self) -> None:
        rows, last = self.picked(), self.last
        held = [row for row in rows if row.ack is not None]
        silences = tuple(dict.fromkeys(each for row in rows for each in row.silenced))
        mutes = tuple(dict.fromkeys(row.muted for row in rows if row.muted))
        if held:
            self._give_back(tuple(row.fingerprint for row in held), named(held))
        elif silences:
            self._end("silence", silences)
        elif mutes:
            self._end("mute", mutes)
        elif last is not None and last.kind == "ack":
            words = "the alert" if len(last.names) == 1 else f"{len(last.names)} alerts"
            self._give_back(last.names, words)
        elif last is not None:
            self._end(last.kind, last.names)

    def _give_back(self, names: tuple[str, ...], words: str) -> None:
        self.last = None
        self.act("unack", {"fingerprints": names}, lambda: f"given back: {words}")

    def _end(self, kind: str, names: tuple[str, ...]) -> None:
        """What was begun here right now ends at once; of anything else it is shown first whose it is and what it hides."""
        if self.last == Done("silence" if kind == "silence" else "mute", names):
            self._ended(kind, names)
            return
        title = "End what hides it?" if kind == "silence" else "End the maintenance?"
        then: Line = (("What it hid is told from now on.", "dim"),)
        if kind == "mute":
            then = (("A digest of what is new follows once they have settled.", "dim"),)
        lines = [
            each for name in names for each in wrap(self._about(kind, name) + self._hides(name), QUESTION_CELLS, 2)
        ]
        answer = self._answer(lambda: self._ended(kind, names))
        self.app.push_screen(Confirm(title, [*lines, (), then]), answer)

    def _answer(self, then: Callable[[], None]) -> Callable[[bool | None], None]:
        return lambda yes: then() if yes else None

    def _ended(self, kind: str, names: tuple[str, ...]) -> None:
        self.last = None
        method = "unsilence" if kind == "silence" else "end_mute"
        words = "; ".join(self._about(kind, name) for name in names)
        self.act_on_each(method, [{"id": name} for name in names], lambda: f"ended: {words}")

    def _about(self, kind: str, name: str) -> str:
        """What hides, whose it is, and why."""
        view = self.newest()
        silences, mutes = (view.silences, view.mutes) if view else ((), ())
        for silence in silences if kind == "silence" else ():
            if silence.id == name:
                return f"{silence_words(silence)} (by {silence.by}: {silence.comment})"
        for mute in mutes if kind == "mute" else ():
            if mute.id == name:
                return f"maintenance of {fold(mute.hosts)} (by {mute.by}: {mute.comment})"
        return name

    def _hides(self, name: str) -> str:
        """How much of what is known it hides."""
        view = self.newest()
        alerts = (view.alerts if view else None) or ()
        hides = sum(name in row.silenced or name == row.muted for row in alerts)
        return f", hides {hides} now" if hides else ""
