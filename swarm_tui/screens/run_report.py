"""The report of a run: read here, copied, or saved as Markdown or JSON lines. It can be had while the run goes on."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.errors import SwarmError
from backends.units import size
from swarm_tui import run_file
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import run_report
from swarm_tui.present.host_line import Span, wrap
from swarm_tui.present.line import Line
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.confirm import AskLine
from swarm_tui.widgets.lines import LinesView

QUESTION_CELLS = 70
WIDEST = 120
"""Cells of a line that is still easy to read."""


class ReportScreen(BaseScreen):
    """One report, as it was when it was asked for; `r` asks anew."""

    SCOPES = ("runreport",)
    MODE = "runs"

    def __init__(self, run_id: str):
        super().__init__()
        self._run_id = run_id
        self._text = ""
        self._error: SwarmError | None = None

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("runs", self._run_id, "report")

    def on_mount(self) -> None:
        self.action_again()

    def action_again(self) -> None:
        params = {"run": self._run_id, "format": "markdown"}
        self.console.link.request("runs.report", params, dict[str, str], self._got, self._failed)

    def _got(self, answer: dict[str, str]) -> None:
        self._text, self._error = answer.get("text", ""), None
        self.refresh_now()

    def _failed(self, error: SwarmError) -> None:
        self._error = error
        self.refresh_now()

    def on_fleet(self, fleet: Fleet) -> None:
        width = max(40, min(WIDEST, self.size.width - 2))
        lines = run_report.lines(self._text, width - 1) if self._text else self._none(width)
        self.query_one("#main", LinesView).set_lines([((" ", "text"), *each) for each in lines])

    def _none(self, width: int) -> list[Line]:
        if self._error is None:
            return [(), (("asking the engine…", "dim"),)]
        hint = wrap(self._error.hint, width, 0, "dim") if self._error.hint else []
        return [(), *wrap(self._error.message, width, 0, "warn"), *hint]

    def on_resize(self) -> None:
        super().on_resize()
        self.refresh_now()

    def status(self) -> tuple[Line, Line]:
        return (Span(f"report of {self._run_id}", "dim"),), ((f"{len(self._text.splitlines())} lines", "dim"),)

    def refusal(self, key: Key) -> str:
        return "it is not there yet" if key.id in ("runreport.yank", "runreport.save") and not self._text else ""

    def action_yank(self) -> None:
        self.console.yank(self._text, "the report")

    def action_save(self) -> None:
        about = wrap(
            "On this machine, readable by you alone; a name that ends in .jsonl gets JSON lines.", QUESTION_CELLS
        )
        dialog = AskLine("Save the report", about, str(run_file.proposed(self._run_id)))
        self.app.push_screen(dialog, self._chosen)

    def _chosen(self, written: str | None) -> None:
        """The file's name tells its format; Markdown is here already."""
        if written is None:
            return
        if not written.endswith(".jsonl"):
            self._save(written, self._text)
            return
        params = {"run": self._run_id, "format": "jsonl"}

        def got(answer: dict[str, str]) -> None:
            self._save(written, answer.get("text", ""))

        self.console.link.request("runs.report", params, dict[str, str], got, self.console.failed)

    def _save(self, written: str, text: str) -> None:
        try:
            file = run_file.place(written, self._run_id)
            count = run_file.save(file, text)
        except SwarmError as error:
            self.console.failed(error)
        else:
            self.console.say(f"saved {file} ({size(count)})")
