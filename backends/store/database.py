"""Opens the engine's sqlite files: WAL, bounded waiting, newest layout; a damaged file is moved aside, never a crash."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from backends.errors import AskOperator
from backends.store.migrations import Layout, history, migrate

CHECKED_BYTES = 64 << 20
"""A file that was not closed cleanly is checked as a whole up to this size (about a second); damage in a larger one is
found when it is read."""
_DAMAGE = ("malformed", "not a database", "corrupt", "disk image")


def connect(file: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection that any one thread at a time may use. Raises sqlite3.Error."""
    if read_only:
        return sqlite3.connect(f"file:{_quoted(file)}?mode=ro", uri=True, timeout=2.0, check_same_thread=False)
    _make_private(file)
    connection = sqlite3.connect(file, timeout=5.0, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only counts before the first table is made
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 1000")
        connection.execute("PRAGMA journal_size_limit = 16777216")
    except BaseException:
        connection.close()
        raise
    return connection


def _make_private(file: Path) -> None:
    """Make the file for its owner alone; sqlite gives the files beside it the same mode. Not by the umask: that is the whole
    process's, and two threads that set it at once leave it set. What goes wrong here, sqlite tells in its own words."""
    with contextlib.suppress(OSError):
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def open_or_replace(file: Path, *, damaged: bool = False) -> tuple[sqlite3.Connection, Path | None]:
    """The database, ready for use; and where a damaged predecessor was moved, if it was.

    Raises:
        AskOperator: it cannot be opened or written (rights, full disk).
        Stop: it was written by a newer version.
    """
    try:
        if not damaged:
            return open_file(file, history()), None
    except sqlite3.Error as error:
        if not is_damage(error):
            raise _unusable(file, error) from error
    try:
        aside = move_aside(file)
    except OSError as error:
        raise _unusable(file, error) from error
    try:
        return open_file(file, history()), aside
    except sqlite3.Error as error:
        raise _unusable(file, error) from error


def is_damage(error: sqlite3.Error) -> bool:
    """Whether `error` says that the file itself is broken (not merely full, locked or forbidden)."""
    return any(word in str(error) for word in _DAMAGE)


def move_aside(file: Path) -> Path:
    """Rename the file (and its WAL) to `.damaged-N`; the newest damage keeps the lowest free number."""
    number = 1
    while (aside := file.with_name(f"{file.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        part = file.with_name(file.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))
    return aside


def open_file(file: Path, layout: Layout) -> sqlite3.Connection:
    """A connection to the file in its newest layout; one that was not closed cleanly is checked first.

    Raises:
        sqlite3.Error: it is damaged, or cannot be opened or written.
        Stop: it was written by a newer version.
    """
    unclean = file.with_name(file.name + "-wal").exists()
    connection = connect(file)
    try:
        if unclean and file.stat().st_size <= CHECKED_BYTES:
            _check(connection)
        migrate(connection, layout)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(f"malformed: {found}")


def _unusable(file: Path, error: Exception) -> AskOperator:
    return AskOperator(
        f"the history cannot be used: {error}", action=f"open {file}", hint=f"df -h {file.parent}; ls -l {file}"
    )


def _quoted(file: Path) -> str:
    return str(file).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
