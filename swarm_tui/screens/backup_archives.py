"""The archives of a set or a repository: browse one, bring it back, compare two, prune, pin a baseline."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from backends.backups.model import CONFIG, Archive
from backends.backups.views import RestoreRequest
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import backup_archives as shown
from swarm_tui.present import backup_text as text
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.backups import said
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_browser import BrowserScreen
from swarm_tui.screens.backup_changes import ChangesScreen
from swarm_tui.screens.backup_list import BackupList
from swarm_tui.screens.backup_preview import PruneScreen

AGAIN_SECONDS = 5.0
_NEEDS_ROW = frozenset(f"archives.{name}" for name in ("open", "restore", "mark", "diff", "baseline", "yank"))


class ArchivesScreen(BackupList):
    """Newest first."""

    SCOPES = ("archives", "list")

    def __init__(self, repository: str, host: str, set_name: str = "", location: str = ""):
        super().__init__()
        self.repository, self.host_name, self._set, self._location = repository, host, set_name, location
        self.archives: tuple[Archive, ...] = ()
        self._marked: Hashable = None
        self._asked = -1e9

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", self.repository, *([self._set] if self._set else []))

    def load(self) -> None:
        self._asked = self.console.monotonic()
        params = {"select": self.host_name, "set": self._set, "repository": self.repository}
        self.fetch("archives", params, dict[str, tuple[Archive, ...]], self._got)

    def _got(self, answer: dict[str, tuple[Archive, ...]]) -> None:
        self.archives = answer.get("archives", ())

    def on_fleet(self, fleet: Fleet) -> None:
        """Archives come, go and are indexed meanwhile."""
        now = self.console.monotonic()
        if now - self._asked >= AGAIN_SECONDS and not self._waiting and self.console.frozen_since is None:
            self.load()
        self.draw()

    def made(self, width: int) -> list[Row]:
        return shown.archive_rows(self.archives, self.now, width, self.console.glyphs, self._marked)

    def facts(self, width: int) -> list[Line]:
        what = f"{self._set} of {self.host_name}" if self._set else f"all sets of {self.host_name}"
        return [
            line(Span(f" {what} in {self.repository}", "strong"), Span(f"  {self._location}", "dim")),
            shown.head(shown.ARCHIVES, width),
        ]

    def empty(self, width: int) -> list[Line]:
        return said("No archive yet.", "strong", "Esc, then b makes the first one.", width)

    def told(self) -> Line:
        return line(Span("1 marked: = compares  " if self._marked else "", "mark"))

    @property
    def archive(self) -> Archive | None:
        """The one under the cursor."""
        return next((each for each in self.archives if shown.key(each) == self.list.cursor), None)

    def other(self) -> Archive | None:
        """What the one under the cursor is compared with: the marked one, else the one before it of the same set."""
        here = self.archive
        if here is None:
            return None
        if self._marked is not None:
            return next((each for each in self.archives if shown.key(each) == self._marked and each != here), None)
        older = [each for each in self.archives if each.set == here.set and each.start < here.start]
        return max(older, key=lambda each: each.start, default=None)

    def refusal(self, key: Key) -> str:
        here = self.archive
        if key.id in _NEEDS_ROW and here is None:
            return "no archive here"
        if key.id == "archives.diff" and self.other() is None:
            return "there is none to compare with"
        if key.id == "archives.baseline" and here is not None and here.set != CONFIG:
            return "a baseline is a snapshot of the configuration"
        if key.id == "archives.prune" and not (self._set or here):
            return "no archive here"
        return ""

    # Actions ----------------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        here = self.archive
        if here is not None:
            self.app.push_screen(BrowserScreen(here))

    def action_restore(self) -> None:
        here = self.archive
        if here is not None:
            self.open_restore(RestoreRequest(repository=here.repository, archive=here.name), here)

    def action_mark(self) -> None:
        here = self.list.cursor
        self._marked = None if self._marked == here else here
        self.draw_if_shown()

    def clear_last(self) -> bool:
        if self._marked is not None:
            self._marked = None
            self.draw_if_shown()
            return True
        return super().clear_last()

    def action_diff(self) -> None:
        here, other = self.archive, self.other()
        if here is not None and other is not None:
            old, new = sorted((here, other), key=lambda each: each.start)
            self.app.push_screen(ChangesScreen(old, new))

    def action_prune(self) -> None:
        name = self._set or (self.archive.set if self.archive else "")
        if name:
            self.app.push_screen(PruneScreen(self.repository, name))

    def action_baseline(self) -> None:
        here = self.archive
        if here is None:
            return
        done = f"the baseline of {here.host} is now {text.when(here.start)}"
        params = {"host": here.host, "archive": here.name}
        kind = dict[str, Any]
        self.console.link.request("backups.pin", params, kind, lambda _: self.console.say(done), self.console.failed)

    def action_find(self) -> None:
        self.find(self.host_name)

    def action_yank(self) -> None:
        here = self.archive
        if here is not None:
            self.console.yank(f"{self._location or self.repository}::{here.name}", "the archive's name")
