"""Silences and maintenances: who hid what, why, and until when; either can be ended early."""

from __future__ import annotations

from collections.abc import Sequence

from backends.alerts.views import AlertView
from backends.inventory.ranges import fold
from swarm_tui.keymap import Key
from swarm_tui.present import alert_silences as shown
from swarm_tui.present import host_table
from swarm_tui.present.alert_board import said
from swarm_tui.present.alert_outbox import Row
from swarm_tui.present.host_line import Span, line, wrap
from swarm_tui.present.line import Line, plain
from swarm_tui.screens.alert_list import AlertList
from swarm_tui.screens.confirm import Confirm

DIALOG_CELLS = 70


class SilencesScreen(AlertList):
    """Those that end first come first."""

    SCOPES = ("silences", "list")

    def __init__(self) -> None:
        super().__init__()
        self.view: AlertView | None = None

    def crumbs(self) -> tuple[str, ...]:
        return ("alerts", "silences and maintenances")

    def load(self) -> None:
        since = {"since": self.view.version} if self.view else {}
        self.fetch("view", since, AlertView, self._got)

    def _got(self, view: AlertView) -> None:
        self.view = view

    def made(self, width: int) -> Sequence[Row]:
        return shown.silence_rows(self.view, self.now, width) if self.view else ()

    def facts(self, width: int) -> list[Line]:
        first = line(Span(" Nobody is told of what these hide; the list of alerts shows it all the same.", "dim"))
        return [first, host_table.head(shown.SILENCES, width)]

    def empty(self, width: int) -> list[Line]:
        return said(
            "Nothing is silenced, and no host is in maintenance.",
            "ok",
            "On an alert: s silences, M begins a maintenance.",
            width,
        )

    def told(self) -> Line:
        hints = self.view.hints if self.view else ()
        return line(Span(hints[0] if hints else "", "warn"))

    def refusal(self, key: Key) -> str:
        if key.scope != "silences":
            return ""
        if key.action == "end" and self.console.read_only:
            return "read-only"
        return "nothing here" if key.action in ("end", "yank") and self.list.cursor is None else ""

    def action_end(self) -> None:
        key = self.list.cursor
        if not isinstance(key, tuple):
            return
        kind, name = key
        what = self._about(kind, name)

        def answered(yes: bool | None) -> None:
            if yes:
                method = "unsilence" if kind == "silence" else "end_mute"
                self.act(method, {"id": name}, lambda _: f"ended: {what}")

        then = (
            "What it hid is told from now on."
            if kind == "silence"
            else "A digest of what is new follows once they have settled."
        )
        lines = [*wrap(what, DIALOG_CELLS, 2), (), ((then, "dim"),)]
        self.app.push_screen(
            Confirm(f"End the {'silence' if kind == 'silence' else 'maintenance'} now?", lines), answered
        )

    def _about(self, kind: str, name: str) -> str:
        view = self.view
        if view is not None and kind == "silence":
            return next(
                (f"{shown.silence_words(each)}: {each.comment}" for each in view.silences if each.id == name), name
            )
        return next(
            (f"{fold(each.hosts)}: {each.comment}" for each in (view.mutes if view else ()) if each.id == name),
            name,
        )

    def action_yank(self) -> None:
        lines = [plain(row.text).rstrip() for row in self.list.rows if row.key is not None]
        self.console.yank("\n".join(lines), "the list")
