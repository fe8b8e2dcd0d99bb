"""What differs between two archives; Enter shows the lines of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.app import App

from backends.backups.model import Archive
from backends.backups.views import Change
from swarm_tui.keymap import Key
from swarm_tui.present import backup_archives as shown
from swarm_tui.present import backup_text as text
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.backups import said
from swarm_tui.present.drift import diff_lines
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_list import BackupList
from swarm_tui.screens.backup_page import PageScreen
from swarm_tui.screens.base import Console
from swarm_tui.screens.menu import Choice, Menu

LETTERS = "abcdefghijklmnopqrstuvwxyz"


class ChangesScreen(BackupList):
    """Older against newer, of one repository."""

    SCOPES = ("changes", "list")

    def __init__(self, old: Archive, new: Archive, path: str = ""):
        super().__init__()
        self._old, self._new, self._path = old, new, path
        self.changes: tuple[Change, ...] = ()

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", self._new.repository, "two archives")

    def _params(self, path: str) -> dict[str, str]:
        return {"repository": self._new.repository, "a": self._old.name, "b": self._new.name, "path": path}

    def load(self) -> None:
        self.fetch("diff", self._params(self._path), dict[str, tuple[Change, ...]], self._got)

    def _got(self, answer: dict[str, tuple[Change, ...]]) -> None:
        self.changes = answer.get("changes", ())

    def made(self, width: int) -> list[Row]:
        return shown.change_rows(self.changes, width)

    def facts(self, width: int) -> list[Line]:
        where = f"  /{self._path}" if self._path else ""
        said_ = f" {self._old.name} → {self._new.name}{where}"
        return [line(Span(said_, "strong")), shown.head(shown.CHANGES, width)]

    def empty(self, width: int) -> list[Line]:
        return said("Nothing differs.", "ok", "", width)

    def subject(self) -> tuple[str, ...]:
        return (self._new.host,)

    def refusal(self, key: Key) -> str:
        return "nothing here" if key.id in ("changes.open", "changes.yank") and self.current is None else ""

    def action_open(self) -> None:
        here = next((each for each in self.changes if ("change", each.path) == self.list.cursor), None)
        if here is not None:
            self.app.push_screen(file_diff(self._params(here.path)))


def file_diff(params: dict[str, str]) -> PageScreen:
    """The unified diff of one file between two archives."""
    place = (params["repository"], f"/{params['path']}")
    return PageScreen(place, "file_diff", params, lines=diff_lines, empty="the bytes are the same")


def choose_other(console: Console, app: App[Any], archive: Archive, path: str) -> None:
    """Let another archive of the same set be chosen, then show what differs below `path`."""

    def got(answer: dict[str, tuple[Archive, ...]]) -> None:
        others = [each for each in answer.get("archives", ()) if each.id != archive.id]
        if not others:
            console.say("there is no other archive of this set", "warning")
            return
        app.push_screen(_menu(archive, others, console), lambda name: chosen(others, name))

    def chosen(others: Sequence[Archive], name: str | None) -> None:
        other = next((each for each in others if each.name == name), None)
        if other is not None:
            old, new = sorted((archive, other), key=lambda each: each.start)
            app.push_screen(ChangesScreen(old, new, path))

    params = {"select": archive.host, "set": archive.set, "repository": archive.repository}
    console.link.request("backups.archives", params, dict[str, tuple[Archive, ...]], got, console.failed)


def _menu(archive: Archive, others: Sequence[Archive], console: Console) -> Menu:
    now = console.fleet().time(console.monotonic())
    about: list[Line] = [((f"{archive.name} against", "dim"),)]
    choices = [
        Choice(letter, each.name, text.when(each.start), text.ago(each.start, now))
        for letter, each in zip(LETTERS, others, strict=False)
    ]
    return Menu("Compare", about, choices)
