"""Hashes of some files, taken on the host right after they were backed up: what later drills compare with.

Only files that still have the size and time of the archive are recorded, so that the hash is that of what was saved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backends.backups.catalog import Catalog
from backends.backups.drill_compare import Look, same_time
from backends.backups.drill_sample import Bounds, Sampling
from backends.backups.model import Archive, Task
from backends.backups.runner import Runner
from backends.backups.watching import Unwatched, Watch

BOUNDS = Bounds(files=50, bytes=256 << 20, seconds=120.0)
"""The host reads this much once more: seconds, not minutes."""


class Recording:
    """Records hashes of new archives."""

    def __init__(self, runner: Runner, catalog: Catalog, look: Callable[[str, Sequence[str]], Mapping[str, Look]]):
        self._sampling = Sampling(runner, catalog)
        self._catalog, self._look = catalog, look

    def remember(self, task: Task, archive: Archive, *, bounds: Bounds = BOUNDS, watch: Watch | None = None) -> int:
        """Record some files of an archive that was just made; how many.

        Raises:
            RetryLater: the archive cannot be listed, or the host does not answer.
            SkipHost: it cannot be looked at there.
            Stop: the catalog.
        """
        seed = int(archive.start)
        sample = self._sampling.choose(archive, task.repository, bounds, seed, watch or Unwatched(), snapshot=False)
        looks = self._look(task.host, [f"/{path}" for path in sample]) if sample else {}
        hashes: dict[str, tuple[int, float | None, str]] = {}
        for path, entry in sample.items():
            look = looks.get(f"/{path}")
            if look is None or not look.sha256 or look.size is None or look.size != entry.size:
                continue
            if same_time(entry.mtime, look.mtime):
                hashes[path] = (look.size, entry.mtime, look.sha256)
        if hashes:
            self._catalog.record_hashes(archive, hashes)
        return len(hashes)
