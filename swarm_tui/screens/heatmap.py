"""Every GPU of the fleet in one picture, with the facts of the one under the cursor."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult

from backends.engine.wire import HostRow
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import heat, heatmap, order
from swarm_tui.present.heatmap import Grid
from swarm_tui.present.line import Line
from swarm_tui.screens.base import BaseScreen
from swarm_tui.widgets.lines import FixedLines, LinesView

FAR = 10**6


class HeatmapScreen(BaseScreen):
    """`h` in the fleet."""

    SCOPES = ("heatmap",)
    MODE = "fleet"

    def __init__(self, host: str = "") -> None:
        super().__init__()
        self.metric = heat.UTILISATION
        self.cursor = (host, 0)
        """Host and index of the GPU."""
        self._rows: list[HostRow] = []
        self._grid = Grid(1, 1, 1, 1, 1, 0)
        self._now = 0.0

    def body(self) -> ComposeResult:
        yield LinesView(id="main")
        yield FixedLines(id="facts")

    def crumbs(self) -> tuple[str, ...]:
        return ("fleet", "heat map", self.metric.title)

    @property
    def view(self) -> LinesView:
        """The map."""
        return self.query_one("#main", LinesView)

    # Data -------------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        self._rows = sorted((row for row in fleet.rows.values() if row.gpus), key=lambda row: order.natural(row.name))
        self._now = fleet.now
        if self._rows and self._at() is None:
            self.cursor = (self._rows[0].name, 0)
        self._draw()

    def _at(self) -> int | None:
        """Index of the cursor's host."""
        return next((at for at, row in enumerate(self._rows) if row.name == self.cursor[0]), None)

    def _draw(self) -> None:
        at, glyphs, size = self._at(), self.console.glyphs, self.view.scrollable_content_region
        if at is None:
            self.view.set_lines([(), (("  No GPU in this fleet, or none has been read yet.", "dim"),)])
            self.query_one("#facts", FixedLines).set_lines([])
            return
        row = self._rows[at]
        self.cursor = (row.name, min(self.cursor[1], len(row.gpus) - 1))
        self._grid = heatmap.grid(self._rows, size.width, size.height)
        self.view.set_lines(heatmap.lines(self._rows, self._grid, self.metric, glyphs, self.cursor, self._now))
        below = [
            heatmap.facts(row, self.cursor[1], glyphs),
            heatmap.legend(self._rows, self.metric, glyphs, self.size.width),
        ]
        self.query_one("#facts", FixedLines).set_lines(below)

    def status(self) -> tuple[Line, Line]:
        total, hosts = sum(len(row.gpus) for row in self._rows), len(self._rows)
        without = len(self.console.fleet().rows) - hosts
        text = f"{total} GPUs on {hosts} hosts" + (f", {without} hosts have none or were never read" if without else "")
        at = self._at()
        return ((text, "dim"),), ((f"{at + 1}/{hosts}" if at is not None else "", "dim"),)

    def subject(self) -> tuple[str, ...]:
        return (self.cursor[0],) if self._rows else ()

    def refusal(self, key: Key) -> str:
        return "" if self._rows or key.id not in ("heatmap.open", "heatmap.triage") else "no GPU here"

    # Cursor -----------------------------------------------------------------------------------------------------

    def _go(self, host: int, index: int) -> None:
        """To a GPU by numbers; beyond the ends it stops."""
        if not self._rows:
            return
        row = self._rows[min(len(self._rows) - 1, max(0, host))]
        self.cursor = (row.name, min(len(row.gpus) - 1, max(0, index)))
        self._draw()
        self._reveal()
        self.refresh_frame()

    def _reveal(self) -> None:
        line = (self._at() or 0) % self._grid.rows
        top, height = self.view.scroll_offset.y, self.view.size.height
        if line < top:
            self.view.scroll_to(y=line, animate=False)
        elif line >= top + height:
            self.view.scroll_to(y=line - height + 1, animate=False)

    def _sideways(self, step: int) -> None:
        """To the next GPU; behind a host's last one comes the host in the next column."""
        at, index = self._at() or 0, self.cursor[1] + step
        if 0 <= index < len(self._rows[at].gpus):
            self._go(at, index)
        elif 0 <= at + step * self._grid.rows < len(self._rows):
            self._go(at + step * self._grid.rows, 0 if step > 0 else FAR)

    def action_move_left(self) -> None:
        if self._rows:
            self._sideways(-1)

    def action_move_right(self) -> None:
        if self._rows:
            self._sideways(1)

    def action_move_down(self) -> None:
        self._go((self._at() or 0) + 1, self.cursor[1])

    def action_move_up(self) -> None:
        self._go((self._at() or 0) - 1, self.cursor[1])

    def action_first(self) -> None:
        self._go(0, 0)

    def action_last(self) -> None:
        self._go(FAR, FAR)

    def on_click(self, event: events.Click) -> None:
        if not self.view.region.contains_point(event.screen_offset):
            return
        x, y = event.screen_offset - self.view.region.offset
        block, inside = divmod(x, self._grid.block_cells + heatmap.BLOCK_GAP)
        host = block * self._grid.rows + y + self.view.scroll_offset.y
        if host < len(self._rows):
            self._go(host, (inside - self._grid.name_cells - 2) // (self._grid.cell + self._grid.gap))

    # What is shown ----------------------------------------------------------------------------------------------

    def _step_metric(self, step: int) -> None:
        at = heat.METRICS.index(self.metric)
        self.metric = heat.METRICS[(at + step) % len(heat.METRICS)]
        self.refresh_now()

    def action_metric_next(self) -> None:
        self._step_metric(1)

    def action_metric_previous(self) -> None:
        self._step_metric(-1)

    def action_next_problem(self) -> None:
        flagged = [(at, index) for at, row in enumerate(self._rows) for index, cell in enumerate(row.gpus) if cell.flag]
        if not flagged:
            self.console.say("no GPU has a flag")
            return
        here = (self._at() or 0, self.cursor[1])
        self._go(*next((place for place in flagged if place > here), flagged[0]))

    def action_open(self) -> None:
        self.console.open_host(self.cursor[0], "gpu")

    def action_triage(self) -> None:
        from swarm_tui.screens.triage import open_triage  # late: only when it is asked for

        open_triage(self.console, self.subject())
