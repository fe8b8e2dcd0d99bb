"""The Updates screen: what waits in the fleet seen from five sides; marks become a plan, a plan becomes a run."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.errors import SwarmError
from backends.updates.runs import Board
from backends.updates.service import View
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import updates
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line, plain
from swarm_tui.present.updates import PIVOTS, Sight
from swarm_tui.screens.update_actions import UpdateActions
from swarm_tui.screens.update_details import DIALOG_CELLS, set_dialog
from swarm_tui.screens.update_run import RunScreen
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.pick_list import PickList, PickRow

ASK_SECONDS = 2.0
"""Between two questions to the engine; an unchanged answer is a few bytes."""
NO_VIEW = View(version=-1)
_NEEDS_ROW = frozenset(f"updates.{name}" for name in ("open", "mark", "plan", "hold", "history", "repair", "yank"))


class UpdatesScreen(UpdateActions):
    """Mode 3."""

    SCOPES = ("updates", "list")
    MODE = "updates"

    def __init__(self) -> None:
        super().__init__()
        self._boards: tuple[Board, ...] = ()
        self._error = ""

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("updates",)

    # Data -------------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        now = self.console.monotonic()
        if now - self._asked >= ASK_SECONDS and self.console.frozen_since is None:
            self._asked = now
            since = {"since": self._view.version} if self._view else {}
            self.console.link.request("updates.view", since, View, self._got_view, self._failed)
            self.console.link.request("updates.runs", {}, dict[str, tuple[Board, ...]], self._got_runs, self._failed)
        self.draw()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.show_plan()

    def _failed(self, error: SwarmError) -> None:
        self._error = error.message
        self._draw_if_shown()

    def _got_view(self, view: View) -> None:
        self._error = ""
        if view.hosts is not None:
            self._view = view
        elif self._view is not None:
            self._view = View(version=self._view.version, hosts=self._view.hosts, sets=self._view.sets, busy=view.busy)
        self._draw_if_shown()

    def _got_runs(self, answer: dict[str, tuple[Board, ...]]) -> None:
        self._boards = answer.get("runs", ())
        self._draw_if_shown()

    def _draw_if_shown(self) -> None:
        if self.is_current:
            self.draw()
            self.refresh_frame()

    def draw(self) -> None:
        """Bring the list up to date."""
        width = self.list.room[0]
        sight = Sight(width, self.console.glyphs, frozenset(self.marks[self._marked_as]))
        self._rows = updates.rows(self.pivot, self._view or NO_VIEW, self._boards, self.needle, sight)
        self.query_one("#facts", FixedLines).set_lines([updates.tabs(self.pivot), updates.head(self.pivot, width)])
        empty = updates.nothing(self.pivot, self._view, self.needle, width)
        if self._error and self._view is None:
            empty = [(), ((f"  {self._error}", "warn"),)]
        shown = [PickRow(row.key, row.text) for row in self._rows] or [PickRow(None, text) for text in empty]
        self.list.show(shown)

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.draw)

    def status(self) -> tuple[Line, Line]:
        left = self._said()
        view = self._view or NO_VIEW
        fleet = updates.summary(self.pivot, view, self._boards, len(self._rows))
        right: Line = ((f"asking {updates.hosts(view.busy)}", "dim"),) if view.busy else ()
        if not left:
            return fleet if self._view is not None or self.pivot == "runs" else (), right
        return left, right or ((f"{len(self._rows)} rows", "dim"),)

    def _said(self) -> Line:
        """What is special now: marks, filter, a plan in the making, an engine that does not answer."""
        marked = self.marks[self._marked_as]
        what = updates.hosts(len(marked)) if self._marked_as == "hosts" else str(len(marked))
        return line(
            Span(f"{what} marked  " if marked else "", "mark"),
            Span(f"/{self.needle}  " if self.needle else "", "chip"),
            Span("making a plan on the hosts…  " if self._planning else "", "warn"),
            Span(self._error if self._view is not None else "", "warn"),
        )

    def refusal(self, key: Key) -> str:
        if key.id in _NEEDS_ROW and self.current is None:
            return "nothing here"
        if key.id == "updates.plan":
            return "a plan is being made" if self._planning else "not on a run" if self.pivot == "runs" else ""
        if key.id == "updates.hold" and self.pivot != "packages":
            return "on a package: ] goes there"
        if key.id in ("updates.history", "updates.repair") and len(self.subject()) != 1:
            return "for one host; Esc takes the marks away" if len(self.marks["hosts"]) > 1 else "for one host"
        return ""

    # Moving about -----------------------------------------------------------------------------------------------

    def action_next_pivot(self) -> None:
        self._turn(1)

    def action_previous_pivot(self) -> None:
        self._turn(-1)

    def _turn(self, step: int) -> None:
        self.pivot = PIVOTS[(PIVOTS.index(self.pivot) + step) % len(PIVOTS)]
        self.draw()
        self.list.move(-(10**6))
        self.refresh_frame()

    def on_pick_list_moved(self) -> None:
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        row = self.current
        if row is None or self._view is None:
            return
        if self.pivot == "runs":
            self.app.push_screen(RunScreen(str(row.key[1])))  # type: ignore[index]
            return
        if self.pivot == "hosts":
            self.console.open_host(row.hosts[0], "updates")
            return
        width = min(DIALOG_CELLS, self.size.width * 96 // 100 - 5)
        self.app.push_screen(set_dialog(self.pivot, row, self._view, width))

    def action_mark(self) -> None:
        row = self.current
        if row is None or self.pivot == "runs":
            return
        what, marks = set(row.names or row.hosts), self.marks[self._marked_as]
        self.marks[self._marked_as] = marks - what if what <= marks else marks | what
        self.draw()
        self.list.move(1)

    def action_mark_all(self) -> None:
        if self.pivot != "runs":
            self.marks[self._marked_as] |= {name for row in self._rows for name in row.names or row.hosts}
            self._draw_if_shown()

    def action_back(self) -> None:
        if self.marks[self._marked_as]:
            self.marks[self._marked_as] = set()
        elif self.needle:
            self.needle = ""
        self._draw_if_shown()

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
        if self.current:
            self.console.yank(" ".join(plain(self.current.text).split()), "the line")
