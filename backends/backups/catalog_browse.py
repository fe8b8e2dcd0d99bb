"""Reading one archive's files from the index: directories page by page, single entries, whole trees."""

from __future__ import annotations

import re
import sqlite3
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from backends.backups.catalog_archives import COLUMNS, archive_of
from backends.backups.catalog_index import MAX_DEPTH
from backends.backups.catalog_store import Store
from backends.backups.catalog_tables import ROOT
from backends.backups.model import Archive, BrowseEntry
from backends.backups.views import Listing
from backends.errors import BadInput, RetryLater
from backends.text import clean

MAX_PAGE = 5000
_BATCH = 5000
_KEPT_ORDERS = 8
_DIGITS = re.compile("[0-9]+")

ENTRY = 'l.type, l.mode, l.user, l."group", v.size, v.mtime, v.target, v.healthy, v.children'
"""What `entry_of` takes, from versions v and looks l."""
HELD = "v.series = ? AND v.path = p.id AND v.last >= ? AND v.first <= ?"
"""Which row of `versions` an archive has: (series, number, number)."""
_CHILDREN = (
    f"SELECT p.id, p.name, {ENTRY} FROM paths p CROSS JOIN versions v ON {HELD} CROSS JOIN looks l ON l.id = v.look"  # noqa: S608
    " WHERE p.parent = ? ORDER BY p.name"
)
_NAMES = f"SELECT p.id, p.name, v.children IS NULL FROM paths p CROSS JOIN versions v ON {HELD} WHERE p.parent = ?"  # noqa: S608
"""Children of a directory; only directories have a number of children."""
ONE = (
    f"SELECT p.id, p.name, {ENTRY} FROM paths p CROSS JOIN versions v ON {HELD} CROSS JOIN looks l ON l.id = v.look"  # noqa: S608
    " WHERE p.id = ?"
)
"""One path by its id: id, name, ENTRY."""


class Held(NamedTuple):
    """An indexed archive and what it is in `versions`."""

    archive: Archive
    key: int
    series: int
    number: int

    @property
    def values(self) -> tuple[int, int, int]:
        """For HELD."""
        return self.series, self.number, self.number


