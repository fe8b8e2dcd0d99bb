"""Canary files: nobody has a reason to touch them, so that whoever does is found out before the next backup.

Their hashes are recorded at the first backup of a set and compared before each later one, once for every repository: a
thief who also forges figures has to leave these files alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from backends import decoding
from backends.backups.alarms import Alarm, Alarms
from backends.backups.catalog import Catalog
from backends.backups.drill_compare import Look
from backends.backups.model import Task
from backends.backups.names import escaped
from backends.clock import Clock


class Canaries:
    """The canary files of every set."""

    def __init__(
        self,
        catalog: Catalog,
        alarms: Alarms,
        look: Callable[[str, Sequence[str]], Mapping[str, Look]],
        clock: Clock,
    ):
        self._catalog, self._alarms, self._look, self._clock = catalog, alarms, look, clock

    def watch(self, task: Task) -> str:
        """Look at them before a backup: what is wrong, "" when all is well. Freezes pruning when not.

        Raises:
            RetryLater: the host does not answer.
            SkipHost: it cannot be looked at there.
            Stop: the catalog.
        """
        if not task.set.canaries:
            return ""
        seen = self._hashes(task)
        known = self._known(task)
        wrong = [f"{path} {'is gone' if not seen[path] else 'was changed'}" for path in seen if _odd(path, seen, known)]
        self._record(task, {**{path: digest for path, digest in seen.items() if digest}, **known})
        if not wrong:
            return ""
        text = f"canary of {task.set.name} on {task.host}: {', '.join(wrong)}"
        alarm = Alarm(code="canary", set=task.set.name, text=text, since=self._clock.now())
        self._alarms.freeze(task.repository.key, [alarm])
        return text

    def accept(self, task: Task) -> None:
        """They are as they should be now. Raises as `watch`."""
        self._record(task, {path: digest for path, digest in self._hashes(task).items() if digest})

    def _hashes(self, task: Task) -> dict[str, str]:
        """Escaped path → sha256, "" for one that is no file there."""
        paths = [escaped(path) for path in task.set.canaries]
        looks = self._look(task.host, paths)
        return {path: (looks[path].sha256 or "") if path in looks else "" for path in paths}

    def _known(self, task: Task) -> dict[str, str]:
        said = self._catalog.note(task.repository.key, _note(task))
        return decoding.json(said, type=dict[str, str]) if said else {}

    def _record(self, task: Task, hashes: Mapping[str, str]) -> None:
        self._catalog.set_note(task.repository.key, _note(task), msgspec.json.encode(hashes).decode())


def _odd(path: str, seen: Mapping[str, str], known: Mapping[str, str]) -> bool:
    """Gone counts from the first look on: a canary that was never planted warns of nothing."""
    return not seen[path] or (path in known and seen[path] != known[path])


def _note(task: Task) -> str:
    return f"canaries {task.set.name}"
