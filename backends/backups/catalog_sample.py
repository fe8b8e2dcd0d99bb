"""A sample of an archive's files for a drill: of every size there is, and the same for the same seed."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from collections import defaultdict

from backends.backups.catalog_browse import ONE, Held, entry_of, held, path_of
from backends.backups.catalog_store import Store
from backends.backups.model import Archive, BrowseEntry

MAX_SAMPLE = 10_000
_EDGES = tuple(10**digits for digits in range(1, 13))
"""Files with as many digits in their size are of a size; of each there may come as many."""
_PRIME = 2_147_483_647
_SPARE = 50
_FILES = (
    "FROM versions v CROSS JOIN looks l ON l.id = v.look"
    " WHERE v.series = ? AND v.last >= ? AND v.first <= ? AND l.type = '-' AND v.size > 0"
)
_COUNTS = f"SELECT {', '.join(f'total(v.size < {edge})' for edge in _EDGES)}, count(*) {_FILES}"
_ORDER = f"(v.path * ? + ?) % {_PRIME}"
_LIMITS = " ".join(f"WHEN v.size < {edge} THEN ?" for edge in _EDGES)
_CHOSEN = f"SELECT {_ORDER}, v.path, length(v.size) {_FILES} AND {_ORDER} < CASE {_LIMITS} ELSE ? END"


class CatalogSample:
    """Part of `Catalog`."""

    _store: Store

    def sample(self, archive: Archive, count: int, seed: int) -> tuple[BrowseEntry, ...]:
        """Regular files that are not empty, chosen by `seed`: as many small ones as huge ones, where there are as many.

        Raises:
            RetryLater: the archive is not indexed.
            BadInput: it is not known.
            Stop: the file cannot be read.
        """
        most = max(0, min(count, MAX_SAMPLE))
        return self._store.read(lambda db: _sample(db, held(db, archive), most, seed))


def _sample(db: sqlite3.Connection, archive: Held, count: int, seed: int) -> tuple[BrowseEntry, ...]:
    digest = hashlib.sha256(str(seed).encode()).digest()
    mixing = (int.from_bytes(digest[:4], "big") % (_PRIME - 1) + 1, int.from_bytes(digest[4:8], "big") % _PRIME)
    limits = _limits(db.execute(_COUNTS, archive.values).fetchone(), count)
    by_size: dict[int, list[int]] = defaultdict(list)
    for _, path, digits in sorted(db.execute(_CHOSEN, (*mixing, *archive.values, *mixing, *limits))):
        by_size[digits].append(path)
    largest_first = [by_size[digits] for digits in sorted(by_size, reverse=True)]
    turns = itertools.chain.from_iterable(itertools.zip_longest(*largest_first))
    ids = itertools.islice((path for path in turns if path is not None), count)
    rows = [db.execute(ONE, (*archive.values, each)).fetchone() for each in ids]
    return tuple(entry_of(path_of(db, row[0]), row[2:]) for row in rows)


def _limits(below: tuple[float, ...], count: int) -> list[int]:
    """How far the order of files goes for each size, so that a few more than `count` of it come."""
    numbers = [after - before for before, after in itertools.pairwise((0.0, *below))]
    wanted = 4 * count + _SPARE
    return [_PRIME if number <= wanted else int(_PRIME * wanted / number) for number in numbers]
