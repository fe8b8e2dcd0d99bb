"""The exact Borg command lines of every action, for reading and for doing it by hand. Without secrets."""

from __future__ import annotations

from backends.backups.borg import (
    check,
    compact,
    diff,
    extract,
    info,
    init,
    key,
    list_archives,
    list_files,
    mount,
    prune,
)
from backends.backups.borg.line import shown
from backends.backups.depot import Depot
from backends.backups.fleet_tasks import FleetTasks
from backends.backups.making import Making
from backends.backups.model import Repository
from backends.errors import BadInput

ACTIONS = (
    "backup",
    "init",
    "list",
    "files",
    "info",
    "prune",
    "compact",
    "check",
    "verify",
    "restore",
    "diff",
    "mount",
    "key",
)


class CommandLines:
    """Writes them down."""

    def __init__(self, depot: Depot, tasks: FleetTasks, making: Making):
        self._depot, self._tasks, self._making = depot, tasks, making

    def of(self, action: str, place: Repository, set_name: str) -> tuple[str, ...]:
        """The lines. Raises BadInput for an unknown action or set, SkipHost where there is no Borg."""
        if action not in ACTIONS:
            raise BadInput(f"no action {action[:40]!r}", hint=f"one of {', '.join(ACTIONS)}")
        if action in ("backup", "prune"):
            return self._of_set(action, place, set_name)
        return (shown(self._argv(action, place)),)

    def _of_set(self, action: str, place: Repository, set_name: str) -> tuple[str, ...]:
        tasks = [task for task in self._tasks.all() if task.repository.key == place.key]
        chosen = [task for task in tasks if set_name in ("", task.set.name)]
        if not chosen:
            raise BadInput(f"no set {set_name[:60]!r} in {place.key}", hint=", ".join(task.set.name for task in tasks))
        if action == "backup":
            return tuple(line for task in chosen for line in self._making.lines(task))
        dialect = self._depot.local.dialect
        return tuple(
            shown(prune.argv(dialect, place.location, task.set.name, task.set.keep, dry_run=False)) for task in chosen
        )

    def _argv(self, action: str, place: Repository) -> tuple[str, ...]:
        dialect, where = self._depot.local.dialect, place.location
        newest = next(iter(self._depot.catalog.archives(repository=place.key)), None)
        name = newest.name if newest else "ARCHIVE"
        mode = "repokey" if place.encryption == "auto" else place.encryption
        match action:
            case "init":
                return init.argv(dialect, where, encryption=mode, append_only=True, quota_bytes=place.quota_bytes)
            case "list":
                return list_archives.argv(dialect, where)
            case "files":
                return list_files.argv(dialect, where, name)
            case "info":
                return info.argv(dialect, where)
            case "compact":
                return compact.argv(dialect, where)
            case "check":
                return check.argv(dialect, where, "quick")
            case "verify":
                return check.argv(dialect, where, "data")
            case "restore":
                return extract.argv(dialect, where, name)
            case "diff":
                return diff.argv(dialect, where, name, "OTHER")
            case "mount":
                return mount.argv(dialect, where, name, "/mnt")
            case _:
                return key.export_argv(dialect, where, form="paper", file="/dev/stdout")
