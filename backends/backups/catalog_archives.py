"""The catalog's archives: what Borg lists, what is gone, and who removed it."""

from __future__ import annotations

import difflib
import re
import sqlite3
from collections.abc import Iterable, Sequence

from backends.backups.catalog_model import Gone, Removal, Sync
from backends.backups.catalog_store import Store
from backends.backups.model import Archive
from backends.errors import BadInput
from backends.text import clean

COLUMNS = (
    'id, repository, name, set_name, host, start, "end", files, original_bytes, compressed_bytes, deduplicated_bytes,'
    " comment, number"
)
_CHECKPOINT = re.compile(r".*\.checkpoint(\.\d+)?")
_MOST = (1 << 63) - 1
_PUT = (
    'INSERT INTO archives (series, repository, id, name, set_name, host, start, "end", files, original_bytes,'
    " compressed_bytes, deduplicated_bytes, comment) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT (repository, id) DO UPDATE SET name = excluded.name, gone = NULL,"
    ' "end" = coalesce(excluded."end", "end"), files = coalesce(excluded.files, files),'
    " original_bytes = coalesce(excluded.original_bytes, original_bytes),"
    " compressed_bytes = coalesce(excluded.compressed_bytes, compressed_bytes),"
    " deduplicated_bytes = coalesce(excluded.deduplicated_bytes, deduplicated_bytes),"
    " comment = iif(excluded.comment = '', comment, excluded.comment)"
)


class CatalogArchives:
    """Part of `Catalog`."""

    _store: Store

    def put_archives(self, repository_key: str, archives: Sequence[Archive]) -> Sync:
        """Take over what Borg lists now. Archives known before and not among them are marked gone, with the time.

        What is listed is there: a record that we removed it is dropped, so that it cannot hide somebody else's removal
        later. Checkpoints come and go by themselves and are never told as gone.

        Raises:
            Stop: the disk refuses.
        """
        now = self._store.clock.now()
        return self._store.write(lambda db: _sync(db, repository_key, archives, now))

    def add(self, archive: Archive) -> None:
        """Add one archive, or what is known of it now. Raises Stop."""
        self._store.write(lambda db: _put(db, archive))

    def archives(
        self,
        repository: str = "",
        set: str = "",
        host: str = "",
        gone: bool = False,
    ) -> tuple[Archive, ...]:
        """Archives, newest first; "" is any. With `gone` also those that are listed no more. Raises Stop."""
        wanted = {"repository": repository, "set_name": set, "host": host}
        given = {column: value for column, value in wanted.items() if value}
        where = [f"{column} = ?" for column in given] + ([] if gone else ["gone IS NULL"])
        query = f"SELECT {COLUMNS} FROM archives WHERE {' AND '.join(where) or '1'} ORDER BY start DESC, key DESC"  # noqa: S608 - fixed texts
        return self._store.read(lambda db: tuple(map(archive_of, db.execute(query, tuple(given.values())))))

    def archive(self, repository: str, name: str) -> Archive:
        """The archive of that name; one that is listed still comes before one that is gone.

        Raises:
            BadInput: there is none.
            Stop: the file cannot be read.
        """
        query = (
            f"SELECT {COLUMNS} FROM archives WHERE repository = ? AND name = ?"  # noqa: S608 - fixed texts
            " ORDER BY gone IS NOT NULL, start DESC LIMIT 1"
        )
        row = self._store.read(lambda db: db.execute(query, (repository, name)).fetchone())
        if row is None:
            raise self._unknown(repository, name)
        return archive_of(row)

    def removed(self, repository: str, archive_ids: Iterable[str], by: str, at: float) -> None:
        """Note that `by` (a job of ours) has removed these; call it when Borg has done it. They are gone from now on.

        Raises:
            Stop: the disk refuses.
        """
        ids = tuple(archive_ids)
        self._store.write(lambda db: _remove(db, repository, ids, clean(by, 200), at))

    def unremoved(self, repository: str, archive_ids: Iterable[str]) -> None:
        """Note that these were brought back: they are there again. Raises Stop."""
        ids = tuple(archive_ids)
        self._store.write(lambda db: _bring_back(db, repository, ids))

    def removals(self, repository: str) -> tuple[Removal, ...]:
        """What we removed and did not compact away yet, newest first. Raises Stop."""
        query = 'SELECT id, "by", time FROM removals WHERE repository = ? ORDER BY time DESC, id'
        rows = self._store.read(lambda db: db.execute(query, (repository,)).fetchall())
        return tuple(Removal(archive_id=found, by=by, time=time) for found, by, time in rows)

    def gone(self, repository: str) -> tuple[Gone, ...]:
        """Archives that are listed no more and were not compacted away, newest archive first. Raises Stop."""
        query = (
            f'SELECT {COLUMNS}, gone, (SELECT "by" FROM removals r WHERE r.repository = a.repository AND r.id = a.id)'  # noqa: S608
            " FROM archives a WHERE repository = ? AND gone IS NOT NULL ORDER BY start DESC, key DESC"
        )
        rows = self._store.read(lambda db: db.execute(query, (repository,)).fetchall())
        return tuple(Gone(archive=archive_of(row[:-2]), time=row[-2], by=row[-1] or "") for row in rows)

    def forget_gone(self, repository: str) -> None:
        """After a compaction: what is gone cannot be brought back. Its files leave the index with `tidy`. Raises Stop."""
        self._store.write(lambda db: _forget_gone(db, repository))

    def pin(self, host: str, archive_id: str) -> None:
        """Make an archive the baseline of `host`; "" takes the pin away. Raises Stop."""
        query = (
            "INSERT OR REPLACE INTO pins (host, id) VALUES (?, ?)" if archive_id else "DELETE FROM pins WHERE host = ?"
        )
        values = (host, archive_id) if archive_id else (host,)
        self._store.write(lambda db: db.execute(query, values))

    def pinned(self, host: str) -> Archive | None:
        """The baseline of `host`, also when it is listed no more; None when there is none. Raises Stop."""
        query = (
            f"SELECT {COLUMNS} FROM archives WHERE id = (SELECT id FROM pins WHERE host = ?) AND host = ?"  # noqa: S608
            " ORDER BY gone IS NOT NULL LIMIT 1"
        )
        row = self._store.read(lambda db: db.execute(query, (host, host)).fetchone())
        return None if row is None else archive_of(row)

    def _unknown(self, repository: str, name: str) -> BadInput:
        names = [each.name for each in self.archives(repository)]
        near = difflib.get_close_matches(name, names[:500], 3) or names[:3]
        hint = f"there are: {', '.join(near)}" if near else "nothing was backed up into it yet"
        return BadInput(f"{clean(repository, 200)} has no archive {clean(name, 200)!r}", hint=hint)


