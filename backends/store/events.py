"""The timeline and the audit on disk: every event, kept as long as the size bound allows, at least a month."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from backends.metrics.sample import Record
from backends.states import Severity
from backends.store.writer import Writer

MAX_EVENTS = 500_000
"""Rows that are kept; at 200 bytes each about 100 MB."""
NO_ID = 1 << 62
"""Above every id."""
_COLUMNS = "id, time, kind, host, actor, severity, text"


class StoredEvent(Record, frozen=True, kw_only=True):
    """One row; the API's Event has the same fields."""

    id: int
    time: float
    kind: str
    text: str
    host: str = ""
    actor: str = ""
    severity: Severity = Severity.OK


class Events:
    """Adds and finds stored events."""

    def __init__(self, writer: Writer):
        self._writer = writer

    def last_id(self) -> int:
        """The highest stored id; 0 when there is none. Raises RetryLater when it cannot be read."""
        found = self._writer.read(lambda db: db.execute("SELECT max(id) FROM events").fetchone())
        return int(found[0] or 0)

    def add(self, event: StoredEvent) -> None:
        """Keep `event`; returns at once."""
        values = (event.id, event.time, event.kind, event.host, event.actor, str(event.severity), event.text)
        self._writer.submit(lambda db: _insert(db, values))

    def page(self, *, since_id: int, before_id: int, host: str, limit: int) -> list[StoredEvent]:
        """Events with since_id < id < before_id, newest first. Raises RetryLater."""
        where = "id > ? AND id < ?" + (" AND host = ?" if host else "")
        values = (since_id, before_id, *((host,) if host else ()), limit)
        query = f"SELECT {_COLUMNS} FROM events WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 - fixed texts only
        return [_event(row) for row in self._writer.read(lambda db: db.execute(query, values).fetchall())]

    def between(
        self,
        start: float,
        end: float,
        *,
        hosts: Sequence[str] = (),
        kinds: Sequence[str] = (),
        before_id: int = NO_ID,
        newest: bool = True,
        limit: int,
    ) -> list[StoredEvent]:
        """Events with start ≤ time ≤ end, oldest first.

        Args:
            hosts: of these only ("" is an event of no host); () is all.
            kinds: of these only; () is all.
            before_id: only what has a lower id.
            newest: where there are more than `limit`, keep the newest of them instead of the oldest.

        Raises:
            RetryLater: the store cannot be read at the moment.
        """
        where = "time BETWEEN ? AND ? AND id < ?" + _among("host", hosts) + _among("kind", kinds)
        values = (start, end, before_id, *hosts, *kinds, limit)
        order = "DESC" if newest else "ASC"
        table = "events INDEXED BY events_time"  # without a hint sqlite reads all events of a host, however old
        query = f"SELECT {_COLUMNS} FROM {table} WHERE {where} ORDER BY time {order}, id {order} LIMIT ?"  # noqa: S608 - fixed texts
        rows = self._writer.read(lambda db: db.execute(query, values).fetchall())
        return [_event(row) for row in (reversed(rows) if newest else rows)]

    def prune(self, keep: int = MAX_EVENTS) -> None:
        """Throw away all but the newest `keep` events, soon."""
        query = "DELETE FROM events WHERE id <= (SELECT id FROM events ORDER BY id DESC LIMIT 1 OFFSET ?)"
        self._writer.submit(lambda db: _run(db, query, (keep,)))


def _among(column: str, names: Sequence[str]) -> str:
    return f" AND {column} IN ({', '.join('?' * len(names))})" if names else ""


def _insert(connection: sqlite3.Connection, values: tuple[object, ...]) -> None:
    connection.execute(f"INSERT OR REPLACE INTO events ({_COLUMNS}) VALUES (?,?,?,?,?,?,?)", values)  # noqa: S608


def _run(connection: sqlite3.Connection, query: str, values: tuple[object, ...]) -> None:
    connection.execute(query, values)


def _event(row: tuple[int, float, str, str, str, str, str]) -> StoredEvent:
    number, time, kind, host, actor, severity, text = row
    known = Severity(severity) if severity in Severity.__members__.values() else Severity.UNKNOWN
    return StoredEvent(id=number, time=time, kind=kind, text=text, host=host, actor=actor, severity=known)
