"""A plan as a contract on screen: what exactly would be done where; `a` approves its hash after a last question."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.errors import SwarmError
from backends.updates.model import Plan
from backends.updates.plan import groups
from backends.updates.plans import SHORT_HASH
from backends.updates.runs import Board
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import update_text
from swarm_tui.present.line import Line
from swarm_tui.present.update_changes import plan_rows, question
from swarm_tui.present.updates import hosts
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.confirm import Confirm, ConfirmTyped
from swarm_tui.screens.update_run import RunScreen
from swarm_tui.widgets.lines import LinesView

QUESTION_CELLS = 70
"""Of a dialog's text."""
MANY_HOSTS = 5
"""From more than this on, their number is typed instead of a plain yes."""


class PlanScreen(BaseScreen):
    """One plan; nothing is changed by looking at it."""

    SCOPES = ("plan",)
    MODE = "updates"

    def __init__(self, plan: Plan):
        super().__init__()
        self._plan = plan
        self._hosts = tuple(host for group in groups(plan) for host in group.hosts)
        self._starting = False
        self._run = ""
        """The run of it, once it began."""

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("updates", f"plan {self._plan.hash[:SHORT_HASH]}")

    def on_fleet(self, fleet: Fleet) -> None:
        view = self.query_one("#main", LinesView)
        width = max(40, self.size.width - 2)
        view.set_lines([((" ", "text"), *row) for row in plan_rows(self._plan, width)])

    def status(self) -> tuple[Line, Line]:
        changes = sum(len(group.changes) * len(group.hosts) for group in groups(self._plan))
        left = (
            "starting…"
            if self._starting
            else f"{changes} changes on {hosts(len(self._hosts))}; nothing was changed yet"
        )
        return ((left, "warn" if self._starting else "dim"),), ()

    def refusal(self, key: Key) -> str:
        if key.id in ("plan.approve", "plan.fetch"):
            return (
                "already starting" if self._starting or self._run else "" if self._hosts else "the plan changes nothing"
            )
        return ""

    def subject(self) -> tuple[str, ...]:
        return self._hosts

    def action_approve(self) -> None:
        title, lines = f"Update {hosts(len(self._hosts))}?", question(self._plan, QUESTION_CELLS)
        if len(self._hosts) > MANY_HOSTS:
            self.app.push_screen(ConfirmTyped(title, lines, str(len(self._hosts))), self._answered)
        else:
            self.app.push_screen(Confirm(title, lines), self._answered)

    def action_fetch(self) -> None:
        lines: list[Line] = [
            ((f"On {', '.join(self._hosts)}"[:2000], "text"),),
            (),
            (("The packages come into the hosts' own caches; nothing is installed.", "dim"),),
        ]
        title = f"Fetch ahead on {hosts(len(self._hosts))}?"
        self.app.push_screen(Confirm(title, lines), lambda yes: self._begin(fetch_only=True) if yes else None)

    def _answered(self, yes: bool | None) -> None:
        if yes:
            self._begin()

    def _begin(self, fetch_only: bool = False) -> None:
        self._starting = True
        params: dict[str, object] = {"plan": self._plan.id, "hash": self._plan.hash}
        if fetch_only:
            params["fetch_only"] = True
        self.console.link.request("updates.start", params, Board, self._started, self._failed)

    def _started(self, board: Board) -> None:
        self._starting, self._run = False, board.id
        if self.is_current:
            self._show_run()
        else:
            self.console.say("the update began: 3 shows it")

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self._run:
            self._show_run()

    def _show_run(self) -> None:
        """The run takes this screen's place; never that of what the operator went to meanwhile."""
        self.app.switch_screen(RunScreen(self._run))

    def _failed(self, error: SwarmError) -> None:
        self._starting = False
        self.console.failed(error)
        self.refresh_frame()

    def action_yank(self) -> None:
        self.console.yank("\n".join(update_text.plan_lines(self._plan)), "the plan")