def archive_of(row: Sequence[object]) -> Archive:
    """The archive of a row of COLUMNS."""
    *values, number = row
    return Archive(**dict(zip(_FIELDS, values, strict=True)), indexed=number is not None)  # type: ignore[arg-type]


_FIELDS = (
    "id",
    "repository",
    "name",
    "set",
    "host",
    "start",
    "end",
    "files",
    "original_bytes",
    "compressed_bytes",
    "deduplicated_bytes",
    "comment",
)


def key_of(db: sqlite3.Connection, archive: Archive) -> tuple[int, int, int | None]:
    """(key, series, number) of a known archive. Raises BadInput."""
    query = "SELECT key, series, number FROM archives WHERE repository = ? AND id = ?"
    row = db.execute(query, (archive.repository, archive.id)).fetchone()
    if row is None:
        raise BadInput(f"the archive {archive.name} of {archive.repository} is not known any more")
    return row[0], row[1], row[2]


def _sync(db: sqlite3.Connection, repository: str, archives: Sequence[Archive], now: float) -> Sync:
    query = f"SELECT {COLUMNS} FROM archives WHERE repository = ? AND gone IS NULL"  # noqa: S608 - fixed texts
    known = {row[0]: archive_of(row) for row in db.execute(query, (repository,))}
    for archive in archives:
        _put(db, archive)
    listed = {archive.id for archive in archives}
    db.executemany("DELETE FROM removals WHERE repository = ? AND id = ?", [(repository, each) for each in listed])
    missing = [archive for archive in known.values() if archive.id not in listed]
    superseded = [archive for archive in missing if _CHECKPOINT.fullmatch(archive.name)]
    for each in superseded:
        _forget(db, "repository = ? AND id = ?", (repository, each.id))
    gone = tuple(archive for archive in missing if archive not in superseded)
    marked = [(now, repository, archive.id) for archive in gone]
    db.executemany("UPDATE archives SET gone = ? WHERE repository = ? AND id = ?", marked)
    return Sync(added=tuple(archive for archive in archives if archive.id not in known), gone=gone)


def _put(db: sqlite3.Connection, archive: Archive) -> None:
    numbers = (
        archive.files,
        archive.original_bytes,
        archive.compressed_bytes,
        archive.deduplicated_bytes,
    )
    values = (
        _series(db, archive),
        archive.repository,
        archive.id,
        clean(archive.name, 500),
        archive.set,
        archive.host,
        archive.start,
        archive.end,
        *(None if number is None else max(0, min(number, _MOST)) for number in numbers),
        clean(archive.comment, 2000),
    )
    db.execute(_PUT, values)


def _series(db: sqlite3.Connection, archive: Archive) -> int:
    wanted = (archive.repository, archive.set)
    row = db.execute("SELECT id FROM series WHERE repository = ? AND name = ?", wanted).fetchone()
    if row is None:
        query = "INSERT INTO series (repository, name, host) VALUES (?, ?, ?)"
        return int(db.execute(query, (*wanted, archive.host)).lastrowid or 0)
    return int(row[0])


def _remove(db: sqlite3.Connection, repository: str, ids: Sequence[str], by: str, at: float) -> None:
    rows = [(repository, each, by, at) for each in ids]
    db.executemany('INSERT OR REPLACE INTO removals (repository, id, "by", time) VALUES (?, ?, ?, ?)', rows)
    marked = [(at, repository, each) for each in ids]
    db.executemany("UPDATE archives SET gone = coalesce(gone, ?) WHERE repository = ? AND id = ?", marked)


def _bring_back(db: sqlite3.Connection, repository: str, ids: Sequence[str]) -> None:
    rows = [(repository, each) for each in ids]
    db.executemany("DELETE FROM removals WHERE repository = ? AND id = ?", rows)
    db.executemany("UPDATE archives SET gone = NULL WHERE repository = ? AND id = ?", rows)


def _forget_gone(db: sqlite3.Connection, repository: str) -> None:
    _forget(db, "repository = ? AND gone IS NOT NULL", (repository,))
    db.execute("DELETE FROM removals WHERE repository = ?", (repository,))


def _forget(db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> None:
    chosen = f"(SELECT series FROM archives WHERE {where} AND number IS NOT NULL)"  # noqa: S608 - fixed texts
    db.execute(f"UPDATE series SET untidy = untidy + 1 WHERE id IN {chosen}", values)  # noqa: S608
    db.execute(f"DELETE FROM hashes WHERE archive IN (SELECT key FROM archives WHERE {where})", values)  # noqa: S608
    db.execute(f"DELETE FROM archives WHERE {where}", values)  # noqa: S608
