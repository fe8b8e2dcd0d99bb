"""One alert on a page of its own: evidence, limits, likely causes, notices, history, and what happened around it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from backends.alerts.views import AlertRow, AlertView
from backends.engine.wire_alerts import AlertDetail
from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.present import alert_copy, alert_details
from swarm_tui.present.alert_text import place
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.alert_actions import AlertActions
from swarm_tui.widgets.lines import LinesView

ASK_SECONDS = 2.0
WIDEST = 110
"""Cells of a line that is still easy to read."""


class AlertScreen(AlertActions):
    """An alert that was picked; it goes on to be shown when it is over."""

    SCOPES = ("problem", "alert")

    def __init__(self, row: AlertRow, view: AlertView | None = None):
        """`view`: what the list knows; names the silences."""
        super().__init__()
        self.row = row
        self.detail: AlertDetail | None = None
        self._view = view
        self._error = ""
        self._asked = -1e9

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("alerts", place(self.row))

    def on_fleet(self, fleet: Fleet) -> None:
        now = self.console.monotonic()
        if now - self._asked >= ASK_SECONDS and self.console.frozen_since is None:
            self._asked = now
            params = {"fingerprint": self.row.fingerprint}
            self.console.link.request("alerts.get", params, AlertDetail, self._got, self._failed)
        self.draw()

    def _got(self, detail: AlertDetail) -> None:
        self.detail, self.row, self._error = detail, detail.row, ""
        self._draw_if_shown()

    def _failed(self, error: SwarmError) -> None:
        self._error = error.message
        self._draw_if_shown()

    def _draw_if_shown(self) -> None:
        if self.is_current:
            self.draw()
            self.refresh_frame()

    def newest(self) -> AlertView | None:
        return self._view

    def took(self, view: AlertView) -> None:
        self._view = view
        self.row = next(iter(self.known((self.row.fingerprint,))), self.row)
        self._asked = -1e9
        self._draw_if_shown()

    def known(self, fingerprints: Sequence[str]) -> list[AlertRow]:
        alerts = (self._view.alerts if self._view else None) or ()
        return [each for each in alerts if each.fingerprint in fingerprints]

    def picked(self) -> list[AlertRow]:
        return [self.row]

    def told_of(self) -> str:
        return self.row.fingerprint

    def draw(self) -> None:
        """Bring the page up to date."""
        if not self.is_mounted or not self.query("#main"):
            return
        width = min(WIDEST, self.size.width - 3)
        silences = self._view.silences if self._view else ()
        lines = alert_details.lines(self.row, self.detail, self.now, width, silences=silences)
        self.query_one("#main", LinesView).set_lines([line(" ", *each) for each in lines])

    def on_resize(self) -> None:
        super().on_resize()
        self.draw()

    def status(self) -> tuple[Line, Line]:
        return line(Span(self._error, "warn")), ()

    def action_yank(self) -> None:
        detail = self.detail or AlertDetail(row=self.row, now=self.now)
        self.console.yank(alert_copy.page(detail), "the alert")
