"""Composing a run: hosts, steps and limits are chosen here, and `d` has the engine work out what that would mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import ComposeResult

from backends.errors import SwarmError
from backends.inventory.ranges import fold
from backends.maintenance.dry_run import DryRun
from backends.units import span
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import run_draft
from swarm_tui.present.host_line import Span, line, wrap
from swarm_tui.present.line import Line
from swarm_tui.present.run_draft import BY_NAME, Draft, fresh
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.confirm import AskLine
from swarm_tui.screens.listing import Listing
from swarm_tui.screens.run_dry import DryRunScreen
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.pick_list import PickList, PickRow

QUESTION_CELLS = 70
EXAMPLES = "drain, snapshot, backup:SET, proof:SET, update, update:security, reboot, check, command:NAME, gate:QUESTION, resume"


class ComposeScreen(Listing, BaseScreen):
    """One draft; nothing happens on any host before its dry run was read and started."""

    SCOPES = ("compose", "list")
    MODE = "runs"

    def __init__(self, draft: Draft, keep: Callable[[Draft | None, DryRun | None], None]):
        """`keep` is told of the draft whenever it changes, that there is none once it became a run, and of a dry run that is
        ready when nobody looks here any more."""
        super().__init__()
        self.draft = draft
        self._keep = keep
        self._names: tuple[str, ...] = ()
        self._wrong = ""
        self._since: float | None = None
        """Monotonic seconds since the engine works it out; None: it does not."""
        self._turn = 0
        """Grows with each question; the answer to an earlier one is of no use any more."""
        self._dry: DryRun | None = None
        """Worked out while a dialog stood in front."""
        self._shown: DryRunScreen | None = None

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("runs", self.draft.base or "compose")

    def on_mount(self) -> None:
        self._ask_names()

    # Data -------------------------------------------------------------------------------------------------------

    def _ask_names(self) -> None:
        """Which hosts the selector means."""
        select = self.draft.selector
        self._names, self._wrong = (), ""
        if not select:
            return

        def failed(error: SwarmError) -> None:
            if select == self.draft.selector:
                self._wrong = error.message.partition("   ")[0]  # the rest draws the place as several lines
                self.refresh_now()

        def got(answer: dict[str, tuple[str, ...]]) -> None:
            if select == self.draft.selector:
                self._names = answer.get("hosts", ())
                self.refresh_now()

        kind = dict[str, tuple[str, ...]]
        self.console.link.request("hosts.select", {"select": select}, kind, got, failed)

    def on_fleet(self, fleet: Fleet) -> None:
        self.draw()

    def draw(self) -> None:
        """Bring the rows up to date."""
        if not self.is_mounted or not self.query("#main"):
            return
        width = self.list.room[0]
        title = line(Span(" A maintenance run", "title"), Span("  nothing starts before its dry run: d", "dim"))
        self.query_one("#facts", FixedLines).set_lines([title, ()])
        rows = run_draft.rows(self.draft, width, self._names)
        self.list.show([PickRow(row.key, row.text) for row in rows])

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.draw)

    def status(self) -> tuple[Line, Line]:
        if self._since is not None:
            ran = span(self.console.monotonic() - self._since)
            return line(Span(f"working it out with the hosts… {ran}  ", "warn"), Span("Esc gives up", "dim")), ()
        against = self._wrong or self.draft.against()
        return line(Span(against, "warn") if against else Span("d shows what would happen", "dim")), ()

    def subject(self) -> tuple[str, ...]:
        return self._names

    @property
    def at(self) -> tuple[str, Any]:
        """What the cursor is on: ("step", 2), ("field", "batches"), ("select", "")."""
        cursor = self.list.cursor
        return cursor if isinstance(cursor, tuple) else ("", "")

    def refusal(self, key: Key) -> str:
        if key.id == "compose.dry_run":
            return "it is being worked out" if self._since is not None else self._wrong or self.draft.against()
        kind, where = self.at
        if key.id in ("compose.choose", "compose.earlier", "compose.later", "compose.insert") and kind != "step":
            return "on a step"
        if key.id in ("compose.choose", "compose.earlier", "compose.later") and where == -1:
            return "Enter opens the steps first"
        return ""

    # Choosing ---------------------------------------------------------------------------------------------------

    def _take(self, draft: Draft) -> None:
        self.draft = draft
        self._keep(draft, None)
        self.draw()
        self.refresh_frame()

    def on_pick_list_moved(self) -> None:
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_edit()

    def action_left(self) -> None:
        self._turned(-1)

    def action_right(self) -> None:
        self._turned(1)

    def _turned(self, step: int) -> None:
        kind, where = self.at
        if kind == "field":
            self._take(self.draft.turned(where, step))
        elif kind == "step" and where >= 0:
            self._take(self.draft.turned_step(where, step))

    def action_choose(self) -> None:
        self._take(self.draft.toggled(self.at[1]))

    def action_earlier(self) -> None:
        self._move(-1)

    def action_later(self) -> None:
        self._move(1)

    def _move(self, delta: int) -> None:
        at, count = self.at[1], len(self.draft.opened())
        self._take(self.draft.moved(at, delta))
        self.list.move_to(("step", min(count - 1, max(0, at + delta))))

    def action_insert(self) -> None:
        at = self.at[1]
        at = len(self.draft.opened()) - 1 if at == -1 else at

        def answered(text: str | None) -> None:
            if text:
                self._take(self.draft.inserted(at, text))
                self.list.move_to(("step", at + 1))

        self.app.push_screen(AskLine("A further step", wrap(EXAMPLES, QUESTION_CELLS, 0, "dim")), answered)

    def action_edit(self) -> None:
        """Type what no preset has."""
        kind, where = self.at
        if kind == "select":
            self._edit_hosts()
        elif kind == "step" and where == -1:
            self._take(self.draft._replace(steps=self.draft.opened()))
            self.list.move_to(("step", 0))
        elif kind == "step":
            self._edit_step(where)
        elif kind == "field":
            self._edit_field(where)

    def _edit_hosts(self) -> None:
        about = wrap("Names, ranges gpu[01-16], tag:a100, @group; & and, ! not, a comma or.", QUESTION_CELLS, 0, "dim")

        def answered(text: str | None) -> None:
            if text:
                self._take(self.draft._replace(select=text))
                self._ask_names()

        self.app.push_screen(AskLine("Which hosts?", about, self.draft.selector), answered)

    def _edit_step(self, at: int) -> None:
        def answered(text: str | None) -> None:
            if text:
                self._take(self.draft.renamed(at, text))

        about = wrap(EXAMPLES, QUESTION_CELLS, 0, "dim")
        self.app.push_screen(AskLine("The step", about, self.draft.opened()[at].text), answered)

    def _edit_field(self, name: str) -> None:
        field, value = BY_NAME[name], self.draft.value(name)
        shown = "" if value is None or value == "" else field.show(value).removesuffix(" from now")

        def answered(text: str | None) -> None:
            if not text:
                return
            try:
                self._take(self.draft.with_value(name, field.parse(text)))
            except ValueError as error:
                self.console.say(f"{field.label}: {error}", "warning")

        about = wrap(field.about, QUESTION_CELLS, 0, "dim")
        self.app.push_screen(AskLine(field.label.capitalize(), about, shown), answered)

    # The dry run ------------------------------------------------------------------------------------------------

    def action_dry_run(self) -> None:
        """Ask the engine, which asks the hosts what an update would do there: that may take minutes."""
        self._turn += 1
        turn, self._since, self._dry = self._turn, self.console.monotonic(), None
        self.refresh_frame()

        def got(dry: DryRun) -> None:
            if turn != self._turn:
                return
            self._since, self._dry = None, dry
            if self.is_current:
                self._show()
            elif not self.is_attached:
                self._keep(self.draft, dry)

        def failed(error: SwarmError) -> None:
            if turn == self._turn:
                self._since = None
                self.console.failed(error)
                self.refresh_now()

        self.console.link.request("runs.compose", self.draft.params(self._now), DryRun, got, failed)

    @property
    def _now(self) -> float:
        return self.console.fleet().time(self.console.monotonic())

    def _show(self) -> None:
        """Open what was worked out; never over what the operator went to meanwhile."""
        dry, self._dry = self._dry, None
        if dry is not None:
            self._shown = DryRunScreen(dry)
            self.app.push_screen(self._shown)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self._shown is not None and self._shown.run:  # it became a run: from its board one goes back to the list
            self._keep(None, None)
            self.app.pop_screen()
            return
        self._show()

    async def action_back(self) -> None:
        """Esc first gives up what is being worked out."""
        if self._since is not None:
            self._turn += 1
            self._since = None
            self.refresh_now()
            return
        app: Any = self.app
        await app.action_back()

    def action_yank(self) -> None:
        given = self.draft.params(self._now)
        words = [f"{name} = {value}" for name, value in given.items() if name != "select"]
        self.console.yank("\n".join([f"hosts = {fold(self._names) or self.draft.selector}", *words]), "the draft")


def compose_for(app: Any, select: str) -> None:
    """Compose a run on these hosts; it belongs to mode 5, from wherever it was asked for."""
    from swarm_tui.screens.runs import RunsScreen  # late: it is made of this screen

    app.action_mode_runs()
    if isinstance(app.screen, RunsScreen):
        app.screen.compose_run(fresh(select))
