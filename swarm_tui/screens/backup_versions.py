"""All versions of one path, over archives and repositories."""

from __future__ import annotations

from backends.backups.model import Version
from backends.backups.views import RestoreRequest
from swarm_tui.keymap import Key
from swarm_tui.present import backup_archives as shown
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.backups import said
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_list import BackupList


class VersionsScreen(BackupList):
    """Newest first."""

    SCOPES = ("versions", "list")

    def __init__(self, host: str, path: str):
        super().__init__()
        self.host_name, self.path = host, path
        self.versions: tuple[Version, ...] = ()

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", self.host_name, "versions")

    def load(self) -> None:
        params = {"host": self.host_name, "path": self.path}
        self.fetch("history", params, dict[str, tuple[Version, ...]], self._got)

    def _got(self, answer: dict[str, tuple[Version, ...]]) -> None:
        self.versions = answer.get("versions", ())

    def made(self, width: int) -> list[Row]:
        return shown.version_rows(self.versions, self.now, width)

    def facts(self, width: int) -> list[Line]:
        return [
            line(Span(f" /{self.path}", "strong"), Span(f"  on {self.host_name}", "dim")),
            shown.head(shown.VERSIONS, width),
        ]

    def empty(self, width: int) -> list[Line]:
        why = "Archives that nobody has opened yet are not searched; Enter on an archive indexes it."
        return said("No indexed archive has this path.", "strong", why, width)

    def subject(self) -> tuple[str, ...]:
        return (self.host_name,)

    @property
    def version(self) -> Version | None:
        """The one under the cursor."""
        cursor = self.list.cursor
        return next((each for each in self.versions if shown.version_key(each) == cursor), None)

    def before(self) -> Version | None:
        """The version before it in the same repository and set."""
        here = self.version
        if here is None:
            return None
        older = [
            each
            for each in self.versions
            if each.archive.repository == here.archive.repository
            and each.archive.set == here.archive.set
            and each.archive.start < here.archive.start
            and each.change != "gone"
        ]
        return max(older, key=lambda each: each.archive.start, default=None)

    def refusal(self, key: Key) -> str:
        here = self.version
        if key.scope != "versions":
            return ""
        if here is None:
            return "nothing here"
        if here.change == "gone" and key.action in ("restore", "diff"):
            return "this archive no longer has it"
        return "there is none before it" if key.action == "diff" and self.before() is None else ""

    def action_open(self) -> None:
        from swarm_tui.screens.backup_browser import BrowserScreen  # late: it leads here, too

        here = self.version
        if here is not None:
            self.app.push_screen(BrowserScreen(here.archive, self.path.rpartition("/")[0]))

    def action_restore(self) -> None:
        here = self.version
        if here is not None:
            wanted = RestoreRequest(
                repository=here.archive.repository, archive=here.archive.name, paths=(here.entry.path,)
            )
            self.open_restore(wanted, here.archive)

    def action_diff(self) -> None:
        from swarm_tui.screens.backup_changes import file_diff

        here, old = self.version, self.before()
        if here is not None and old is not None:
            names = {"a": old.archive.name, "b": here.archive.name}
            self.app.push_screen(file_diff({"repository": here.archive.repository, **names, "path": self.path}))

    def action_yank(self) -> None:
        here = self.version
        if here is not None:
            self.console.yank(f"{here.archive.repository}::{here.archive.name} {here.entry.path}", "archive and path")
