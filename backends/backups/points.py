"""States of a repository that can still be gone back to, as notes in the catalog: one before each prune, and the last good one.

A point says which archives were there, by the first digits of their ids: whatever else is listed later came after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from backends import decoding
from backends.backups.catalog import Catalog
from backends.backups.model import Archive
from backends.backups.onsite import Mark
from backends.metrics.sample import Record

DIGITS = 10
MOST_POINTS = 50
MOST_KEPT = 1500
"""What fits into a note; more archives than that in one repository are told apart by nothing, so its points are not kept."""
_POINTS, _GOOD = "points", "good"


class Point(Record, frozen=True, kw_only=True):
    """The repository as of a transaction."""

    mark: Mark
    time: float
    """When it was in that state, by our clock."""
    by: str = ""
    """Whose work began there: "prune of models, root"; "" for a mere look."""
    kept: tuple[str, ...] = ()
    """The first digits of the ids of all archives that were there."""

    def newer(self, archives: Iterable[Archive]) -> tuple[Archive, ...]:
        """Those that were made after it: going back to it would lose them."""
        known = set(self.kept)
        return tuple(each for each in archives if each.id[:DIGITS] not in known)


class Points:
    """The points of all repositories. Every method raises Stop when the disk refuses."""

    def __init__(self, catalog: Catalog):
        self._catalog = catalog

    def add(self, repository: str, point: Point) -> None:
        """Keep a point; the oldest goes when there are too many."""
        if len(point.kept) > MOST_KEPT:
            return
        numbers = [*(n for n in self._numbers(repository) if n != point.mark.transaction), point.mark.transaction]
        self._write(repository, _key(point.mark.transaction), point)
        for number in numbers[:-MOST_POINTS]:
            self._catalog.set_note(repository, _key(number), "")
        self._keep(repository, numbers[-MOST_POINTS:])

    def all(self, repository: str) -> tuple[Point, ...]:
        """The oldest first."""
        found = (self._read(repository, _key(number)) for number in self._numbers(repository))
        return tuple(sorted((point for point in found if point), key=lambda point: point.mark.transaction))

    def drop(self, repository: str, since: int = 0) -> None:
        """Forget those from a transaction on; after a compaction: all of them."""
        for number in self._numbers(repository):
            if number >= since:
                self._catalog.set_note(repository, _key(number), "")
        self._keep(repository, [number for number in self._numbers(repository) if number < since])

    def set_good(self, repository: str, point: Point | None) -> None:
        """Keep the state in which everything that ought to be there was there; None: nothing is known any more."""
        if point is None or len(point.kept) > MOST_KEPT:
            self._catalog.set_note(repository, _GOOD, "")
            return
        known = self.good(repository)
        if known is None or (known.mark, known.kept) != (point.mark, point.kept):
            self._write(repository, _GOOD, point)

    def good(self, repository: str) -> Point | None:
        """That state."""
        return self._read(repository, _GOOD)

    def _numbers(self, repository: str) -> list[int]:
        return [int(word) for word in self._catalog.note(repository, _POINTS).split()]

    def _keep(self, repository: str, numbers: Sequence[int]) -> None:
        self._catalog.set_note(repository, _POINTS, " ".join(map(str, numbers)))

    def _write(self, repository: str, key: str, point: Point) -> None:
        self._catalog.set_note(repository, key, msgspec.json.encode(point).decode())

    def _read(self, repository: str, key: str) -> Point | None:
        text = self._catalog.note(repository, key)
        return decoding.json(text, type=Point) if text else None


def kept(archives: Iterable[Archive]) -> tuple[str, ...]:
    """What a point keeps of them."""
    return tuple(sorted(each.id[:DIGITS] for each in archives))


def _key(transaction: int) -> str:
    return f"point.{transaction}"
