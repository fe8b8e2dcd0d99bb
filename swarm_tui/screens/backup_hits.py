"""Where a name was found in the archives of all hosts."""

from __future__ import annotations

from backends.backups.views import Hit, RestoreRequest
from swarm_tui.keymap import Key
from swarm_tui.present import backup_archives as shown
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.backups import said
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_list import BackupList
from swarm_tui.screens.backup_versions import VersionsScreen

MOST = 500


class HitsScreen(BackupList):
    """One row a path and host."""

    SCOPES = ("hits", "list")

    def __init__(self, text: str, select: str = ""):
        super().__init__()
        self._text, self._select = text, select
        self.hits: tuple[Hit, ...] = ()

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", "find", self._text)

    def load(self) -> None:
        params = {"text": self._text, "select": self._select, "limit": MOST}
        self.fetch("search", params, dict[str, tuple[Hit, ...]], self._got)

    def _got(self, answer: dict[str, tuple[Hit, ...]]) -> None:
        self.hits = answer.get("hits", ())

    def made(self, width: int) -> list[Row]:
        return shown.hit_rows(self.hits, self.now, width)

    def facts(self, width: int) -> list[Line]:
        where = f"  on {self._select}" if self._select else "  on every host"
        return [line(Span(f" {self._text}", "strong"), Span(where, "dim")), shown.head(shown.HITS, width)]

    def empty(self, width: int) -> list[Line]:
        why = "Only indexed archives are searched; Enter on an archive indexes it."
        return said(f"No path contains {self._text}", "strong", why, width)

    def told(self) -> Line:
        return line(Span(f"the first {MOST}  " if len(self.hits) >= MOST else "", "warn"))

    @property
    def hit(self) -> Hit | None:
        """The one under the cursor."""
        return next((each for each in self.hits if ("hit", each.host, each.path) == self.list.cursor), None)

    def refusal(self, key: Key) -> str:
        return "nothing here" if key.scope == "hits" and key.action != "find" and self.hit is None else ""

    def action_open(self) -> None:
        if self.hit is not None:
            self.app.push_screen(VersionsScreen(self.hit.host, self.hit.path))

    def action_restore(self) -> None:
        if self.hit is not None:
            kept = self.hit.newest.archive
            wanted = RestoreRequest(repository=kept.repository, archive=kept.name, paths=(self.hit.path,))
            self.open_restore(wanted, kept)

    def action_find(self) -> None:
        def wanted(text: str) -> None:
            if text.strip():
                self._text, self.hits = text.strip(), ()
                self.load()
                self.draw_if_shown()

        self.ask("find ", self._text, wanted)

    def action_yank(self) -> None:
        if self.hit is not None:
            self.console.yank(f"/{self.hit.path}", "the path")
