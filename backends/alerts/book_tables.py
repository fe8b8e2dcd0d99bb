"""The tables of the alerts' file, and opening it: a damaged one is moved aside and a new one begun."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from backends.errors import Stop
from backends.store.database import is_damage, move_aside, open_file
from backends.store.migrations import Layout

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE rows (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    CREATE TABLE notices (
        number INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        data BLOB NOT NULL
    );
    CREATE TABLE edges (
        number INTEGER PRIMARY KEY,
        time REAL NOT NULL,
        kind TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        rule TEXT NOT NULL,
        host TEXT NOT NULL,
        object TEXT NOT NULL,
        episode INTEGER NOT NULL,
        severity TEXT NOT NULL,
        text TEXT NOT NULL,
        actor TEXT NOT NULL,
        origin TEXT NOT NULL
    );
    CREATE INDEX edges_alert ON edges (fingerprint, number);
    CREATE INDEX edges_host ON edges (host, number);
    CREATE INDEX edges_time ON edges (time);
    CREATE TRIGGER edges_stay BEFORE UPDATE ON edges BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
    CREATE TRIGGER acts_stay BEFORE DELETE ON edges WHEN old.actor <> ''
        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
    """,
)
LAYOUT = Layout(
    steps=STEPS,
    written="the alerts were written",
    action="open the alerts' file",
    hint="update swarm-tui, or move the file away: then every alert counts as new",
)


def open_or_replace(file: Path, *, damaged: bool = False) -> tuple[sqlite3.Connection, Path | None]:
    """The file, ready for use; and where a damaged predecessor was moved, if it was.

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
        return _open(file), aside
    except (sqlite3.Error, OSError) as error:
        raise refused(file, error) from error


def refused(file: Path, error: Exception) -> Stop:
    """What to raise when the disk does not take or give it."""
    return Stop(
        f"the alerts' file cannot be used: {error}",
        action=f"open {file}",
        hint=f"df -h {file.parent}; ls -l {file}; alerts would not survive the end of this engine",
    )


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_file(file, LAYOUT)
