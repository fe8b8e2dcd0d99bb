"""The tasks of the configuration as the engine follows them, found again by the keys that people and programs name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.backups.model import Repository, Task
from backends.errors import BadInput


class FleetTasks:
    """Looks tasks up. `tasks` gives those of the configuration now; raises BadInput for a bad one."""

    def __init__(self, tasks: Callable[[], tuple[Task, ...]]):
        self._tasks = tasks

    def all(self) -> tuple[Task, ...]:
        """Every set of every host in every repository."""
        return self._tasks()

    def of(self, hosts: Sequence[str], sets: Sequence[str] = (), places: Sequence[str] = ()) -> tuple[Task, ...]:
        """Those of these hosts, sets (() is all) and places (names of repositories; () is all).

        Raises:
            BadInput: a set or a place that nobody has.
        """
        every = self.all()
        _known("set", sets, {task.set.name for task in every})
        _known("repository", places, {task.repository.name for task in every})
        wanted = set(hosts)
        return tuple(
            task
            for task in every
            if task.host in wanted
            and (not sets or task.set.name in sets)
            and (not places or task.repository.name in places)
        )

    def repositories(self, hosts: Sequence[str] | None = None, places: Sequence[str] = ()) -> tuple[Repository, ...]:
        """Every repository once, in order."""
        found = {task.repository.key: task.repository for task in self.all()}
        wanted = None if hosts is None else set(hosts)
        _known("repository", places, {each.name for each in found.values()})
        return tuple(
            each
            for each in found.values()
            if (wanted is None or each.host in wanted) and (not places or each.name in places)
        )

    def repository(self, key: str) -> Repository:
        """By its key ("vault/gpu01"). Raises BadInput."""
        for each in self.repositories():
            if each.key == key:
                return each
        known = ", ".join(each.key for each in self.repositories()[:6])
        raise BadInput(f"no repository {key[:120]!r}", hint=f"there are: {known or 'none'}")

    def task(self, key: str, set_name: str) -> Task:
        """A set in a repository. Raises BadInput."""
        repository = self.repository(key)
        names = []
        for task in self.all():
            if task.repository.key == key:
                names.append(task.set.name)
                if task.set.name == set_name:
                    return task
        raise BadInput(f"no set {set_name[:60]!r} in {repository.key}", hint=f"there are: {', '.join(names)}")


def _known(what: str, given: Sequence[str], there: set[str]) -> None:
    for name in given:
        if name not in there:
            raise BadInput(f"no {what} {name[:60]!r}", hint=f"there are: {', '.join(sorted(there)) or 'none'}")
