"""Taking the file lists of archives into the catalog, and throwing away what no archive has any more."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from backends.backups.catalog_archives import key_of
from backends.backups.catalog_index import CHUNK, IndexRun
from backends.backups.catalog_model import Indexed
from backends.backups.catalog_store import Store
from backends.backups.model import Archive, BrowseEntry
from backends.errors import BadInput, RetryLater

_VACUUM_PAGES = 4000
_DEAD = (
    "SELECT path, last, NOT EXISTS (SELECT 1 FROM archives a WHERE a.series = v.series"
    " AND a.number BETWEEN v.first AND v.last) FROM versions v"
    " WHERE series = ? AND (path, last) > (?, ?) ORDER BY path, last LIMIT ?"
)
_ABOVE = "INSERT OR IGNORE INTO used SELECT DISTINCT p.parent FROM used u CROSS JOIN paths p ON p.id = u.path"
_UNUSED = (
    "SELECT id FROM paths p WHERE id > ? AND id > 1 AND NOT EXISTS (SELECT 1 FROM used WHERE used.path = p.id)"
    " ORDER BY id LIMIT ?"
)


class Turns:
    """Who indexes what: a series is indexed by one thread at a time, and paths are thrown away while nobody does."""

    def __init__(self) -> None:
        self._busy: set[int] = set()
        self._guard = threading.Lock()

    @contextmanager
    def of(self, series: int, archive: str) -> Iterator[None]:
        """The turn of one series. Raises RetryLater: somebody has it."""
        with self._guard:
            if series in self._busy:
                raise RetryLater("another archive of the same series is being indexed", action=f"index {archive}")
            self._busy.add(series)
        try:
            yield
        finally:
            with self._guard:
                self._busy.discard(series)

    @contextmanager
    def nobody(self) -> Iterator[bool]:
        """True: nobody indexes, and nobody begins to before this ends."""
        with self._guard:
            yield not self._busy


class CatalogIntake:
    """Part of `Catalog`."""

    _store: Store
    _turns: Turns

    def index(
        self,
        archive: Archive,
        entries: Iterable[BrowseEntry],
        progress: Callable[[int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> Indexed:
        """Take over the files of an archive, in the place of what was known of them. Reading goes on meanwhile.

        Args:
            archive: a known one.
            entries: as Borg lists them. An error that it raises ends the run and is passed on; nothing of it is seen then.
            progress: called with the number of entries so far, a few times a second.
            stop: ends the run soon; the result then says that it is not complete.

        Raises:
            BadInput: the archive is not known (any more).
            RetryLater: an archive of the same series is being indexed, or the file was begun anew meanwhile.
            Stop: the disk refuses.
        """
        began = self._store.clock.monotonic()
        halt = stop or threading.Event()
        file = self._store.generation
        key, series, _ = self._store.read(lambda db: key_of(db, archive))
        with self._turns.of(series, archive.name), self._store.connection() as db:
            number = self._store.write(lambda writer: _next_number(writer, series), only=file)
            run = IndexRun(db, self._store.writing, series, number)
            complete = _feed(run, entries, progress, halt) and run.finish(halt)
            if complete and not self._store.write(lambda writer: _publish(writer, key, number), only=file):
                raise BadInput(f"the archive {archive.name} of {archive.repository} is not known any more")
        seconds = self._store.clock.monotonic() - began
        return Indexed(
            complete=complete, entries=run.entries, written=run.written, left_out=run.left_out, seconds=seconds
        )

    def tidy(self, stop: threading.Event | None = None) -> int:
        """Throw away rows that no archive has any more, chunk by chunk; how many. Slow: call it now and then, from a thread.

        Raises:
            Stop: the disk refuses.
            RetryLater: the file was begun anew meanwhile.
        """
        halt, file = stop or threading.Event(), self._store.generation
        untidy = self._store.read(partial(_rows, "SELECT id, untidy FROM series WHERE untidy > 0", ()))
        found = 0
        for series, marks in untidy:
            try:
                with self._turns.of(series, "nothing"):
                    found += self._tidy_series(series, marks, halt, file)
            except RetryLater:
                continue  # it is being indexed; the mark stays for the next time
        if untidy and not halt.is_set():
            found += self._tidy_paths(halt, file)
        return found

    def _tidy_series(self, series: int, marks: int, stop: threading.Event, file: int) -> int:
        path, last, found = 0, 0, 0
        while not stop.is_set():
            rows = self._store.read(partial(_rows, _DEAD, (series, path, last, CHUNK)))
            if not rows:
                self._store.write(partial(_mark, series=series, marks=-marks), only=file)
                break
            path, last, _ = rows[-1]
            dead = [(series, *row[:2]) for row in rows if row[2]]
            found += len(dead)
            if dead:
                query = "DELETE FROM versions WHERE series = ? AND path = ? AND last = ?"
                self._store.write(partial(_delete, query, dead), only=file)
        return found

    def _tidy_paths(self, stop: threading.Event, file: int) -> int:
        found, after = 0, 0
        with self._turns.nobody() as free, self._store.connection() as db:
            if free:
                db.execute("CREATE TEMP TABLE used (path INTEGER PRIMARY KEY)")
                db.execute("INSERT OR IGNORE INTO used SELECT path FROM versions")
                while db.execute(_ABOVE).rowcount > 0:
                    pass  # up to the top, though a directory hardly ever has no version of its own
            while free and not stop.is_set() and (rows := _rows(_UNUSED, (after, CHUNK), db)):
                after = rows[-1][0]
                self._store.write(partial(_delete, "DELETE FROM paths WHERE id = ?", rows), only=file)
                found += len(rows)
        return found


def _feed(
    run: IndexRun, entries: Iterable[BrowseEntry], progress: Callable[[int], None] | None, stop: threading.Event
) -> bool:
    waiting = iter(entries)
    while not stop.is_set():
        chunk = list(itertools.islice(waiting, CHUNK))
        if not chunk:
            return True
        run.add(chunk)
        if progress is not None:
            progress(run.entries)
    return False


def _next_number(db: sqlite3.Connection, series: int) -> int:
    """A number that was never used; until it is published, the series has rows that no archive has."""
    db.execute("UPDATE series SET number = number + 1, untidy = untidy + 1 WHERE id = ?", (series,))
    return int(db.execute("SELECT number FROM series WHERE id = ?", (series,)).fetchone()[0])


def _publish(db: sqlite3.Connection, key: int, number: int) -> bool:
    row = db.execute("SELECT series, number FROM archives WHERE key = ?", (key,)).fetchone()
    if row is None:
        return False
    db.execute("UPDATE archives SET number = ? WHERE key = ?", (number, key))
    if row[1] is None:
        _mark(db, row[0], -1)
    return True


def _mark(db: sqlite3.Connection, series: int, marks: int) -> None:
    """Count the reasons for which a series may have rows that no archive has."""
    db.execute("UPDATE series SET untidy = max(0, untidy + ?) WHERE id = ?", (marks, series))


def _rows(query: str, values: tuple[int, ...], db: sqlite3.Connection) -> list[tuple[int, ...]]:
    return db.execute(query, values).fetchall()


def _delete(query: str, rows: list[tuple[int, ...]], db: sqlite3.Connection) -> None:
    db.executemany(query, rows)
    db.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()  # each row is a page given back
