"""The Runs screen: every maintenance run, the newest first, and the ways to begin one."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.errors import SwarmError
from backends.maintenance.dry_run import DryRun
from backends.maintenance.views import RunList
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import run_rows
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line, plain
from swarm_tui.present.run_draft import Draft, fresh, named
from swarm_tui.present.updates import Row
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.listing import Listing
from swarm_tui.screens.run_board import BoardScreen
from swarm_tui.screens.run_compose import ComposeScreen
from swarm_tui.screens.run_dry import DryRunScreen
from swarm_tui.screens.run_named import NamedScreen
from swarm_tui.screens.run_report import ReportScreen
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.pick_list import PickList, PickRow

ASK_SECONDS = 2.0
"""Between two questions to the engine."""


class RunsScreen(Listing, BaseScreen):
    """Mode 5."""

    SCOPES = ("runs", "list")
    MODE = "runs"

    def __init__(self) -> None:
        super().__init__()
        self.needle = ""
        self._found: RunList | None = None
        self._rows: list[Row] = []
        self._error: SwarmError | None = None
        self._asked = -1e9
        self._draft: Draft | None = None
        """What was composed last and not started; `c` goes on with it."""
        self._ready: DryRun | None = None
        """Worked out while the operator looked elsewhere."""

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("runs",)

    # Data -------------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        now = self.console.monotonic()
        if now - self._asked >= ASK_SECONDS and self.console.frozen_since is None:
            self._asked = now
            self.console.link.request("runs.list", {}, RunList, self._got, self._failed)
        self.draw()

    def on_screen_resume(self) -> None:
        self._asked = -1e9
        super().on_screen_resume()
        self._show_ready()

    def _got(self, found: RunList) -> None:
        self._found, self._error = found, None
        self._draw_if_shown()

    def _failed(self, error: SwarmError) -> None:
        self._error = error
        self._draw_if_shown()

    def _draw_if_shown(self) -> None:
        if self.is_current:
            self.draw()
            self.refresh_frame()

    @property
    def now(self) -> float:
        """Epoch seconds, as the engine has them."""
        return self.console.fleet().time(self.console.monotonic())

    # Drawing ----------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Bring the list up to date."""
        width = self.list.room[0]
        found = self._found or RunList()
        self._rows = run_rows.rows(found, self.needle, self.now, width, self.console.glyphs)
        title = line(Span(" Maintenance runs", "title"), Span("  n a named one  c compose  M on Fleet", "dim"))
        self.query_one("#facts", FixedLines).set_lines([title, run_rows.head(width) if self._rows else ()])
        shown = [PickRow(row.key, row.text) for row in self._rows]
        self.list.show(shown or [PickRow(None, each) for each in self._none(width)])

    def _none(self, width: int) -> list[Line]:
        if self._error is not None and self._found is None:
            hint = (self._error.hint,) if self._error.hint else ()
            return run_rows.said(self._error.message, "warn", hint, width)
        return run_rows.nothing(self._found, self.needle, width)

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.draw)

    def status(self) -> tuple[Line, Line]:
        wrong = self._error.message if self._error is not None and self._found is not None else ""
        left = line(Span(f"/{self.needle}  " if self.needle else "", "chip"), Span(wrong, "warn"))
        return left or (run_rows.summary(self._found, self.now) if self._found else ()), ()

    def refusal(self, key: Key) -> str:
        return "no run here" if key.id in ("runs.open", "runs.report", "runs.yank") and not self.current else ""

    @property
    def current(self) -> str:
        """The run under the cursor; "" when there is none."""
        cursor = self.list.cursor
        return str(cursor[1]) if isinstance(cursor, tuple) else ""

    # Actions ----------------------------------------------------------------------------------------------------

    def on_pick_list_moved(self) -> None:
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if self.current:
            self.app.push_screen(BoardScreen(self.current))

    def action_report(self) -> None:
        self.app.push_screen(ReportScreen(self.current))

    def action_compose(self) -> None:
        self.compose_run(self._draft or fresh(""))

    def compose_run(self, draft: Draft) -> None:
        """Go on with a draft."""
        self.app.push_screen(ComposeScreen(draft, self._keep))

    def _keep(self, draft: Draft | None, dry: DryRun | None) -> None:
        """A draft outlives its screen, and so does a dry run that took longer than its operator stayed."""
        self._draft, self._ready = draft, dry or self._ready
        if dry is not None and self.is_current:
            self._show_ready()
        elif dry is not None:
            self.console.say("the dry run is ready: 5 shows it")

    def _show_ready(self) -> None:
        dry, self._ready = self._ready, None
        if dry is not None:
            self.app.push_screen(DryRunScreen(dry))

    def action_named(self) -> None:
        self.app.push_screen(NamedScreen(lambda run: ComposeScreen(named(run), self._keep)))

    def action_back(self) -> None:
        self._filter_by("")

    def action_filter(self) -> None:
        before = self.needle
        self.ask("/", self.needle, self._filter_by, on_change=self._try, on_cancel=lambda: self._filter_by(before))

    def _try(self, text: str) -> str:
        self._filter_by(text)
        return ""

    def _filter_by(self, text: str) -> None:
        self.needle = text.strip()
        self._draw_if_shown()

    def action_yank(self) -> None:
        row = next((each for each in self._rows if each.key == self.list.cursor), None)
        if row is not None:
            self.console.yank(f"{self.current}  {' '.join(plain(row.text).split())}", "the line")
