"""A command on many hosts while it runs: counters, and the answers, equal ones folded over node ranges."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from textual.app import ComposeResult

from backends.engine.wire import ExecDone, ExecOutput, ExecStarted
from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present.gather import Gathering, grouped, lines
from swarm_tui.present.line import Line
from swarm_tui.rpc import Notification
from swarm_tui.screens.base import BaseScreen
from swarm_tui.widgets.lines import LinesView


class ExecScreen(BaseScreen):
    """Results of `exec`; leaving it does not end the command."""

    SCOPES = ("exec",)
    MODE = "fleet"

    def __init__(self, select: str, argv: Sequence[str]):
        super().__init__()
        self._select, self._argv = select, list(argv)
        self._gathering: Gathering | None = None
        self._early: list[Notification] = []
        """What arrived before the engine's answer told this run's number."""
        self._error = ""
        self._folded = True
        self._changed = True
        self._end: Callable[[], None] | None = None

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("fleet", "exec", shlex.join(self._argv))

    def on_mount(self) -> None:
        self._end = self.console.link.listen(self._heard)
        self._begin()

    def on_unmount(self) -> None:
        if self._end is not None:
            self._end()

    def _begin(self) -> None:
        self._gathering, self._early, self._error, self._changed = None, [], "", True
        params = {"select": self._select, "argv": self._argv}
        self.console.link.request("exec.start", params, ExecStarted, self._started, self._failed)

    def _started(self, run: ExecStarted) -> None:
        self._gathering = Gathering(run.id, run.hosts)
        early, self._early = self._early, []
        for notification in early:
            self._heard(notification)
        self.refresh_now()

    def _failed(self, error: SwarmError) -> None:
        self._error = f"{error.message}{f' — {error.hint}' if error.hint else ''}"
        self._changed = True
        self.refresh_now()

    def _heard(self, notification: Notification) -> None:
        if not notification.method.startswith("exec."):
            return
        if self._gathering is None:
            self._early.append(notification)
        elif notification.method == "exec.output":
            piece = notification.read(ExecOutput)
            if piece.id == self._gathering.number:
                self._gathering.output(piece)
        elif notification.method == "exec.done":
            done = notification.read(ExecDone)
            if done.id == self._gathering.number:
                self._gathering.done(done)
        self._changed = True

    def on_fleet(self, fleet: Fleet) -> None:
        if self._changed:
            self._changed = False
            self.query_one("#main", LinesView).set_lines(self._lines())

    def _lines(self) -> list[Line]:
        if self._error:
            return [(), (("  " + self._error, "bad"),)]
        if self._gathering is None:
            return [(), (("  asking the engine …", "dim"),)]
        answers = self._gathering.answers(unfinished="still running")
        if self._folded:
            return [_styled(*line) for line in lines(grouped(answers))]
        return [_styled(*line) for answer in answers for line in lines(grouped([answer]))]

    def status(self) -> tuple[Line, Line]:
        if self._gathering is None:
            return (), ()
        return ((self._gathering.progress(), "text"),), ()

    def refusal(self, key: Key) -> str:
        running = self._gathering is not None and self._gathering.left > 0
        if key.id == "exec.cancel" and not running:
            return "nothing runs any more"
        return "still running" if key.id == "exec.again" and running else ""

    def action_cancel(self) -> None:
        if self._gathering is not None:
            params = {"id": self._gathering.number}
            said = self.console.say
            self.console.link.request("exec.cancel", params, dict, lambda _: said("cancelled"), self._failed)

    def action_again(self) -> None:
        self._begin()
        self.refresh_now()

    def action_fold(self) -> None:
        self._folded, self._changed = not self._folded, True
        self.refresh_now()

    def action_yank(self) -> None:
        text = "\n".join("".join(piece for piece, _ in line) for line in self._lines())
        self.console.yank(text, "the result")


def _styled(stream: str, text: str) -> Line:
    if text.startswith("──"):
        return ((text, "accent"),)
    return ((text, "warn" if stream == "err" else "text"),)
