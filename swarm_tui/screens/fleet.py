"""The Fleet screen: every host in one list, worst first, with the details of one beside it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal

from backends.engine.wire import History
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import columns, details, fleet
from swarm_tui.present.cells import Scene
from swarm_tui.present.columns import Column, Layout
from swarm_tui.present.line import Line
from swarm_tui.screens.fleet_base import EVERYTHING, LONG_AGO
from swarm_tui.screens.fleet_cursor import FleetCursor
from swarm_tui.screens.fleet_shape import FleetShape
from swarm_tui.screens.hostactions import HostActions
from swarm_tui.widgets.fleet_table import Content, FleetTable
from swarm_tui.widgets.lines import LinesView

HISTORY_SECONDS = 300.0
HISTORY_EVERY_SECONDS = 5.0
BESIDE, SPARKS = 100, 140
"""Columns of the terminal from which the details stand beside the list, and from which they show the past."""
CALM_RANK = 12
"""Columns above this rank are shown with `w` only."""
_ON_A_HOST = frozenset(
    {"fleet.open", "fleet.mark", "fleet.menu", "fleet.ssh", "fleet.yank", "fleet.host_events", "fleet.triage"}
)


class FleetScreen(HostActions, FleetShape, FleetCursor):
    """Mode 1."""

    SCOPES = ("fleet", "list")
    MODE = "fleet"

    def __init__(self) -> None:
        super().__init__()
        self._history: dict[str, tuple[float | None, ...]] = {}
        self._history_of: tuple[str, float] = ("", LONG_AGO)

    def body(self) -> ComposeResult:
        with Horizontal(id="columns"):
            yield FleetTable(id="main")
            yield LinesView(id="details")

    def crumbs(self) -> tuple[str, ...]:
        return ("fleet",)

    # Data -------------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        self._arrange_panes()
        scene = self._scene(fleet)
        layout = self._layout(fleet)
        sort = (self.sort.column, self.sort.descending)
        names, dim = self.arranged(fleet, scene.now), not self.console.link.status.connected
        self.table.show(Content(names, fleet.rows, layout, scene, sort, self._empty(len(fleet.rows)), dim))
        self._show_details(fleet, scene)

    def _scene(self, shown: Fleet) -> Scene:
        frozen = self.console.frozen_since is not None
        now = shown.now if frozen else shown.time(self.console.monotonic())
        return Scene(now, self.console.glyphs, fleet.gpu_cells(shown.rows.values()))

    def _layout(self, shown: Fleet) -> Layout:
        rows = shown.rows.values()
        return columns.layout(
            self.table.room,
            name_cells=max((len(row.name) for row in rows), default=8),
            gpu_cells=fleet.gpu_cells(rows),
            filled=columns.filled_columns(rows),
            most_rank=99 if self.wide else CALM_RANK,
        )

    def shown_columns(self) -> tuple[Column, ...]:
        return tuple(column for column, _ in self._layout(self.console.fleet()).columns)

    def _empty(self, total: int) -> list[Line]:
        link = self.console.link
        error = link.info.config_error if link.info else ""
        return fleet.empty(total, self.filter.text, self.problems, link.status.connected, link.status.reason, error)

    # Details ----------------------------------------------------------------------------------------------------

    def _show_details(self, shown: Fleet, scene: Scene) -> None:
        pane = self.query_one("#details", LinesView)
        if not pane.display:
            return
        host = self.table.cursor
        self._ask_history(host)
        history = self._history if self._history_of[0] == host else {}
        width = pane.scrollable_content_region.width
        pane.set_lines(details.lines(shown.rows.get(host), scene, width, history))

    def _ask_history(self, host: str) -> None:
        now = self.console.monotonic()
        asked_for, asked_at = self._history_of
        due = host != asked_for or now - asked_at >= HISTORY_EVERY_SECONDS
        if not host or not due or self.size.width < SPARKS or self.console.frozen_since is not None:
            return
        if host != asked_for:
            self._history = {}
        self._history_of = (host, now)
        params = {"host": host, "series": list(details.SERIES), "seconds": HISTORY_SECONDS, "points": 60}
        self.console.link.request("host.history", params, History, self._got_history)

    def _got_history(self, history: History) -> None:
        if history.host == self._history_of[0]:
            self._history = {series.name: series.points for series in history.series}

    # Panes ------------------------------------------------------------------------------------------------------

    def _arrange_panes(self) -> None:
        """Which panes are shown: by width, by `d`, `w` and `z`."""
        pane, alone = self.query_one("#details", LinesView), self.zoomed == "details"
        beside = self.size.width >= BESIDE and self.show_details and not self.wide and self.zoomed != "list"
        if pane.display != (beside or alone):
            pane.display = beside or alone
        if pane.has_class("-alone") != alone:
            pane.set_class(alone, "-alone")
        if self.table.display == alone:
            self.table.display = not alone

    def action_details(self) -> None:
        if self.size.width < BESIDE or self.wide or self.zoomed:
            self.zoomed, self.wide = ("" if self.zoomed == "details" else "details"), False
        else:
            self.show_details = not self.show_details
        self._rearrange()

    def action_zoom(self) -> None:
        steps = {"": "list", "list": "details", "details": ""} if self.size.width >= BESIDE else {"": "details"}
        self.zoomed = steps.get(self.zoomed, "")
        self._rearrange()

    def action_wide(self) -> None:
        self.wide, self.zoomed = not self.wide, ""
        self._rearrange()

    def _rearrange(self) -> None:
        """Columns depend on the room, which is known after the layout."""
        self._arrange_panes()
        self.call_after_refresh(self.refresh_now)

    # Frame ------------------------------------------------------------------------------------------------------

    def status(self) -> tuple[Line, Line]:
        glyphs, shown, table = self.console.glyphs, self.console.fleet(), self.table
        hidden = len(table.marks.difference(table.names))
        pending = self.pending_line()
        left = pending or fleet.chips(self.sort, self.filter.text, self.problems, len(table.marks), hidden, glyphs)
        right = fleet.place(table.position, len(table.names), len(shown.rows))
        sums = fleet.totals(shown.summary)
        return left, (*sums, ("   ", "text"), *right) if sums and self.size.width >= BESIDE else right

    def refusal(self, key: Key) -> str:
        return "no host here" if key.id in _ON_A_HOST and not self.subject() else ""

    def on_fleet_table_cursor_moved(self) -> None:
        shown = self.console.fleet()
        self._show_details(shown, self._scene(shown))
        self.refresh_frame()

    def on_fleet_table_opened(self, event: FleetTable.Opened) -> None:
        self.console.open_host(event.host)

    def action_open(self) -> None:
        self.console.open_host(self.table.cursor)

    def action_back(self) -> None:
        """Forget what was set last: the first key of a pair, the range, the marks, the filter, the problems view, the zoom."""
        table = self.table
        if self.pending or table.range_start:
            self.pending = table.range_start = ""
        elif table.marks:
            table.marks = set()
        elif self.filter.text:
            self.filter = EVERYTHING
        elif self.problems:
            self.problems = False
        else:
            self.zoomed, self.wide = "", False
        self.refresh_now()
