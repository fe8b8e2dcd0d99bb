"""What one host of a run prints, followed live."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.present.line import Line
from swarm_tui.screens.base import BaseScreen
from swarm_tui.widgets.lines import LinesView

SHOWN_LINES = 2000


class LogScreen(BaseScreen):
    """The output of a package manager, newest at the end."""

    MODE = "updates"

    def __init__(self, run_id: str, host: str):
        super().__init__()
        self._run_id, self.host_name = run_id, host
        self._text = ""
        self._asking = False

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("updates", f"run {self._run_id}", self.host_name)

    def on_fleet(self, fleet: Fleet) -> None:
        if self._asking or self.console.frozen_since is not None:
            return
        self._asking = True
        params = {"run": self._run_id, "host": self.host_name}
        self.console.link.request("updates.log", params, dict[str, str], self._got, self._failed)

    def _got(self, answer: dict[str, str]) -> None:
        self._asking = False
        if answer.get("text", "") != self._text and self.is_current:
            self._text = answer.get("text", "")
            self._show()

    def _failed(self, error: SwarmError) -> None:
        self._asking = False
        self.query_one("#main", LinesView).set_lines([((f" {error.message}", "bad"),)])

    def _show(self) -> None:
        view = self.query_one("#main", LinesView)
        at_end = view.scroll_offset.y + view.size.height >= len(view.lines)
        lines: list[Line] = [((f" {line}", "text"),) for line in self._text.splitlines()[-SHOWN_LINES:]]
        view.set_lines(lines or [((" nothing printed yet", "dim"),)])
        if at_end:
            view.scroll_end(animate=False)

    def status(self) -> tuple[Line, Line]:
        return (), ((f"{len(self._text.splitlines())} lines", "dim"),)

    def subject(self) -> tuple[str, ...]:
        return (self.host_name,)
