"""What can be done to a process from the Host screen: a signal or another priority, asked for and checked by start time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from backends.engine.wire import HostDetail
from backends.errors import SwarmError
from backends.metrics.sample import Process
from swarm_tui.present import host_signal
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.confirm import AskLine, Confirm
from swarm_tui.screens.menu import Choice, Menu

if TYPE_CHECKING:
    from swarm_tui.screens.base import BaseScreen

    _Base = BaseScreen
else:
    _Base = object

NICE = range(-20, 20)


class _Said(msgspec.Struct, frozen=True):
    text: str = ""


class ProcessActions(_Base):
    """Gives a screen `signal` and `renice`. The process is frozen when the menu opens: a re-sort cannot swap it."""

    def picked(self) -> tuple[Process, HostDetail] | None:
        """The process under the cursor with the detail that it was seen in."""
        raise NotImplementedError

    def action_signal(self) -> None:
        found = self.picked()
        if found is None:
            return
        choices = [Choice(each.key, each.name, each.name, each.meaning) for each in host_signal.SIGNALS]
        self._push(Menu("Send a signal", _about(*found), choices), lambda name: self._confirm_signal(*found, name))

    def _confirm_signal(self, process: Process, detail: HostDetail, name: str | None) -> None:
        if name is None:
            return
        lines = [
            *_about(process, detail),
            (),
            line("command  ", Span(f"kill -{name} {process.pid}", "strong"), f" on {detail.row.name}"),
            line(Span(host_signal.CHECKED, "dim")),
        ]
        title = f"Send {name} to {process.pid} {process.name} on {detail.row.name}?"
        self._push(
            Confirm(title, lines),
            lambda yes: self._send("host.signal", process, detail, {"signal": name}) if yes else None,
        )

    def action_renice(self) -> None:
        found = self.picked()
        if found is None:
            return
        hint = line(Span("-20 (first) … 19 (last); below 0 needs root", "dim"))
        now = found[0].nice
        ask = AskLine("Change the priority", [*_about(*found), (), hint], "" if now is None else str(now))
        self._push(ask, lambda text: self._confirm_renice(*found, text))

    def _confirm_renice(self, process: Process, detail: HostDetail, text: str | None) -> None:
        if text is None:
            return
        nice = int(text) if text.lstrip("+-").isdecimal() and text.isascii() else None
        if nice is None or nice not in NICE:
            self.console.say(f"{text} is not a priority: -20 … 19", "warning")
            return
        lines = [
            *_about(process, detail),
            (),
            line("command  ", Span(f"renice -n {nice} -p {process.pid}", "strong"), f" on {detail.row.name}"),
        ]
        title = f"Set the priority of {process.pid} {process.name} to {nice}?"
        self._push(
            Confirm(title, lines),
            lambda yes: self._send("host.renice", process, detail, {"nice": nice}) if yes else None,
        )

    def _send(self, method: str, process: Process, detail: HostDetail, what: dict[str, object]) -> None:
        params = {"host": detail.row.name, "pid": process.pid, "start_ticks": process.start_ticks, **what}
        self.console.link.request(method, params, _Said, self._done, self._refused)

    def _done(self, said: _Said) -> None:
        self.console.say(said.text or "done")

    def _refused(self, error: SwarmError) -> None:
        self.console.say(f"{error.message}{f' — {error.hint}' if error.hint else ''}", "error")

    def _push(self, dialog: Any, then: Any) -> None:
        self.app.push_screen(dialog, then)


def _about(process: Process, detail: HostDetail) -> list[Line]:
    return [line(Span(text[:9], "dim"), Span(text[9:])) for text in host_signal.describe(process, detail)]
