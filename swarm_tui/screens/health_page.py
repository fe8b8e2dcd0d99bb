"""All that the health checks found on one host: problems with evidence and the next step, what is well, what was left out."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.checks.health_views import HostChecks
from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import health as shown
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.present.triage import said_rows
from swarm_tui.screens.health_base import HealthBase
from swarm_tui.widgets.pick_list import PickList, PickRow

ASK_SECONDS = 2.0


class HealthPage(HealthBase):
    """One host."""

    SCOPES = ("hosthealth", "finding", "list")

    def __init__(self, host: str, checks: HostChecks | None = None):
        super().__init__()
        self._host, self.checks = host, checks
        self._error: SwarmError | None = None
        self._asked = -1e9

    def body(self) -> ComposeResult:
        yield PickList(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("fleet", "health", self._host)

    @property
    def host(self) -> str:
        return self._host

    def subject(self) -> tuple[str, ...]:
        return (self._host,)

    def known(self) -> HostChecks | None:
        return self.checks

    def look_again(self) -> None:
        self._asked = -1e9

    def finding_key(self) -> str:
        cursor = self.list.cursor
        found = self.checks.result.findings if self.checks is not None and self.checks.result is not None else ()
        return next((each.key for each in found if each.key == cursor and each.bad), "")

    def on_fleet(self, fleet: Fleet) -> None:
        now = self.console.monotonic()
        if now - self._asked >= ASK_SECONDS and self.console.frozen_since is None:
            self._asked = now
            self.console.link.request("checks.host", {"host": self._host}, HostChecks, self._got, self._failed)
        self.draw()

    def _got(self, checks: HostChecks) -> None:
        self.checks, self._error = checks, None
        self.draw_if_shown()

    def _failed(self, error: SwarmError) -> None:
        self._error = error
        self.draw_if_shown()

    def draw(self) -> None:
        """Bring the list up to date."""
        if not self.is_mounted or not self.query("#main"):
            return
        width = self.list.room[0]
        if self.checks is not None:
            rows = shown.page_rows(self.checks, self.now, width)
        elif self._error is not None:
            rows = said_rows(self._error.message, "bad", self._error.hint or "", width)
        else:
            rows = said_rows("asking the engine…", "dim", "", width)
        self.list.show([PickRow(row.key, row.text) for row in rows])

    def status(self) -> tuple[Line, Line]:
        busy = self.checks is not None and self.checks.health.busy
        return line(
            Span("checking it now  " if busy else "", "accent"),
            Span(self._error.message if self._error is not None and self.checks is not None else "", "warn"),
        ), ()

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.draw)

    def on_pick_list_moved(self) -> None:
        self.refresh_frame()

    def refusal(self, key: Key) -> str:
        if key.id == "hosthealth.yank" and self.checks is None:
            return "nothing here"
        return super().refusal(key)

    def action_open(self) -> None:
        self.console.open_host(self._host)

    def action_yank(self) -> None:
        if self.checks is not None:
            self.console.yank(shown.markdown(self.checks, self.now), "its health as Markdown")

    async def action_back(self) -> None:
        await self.leave()
