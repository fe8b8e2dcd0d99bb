"""What stands behind a row of the Updates screen: all of its changes; a host's history with the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from textual import events

from backends.clock import utc
from backends.errors import SwarmError
from backends.inventory.ranges import fold
from backends.updates.model import Change, HistoryEntry, Plan
from backends.updates.service import View
from swarm_tui.present import update_text as text
from swarm_tui.present.host_line import wrap
from swarm_tui.present.line import Line, crop
from swarm_tui.present.update_changes import LEGEND, caution_lines, change_lines
from swarm_tui.present.updates import Pivot, Row, hosts
from swarm_tui.screens.base import Console
from swarm_tui.screens.dialog import Dialog

_FOOT: Line = (("Esc", "key"), (" leave", "dim"))
SHOWN_ENTRIES = 26
"""As many as there are letters."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MOST_NAMED = 6
DIALOG_CELLS = 86
"""Of a tall dialog's text, where the terminal is wide enough."""


class TallDialog(Dialog[None]):
    """A dialog that takes most of the screen."""

    def opened(self) -> None:
        self.add_class("-tall")


def set_dialog(pivot: Pivot, row: Row, view: View, width: int) -> Dialog[None]:
    """All changes behind a row, in lines of `width`."""
    lines: list[Line] = []
    for group in view.sets:
        if pivot == "sets" and ("set", group.hosts) != row.key:
            continue
        changes = [change for change in group.changes if _meant(pivot, change, row.names)]
        if changes:
            lines += [(), *wrap(named(group.hosts), width, 2, "title")]
            lines += caution_lines(group.warnings, width) if pivot == "sets" else []
            lines += change_lines(changes, width)
    title = f"What waits on {hosts(len(row.hosts))}" if pivot == "sets" else row.names[0]
    return TallDialog(title, [((LEGEND, "dim"),), *lines], _FOOT)


def named(hosts: Sequence[str]) -> str:
    """ "dgx02", "dgx[01-12] (12)"."""
    return fold(hosts) + (f" ({len(hosts)})" if len(hosts) > 1 else "")


def _meant(pivot: Pivot, change: Change, names: Sequence[str]) -> bool:
    if pivot == "packages":
        return change.name in names
    return pivot != "cves" or any(cve in names for cve in change.cves)


class HistoryDialog(TallDialog):
    """A host's transactions; a letter makes the plan that undoes one."""

    def __init__(self, host: str, planned: Callable[[Plan], None]):
        super().__init__(f"What changed on {host}", [(("asking the host…", "dim"),)], _FOOT)
        self._host, self._planned = host, planned
        self._entries: tuple[HistoryEntry, ...] = ()

    @property
    def console(self) -> Console:
        """The application, as far as screens may use it."""
        return cast("Console", self.app)

    def opened(self) -> None:
        super().opened()
        params = {"host": self._host, "limit": SHOWN_ENTRIES}
        kind = dict[str, tuple[HistoryEntry, ...]]
        self.console.link.request("updates.history", params, kind, self._got, self._failed)

    def _got(self, answer: dict[str, tuple[HistoryEntry, ...]]) -> None:
        self._entries = answer.get("entries", ())
        if not self._entries:
            self.show([(("The package manager's log is empty.", "dim"),)])
            return
        lines: list[Line] = [(("A letter plans the way back to before it; nothing is changed yet.", "dim"),)]
        width = min(DIALOG_CELLS, self.app.size.width * 96 // 100 - 5)
        for letter, entry in zip(LETTERS, self._entries, strict=False):
            lines += [(), *entry_lines(letter, entry, width)]
        self.show(lines)

    def _failed(self, error: SwarmError) -> None:
        self.show([((error.message, "bad"),), ((error.hint or "", "dim"),)])

    def key_pressed(self, event: events.Key) -> None:
        at = LETTERS.find(event.character or "?")
        if not 0 <= at < len(self._entries):
            return
        event.stop()
        params: dict[str, Any] = {"host": self._host, "entry": self._entries[at].id}
        self.console.say(f"planning the way back on {self._host}…")
        self.console.link.request("updates.rollback", params, Plan, self._planned, self.console.failed)
        self.dismiss(None)


def entry_lines(letter: str, entry: HistoryEntry, width: int) -> list[Line]:
    """One transaction: when and by whom, then what, wrapped."""
    who = entry.actor or "unknown"
    run = f"  run {entry.plan}" if entry.plan else ""
    gone = "  the old versions are gone" if entry.rollback is False else ""
    first: Line = (
        (f" {letter}  ", "key"),
        (f"{utc(entry.time):%Y-%m-%d %H:%M} UTC", "strong"),
        (f"  {len(entry.changes)} changes by {who}{run}{gone}", "dim"),
    )
    rows = [crop(first, width)]
    what = ", ".join(f"{change.name} {text.versions(change)}" for change in entry.changes[:MOST_NAMED])
    more = f" and {len(entry.changes) - MOST_NAMED} more" if len(entry.changes) > MOST_NAMED else ""
    rows += [(("    ", "text"), *row) for row in wrap(f"{what}{more}", width - 4)]
    if entry.ok is False:
        rows += [(("    ", "text"), *row) for row in wrap(f"failed: {entry.error}", width - 4, 0, "bad")]
    return rows


def history_dialog(host: str, planned: Callable[[Plan], None]) -> HistoryDialog:
    """The history of a host; `planned` gets the plan of a way back."""
    return HistoryDialog(host, planned)
