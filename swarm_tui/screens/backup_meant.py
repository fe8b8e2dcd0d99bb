"""What an action on the Backups screen is about: the marked rows, else the one under the cursor, as sets and repositories."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

from backends.backups.model import ENDED, Job
from backends.backups.views import BackupView, RepositoryStatus, SetStatus
from swarm_tui.present import backups
from swarm_tui.present.backup_board import concern_key
from swarm_tui.present.backup_rows import Row, Side, set_key
from swarm_tui.present.backups import SIDES
from swarm_tui.screens.backup_list import BackupList

NO_VIEW = BackupView(version=-1, sets=(), borg="?")


class Order(NamedTuple):
    """One `backups.start`: sets of hosts in one place; never more than what was meant."""

    place: str
    """Name of the place of the repositories."""
    sets: tuple[str, ...]
    hosts: tuple[str, ...]


class Meant(BackupList):
    """The rows, the marks and what they mean; the screen draws, its actions act."""

    def __init__(self) -> None:
        super().__init__()
        self.side: Side = "sets"
        self.marks: dict[Side, set[Hashable]] = {side: set() for side in SIDES}
        self.view: BackupView | None = None
        self._asked = -1e9

    def picked(self) -> list[Row]:
        """The marked rows of this view, else the one under the cursor."""
        found = backups.marked(self._rows, self.marks[self.side])
        return found or ([self.current] if self.current else [])

    def subject(self) -> tuple[str, ...]:
        return tuple(sorted({host for row in self.picked() for host in row.hosts if host}))

    def sets(self) -> list[SetStatus]:
        """The sets that are meant: themselves, those of a repository, of a job or of a concern."""
        keys = {row.key for row in self.picked()}
        known = (self.view or NO_VIEW).sets or ()
        if self.side == "sets":
            return [each for each in known if set_key(each) in keys]
        pairs = self._pairs(keys)
        return [each for each in known if (each.repository, each.set) in pairs or (each.repository, "") in pairs]

    def _pairs(self, keys: set[Hashable]) -> set[tuple[str, str]]:
        """Repository and set ("" for all of them)."""
        view = self.view or NO_VIEW
        if self.side == "repositories":
            return {(each.key, "") for each in view.repositories if ("repository", each.key) in keys}
        if self.side == "jobs":
            return {(each.repository, each.set) for each in view.jobs if ("job", each.id) in keys}
        return {(each.repository, each.set) for each in view.concerns if concern_key(each) in keys}

    def repositories(self) -> list[str]:
        """Keys of the repositories that are meant, in their order."""
        keys = {row.key for row in self.picked()}
        if self.side == "sets":
            return list(dict.fromkeys(each.repository for each in self.sets()))
        return sorted({repository for repository, _ in self._pairs(keys) if repository})

    def repository(self) -> RepositoryStatus | None:
        """The one that is meant; None when none is, or several."""
        keys = self.repositories()
        known = (self.view or NO_VIEW).repositories
        return next((each for each in known if each.key == keys[0]), None) if len(keys) == 1 else None

    def one_set(self) -> SetStatus | None:
        """The set that is meant; None when none is, or several."""
        found = self.sets()
        return found[0] if len(found) == 1 else None

    def job(self) -> Job | None:
        """The job under the cursor, or the one that works on the set under it."""
        jobs = (self.view or NO_VIEW).jobs
        cursor = self.list.cursor
        if self.side == "jobs":
            return next((each for each in jobs if ("job", each.id) == cursor), None)
        if self.side == "sets":
            here = next((each for each in self.sets() if set_key(each) == cursor), None)
            return next((each for each in jobs if here is not None and each.id == here.job), None)
        going = [each for each in jobs if each.state not in ENDED]
        return next((each for each in going if ("repository", each.repository) == cursor), None)

    def location(self, repository: str) -> str:
        """Where a repository is, as Borg takes it."""
        known = (self.view or NO_VIEW).repositories
        return next((each.location for each in known if each.key == repository), "")


def orders(sets: Iterable[SetStatus], *, whole: bool = False) -> list[Order]:
    """As few calls as mean exactly these sets. `whole`: one for all sets of a repository, since it is about that."""
    by_repository: dict[tuple[str, str], list[str]] = {}
    for each in sets:
        which = "" if whole else each.set
        by_repository.setdefault((each.repository, which), []).append(each.set)
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    hosts = {each.repository: each.host for each in sets}
    for (repository, _), names in by_repository.items():
        place = repository.partition("/")[0]
        grouped.setdefault((place, tuple(sorted(set(names)))), []).append(hosts[repository])
    return [Order(place, names, tuple(sorted(set(found)))) for (place, names), found in grouped.items()]
