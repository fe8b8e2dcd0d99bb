"""The alerts' own file: how they stand, what was to be said and is not handed over yet, and what happened and who did it.

The history is append-only. A notice is written down together with the alerts that it is about and stays until the outbox
has it, so an engine that is killed in between neither loses it nor makes another one of it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from backends import decoding
from backends.alerts.book_tables import open_or_replace, refused
from backends.alerts.memory import KINDS, Changes
from backends.alerts.model import Edge, EdgeKind, Notice
from backends.errors import RetryLater
from backends.metrics.sample import Record
from backends.states import Severity
from backends.store.database import is_damage

T = TypeVar("T")
HISTORY_DAYS = 90.0
"""Edges that nobody made are kept so long; what people did is kept for ever."""
_COLUMNS = "time, kind, fingerprint, rule, host, object, episode, severity, text, actor, origin"
_MOST_UNWRITTEN = 100_000
"""Edges that wait for a disk that takes nothing; the oldest go first, and are counted."""


class Book:
    """The file. Calls may come from any thread."""

    def __init__(self, file: Path):
        """Raises Stop: it cannot be opened or written, or a newer version wrote it."""
        self._file = file
        self._lock = threading.RLock()
        self._unwritten = Changes()
        self.lost_edges = 0
        """Lines of history that were given up because the disk took nothing for too long."""
        self.begun_anew = False
        """The file broke while it was open and holds only what came since: `keep(alerts.everything())`, then set it back."""
        self.damaged: tuple[str, ...] = ()
        """"kind key" of rows that were not understood when they were last loaded."""
        self._db, self.aside = open_or_replace(file)
        """`aside`: where a damaged predecessor was moved; None when there was none."""

    def load(self) -> dict[tuple[str, str], Record]:
        """(kind, key) → row, for `Alerts(rows=…)`. Raises RetryLater: the file cannot be read."""
        rows, damaged = {}, []
        for kind, key, data in self._run(lambda db: db.execute("SELECT kind, key, data FROM rows").fetchall()):
            try:
                rows[kind, key] = decoding.json(data, type=KINDS[kind])
            except (KeyError, msgspec.MsgspecError):
                damaged.append(f"{kind} {key}")
        self.damaged = tuple(damaged)
        return rows

    def keep(self, changes: Changes) -> None:
        """Write `changes` whole or not at all.

        Raises:
            RetryLater: the disk does not take it. It is kept in memory and written with the next changes, and what is to
                be said is in `pending` all the same.
        """
        with self._lock:
            self._unwritten.add(changes)
            self._give_up_oldest()
            if not self._unwritten:
                return
            waiting = self._unwritten
            self._run(lambda db: _write(db, waiting))
            self._unwritten = Changes()

    def pending(self) -> tuple[Notice, ...]:
        """What no outbox has yet, the oldest first. Raises RetryLater: the file cannot be read."""
        with self._lock:
            found = self._run(lambda db: db.execute("SELECT data FROM notices ORDER BY number").fetchall())
            written = tuple(decoding.json(data, type=Notice) for (data,) in found)
            known = {notice.key for notice in written}
            return (*written, *(notice for notice in self._unwritten.notices if notice.key not in known))

    def handed(self, key: str, changes: Changes) -> None:
        """The outbox has the notice `key`; `changes` say who is told by it. Raises RetryLater as `keep`."""
        with self._lock:
            self._unwritten.notices = [notice for notice in self._unwritten.notices if notice.key != key]
            self._unwritten.handed.append(key)
            self.keep(changes)

    def history(
        self,
        *,
        since: float = 0.0,
        fingerprint: str = "",
        host: str = "",
        kind: str = "",
        audit: bool = False,
        limit: int = 10_000,
    ) -> tuple[Edge, ...]:
        """What happened, the newest first.

        Args:
            since: epoch seconds.
            fingerprint: of one alert only.
            host: of one host only.
            kind: only what is of this kind.
            audit: only what people did.
            limit: at most so many.

        Raises:
            RetryLater: the file cannot be read.
        """
        wanted = [("time >= ?", since), ("fingerprint = ?", fingerprint), ("host = ?", host), ("kind = ?", str(kind))]
        asked = [(where, value) for where, value in wanted if value]
        where = " AND ".join(["1", *(text for text, _ in asked), *(["actor <> ''"] if audit else [])])
        query = f"SELECT {_COLUMNS} FROM edges WHERE {where} ORDER BY number DESC LIMIT ?"  # noqa: S608 - fixed texts
        values = (*(value for _, value in asked), limit)
        return tuple(_edge(row) for row in self._run(lambda db: db.execute(query, values).fetchall()))

    def prune(self, now: float) -> None:
        """Throw away what nobody did and is older than 90 days. Raises RetryLater: the disk refuses."""
        query = "DELETE FROM edges WHERE actor = '' AND time < ?"
        self._run(lambda db: db.execute(query, (now - HISTORY_DAYS * 86_400,)))

    def close(self) -> None:
        """Nothing works afterwards."""
        with self._lock:
            self._db.close()

    def _give_up_oldest(self) -> None:
        extra = len(self._unwritten.edges) - _MOST_UNWRITTEN
        if extra > 0:
            del self._unwritten.edges[:extra]
            self.lost_edges += extra

    def _run(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return _transaction(self._db, operation)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise _later(self._file, error) from error
                return self._anew(operation)

    def _anew(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """The file is damaged: begin another one."""
        self._db.close()
        self._db, self.aside = open_or_replace(self._file, damaged=True)
        self.begun_anew = True
        try:
            return _transaction(self._db, operation)
        except sqlite3.Error as error:
            raise refused(self._file, error) from error


def _later(file: Path, error: sqlite3.Error) -> RetryLater:
    return RetryLater(
        f"the alerts cannot be written down: {error}",
        action=f"write {file}",
        hint=f"df -h {file.parent}; nothing is lost while this engine runs, and it goes on telling",
    )


def _transaction(db: sqlite3.Connection, operation: Callable[[sqlite3.Connection], T]) -> T:
    db.execute("BEGIN IMMEDIATE")
    try:
        found = operation(db)
        db.execute("COMMIT")
        return found
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _write(db: sqlite3.Connection, changes: Changes) -> None:
    encode = msgspec.json.encode
    kept = [(kind, key, encode(row)) for (kind, key), row in changes.rows.items() if row is not None]
    db.executemany("INSERT OR REPLACE INTO rows (kind, key, data) VALUES (?, ?, ?)", kept)
    gone = [place for place, row in changes.rows.items() if row is None]
    db.executemany("DELETE FROM rows WHERE kind = ? AND key = ?", gone)
    notices = [(notice.key, encode(notice)) for notice in changes.notices]
    db.executemany("INSERT OR IGNORE INTO notices (key, data) VALUES (?, ?)", notices)
    db.executemany("DELETE FROM notices WHERE key = ?", [(key,) for key in changes.handed])
    places = ", ".join("?" * 11)
    db.executemany(f"INSERT INTO edges ({_COLUMNS}) VALUES ({places})", _values(changes.edges))  # noqa: S608 - fixed texts


def _values(edges: Iterable[Edge]) -> Iterable[tuple[object, ...]]:
    for each in edges:
        yield (
            each.time,
            str(each.kind),
            each.fingerprint,
            each.rule,
            each.host,
            each.object,
            each.episode,
            str(each.severity),
            each.text,
            each.by,
            each.origin,
        )


def _edge(row: tuple[float, str, str, str, str, str, int, str, str, str, str]) -> Edge:
    time, kind, fingerprint, rule, host, thing, episode, severity, text, by, origin = row
    return Edge(
        time=time,
        kind=EdgeKind(kind),
        fingerprint=fingerprint,
        rule=rule,
        host=host,
        object=thing,
        episode=episode,
        severity=Severity(severity),
        text=text,
        by=by,
        origin=origin,
    )
