"""Silencing alerts and the maintenance of hosts: what, for how long, why, and all the while what that would hide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from backends.alerts.silences import Preview
from backends.alerts.views import AlertRow
from backends.errors import SwarmError
from backends.inventory.ranges import fold
from backends.units import span
from swarm_tui.present.alert_scopes import Lasting, Scope, lastings, preview_lines, scopes
from swarm_tui.present.host_line import wrap
from swarm_tui.present.line import Line
from swarm_tui.screens.alert_base import AlertBase
from swarm_tui.screens.base import Console
from swarm_tui.screens.form import Answers, Form, Option, Question

USUAL = "4h"
WHY = "Why? Who finds it next must know:"


def ask_silence(screen: AlertBase, rows: Sequence[AlertRow]) -> None:
    """A silence of these alerts, their rule or their hosts."""
    ask_silence_of(screen, scopes(rows))


def ask_silence_of(screen: AlertBase, offered: Sequence[Scope]) -> None:
    """A silence of one of these."""

    def answered(answers: Answers | None) -> None:
        if answers is None:
            return
        scope, lasting, with_alert = answers.values
        params = {
            **scope.params,
            "seconds": lasting.seconds,
            "comment": answers.text,
            "with_alert": with_alert,
        }
        words = f"silenced for {span(lasting.seconds)}: {scope.words}; u ends it"
        screen.act("silence", params, lambda: words, screen.silenced)

    screen.app.push_screen(SilenceForm(offered, screen.now), answered)


class SilenceForm(Form):
    """What it would hide is counted anew with each change."""

    def __init__(self, offered: Sequence[Scope], now: float):
        self._asked_for: dict[str, Any] = {}
        self._preview: Preview | None = None
        self._error = ""
        questions = (
            Question("what", tuple(Option(each.label, each, each.refusal) for each in offered)),
            _duration(now),
            Question("ends", (Option("on time", False), Option("with the alert, if that is sooner", True))),
        )
        super().__init__("Silence", questions, WHY, "silences")

    @property
    def console(self) -> Console:
        """The application, as far as screens may use it."""
        return cast("Console", self.app)

    def changed(self) -> None:
        scope, lasting = self.questions[0].answer.value, self.questions[1].answer.value
        params = {**scope.params, "seconds": lasting.seconds}
        if params != self._asked_for and not scope.refusal:
            self._asked_for, self._preview, self._error = params, None, ""
            got, failed = self._receiver(params, self._got), self._receiver(params, self._failed)
            self.console.link.request("alerts.silence_preview", params, Preview, got, failed)
        self.draw()

    def _receiver(self, params: Mapping[str, Any], take: Callable[[Any], None]) -> Callable[[Any], None]:
        """An answer to an earlier question says nothing of these answers."""

        def received(answer: Any) -> None:
            if params == self._asked_for:
                take(answer)
                self.draw()

        return received

    def _got(self, preview: Preview) -> None:
        self._preview = preview

    def _failed(self, error: SwarmError) -> None:
        self._error = error.message

    def below(self) -> list[Line]:
        scope: Scope = self.questions[0].answer.value
        if scope.refusal:
            return wrap(f"{scope.label}: {scope.refusal}", self.room, 2, "warn")
        lines = wrap(scope.words, self.room, 2, "strong")
        if self._error:
            return lines + wrap(self._error, self.room, 2, "bad")
        if self._preview is None:
            return [*lines, (("counting what it hides…", "dim"),)]
        return lines + preview_lines(self._preview, self.room)

    def against(self) -> str:
        return super().against() or self._error or ("" if self._preview else "what it hides is still being counted")


def ask_mute(screen: AlertBase, hosts: Sequence[str]) -> None:
    """A maintenance of these hosts, or of what a selector names (one text of `hosts`)."""
    names = fold(hosts) + (f" ({len(hosts)})" if len(hosts) > 1 else "")

    def answered(answers: Answers | None) -> None:
        if answers is None:
            return
        lasting: Lasting = answers.values[0]
        params = {"select": ",".join(hosts), "seconds": lasting.seconds, "comment": answers.text}
        words = f"maintenance of {names} for {span(lasting.seconds)}; u ends it"
        screen.act("mute", params, lambda: words, screen.began_maintenance)

    screen.app.push_screen(MuteForm(names, screen.now), answered)


class MuteForm(Form):
    """A maintenance begins now."""

    def __init__(self, names: str, now: float):
        self._names = names
        super().__init__("Maintenance", (_duration(now),), WHY, "begins it")

    def below(self) -> list[Line]:
        words = "Nobody is told of them until it is over; a digest of what is new follows."
        return [*wrap(self._names, self.room, 2, "strong"), *wrap(words, self.room, 0, "dim")]


def _duration(now: float) -> Question:
    offered = lastings(now)
    usual = next(index for index, each in enumerate(offered) if each.words == USUAL)
    return Question("for", tuple(Option(each.words, each) for each in offered), usual)
