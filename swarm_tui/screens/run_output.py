"""What the step at hand prints on one host of a run, followed live."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.present.host_line import Span
from swarm_tui.present.line import Line
from swarm_tui.screens.base import BaseScreen
from swarm_tui.widgets.lines import LinesView

SHOWN_LINES = 2000


class OutputScreen(BaseScreen):
    """The newest line is at the end, and in view until one scrolls up."""

    SCOPES = ("output",)
    MODE = "runs"

    def __init__(self, run_id: str, host: str):
        super().__init__()
        self._run_id, self.host_name = run_id, host
        self._text: str | None = None
        self._error = ""
        self._asking = False

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("runs", self._run_id, self.host_name)

    def on_fleet(self, fleet: Fleet) -> None:
        if self._asking or self.console.frozen_since is not None:
            return
        self._asking = True
        params = {"run": self._run_id, "host": self.host_name}
        self.console.link.request("runs.output", params, dict[str, str], self._got, self._failed)

    def _got(self, answer: dict[str, str]) -> None:
        self._asking, self._error = False, ""
        text = answer.get("text", "")
        if text != self._text and self.is_current:
            self._text = text
            self._show()
            self.refresh_frame()

    def _failed(self, error: SwarmError) -> None:
        self._asking, self._error = False, error.message
        if not self.is_current:
            return
        if self._text is None:
            self.query_one("#main", LinesView).set_lines([((f" {error.message}", "bad"),)])
        self.refresh_frame()

    def _show(self) -> None:
        view = self.query_one("#main", LinesView)
        at_end = view.scroll_offset.y + view.size.height >= len(view.lines)
        lines: list[Line] = [((f" {each}", "text"),) for each in (self._text or "").splitlines()[-SHOWN_LINES:]]
        view.set_lines(lines or [((" nothing was printed yet", "dim"),)])
        if at_end:
            view.scroll_end(animate=False)

    def status(self) -> tuple[Line, Line]:
        return (Span(self._error, "warn"),), ((f"{len((self._text or '').splitlines())} lines", "dim"),)

    def subject(self) -> tuple[str, ...]:
        return (self.host_name,)

    def action_yank(self) -> None:
        self.console.yank(self._text or "", "the log")
