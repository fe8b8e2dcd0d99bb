"""Where bundles are kept: an sqlite file of its own, a bounded number a host, the last good one of each never thrown away."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from backends.errors import BadInput, RetryLater, Stop
from backends.states import Severity
from backends.store.database import connect, is_damage, move_aside
from backends.store.migrations import Layout, migrate
from backends.triage.bundle import decode, encode
from backends.triage.model import Bundle, StepState
from backends.triage.views import Kept

T = TypeVar("T")
KEPT_PER_HOST = 20
KEPT_IN_ALL = 2000
"""At some 20 kB each about 40 MB."""
STEPS: tuple[str, ...] = (
    """
    CREATE TABLE bundles (
        id INTEGER PRIMARY KEY,
        host TEXT NOT NULL,
        time REAL NOT NULL,
        state TEXT NOT NULL,
        severity TEXT NOT NULL,
        reason TEXT NOT NULL,
        text TEXT NOT NULL,
        data BLOB NOT NULL
    );
    CREATE INDEX bundles_host ON bundles (host, time);
    """,
)
LAYOUT = Layout(
    steps=STEPS,
    written="the triage bundles were kept",
    action="open the triage bundles",
    hint="update swarm-tui, or move the file away",
)
_COLUMNS = "id, host, time, state, severity, reason, text"
_GOOD = "(severity = 'ok' OR (severity = 'unknown' AND state IN ('ok', 'noperm', 'warn')))"
"""As `views.is_good`."""


class Shelf:
    """Keeps and finds bundles; from any thread."""

    def __init__(self, file: Path):
        """Raises Stop: it cannot be opened, or a newer version wrote it."""
        self._file = file
        self._lock = threading.Lock()
        self._connection, self.aside = _opened(file)
        """`aside`: where a damaged predecessor was moved; None when there was none."""

    def put(self, bundle: Bundle) -> int:
        """Keep `bundle`; its id. Raises Stop: the disk refuses; RetryLater: the file was damaged and is begun anew."""
        row = (
            bundle.host,
            bundle.time,
            str(bundle.state),
            str(bundle.strip.severity),
            bundle.reason,
            bundle.strip.text,
        )
        data = encode(bundle)
        return self._do(lambda db: _insert(db, (*row, data)))

    def get(self, number: int) -> Bundle:
        """One bundle. Raises BadInput: there is none of that id, or it is not readable; as `put` besides."""
        row = self._do(lambda db: db.execute("SELECT data FROM bundles WHERE id = ?", (number,)).fetchone())
        if row is None:
            raise BadInput(f"no triage bundle {number}", action="read a triage bundle", hint="swarm-tui triage --list")
        return decode(row[0])

    def list(self, host: str = "", limit: int = 100) -> tuple[Kept, ...]:
        """The newest first, of one host when given. Raises as `put`."""
        where, values = ("WHERE host = ?", (host, limit)) if host else ("", (limit,))
        query = f"SELECT {_COLUMNS} FROM bundles {where} ORDER BY time DESC, id DESC LIMIT ?"  # noqa: S608 - fixed texts
        return tuple(_kept(row) for row in self._do(lambda db: db.execute(query, values).fetchall()))

    def good(self, host: str, before: float = float("inf")) -> Kept | None:
        """The newest of `host` in which nothing was wrong, as far as could be seen. Raises as `put`."""
        where = f"WHERE host = ? AND {_GOOD} AND time < ?"
        query = f"SELECT {_COLUMNS} FROM bundles {where} ORDER BY time DESC, id DESC LIMIT 1"  # noqa: S608 - fixed texts
        row = self._do(lambda db: db.execute(query, (host, before)).fetchone())
        return None if row is None else _kept(row)

    def last_good(self, host: str, before: float = float("inf")) -> Bundle | None:
        """The bundle of `good`. Raises as `get`."""
        found = self.good(host, before)
        return None if found is None else self.get(found.id)

    def close(self) -> None:
        """Nothing works afterwards."""
        with self._lock:
            self._connection.close()

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                with self._transaction() as connection:
                    return work(connection)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise _refused(self._file, error) from error
                self._connection.close()
                self._connection, self.aside = _opened(self._file, damaged=True)
                raise RetryLater(
                    "the kept triage bundles were damaged and are begun anew", hint=f"the old file is {self.aside}"
                ) from error

    def _transaction(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection


def _insert(connection: sqlite3.Connection, values: tuple[object, ...]) -> int:
    columns = "host, time, state, severity, reason, text, data"
    done = connection.execute(f"INSERT INTO bundles ({columns}) VALUES (?,?,?,?,?,?,?)", values)  # noqa: S608
    good = f"SELECT max(id) FROM bundles WHERE {_GOOD} GROUP BY host"  # noqa: S608
    mine = "SELECT id FROM bundles WHERE host = ? ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?"
    every = "SELECT id FROM bundles ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?"
    number = int(done.lastrowid or 0)
    # the new one stays also where the clock was set back and it looks old
    delete = f"DELETE FROM bundles WHERE id <> ? AND id NOT IN ({good}) AND id IN "  # noqa: S608 - fixed texts
    connection.execute(f"{delete}({mine})", (number, values[0], KEPT_PER_HOST))
    connection.execute(f"{delete}({every})", (number, KEPT_IN_ALL))
    return number


def _kept(row: tuple[int, str, float, str, str, str, str]) -> Kept:
    number, host, time, state, severity, reason, text = row
    return Kept(
        id=number,
        host=host,
        time=time,
        state=StepState(state),
        severity=Severity(severity),
        reason=reason,
        text=text,
    )


def _opened(file: Path, *, damaged: bool = False) -> tuple[sqlite3.Connection, Path | None]:
    try:
        if not damaged:
            return _open(file), None
    except sqlite3.Error as error:
        if not is_damage(error):
            raise _refused(file, error) from error
    except OSError as error:
        raise _refused(file, error) from error
    try:
        aside = move_aside(file)
        return _open(file), aside
    except (sqlite3.Error, OSError) as error:
        raise _refused(file, error) from error


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = connect(file)
    try:
        migrate(connection, LAYOUT)
    except BaseException:
        connection.close()
        raise
    return connection


def _refused(file: Path, error: Exception) -> Stop:
    return Stop(
        f"the triage bundles cannot be kept or read: {error}",
        action=f"use {file}",
        hint=f"df -h {file.parent}; ls -l {file}",
    )
