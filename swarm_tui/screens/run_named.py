"""The named runs of the configuration: one is chosen here, and composed next."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult

from backends.errors import SwarmError
from backends.maintenance.views import NamedRun
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import run_named, run_rows
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.listing import Listing
from swarm_tui.screens.run_compose import ComposeScreen
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.pick_list import PickList, PickRow


class NamedScreen(Listing, BaseScreen):
    """The list as the engine's configuration is now; `make` goes on with one of them."""

    DEFAULT_CSS = "NamedScreen #below { height: 3; background: $surface; }"
    SCOPES = ("named", "list")
    MODE = "runs"

    def __init__(self, make: Callable[[NamedRun], ComposeScreen]):
        super().__init__()
        self._make = make
        self._runs: tuple[NamedRun, ...] | None = None
        self._error: SwarmError | None = None

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")
        yield FixedLines(id="below")

    def crumbs(self) -> tuple[str, ...]:
        return ("runs", "named")

    def on_mount(self) -> None:
        self.console.link.request("runs.names", {}, dict[str, tuple[NamedRun, ...]], self._got, self._failed)

    def _got(self, answer: dict[str, tuple[NamedRun, ...]]) -> None:
        self._runs = answer.get("runs", ())
        self.refresh_now()

    def _failed(self, error: SwarmError) -> None:
        self._error = error
        self.refresh_now()

    def on_fleet(self, fleet: Fleet) -> None:
        self.draw()

    def draw(self) -> None:
        """Bring the list up to date."""
        if not self.is_mounted or not self.query("#main"):
            return
        width = self.list.room[0]
        rows = run_named.rows(self._runs or (), width, self.console.glyphs)
        self.list.show([PickRow(*row[:2]) for row in rows] or [PickRow(None, each) for each in self._none(width)])
        title = line(Span(" Which run?", "title"), Span("  nothing starts before its dry run", "dim"))
        self.query_one("#facts", FixedLines).set_lines([title, run_named.head(width) if rows else ()])
        self.query_one("#below", FixedLines).set_lines(run_named.about(self.current, width) if self.current else [])

    def _none(self, width: int) -> list[Line]:
        if self._error is not None:
            return run_rows.said(self._error.message, "warn", (self._error.hint,) if self._error.hint else (), width)
        return run_named.nothing(width) if self._runs is not None else run_rows.nothing(None, "", width)

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.draw)

    def status(self) -> tuple[Line, Line]:
        return (Span(f"{len(self._runs or ())} named runs", "dim"),), ()

    def refusal(self, key: Key) -> str:
        return "no run here" if key.id in ("named.open", "named.yank") and self.current is None else ""

    @property
    def current(self) -> NamedRun | None:
        """The run under the cursor."""
        cursor = self.list.cursor
        name = cursor[1] if isinstance(cursor, tuple) else ""
        return next((run for run in self._runs or () if run.name == name), None)

    def on_pick_list_moved(self) -> None:
        self.draw()
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if self.current is not None:
            self.app.switch_screen(self._make(self.current))

    def action_yank(self) -> None:
        run = self.current
        if run is not None:
            self.console.yank(f"{run.name}  {run.selector or 'every host'}  {' > '.join(run.steps)}", "the line")
