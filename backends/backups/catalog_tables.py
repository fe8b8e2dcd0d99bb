"""The catalog's tables, and opening its file: a damaged one is moved aside and a new one begun.

How a million files of a hundred archives take the space of one: a row of `versions` says that a path looked the same in
the archives number `first` to `last` of its series (repository and set). Numbers are given when archives are *indexed*, in
that order, whatever their time; a row that still holds has `last` = OPEN, so an unchanged file is not written again.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from backends.backups.catalog_rescue import rescue
from backends.errors import Stop
from backends.store.database import is_damage, move_aside, open_file
from backends.store.migrations import Layout

OPEN = 0x7FFFFFFF
"""`last` of a row that holds for the archive that was indexed last, and for what comes."""
ROOT = 1
"""Id of the path "", the parent of every first component."""

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        repository TEXT NOT NULL,
        name TEXT NOT NULL,
        host TEXT NOT NULL,
        number INTEGER NOT NULL DEFAULT 0,
        untidy INTEGER NOT NULL DEFAULT 0,
        UNIQUE (repository, name)
    );
    CREATE INDEX series_host ON series (host);
    CREATE TABLE archives (
        key INTEGER PRIMARY KEY,
        series INTEGER NOT NULL,
        number INTEGER,
        repository TEXT NOT NULL,
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        set_name TEXT NOT NULL,
        host TEXT NOT NULL,
        start REAL NOT NULL,
        "end" REAL,
        files INTEGER,
        original_bytes INTEGER,
        compressed_bytes INTEGER,
        deduplicated_bytes INTEGER,
        comment TEXT NOT NULL,
        gone REAL,
        UNIQUE (repository, id)
    );
    CREATE INDEX archives_series ON archives (series, number);
    CREATE INDEX archives_host ON archives (host, set_name);
    CREATE INDEX archives_start ON archives (start);
    CREATE INDEX archives_id ON archives (id);
    CREATE TABLE removals (
        repository TEXT NOT NULL,
        id TEXT NOT NULL,
        "by" TEXT NOT NULL,
        time REAL NOT NULL,
        PRIMARY KEY (repository, id)
    ) WITHOUT ROWID;
    CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        repository TEXT NOT NULL,
        name TEXT NOT NULL,
        time REAL NOT NULL,
        data BLOB NOT NULL
    );
    CREATE INDEX records_of ON records (kind, repository, name, time);
    CREATE TABLE notes (
        repository TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (repository, name)
    ) WITHOUT ROWID;
    CREATE TABLE pins (host TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE hashes (
        archive INTEGER NOT NULL,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime REAL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (archive, path)
    ) WITHOUT ROWID;
    CREATE TABLE looks (
        id INTEGER PRIMARY KEY,
        type TEXT NOT NULL,
        mode TEXT NOT NULL,
        user TEXT NOT NULL,
        "group" TEXT NOT NULL,
        UNIQUE (type, mode, user, "group")
    );
    CREATE TABLE paths (
        id INTEGER PRIMARY KEY,
        parent INTEGER NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (parent, name)
    );
    INSERT INTO paths (id, parent, name) VALUES (1, 0, '');
    CREATE TABLE versions (
        series INTEGER NOT NULL,
        path INTEGER NOT NULL,
        last INTEGER NOT NULL,
        first INTEGER NOT NULL,
        look INTEGER NOT NULL,
        size INTEGER,
        mtime REAL,
        target TEXT,
        healthy INTEGER NOT NULL,
        children INTEGER,
        PRIMARY KEY (series, path, last)
    ) WITHOUT ROWID;
    """,
)
LAYOUT = Layout(
    steps=STEPS,
    written="the catalog was written",
    action="open the catalog of the backups",
    hint="update swarm-tui, or move the file away: it is built again from the repositories",
)


def open_or_replace(file: Path, *, damaged: bool = False) -> tuple[sqlite3.Connection, Path | None]:
    """The catalog, ready for use; and where a damaged predecessor was moved, if it was. What could be read of it is kept.

    Args:
        damaged: the file is known to be damaged, however well it opens.

    Raises:
        Stop: it cannot be opened or written (rights, full disk), or a newer version wrote it.
    """
    try:
        if not damaged:
            return _open(file), None
    except sqlite3.Error as error:
        if not is_damage(error):
            raise refused(file, error) from error
    except OSError as error:
        raise refused(file, error) from error
    try:
        aside = move_aside(file)
        connection = _open(file)
        rescue(connection, aside)
        return connection, aside
    except (sqlite3.Error, OSError) as error:
        raise refused(file, error) from error


def refused(file: Path, error: Exception) -> Stop:
    """What to raise when the disk does not take or give it."""
    return Stop(
        f"the catalog of the backups cannot be used: {error}",
        action=f"open {file}",
        hint=f"df -h {file.parent}; ls -l {file}; the backups themselves are not touched",
    )


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_file(file, LAYOUT)
