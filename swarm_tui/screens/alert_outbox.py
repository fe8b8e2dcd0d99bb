"""The outbox: what became of each notice at each target, how the targets do, sending again, and a test of a target."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from backends.alerts.target_health import TargetState
from backends.alerts.views import DeliveryRow, OutboxView
from swarm_tui.keymap import Key
from swarm_tui.present import alert_outbox as shown
from swarm_tui.present import host_table
from swarm_tui.present.alert_board import said
from swarm_tui.present.alert_outbox import SIDES, Row, Side
from swarm_tui.present.line import Line
from swarm_tui.screens.alert_list import AlertList
from swarm_tui.screens.dialog import Dialog
from swarm_tui.screens.menu import Choice, Menu
from swarm_tui.widgets.lines import FixedLines, LinesView
from swarm_tui.widgets.pick_list import PickList

MOST = 500

DIALOG_CELLS = 70
LETTERS = "abcdefghijklmnoprstuvwxyz"


class OutboxScreen(AlertList):
    """Notices above, the targets' health below."""

    SCOPES = ("outbox", "list")

    def __init__(self, needle: str = ""):
        """`needle`: begins filtered, by a fingerprint."""
        super().__init__()
        self.needle = needle
        self.side: Side = "all" if needle else "open"
        self.view: OutboxView | None = None

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")
        yield LinesView(id="targets")

    def crumbs(self) -> tuple[str, ...]:
        return ("alerts", "outbox")

    def load(self) -> None:
        self.fetch("outbox", {"limit": MOST}, OutboxView, self._got)

    def _got(self, view: OutboxView) -> None:
        self.view = view

    def made(self, width: int) -> Sequence[Row]:
        return shown.rows(self.side, self.view, self.now, width) if self.view else ()

    def facts(self, width: int) -> list[Line]:
        return [shown.tabs(self.side, self.view), host_table.head(shown.OUTBOX, width)]

    def empty(self, width: int) -> list[Line]:
        if not self._targets():
            return said(
                "Nobody is told of anything.", "warn", "Targets stand in the configuration: [[alerts.targets]].", width
            )
        if self.side == "open":
            return said("Everything was told.", "ok", "] shows what was sent.", width)
        return said("Nothing was sent yet.", "dim", "T sends a test through the real path.", width)

    def draw(self) -> None:
        super().draw()
        if self.view is not None and self.query("#targets"):
            lines = shown.targets(self.view.targets, self.now, self.size.width - 3)
            self.query_one("#targets", LinesView).set_lines([((" ", "text"), *each) for each in lines])

    def told(self) -> Line:
        return shown.summary(self.view, self.now) if self.view else ()

    @property
    def current(self) -> DeliveryRow | None:
        """The notice under the cursor."""
        return next((each for each in (self.view.rows if self.view else ()) if each.number == self.list.cursor), None)

    def refusal(self, key: Key) -> str:
        if key.scope != "outbox":
            return ""
        if key.action in ("again", "test") and self.console.read_only:
            return "read-only"
        if key.action == "test":
            return "" if self._targets() else "no target is configured"
        if key.action in ("again", "open", "yank"):
            row = self.current
            if row is None:
                return "no notice here"
            if key.action == "again" and row.state in ("sent", "collapsed"):
                return "it was sent"
        return ""

    # Keys -------------------------------------------------------------------------------------------------------

    def _targets(self) -> tuple[TargetState, ...]:
        return self.view.targets if self.view else ()

    def action_next_side(self) -> None:
        self.side = SIDES[(SIDES.index(self.side) + 1) % len(SIDES)]
        self.draw_if_shown()

    def action_previous_side(self) -> None:
        self.action_next_side()

    def action_open(self) -> None:
        row = self.current
        if row is not None:
            foot: Line = (("Esc", "key"), (" leave", "dim"))
            self.app.push_screen(Dialog[None]("Notice", shown.details(row, self.now, DIALOG_CELLS), foot))

    def action_again(self) -> None:
        row = self.current
        if row is not None:
            self.act("again", {"number": row.number}, lambda answer: answer.get("text", "") or "sent again")

    def action_test(self) -> None:
        states = self._targets()
        choices = [
            Choice(letter, each.name, each.name, each.place) for letter, each in zip(LETTERS, states, strict=False)
        ]

        def chosen(name: str | None) -> None:
            if name is not None:
                self.act("test", {"target": name}, lambda _: f"a test is on its way to {name}; it shows up here")

        about: list[Line] = [(("A notice goes the whole way, as if something had fired.", "dim"),)]
        self.app.push_screen(Menu("Test a target", about, choices), chosen)

    def action_yank(self) -> None:
        row = self.current
        if row is not None:
            from swarm_tui.present.delivery_text import delivery_words  # late: only when it is copied

            self.console.yank(f"{delivery_words(row, self.now)}  {row.title}", "the notice")
