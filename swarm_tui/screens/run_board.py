"""The live board of a maintenance run: hosts by steps in lanes of batches. Leaving it ends nothing."""

from __future__ import annotations

from msgspec.structs import replace
from textual.app import ComposeResult

from backends.errors import SwarmError
from backends.maintenance.model import HostRun, RunStatus, Stage
from backends.maintenance.views import RunView
from swarm_tui.bridge import Fleet
from swarm_tui.present import run_board, run_header
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.present.run_board import Scene
from swarm_tui.present.run_rows import said
from swarm_tui.present.updates import Row
from swarm_tui.screens.run_actions import RunActions
from swarm_tui.screens.run_output import OutputScreen
from swarm_tui.screens.run_report import ReportScreen
from swarm_tui.widgets.lines import FixedLines, LinesView
from swarm_tui.widgets.pick_list import PickList, PickRow

ASK_SECONDS = 1.0
"""Between two questions to the engine; an unchanged answer is without plan and hosts."""
OVER_SECONDS = 10.0
"""The same once it has ended."""
ROOMY_ROWS, ABOUT_ROWS, FRAME_ROWS = 30, 9, 10
"""Rows of a terminal from which on the host at the cursor has a panel of its own; rows that it takes; rows of the frame."""


class BoardScreen(RunActions):
    """One run."""

    SCOPES = ("board", "list")
    MODE = "runs"

    def __init__(self, run_id: str):
        super().__init__(run_id)
        self._error: SwarmError | None = None
        self._asked, self._asking = -1e9, False
        self._rows: list[Row] = []
        self._open_lanes: set[int] = set()

    def body(self) -> ComposeResult:
        yield FixedLines(id="runhead")
        yield PickList(id="main")
        yield LinesView(id="about")

    def crumbs(self) -> tuple[str, ...]:
        return ("runs", self.plan.name if self.plan and self.plan.name else self.run_id)

    # Data -------------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        now = self.console.monotonic()
        pause = OVER_SECONDS if self.view and self.view.status is RunStatus.ENDED else ASK_SECONDS
        if now - self._asked >= pause and not self._asking and self.console.frozen_since is None:
            self._ask()
        self.draw()

    def _ask(self) -> None:
        self._asked, self._asking = self.console.monotonic(), True
        since = {"since": self.view.version} if self.view else {}
        params = {"run": self.run_id, **since}
        self.console.link.request("runs.view", params, RunView, self._got, self._failed)

    def look_again(self) -> None:
        self._ask()

    def on_screen_resume(self) -> None:
        self._asked = -1e9
        super().on_screen_resume()

    def _got(self, view: RunView) -> None:
        self._asking, self._error, old = False, None, self.view
        if view.plan is not None:
            self.plan = view.plan
        if view.hosts is not None:
            self.hosts = dict(view.hosts)
        elif old is not None:  # approvals and notes are left out with the hosts
            view = _with_old(view, old)
        self.view = view
        self._draw_if_shown()

    def _failed(self, error: SwarmError) -> None:
        self._asking, self._error = False, error
        self._draw_if_shown()

    def _draw_if_shown(self) -> None:
        if self.is_current:
            self.draw()
            self.refresh_frame()

    # Drawing ----------------------------------------------------------------------------------------------------

    def scene(self, width: int) -> Scene | None:
        """What the board is drawn from; None before the first answer."""
        view, plan = self.view, self.plan
        if view is None or plan is None:
            return None
        opened = frozenset(self._open_lanes)
        return Scene(plan, self.hosts, view.looks, view.batch, self.now, width, self.console.glyphs, opened)

    def draw(self) -> None:
        """Bring the board up to date."""
        if not self.is_mounted or not self.query("#main"):
            return
        width = self.list.room[0]
        scene, view = self.scene(width), self.view
        if scene is None or view is None:
            self._draw_nothing(width)
            return
        top = run_header.lines(view, scene.plan, self.hosts, self.now, self.size.width, self.console.glyphs)
        self.query_one("#runhead", FixedLines).set_lines([*top, run_board.head(scene)])
        self._rows = run_board.rows(scene)
        self.list.show([PickRow(row.key, row.text) for row in self._rows])
        self._arrange(len(self._rows))
        self._draw_about(scene)

    def _draw_nothing(self, width: int) -> None:
        error = self._error
        lines = said("asking the engine…", "dim", (), width)
        if error is not None:
            lines = said(error.message, "warn", (error.hint,) if error.hint else (), width)
        self.list.show([PickRow(None, each) for each in lines])

    def _arrange(self, listed: int) -> None:
        height = self.size.height
        roomy = height >= ROOMY_ROWS or listed + ABOUT_ROWS + FRAME_ROWS <= height
        if roomy != self.has_class("-roomy"):
            self.set_class(roomy, "-roomy")

    def _draw_about(self, scene: Scene) -> None:
        if not self.has_class("-roomy"):
            return
        width, host = max(20, self.size.width - 3), self.current
        lines = run_board.about(scene, host.host, width) if host else self._notes()
        self.query_one("#about", LinesView).set_lines([line(" ", *each) for each in lines])

    def _notes(self) -> list[Line]:
        notes = self.view.notes if self.view else ()
        return [((f"{each.who}: {each.text}", "dim"),) for each in reversed(notes)]

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.draw)

    def status(self) -> tuple[Line, Line]:
        if self._error is not None and self.view is not None:
            return (Span(self._error.message, "warn"),), ()
        host, scene = self.current, self.scene(self.size.width)
        if host is None or scene is None or self.has_class("-roomy"):
            return (Span(f"run {self.run_id}", "dim"),), self._waiting()
        return run_board.brief(scene, host), self._waiting()

    def _waiting(self) -> Line:
        need = sum(host.stage in (Stage.ASKING, Stage.FAILED) for host in self.hosts.values())
        return (Span(f"{need} need you: n", "warn"),) if need else ()

    # Moving about -----------------------------------------------------------------------------------------------

    @property
    def current(self) -> HostRun | None:
        cursor = self.list.cursor
        if isinstance(cursor, tuple) and cursor[0] == "host":
            return self.hosts.get(str(cursor[1]))
        return None

    def subject(self) -> tuple[str, ...]:
        return (self.current.host,) if self.current else ()

    def on_pick_list_moved(self) -> None:
        self._draw_if_shown()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """The log of the host; of a folded lane its hosts."""
        cursor = self.list.cursor
        if self.current is not None:
            self.app.push_screen(OutputScreen(self.run_id, self.current.host))
        elif isinstance(cursor, tuple) and cursor[0] == "lane":
            self._open_lanes ^= {int(cursor[1])}
            self._draw_if_shown()

    def action_next_need(self) -> None:
        """To the next host that needs a person; they go round."""
        scene = self.scene(self.size.width)
        waiting = run_board.attention(scene) if scene else []
        if not waiting:
            self.console.say("no host needs you")
            return
        here = self.current.host if self.current else ""
        at = waiting.index(here) + 1 if here in waiting else 0
        self.list.move_to(("host", waiting[at % len(waiting)]))

    def action_report(self) -> None:
        self.app.push_screen(ReportScreen(self.run_id))

    def action_host(self) -> None:
        if self.current is not None:
            self.console.open_host(self.current.host)

    def action_yank(self) -> None:
        scene, view = self.scene(self.size.width), self.view
        if scene is not None and view is not None:
            title = f"{scene.plan.name or self.run_id}: {view.status} {view.why}".rstrip()
            self.console.yank("\n".join([title, *run_board.plain_lines(scene)]), "the board")


def _with_old(view: RunView, old: RunView) -> RunView:
    return replace(view, approvals=old.approvals, notes=old.notes)
