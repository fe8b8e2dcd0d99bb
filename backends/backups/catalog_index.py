"""Indexing one archive: its entries become rows of `versions`, of which only those are written that differ from the
archive of the series that was indexed before.

An archive gets its number when it begins to be indexed and is given it in `archives` when everything is there. Until then
nobody sees a row of it: rows that are new begin at the number, rows that end do so right before it. So each chunk can be
its own transaction, and a run that dies anywhere has changed nothing for any archive.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from backends.backups.catalog_tables import OPEN, ROOT

if TYPE_CHECKING:
    from backends.backups.model import BrowseEntry

CHUNK = 20_000
"""Entries of one transaction; others who write wait for about a tenth of a second."""
MAX_PATH, MAX_DEPTH = 16_384, 1024
"""Escaped characters and parts of a path; Linux itself ends at 4,096 bytes."""
MAX_ENTRIES = 100_000_000
_TOP = ("", ".")
"""What Borg calls the top itself; it is always there."""
_KNOWN_CHARACTERS = 32 << 20
_LARGEST = (1 << 63) - 1
_LOOKS = 50_000

_STAGES = (
    "CREATE TEMP TABLE incoming (parent INTEGER, name TEXT, look INTEGER, size INTEGER, mtime REAL, target TEXT,"
    " healthy INTEGER, children INTEGER)",
    "CREATE TEMP TABLE arrived (path INTEGER PRIMARY KEY, look INTEGER, size INTEGER, mtime REAL, target TEXT,"
    " healthy INTEGER, children INTEGER, same INTEGER)",
    "CREATE TEMP TABLE seen (path INTEGER PRIMARY KEY)",
)
_STAGE = "INSERT INTO incoming VALUES (?,?,?,?,?,?,?,?)"
_NAME = "INSERT OR IGNORE INTO paths (parent, name) SELECT parent, name FROM incoming"
_COMPARE = (
    "INSERT OR REPLACE INTO arrived"  # noqa: S608 - OPEN is a number
    " SELECT p.id, i.look, i.size, i.mtime, i.target, i.healthy, i.children,"
    " v.look = i.look AND v.size IS i.size AND v.mtime IS i.mtime AND v.target IS i.target"
    " AND v.healthy = i.healthy AND v.children IS i.children"
    " FROM incoming i CROSS JOIN paths p ON p.parent = i.parent AND p.name = i.name"
    f" LEFT JOIN versions v ON v.series = ? AND v.path = p.id AND v.last = {OPEN}"
)
_SEEN = "INSERT OR IGNORE INTO seen SELECT path FROM arrived WHERE same"
_END = (
    f"UPDATE versions SET last = ? WHERE series = ? AND last = {OPEN} AND first < ?"  # noqa: S608 - OPEN is a number
    " AND path IN (SELECT path FROM arrived WHERE same IS NOT 1)"
)
_BEGIN = (
    "INSERT OR REPLACE INTO versions (series, path, last, first, look, size, mtime, target, healthy, children)"  # noqa: S608 - OPEN is a number
    f" SELECT ?, path, {OPEN}, ?, look, size, mtime, target, healthy, children FROM arrived WHERE same IS NOT 1"
)
_MISSED = (
    f"SELECT path FROM versions v WHERE series = ? AND path > ? AND last = {OPEN} AND first < ?"  # noqa: S608 - OPEN is a number
    " AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.path = v.path) ORDER BY path LIMIT ?"
)
_COUNT = (
    "SELECT count(*) FROM paths p CROSS JOIN versions v ON v.series = ? AND v.path = p.id"  # noqa: S608 - OPEN is a number
    f" AND v.last = {OPEN} WHERE p.parent = ?"
)
_Row = tuple[int, str, int, int | None, float | None, str | None, int, int | None]


class IndexRun:
    """Takes the entries of one archive. Used by one thread; raises sqlite3.Error."""

    def __init__(self, db: sqlite3.Connection, writing: threading.RLock, series: int, number: int):
        """
        Args:
            db: a connection of its own.
            writing: held for each chunk.
            series, number: what the archive is in `versions`; the number is higher than any before in the series.
        """
        self._db, self._writing, self._series, self._number = db, writing, series, number
        db.execute("PRAGMA cache_size = -65536")
        db.execute("PRAGMA temp_store = FILE")
        for stage in _STAGES:
            db.execute(stage)
        self.entries = self.written = self.left_out = 0
        self._known: dict[str, int] = {"": ROOT}
        self._known_characters = 0
        self._looks: dict[tuple[str, str, str, str], int] = {}
        self._directories: dict[int, _Row] = {}
        self._children: dict[int, int] = {}
        self._files = 0

    def add(self, entries: Sequence[BrowseEntry]) -> None:
        """Take the next entries, in any order, as one transaction."""
        with self._writing:
            self._transaction(lambda: self._merge(self._rows(entries)))

    def finish(self, stop: threading.Event) -> bool:
        """Write the directories, end what is not there any more; False: stopped."""
        if not (self._write_directories(stop) and self._end_missed(stop)):
            return False
        held = self._db.execute(
            f"SELECT count(*) FROM versions WHERE series = ? AND last = {OPEN}",  # noqa: S608 - a number
            (self._series,),
        ).fetchone()[0]
        self.entries = int(held)
        if held == self._files + len(self._directories):
            return True
        self._recount()  # Borg listed a path twice, or as a file that something is below of
        return self._write_directories(stop)

    def _rows(self, entries: Sequence[BrowseEntry]) -> list[_Row]:
        rows: list[_Row] = []
        last, parent, children = None, ROOT, self._children
        for entry in entries:
            path = entry.path
            if path in _TOP:
                continue
            if len(path) > MAX_PATH or path.count("/") >= MAX_DEPTH or self.entries >= MAX_ENTRIES:
                self.left_out += 1
                continue
            head, _, name = path.rpartition("/")
            if head != last:
                last, parent = head, self._directory(head)
            if entry.type == "d":
                self._list_directory(path, parent, name, entry)
                continue
            self._files += 1
            self.entries += 1
            children[parent] = children.get(parent, 0) + 1
            rows.append((parent, name, *self._attributes(entry), None))
        return rows

    def _attributes(self, entry: BrowseEntry) -> tuple[int, int | None, float | None, str | None, int]:
        look = self._looks.get((entry.type, entry.mode, entry.user, entry.group)) or self._new_look(entry)
        size = entry.size
        if size is not None and not 0 <= size <= _LARGEST:
            size = None
        return look, size, entry.mtime, entry.target[:MAX_PATH] or None, 1 if entry.healthy else 0

    def _new_look(self, entry: BrowseEntry) -> int:
        if len(self._looks) > _LOOKS:
            self._looks.clear()
        wanted = (entry.type, entry.mode, entry.user, entry.group)
        found = self._looks[wanted] = self._look(wanted[0], wanted[1][:20], wanted[2][:256], wanted[3][:256])
        return found

    def _look(self, *wanted: str) -> int:
        row = self._db.execute(
            'SELECT id FROM looks WHERE type = ? AND mode = ? AND user = ? AND "group" = ?', wanted
        ).fetchone()
        if row is not None:
            return int(row[0])
        query = 'INSERT INTO looks (type, mode, user, "group") VALUES (?, ?, ?, ?)'
        return int(self._db.execute(query, wanted).lastrowid or 0)

    def _list_directory(self, path: str, parent: int, name: str, entry: BrowseEntry) -> None:
        found = self._known.get(path) or self._name(path, parent, name)
        self._directories[found] = (parent, name, *self._attributes(entry), None)

    def _directory(self, path: str) -> int:
        """Id of a directory; those above it and it itself are made when nobody listed them yet."""
        missing: list[str] = []
        above = path
        while above not in self._known:
            missing.append(above)
            above = above.rpartition("/")[0]
        found = self._known[above]
        for each in reversed(missing):
            found = self._name(each, found, each.rpartition("/")[2])
        return found

    def _name(self, path: str, parent: int, name: str) -> int:
        """Id of a directory that is not in `_known`; counted once with its parent, with no attributes yet."""
        row = self._db.execute("SELECT id FROM paths WHERE parent = ? AND name = ?", (parent, name)).fetchone()
        if row is None:
            query = "INSERT INTO paths (parent, name) VALUES (?, ?)"
            found = int(self._db.execute(query, (parent, name)).lastrowid or 0)
        else:
            found = int(row[0])
        self._remember(path, found)
        if found not in self._directories:
            self._directories[found] = (parent, name, self._look("d", "", "", ""), None, None, None, 1, None)
            self._children[parent] = self._children.get(parent, 0) + 1
            self.entries += 1
        return found

    def _remember(self, path: str, found: int) -> None:
        self._known_characters += len(path)
        if self._known_characters > _KNOWN_CHARACTERS:
            self._known, self._known_characters = {"": ROOT}, 0
        self._known[path] = found

    def _merge(self, rows: Sequence[_Row]) -> None:
        db, series, number = self._db, self._series, self._number
        db.executemany(_STAGE, rows)
        db.execute(_NAME)
        db.execute(_COMPARE, (series,))
        db.execute(_SEEN)
        db.execute(_END, (number - 1, series, number))
        self.written += db.execute(_BEGIN, (series, number)).rowcount
        db.execute("DELETE FROM incoming")
        db.execute("DELETE FROM arrived")

    def _write_directories(self, stop: threading.Event) -> bool:
        ids = sorted(self._directories)
        for begin in range(0, len(ids), CHUNK):
            if stop.is_set():
                return False
            rows = [(*self._directories[each][:-1], self._children.get(each, 0)) for each in ids[begin : begin + CHUNK]]
            with self._writing:
                self._transaction(partial(self._merge, rows))
        return True

    def _end_missed(self, stop: threading.Event) -> bool:
        """End the rows of what is not in this archive any more."""
        query = f"UPDATE versions SET last = ? WHERE series = ? AND path = ? AND last = {OPEN}"  # noqa: S608 - a number
        after = 0
        while rows := self._db.execute(_MISSED, (self._series, after, self._number, CHUNK)).fetchall():
            if stop.is_set():
                return False
            after = rows[-1][0]
            ended = [(self._number - 1, self._series, path) for (path,) in rows]
            with self._writing:
                self._transaction(partial(self._db.executemany, query, ended))
        return True

    def _recount(self) -> None:
        for each in self._directories:
            self._children[each] = self._db.execute(_COUNT, (self._series, each)).fetchone()[0]

    def _transaction(self, work: Callable[[], object]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            work()
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
