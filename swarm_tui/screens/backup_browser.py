"""Inside an archive: directories, read page by page, with marks for what is to be brought back."""

from __future__ import annotations

from collections.abc import Hashable

from backends.backups.model import Archive, BrowseEntry
from backends.backups.views import Listing, RestoreRequest
from backends.errors import RetryLater
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import backup_archives as shown
from swarm_tui.present import backup_text as text
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.backups import said
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_changes import choose_other
from swarm_tui.screens.backup_list import BackupList
from swarm_tui.screens.backup_versions import VersionsScreen

PAGE = 500
"""Entries asked for at once."""
AGAIN_SECONDS = 2.0
"""While the archive is being indexed."""
_NEEDS_ROW = frozenset(f"browse.{name}" for name in ("open", "mark", "history", "diff", "yank"))


class BrowserScreen(BackupList):
    """One directory at a time."""

    SCOPES = ("browse", "list")

    def __init__(self, archive: Archive, path: str = ""):
        super().__init__()
        self.archive, self.path = archive, path
        self.entries: list[BrowseEntry] = []
        self.total = 0
        self.marks: set[str] = set()
        self._came_from: Hashable = None
        self._asked = -1e9
        self._cache: tuple[object, list[Row]] = (None, [])

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", self.archive.name, f"/{self.path}")

    # Data -------------------------------------------------------------------------------------------------------

    def load(self) -> None:
        self._asked = self.console.monotonic()
        asked_for = self.path
        params = {
            "repository": self.archive.repository,
            "archive": self.archive.name,
            "path": asked_for,
            "offset": len(self.entries),
            "limit": PAGE,
        }
        self.fetch("files", params, Listing, lambda found: self._got(asked_for, found))

    def _got(self, asked_for: str, found: Listing) -> None:
        if asked_for != self.path or found.offset != len(self.entries):
            return  # somebody has gone on meanwhile
        self.entries += found.entries
        self.total = found.total
        if self._came_from is not None:
            self.draw()
            self.list.move_to(self._came_from)
            self._came_from = None

    def on_fleet(self, fleet: Fleet) -> None:
        indexing = isinstance(self._error, RetryLater) and not self._waiting
        if indexing and self.console.monotonic() - self._asked >= AGAIN_SECONDS:
            self.load()
        self.draw()

    def on_pick_list_moved(self) -> None:
        near = self.list.cursor in {row.key for row in self._rows[-self.list.page :]}
        if near and len(self.entries) < self.total and not self._waiting:
            self.load()

    def go_to(self, path: str, came_from: Hashable = None) -> None:
        """Another directory, from its top."""
        self.path, self.entries, self.total, self._came_from = path, [], 0, came_from
        self._cache = (None, [])
        self.list.show([], top=True)
        self.load()
        self.draw_if_shown()

    # Drawing ----------------------------------------------------------------------------------------------------

    def made(self, width: int) -> list[Row]:
        drawn_as = (width, self.path, frozenset(self.marks), self.console.glyphs)
        rows = self._cache[1] if self._cache[0] == drawn_as else []
        rows += shown.entry_rows(self.entries[len(rows) :], frozenset(self.marks), width, self.console.glyphs)
        self._cache = (drawn_as, rows)
        return rows

    def facts(self, width: int) -> list[Line]:
        made = line(Span(f" /{self.path}", "strong"), Span(f"  {text.archive(self.archive, self.now)}", "dim"))
        return [made, shown.head(shown.ENTRIES, width)]

    def empty(self, width: int) -> list[Line]:
        return said("The directory is empty.", "dim", "", width)

    def told(self) -> Line:
        rest = f"{len(self.entries):,} of {self.total:,} read  " if len(self.entries) < self.total else ""
        return line(Span(f"{len(self.marks)} marked  " if self.marks else "", "mark"), Span(rest, "dim"))

    @property
    def entry(self) -> BrowseEntry | None:
        """The one under the cursor."""
        cursor = self.list.cursor
        return next((each for each in self.entries if ("entry", each.path) == cursor), None)

    def subject(self) -> tuple[str, ...]:
        return (self.archive.host,)

    def refusal(self, key: Key) -> str:
        if key.id in _NEEDS_ROW and self.entry is None:
            return "nothing here"
        if key.id == "browse.parent" and not self.path:
            return "this is the top"
        if key.id == "browse.restore" and not self.marks and self.entry is None:
            return "nothing here"
        return ""

    # Actions ----------------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        here = self.entry
        if here is None:
            return
        if here.type == "d":
            self.go_to(here.path)
        else:
            self.action_history()

    def action_parent(self) -> None:
        if self.path:
            self.go_to(self.path.rpartition("/")[0], ("entry", self.path))

    def action_mark(self) -> None:
        here = self.entry
        if here is not None:
            self.marks ^= {here.path}
            self.draw_if_shown()
            self.list.move(1)

    def clear_last(self) -> bool:
        if self.marks:
            self.marks = set()
            self.draw_if_shown()
        elif self.path:
            self.action_parent()
        else:
            return False
        return True

    def action_restore(self) -> None:
        paths = tuple(sorted(self.marks)) or ((self.entry.path,) if self.entry else ())
        if paths:
            wanted = RestoreRequest(repository=self.archive.repository, archive=self.archive.name, paths=paths)
            self.open_restore(wanted, self.archive)

    def action_history(self) -> None:
        here = self.entry
        if here is not None:
            self.app.push_screen(VersionsScreen(self.archive.host, here.path))

    def action_diff(self) -> None:
        here = self.entry
        if here is not None:
            choose_other(self.console, self.app, self.archive, here.path)

    def action_find(self) -> None:
        self.find(self.archive.host)

    def action_yank(self) -> None:
        if self.entry is not None:
            self.console.yank(f"/{self.entry.path}", "the path")