class Orders:
    """The order of the directories that were shown last, so that the next page need not sort again."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: OrderedDict[tuple[int, ...], array[int]] = OrderedDict()

    def get(self, key: tuple[int, ...]) -> array[int] | None:
        """The ids of the children of (generation, series, number, directory), in order."""
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple[int, ...], order: array[int]) -> None:
        """Keep an order; the one that was not used for longest goes."""
        with self._guard:
            self._kept[key] = order
            while len(self._kept) > _KEPT_ORDERS:
                self._kept.popitem(last=False)


class CatalogBrowse:
    """Part of `Catalog`. Every method raises RetryLater when the archive is not indexed, BadInput when it is not known,
    Stop when the file cannot be read. Paths are escaped; "" is the top.
    """

    _store: Store
    _orders: Orders

    def browse(self, archive: Archive, path: str, offset: int = 0, limit: int = 200) -> Listing:
        """A page of a directory: directories first, then by name, numbers in names by their value.

        Raises:
            BadInput: there is no such directory.
        """
        return self._store.read(lambda db: self._page(db, archive, path.strip("/"), max(0, offset), limit))

    def entry(self, archive: Archive, path: str) -> BrowseEntry | None:
        """One entry; None when the archive has no such path."""
        return self._store.read(lambda db: _entry(db, held(db, archive), path.strip("/")))

    def walk(self, archive: Archive, path: str) -> Iterator[BrowseEntry]:
        """The entry at `path` and everything below it, directories before what is in them; nothing when it is not there.

        Raises:
            RetryLater: while reading: the archive was indexed again.
        """
        top = path.strip("/")
        start = self._store.read(lambda db: held(db, archive))
        found = self._store.read(lambda db: find(db, top))
        first = self._store.read(lambda db: _entry(db, start, top))
        if first is not None:
            yield first
        waiting = [(found, top)] if found is not None and (first is None or first.type == "d") else []
        while waiting:
            batch, directories = self._store.read(partial(_below, start, waiting))
            yield from batch
            waiting += directories

    def _page(self, db: sqlite3.Connection, archive: Archive, path: str, offset: int, limit: int) -> Listing:
        found = held(db, archive)
        directory = _directory(db, found, path)
        key = (self._store.generation, found.series, found.number, directory)
        order = self._orders.get(key)
        if order is None:
            order = _order(db, found, directory)
            self._orders.put(key, order)
        wanted = order[offset : offset + max(0, min(limit, MAX_PAGE))]
        rows = [db.execute(ONE, (*found.values, each)).fetchone() for each in wanted]
        entries = tuple(entry_of(_join(path, row[1]), row[2:]) for row in rows)
        return Listing(archive=found.archive, path=path, entries=entries, total=len(order), offset=offset)


def held(db: sqlite3.Connection, archive: Archive) -> Held:
    """The indexed archive. Raises BadInput, RetryLater."""
    query = f"SELECT key, series, {COLUMNS} FROM archives WHERE repository = ? AND id = ?"  # noqa: S608 - fixed texts
    row = db.execute(query, (archive.repository, archive.id)).fetchone()
    if row is None:
        raise BadInput(f"the archive {archive.name} of {archive.repository} is not known any more")
    if row[-1] is None:
        raise RetryLater(
            f"the files of {archive.name} in {archive.repository} are not indexed yet",
            hint="its file list is read once from the repository; look again when that job has ended",
        )
    return Held(archive_of(row[2:]), row[0], row[1], row[-1])


def entry_of(path: str, row: Sequence[Any]) -> BrowseEntry:
    """The entry of a row of ENTRY."""
    kind, mode, user, group, size, mtime, target, healthy, children = row
    return BrowseEntry(
        path=path,
        type=kind,
        mode=mode,
        user=user,
        group=group,
        size=size,
        mtime=mtime,
        target=target or "",
        healthy=healthy == 1,
        children=children,
    )


def path_of(db: sqlite3.Connection, found: int) -> str:
    """The whole path of an id. Raises sqlite3.DatabaseError: the file is damaged."""
    names: list[str] = []
    while found != ROOT:
        row = db.execute("SELECT parent, name FROM paths WHERE id = ?", (found,)).fetchone()
        if row is None or len(names) > MAX_DEPTH:
            raise sqlite3.DatabaseError("malformed: a path does not lead to the top")
        found = row[0]
        names.append(row[1])
    return "/".join(reversed(names))


def find(db: sqlite3.Connection, path: str) -> int | None:
    """The id of a path in any archive; None when there is none."""
    found = ROOT
    for name in path.split("/") if path else ():
        row = db.execute("SELECT id FROM paths WHERE parent = ? AND name = ?", (found, name)).fetchone()
        if row is None:
            return None
        found = row[0]
    return found


def natural(name: str) -> tuple[str, str]:
    """Sorts names as people do: "run9" before "run10", "a" beside "A"."""
    return _DIGITS.sub(_by_value, name.casefold()), name


def _by_value(match: re.Match[str]) -> str:
    digits = match.group().lstrip("0")
    return f"0{chr(48 + min(len(digits), 50_000))}{digits}"


def _entry(db: sqlite3.Connection, archive: Held, path: str) -> BrowseEntry | None:
    found = find(db, path) if path else None
    row = None if found is None else db.execute(ONE, (*archive.values, found)).fetchone()
    return None if row is None else entry_of(path, row[2:])


def _directory(db: sqlite3.Connection, archive: Held, path: str) -> int:
    found = find(db, path)
    row = None if found is None else db.execute(ONE, (*archive.values, found)).fetchone()
    if found == ROOT or (found is not None and row is not None and row[2] == "d"):
        return found
    what = "is no directory" if row is not None else "is not in it"
    raise BadInput(f"{clean(path, 300)} {what}: {archive.archive.name} of {archive.archive.repository}")


def _order(db: sqlite3.Connection, archive: Held, directory: int) -> array[int]:
    rows = db.execute(_NAMES, (*archive.values, directory)).fetchall()
    rows.sort(key=lambda row: (row[2], natural(row[1])))
    return array("q", [row[0] for row in rows])


def _below(
    archive: Held, waiting: list[tuple[int, str]], db: sqlite3.Connection
) -> tuple[list[BrowseEntry], list[tuple[int, str]]]:
    """Some of what is in the directories at the end of `waiting` (taken off it), and the directories among that."""
    if held(db, archive.archive).number != archive.number:
        raise RetryLater(f"{archive.archive.name} was indexed again while it was read")
    entries: list[BrowseEntry] = []
    found: list[tuple[int, str]] = []
    while waiting and len(entries) < _BATCH:
        directory, path = waiting.pop()
        for row in db.execute(_CHILDREN, (*archive.values, directory)):
            entry = entry_of(_join(path, row[1]), row[2:])
            entries.append(entry)
            if entry.type == "d":
                found.append((row[0], entry.path))
    return entries, found


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
