"""The engine's kept bundles: on disk where there is one, in memory where there is none or where it refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from backends.errors import SwarmError
from backends.triage.memory_shelf import MemoryShelf
from backends.triage.model import Bundle
from backends.triage.shelf import KEPT_IN_ALL, Shelf
from backends.triage.views import Kept

FILE = "triage.db"
IN_MEMORY = 1_000_000_000
"""Bundles that the disk refused have numbers from here on, above every one that a disk ever gave."""
OnTrouble = Callable[[str], None]
"""A sentence: why bundles do not survive the engine."""


class TriageStore:
    """Puts and finds bundles; from any thread. What the disk refuses is kept in memory, and said once."""

    def __init__(self, folder: Path | None, on_trouble: OnTrouble):
        self._on_trouble = on_trouble
        self._lock = threading.Lock()
        self._told = ""
        self._disk = self._opened(folder) if folder is not None else None
        self._memory = MemoryShelf(IN_MEMORY if folder is not None else 1)
        self._newest: dict[str, tuple[float, int]] = {}
        for row in reversed(self.list(limit=KEPT_IN_ALL)):
            self._newest[row.host] = (row.time, row.id)

    def put(self, bundle: Bundle) -> tuple[int, str]:
        """Keep `bundle`: its number, and why it is in memory alone ("" when it is on disk, or none was wanted)."""
        number, why = self._put(bundle)
        with self._lock:
            self._newest[bundle.host] = (bundle.time, number)
        return number, why

    def _put(self, bundle: Bundle) -> tuple[int, str]:
        disk = self._disk
        if disk is None:
            return self._memory.put(bundle), self._told
        try:
            number = disk.put(bundle)
        except SwarmError as error:
            self._tell(error.message)
            return self._memory.put(bundle), error.message
        self._told = ""
        return number, ""

    def get(self, number: int) -> Bundle:
        """One bundle. Raises BadInput: there is none; Stop, RetryLater: the disk refuses."""
        disk = self._disk
        return self._memory.get(number) if disk is None or number >= IN_MEMORY else disk.get(number)

    def list(self, host: str = "", limit: int = 100) -> tuple[Kept, ...]:
        """The newest first, of one host when given."""
        rows = [*self._on_disk(host, limit), *self._memory.list(host, limit)]
        return tuple(sorted(rows, key=lambda row: (row.time, row.id), reverse=True)[:limit])

    def good(self, host: str, before: float = float("inf")) -> Kept | None:
        """The newest of `host` before a time in which nothing was wrong. Raises Stop, RetryLater."""
        disk = self._disk
        found = [self._memory.good(host, before), disk.good(host, before) if disk is not None else None]
        return max((row for row in found if row is not None), key=lambda row: row.time, default=None)

    def newest(self, host: str) -> tuple[float, int] | None:
        """Time and number of the newest of `host`; cheap."""
        with self._lock:
            return self._newest.get(host)

    def close(self) -> None:
        """What comes later is kept in memory."""
        disk, self._disk = self._disk, None
        if disk is not None:
            disk.close()

    def _on_disk(self, host: str, limit: int) -> tuple[Kept, ...]:
        disk = self._disk
        try:
            return disk.list(host, limit) if disk is not None else ()
        except SwarmError as error:
            self._tell(error.message)
            return ()

    def _opened(self, folder: Path) -> Shelf | None:
        try:
            shelf = Shelf(folder / FILE)
        except SwarmError as error:
            self._tell(error.message)
            return None
        if shelf.aside is not None:
            self._on_trouble(f"the kept triage bundles were damaged and are begun anew; the old file is {shelf.aside}")
        return shelf

    def _tell(self, why: str) -> None:
        """Each reason once, until it works again."""
        if why != self._told:
            self._told = why
            self._on_trouble(f"triage bundles are kept in memory alone: {why}")
