"""The numbered steps that bring a database to the newest layout. A released step is never edited; a new one is added."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from backends.errors import Stop

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        time REAL NOT NULL,
        kind TEXT NOT NULL,
        host TEXT NOT NULL,
        actor TEXT NOT NULL,
        severity TEXT NOT NULL,
        text TEXT NOT NULL
    );
    CREATE INDEX events_host ON events (host, id);
    CREATE TABLE hosts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE layouts (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE);
    CREATE TABLE rollups (
        level INTEGER NOT NULL,
        time INTEGER NOT NULL,
        host INTEGER NOT NULL,
        layout INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (level, host, time)
    ) WITHOUT ROWID;
    CREATE INDEX rollups_time ON rollups (level, time);
    """,
    """
    CREATE INDEX events_time ON events (time, kind, host);
    """,
)
"""Step n brings `PRAGMA user_version` from n to n + 1."""


@dataclass(frozen=True)
class Layout:
    """What a sqlite file of the engine is to look like, and what to say when a newer version wrote it."""

    steps: tuple[str, ...]
    """Step n brings `PRAGMA user_version` from n to n + 1. A released step is never edited; a new one is added."""
    written: str
    """As in "the history was written"."""
    action: str
    hint: str


def history() -> Layout:
    """That of the history."""
    return Layout(
        steps=STEPS,
        written="the history was written",
        action="open the history",
        hint="update swarm-tui, or move the file away to begin a new history",
    )


def migrate(connection: sqlite3.Connection, layout: Layout | None = None) -> None:
    """Bring the database to the newest layout (the history's, if none is given), each step whole or not at all.

    Raises:
        Stop: it was written by a newer version.
        sqlite3.Error: it cannot be written.
    """
    layout = layout or history()
    have, known = _version(connection), len(layout.steps)
    if have > known:
        raise Stop(
            f"{layout.written} by a newer version (layout {have}, this one knows {known})",
            action=layout.action,
            hint=layout.hint,
        )
    for number in range(have, known):
        _take(connection, number, layout.steps[number])


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _take(connection: sqlite3.Connection, number: int, step: str) -> None:
    """One step, unless somebody else who opens the file at the same time was quicker."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _version(connection) == number:
            for statement in _statements(step):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(step: str) -> Iterator[str]:
    """One by one: `executescript` would end the transaction first."""
    text = ""
    for piece in step.split(";"):
        text += piece + ";"
        if sqlite3.complete_statement(text):
            yield text
            text = ""
