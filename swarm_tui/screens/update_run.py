"""The live board of a run of updates: one row a host, its log behind Enter, and what came of it."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.errors import SwarmError
from backends.updates.runs import Board, BoardHost
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import update_text
from swarm_tui.present.line import Line
from swarm_tui.present.update_board import board_row, head, ordered, result_lines
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.confirm import Confirm
from swarm_tui.screens.listing import Listing
from swarm_tui.screens.update_log import LogScreen
from swarm_tui.screens.update_repair import offer
from swarm_tui.widgets.lines import FixedLines, LinesView
from swarm_tui.widgets.pick_list import PickList, PickRow

RESULT_ROWS = 9


class RunScreen(Listing, BaseScreen):
    """One run. Leaving it ends nothing."""

    SCOPES = ("run", "list")
    MODE = "updates"

    def __init__(self, run_id: str):
        super().__init__()
        self._run_id = run_id
        self._board: Board | None = None
        self._error = ""
        self._asking = False

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")
        yield LinesView(id="result")

    def crumbs(self) -> tuple[str, ...]:
        return ("updates", f"run {self._run_id}")

    # Data -------------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        live = self._board is None or not self._board.finished
        if live and not self._asking and self.console.frozen_since is None:
            self._asking = True
            self.console.link.request("updates.run", {"run": self._run_id}, Board, self._got, self._failed)
        self.draw()

    def _got(self, board: Board) -> None:
        self._asking, self._error, self._board = False, "", board
        if self.is_current:
            self.draw()
            self.refresh_frame()

    def _failed(self, error: SwarmError) -> None:
        self._asking, self._error = False, error.message
        if self.is_current:
            self.draw()
            self.refresh_frame()

    def draw(self) -> None:
        """Bring the board up to date."""
        if self._board is None:
            self.list.show(
                [PickRow(None, ((f"  {self._error or 'asking the engine…'}", "warn" if self._error else "dim"),))]
            )
            return
        width = self.list.room[0]
        glyphs, now = self.console.glyphs, self.console.fleet().now
        rows = [board_row(host, width, glyphs) for host in ordered(self._board)]
        self.query_one("#facts", FixedLines).set_lines(head(self._board, now, width, glyphs))
        self.list.show([PickRow(row.key, row.text) for row in rows])
        current = self.current
        result = self.query_one("#result", LinesView)
        result.set_lines(result_lines(current, width) if current else [])

    @property
    def current(self) -> BoardHost | None:
        """The host under the cursor."""
        hosts = self._board.hosts if self._board else ()
        return next((host for host in hosts if ("host", host.host) == self.list.cursor), None)

    def subject(self) -> tuple[str, ...]:
        return (self.current.host,) if self.current else ()

    def status(self) -> tuple[Line, Line]:
        if self._board is None:
            return (), ()
        left: Line = ((f"{self._board.title}  by {self._board.who}", "dim"),)
        if self._error:
            left = ((self._error, "warn"),)
        return left, (("finished", "ok") if self._board.finished else ("going on", "warn"),)

    def refusal(self, key: Key) -> str:
        host = self.current
        if key.id in ("run.open", "run.cancel", "run.repair") and host is None:
            return "no host here"
        if key.id == "run.cancel" and host is not None and host.ended is not None:
            return "it has ended"
        if key.id == "run.repair" and host is not None and not (host.outcome and host.outcome.repairs):
            return "no repair is offered"
        return ""

    def on_pick_list_moved(self) -> None:
        self.draw()
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    # Actions ----------------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        host = self.current
        if host is not None:
            self.app.push_screen(LogScreen(self._run_id, host.host))

    def action_cancel(self) -> None:
        host = self.current
        if host is None:
            return
        lines: list[Line] = [
            ((f"  {host.host}", "strong"),),
            (),
            (("Only what is safe to end is ended: fetching, or waiting. A package that is being", "dim"),),
            (("installed is finished first, always.", "dim"),),
        ]

        def answered(yes: bool | None) -> None:
            if yes:
                params = {"run": self._run_id, "hosts": [host.host]}
                kind = dict[str, dict[str, str]]
                self.console.link.request("updates.cancel", params, kind, self._cancelled, self.console.failed)

        self.app.push_screen(Confirm("Cancel the update here?", lines), answered)

    def _cancelled(self, answer: dict[str, dict[str, str]]) -> None:
        said = [f"{host}: {words}" for host, words in answer.get("hosts", {}).items()]
        self.console.say("; ".join(said) or "it has ended meanwhile")

    def action_repair(self) -> None:
        host = self.current
        if host is not None and host.outcome is not None:
            offer(self.console, self.app, host.host, host.outcome.repairs)

    def action_yank(self) -> None:
        if self._board is not None:
            lines = [update_text.board_words(self._board)]
            lines += [f"{host.host}: {update_text.progress_words(host)}" for host in self._board.hosts]
            self.console.yank("\n".join(lines), "the board")
