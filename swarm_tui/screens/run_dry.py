"""A dry run on screen: nothing is changed by looking at it; `s` starts exactly this plan after a typed word."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.errors import SwarmError
from backends.maintenance.dry_run import DryRun
from backends.maintenance.model import RunState
from backends.states import Severity
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import run_dry
from swarm_tui.present.line import Line, plain
from swarm_tui.present.run_text import hosts as counted
from swarm_tui.present.run_text import word_to_type
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.confirm import Confirm, ConfirmTyped
from swarm_tui.screens.run_board import BoardScreen
from swarm_tui.widgets.lines import LinesView

QUESTION_CELLS = 70
"""Of a dialog's text."""


class DryRunScreen(BaseScreen):
    """One plan and what was found out about it."""

    SCOPES = ("dryrun",)
    MODE = "runs"

    def __init__(self, dry: DryRun):
        super().__init__()
        self._dry = dry
        self._starting = False
        self.run = ""
        """The run of it, once it was written down."""

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("runs", "dry run", self._dry.plan.hash[: run_dry.SHORT_HASH])

    def _lines(self) -> list[Line]:
        return run_dry.lines(self._dry, max(40, self.size.width - 3))

    def on_fleet(self, fleet: Fleet) -> None:
        self.query_one("#main", LinesView).set_lines([((" ", "text"), *row) for row in self._lines()])

    def on_resize(self) -> None:
        super().on_resize()
        self.refresh_now()

    def status(self) -> tuple[Line, Line]:
        if self._starting:
            return (("starting…", "warn"),), ()
        return (("nothing was changed yet; Esc goes back to what was chosen", "dim"),), (run_dry.verdict(self._dry),)

    def refusal(self, key: Key) -> str:
        if key.id not in ("dryrun.start", "dryrun.keep"):
            return ""
        if self.console.read_only:
            return "read-only"
        if self._starting or self.run:
            return "already starting"
        red = [each for each in self._dry.findings if each.severity is Severity.CRITICAL]
        return f"it may not start: {red[0].text}" if red else ""

    def subject(self) -> tuple[str, ...]:
        return tuple(each.host for each in self._dry.plan.hosts)

    # Starting ---------------------------------------------------------------------------------------------------

    def action_start(self) -> None:
        """Write it down and start it; where others must approve first, only the former."""
        if self._dry.plan.approvals:
            self.action_keep()
            return
        names = self.subject()
        title, lines = f"Start on {counted(len(names))}?", run_dry.question(self._dry, QUESTION_CELLS)
        dialog = ConfirmTyped(title, lines, word_to_type(names))
        self.app.push_screen(dialog, lambda yes: self._create(start=True) if yes else None)

    def action_keep(self) -> None:
        lines = run_dry.question(self._dry, QUESTION_CELLS)
        title = "Write it down, to be started later?"
        if self._dry.plan.approvals:
            title = f"Write it down, to wait for {self._dry.plan.approvals} approvals?"
        self.app.push_screen(Confirm(title, lines), lambda yes: self._create(start=False) if yes else None)

    def _create(self, *, start: bool) -> None:
        self._starting = True
        self.refresh_frame()
        then = self._start if start else self._began
        params = {"hash": self._dry.plan.hash}
        self.console.link.request("runs.create", params, RunState, then, self._failed)

    def _start(self, state: RunState) -> None:
        """A plan that was written down but could not be started waits on its board, so that is where one goes then."""
        plan = state.plan

        def refused(error: SwarmError) -> None:
            self.console.failed(error)
            self._began(state)

        params = {"run": plan.id, "hash": self._dry.plan.hash}
        self.console.link.request("runs.start", params, RunState, self._began, refused)

    def _began(self, state: RunState) -> None:
        self._starting, self.run = False, state.plan.id
        if self.is_current:
            self._show_board()
        else:
            self.console.say("the run is on the board: 5 shows it")

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self.run:
            self._show_board()

    def _show_board(self) -> None:
        """The board takes this screen's place; never that of what the operator went to meanwhile."""
        self.app.switch_screen(BoardScreen(self.run))

    def _failed(self, error: SwarmError) -> None:
        self._starting = False
        self.console.failed(error)
        self.refresh_frame()

    def action_yank(self) -> None:
        self.console.yank("\n".join(plain(row).rstrip() for row in self._lines()), "the dry run")
