"""The Alerts screen: one row a problem, the worst first; what stands behind the row beside or below it."""

from __future__ import annotations

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.containers import Horizontal

from backends.alerts.views import AlertView, RuleRow
from backends.engine.wire_alerts import AlertDetail
from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import alert_board, alert_details, alert_groups, alerts
from swarm_tui.present.alerts import Row, Sight
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.alert_choice import AlertChoice
from swarm_tui.screens.alert_page import AlertScreen
from swarm_tui.widgets.lines import FixedLines, LinesView
from swarm_tui.widgets.pick_list import PickList, PickRow

ASK_SECONDS = 1.0
"""Between two questions to the engine: an alert is seen within a second; an unchanged answer is a few bytes."""
DETAIL_SECONDS = 5.0
"""Between two questions about the alert under the cursor."""
BESIDE_COLUMNS = 120
"""Of a terminal from which on the details stand beside the list."""
BELOW_ROWS, ABOUT_ROWS, FRAME_ROWS = 30, 9, 7
"""Rows of a terminal from which on they stand below it, however long that is; rows that they take; rows of the frame."""


class AlertsScreen(AlertChoice):
    """Mode 2."""

    SCOPES = ("alerts", "alert", "list")

    def __init__(self) -> None:
        super().__init__()
        self.detail: AlertDetail | None = None
        """Of the alert that was under the cursor last."""
        self._error: SwarmError | None = None
        self._asked = self._detail_asked = -1e9
        self._detail_of = self._detail_error = ""
        self._rules: int | None = None
        """How many are evaluated; asked for when that is all there is to say."""

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        with Horizontal(id="columns"):
            yield PickList(id="main")
            yield LinesView(id="details")
        yield LinesView(id="about")

    def crumbs(self) -> tuple[str, ...]:
        return ("alerts",)

    # Data -------------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        now = self.console.monotonic()
        if now - self._asked >= ASK_SECONDS and self.console.frozen_since is None:
            self._asked = now
            since = {"since": self.view.version} if self.view else {}
            self.console.link.request("alerts.view", since, AlertView, self.took, self._failed)
        self.draw()

    def took(self, view: AlertView) -> None:
        self._error = None
        if view.alerts is None and self.view is not None:
            view = replace(view, alerts=self.view.alerts)
        self.view = view
        self.marks &= {each.fingerprint for each in view.alerts or ()}  # what is there no more is not acted upon
        self.draw_if_shown()

    def _failed(self, error: SwarmError) -> None:
        self._error = error
        self.draw_if_shown()

    def _ask_rules(self) -> None:
        """How many rules are evaluated; once."""
        if self._rules is None:
            self._rules = 0
            kind = dict[str, tuple[RuleRow, ...]]
            self.console.link.request("alerts.rules", {}, kind, self._got_rules, lambda _: None)

    def _got_rules(self, answer: dict[str, tuple[RuleRow, ...]]) -> None:
        self._rules = len(answer.get("rules", ()))
        self.draw_if_shown()

    # Details ----------------------------------------------------------------------------------------------------

    def _ask_detail(self) -> None:
        """What happened around the alert under the cursor; asked when it is shown, and again from time to time."""
        row, now = self.current, self.console.monotonic()
        if row is None or not (self.has_class("-beside") or self.has_class("-roomy")):
            return
        if row.fingerprint == self._detail_of and now - self._detail_asked < DETAIL_SECONDS:
            return
        if self.console.frozen_since is not None and row.fingerprint == self._detail_of:
            return
        self._detail_of, self._detail_asked = row.fingerprint, now
        params = {"fingerprint": row.fingerprint}
        self.console.link.request("alerts.get", params, AlertDetail, self._got_detail, self._no_detail)

    def _got_detail(self, detail: AlertDetail) -> None:
        self.detail, self._detail_error = detail, ""
        if self.is_current:
            self._draw_details()

    def _no_detail(self, error: SwarmError) -> None:
        self._detail_error = error.message
        if self.is_current:
            self._draw_details()

    def _draw_details(self) -> None:
        beside = self.has_class("-beside")
        panel = self.query_one("#details" if beside else "#about", LinesView)
        width = max(20, (panel.size.width if beside else self.size.width) - 3)
        panel.set_lines([line(" ", *each) for each in self._details(width)])

    def _details(self, width: int) -> list[Line]:
        row = self.current
        if row is None:
            return alert_details.group_lines(self.here.group, self.now, width) if self.here else []
        detail = self.detail if self.detail and self.detail.row.fingerprint == row.fingerprint else None
        silences = self.view.silences if self.view else ()
        error = self._detail_error
        return alert_details.lines(row, detail, self.now, width, silences=silences, brief=True, error=error)

    # Drawing ----------------------------------------------------------------------------------------------------

    def draw_if_shown(self) -> None:
        """News came in."""
        if self.is_current:
            self.draw()
            self.refresh_frame()

    def draw(self) -> None:
        """Bring list and details up to date; unchanged cells cost nothing."""
        if not self.is_mounted or not self.query("#main"):
            return
        width = self.list.room[0]
        chosen = alerts.chosen(self.side, self.alerts, self.needle)
        sight = Sight(width, self.console.glyphs, self.now, frozenset(self.marks))
        self.rows = {row.key: row for row in alert_groups.rows(self.side, chosen, sight, self.rows)}
        head = alert_groups.head(self.side, chosen, width) if chosen else ()
        self.query_one("#facts", FixedLines).set_lines(
            [alert_board.tabs(self.side, self.view, self.now, self.size.width), head]
        )
        rows = [PickRow(row.key, row.text) for row in self.rows.values()]
        self.list.show(rows or [PickRow(None, each) for each in self._none(width)])
        self._arrange(len(rows))
        self._draw_panel()

    def _draw_panel(self) -> None:
        if self.has_class("-beside") or self.has_class("-roomy"):
            self._ask_detail()
            self._draw_details()

    def _none(self, width: int) -> list[Line]:
        if self._error is not None and self.view is None:
            return alert_board.said(self._error.message, "warn", self._error.hint or "", width)
        if self.view is not None:
            self._ask_rules()
        hosts = len(self.console.fleet().rows)
        watched = f"{self._rules} rules over {hosts} host{'' if hosts == 1 else 's'}" if self._rules else ""
        return alert_board.nothing(self.side, self.view, self.needle, self.now, width, watched)

    def _arrange(self, listed: int) -> None:
        """Where the details stand: beside the list, below it, or nowhere; a restyle costs, so only when it changes."""
        beside, height = self.size.width >= BESIDE_COLUMNS, self.size.height
        below = not beside and listed > 0 and (height >= BELOW_ROWS or listed + ABOUT_ROWS + FRAME_ROWS <= height)
        for name, wanted in (("-beside", beside), ("-roomy", below)):  # -roomy shows what stands below the list
            if self.has_class(name) != wanted:
                self.set_class(wanted, name)
                self.call_after_refresh(self.draw)  # list and details have other sizes now
        self.query_one("#details", LinesView).display = beside

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.draw)

    def status(self) -> tuple[Line, Line]:
        found = sum(len(row.alerts) for row in self.rows.values())
        right: Line = ((f"{found:,} alerts" if found != 1 else "1 alert", "dim"),) if found else ()
        left = line(
            Span(f"{len(self.marks)} marked  " if self.marks else "", "mark"),
            Span("v marks up to here  " if self.range_start is not None else "", "mark"),
            Span(f"/{self.needle}  " if self.needle else "", "chip"),
            Span(self._error.message if self._error is not None and self.view is not None else "", "warn"),
        )
        if left or self.view is None:
            return left, right
        trouble = alert_board.trouble(self.view, self.now)
        return line(Span(f"{trouble}  " if trouble else "", "warn"), *alert_board.summary(self.view)), ()

    def refusal(self, key: Key) -> str:
        needs_row = ("open", "mark", "mark_range", "mark_all", "yank")
        if key.scope == "alerts" and key.action in needs_row and not self.rows:
            return "no alert here"
        return super().refusal(key)

    # Moving about -----------------------------------------------------------------------------------------------

    def on_pick_list_moved(self) -> None:
        self._draw_panel()
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """The page of the alert; where several stand behind the line, the list of them."""
        row: Row | None = self.here
        if row is None:
            return
        if row.group:
            self.needle = alert_groups.needle(row)
            self.show_side("open")
        else:
            self.app.push_screen(AlertScreen(row.alert, self.view))
