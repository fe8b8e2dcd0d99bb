"""Drift: what changed on hosts since their last snapshot, against a baseline, or against another host."""

from __future__ import annotations

from typing import Any

from backends.backups.views import DriftEntry, DriftReport, RestorePlan
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import drift as shown
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_list import BackupList
from swarm_tui.screens.backup_page import PageScreen
from swarm_tui.screens.drift_matrix import MatrixScreen
from swarm_tui.screens.menu import Choice, Menu
from swarm_tui.screens.restore import RestoreScreen

_WORDS = {"last": "the last snapshot", "pin": "the pinned baseline"}


class DriftScreen(BackupList):
    """Reports of hosts, those that differ most first."""

    SCOPES = ("drift", "list")
    OWN_FILTER = True

    def __init__(self, hosts: tuple[str, ...], against: str = "last"):
        """No hosts: all of them."""
        super().__init__()
        self._hosts, self._against = hosts, against
        self.reports: tuple[DriftReport, ...] = ()
        self._planning = False
        self._stale = False
        """A file may have been put back since."""

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", "drift", _WORDS.get(self._against, self._against))

    def load(self) -> None:
        params = {"select": ",".join(self._hosts), "against": self._against}
        self.fetch("drift", params, dict[str, tuple[DriftReport, ...]], self._got)

    def _got(self, answer: dict[str, tuple[DriftReport, ...]]) -> None:
        self.reports = answer.get("reports", ())

    def on_fleet(self, fleet: Fleet) -> None:
        if not self._rows:
            self.draw()

    def on_screen_resume(self) -> None:
        if self._stale:
            self._stale = False
            self.load()

    def made(self, width: int) -> list[Row]:
        return shown.report_rows(self.reports, self.needle, self.now, width)

    def facts(self, width: int) -> list[Line]:
        who = ", ".join(self._hosts) if self._hosts else "every host"
        against = _WORDS.get(self._against, f"{self._against} now")
        return [line(Span(f" {who}", "strong"), Span(f"  now against {against}", "dim")), ()]

    def empty(self, width: int) -> list[Line]:
        return shown.nothing(bool(self._waiting), self.needle, width)

    def told(self) -> Line:
        return line(
            *(shown.summary(self.reports) if self.reports else ()),
            Span("  planning…" if self._planning else "", "warn"),
            "  ",
        )

    def picked(self) -> tuple[DriftReport, DriftEntry] | None:
        """What is under the cursor."""
        found = (
            (report, entry)
            for report in self.reports
            for entry in report.entries
            if shown.entry_key(report.host, entry.path) == self.list.cursor
        )
        return next(found, None)

    def refusal(self, key: Key) -> str:
        here = self.picked()
        if key.id in ("drift.open", "drift.restore", "drift.baseline") and here is None:
            return "nothing here"
        if key.id == "drift.open" and here is not None and not here[1].text:
            return "not text: there are no lines to show"
        if key.id == "drift.restore" and here is not None and here[1].path.startswith("fact:"):
            return "a fact is no file"
        if key.id == "drift.restore" and self._planning:
            return "a plan is being made"
        return "the hosts are being asked" if key.id == "drift.again" and self._waiting else ""

    # Actions ----------------------------------------------------------------------------------------------------

    def _params(self) -> dict[str, str] | None:
        here = self.picked()
        return {"host": here[0].host, "path": here[1].path, "against": self._against} if here else None

    def action_open(self) -> None:
        here, params = self.picked(), self._params()
        if here is not None and params is not None and here[1].text:
            place = (params["host"], shown.shown_path(params["path"]))
            empty = "the text is the same"
            self.app.push_screen(PageScreen(place, "drift_diff", params, lines=shown.diff_lines, empty=empty))

    def action_again(self) -> None:
        self.load()
        self.draw_if_shown()

    def action_against(self) -> None:
        choices = [
            Choice("l", "last", "last snapshot", "what changed since it was taken"),
            Choice("b", "pin", "baseline", "what was pinned with B"),
            Choice("h", "host", "another host", "of the same role; what must differ is left out"),
        ]
        self.app.push_screen(Menu("Compare with", [], choices), self._compare_with)

    def _compare_with(self, choice: str | None) -> None:
        if choice == "host":
            self.ask("host ", "", self._compare_with_host, complete=self._names)
        elif choice is not None:
            self._turn(choice)

    def _names(self, begun: str) -> list[str]:
        return sorted(name for name in self.console.fleet().rows if name.startswith(begun) and name.isprintable())[:50]

    def _compare_with_host(self, host: str) -> None:
        if host.strip() in self.console.fleet().rows:
            self._turn(host.strip())
        else:
            self.console.say(f"no host is called {host.strip()}", "warning")

    def _turn(self, against: str) -> None:
        self._against, self.reports = against, ()
        self.load()
        self.draw_if_shown()

    def action_matrix(self) -> None:
        self.app.push_screen(MatrixScreen(self._hosts))

    def action_restore(self) -> None:
        params = self._params()
        if params is None:
            return
        self._planning = True
        self.refresh_frame()
        self.console.link.request("backups.restore_file", params, RestorePlan, self._planned, self._not_planned)

    def _planned(self, plan: RestorePlan) -> None:
        self._planning = False
        if self.is_current:
            self._stale = True
            self.app.push_screen(RestoreScreen(plan.request, None, plan))
        else:
            self.console.say("the plan is ready: ask for it again")

    def _not_planned(self, error: Any) -> None:
        self._planning = False
        self.console.failed(error)
        self.draw_if_shown()

    def action_baseline(self) -> None:
        here = self.picked()
        if here is not None:
            host = here[0].host
            done = f"the newest snapshot of {host} is now its baseline"
            kind = dict[str, Any]
            said = self.console.say
            self.console.link.request("backups.pin", {"host": host}, kind, lambda _: said(done), self.console.failed)
