"""The file in which the outbox survives: one row for each notice and target. A damaged file is moved aside and begun anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from backends import decoding
from backends.alerts.model import DeliveryState, Notice
from backends.errors import RetryLater
from backends.metrics.sample import Record
from backends.store.database import connect, is_damage, move_aside
from backends.store.migrations import Layout, migrate

T = TypeVar("T")
FINISHED = ("sent", "collapsed")
"""States that nothing happens to any more."""

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE deliveries (
        key TEXT NOT NULL,
        target TEXT NOT NULL,
        number INTEGER NOT NULL,
        state TEXT NOT NULL,
        created REAL NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (key, target)
    ) WITHOUT ROWID;
    CREATE INDEX deliveries_state ON deliveries (state, number);
    CREATE INDEX deliveries_target ON deliveries (target, number);
    """,
)
LAYOUT = Layout(
    steps=STEPS,
    written="the outbox of the alerts was written",
    action="open the outbox",
    hint="update swarm-tui, or move the file away: what waits in it is not told then",
)


class Delivery(Record, frozen=True, kw_only=True):
    """One notice on its way to one target. Times are epoch seconds."""

    number: int
    """Larger for what was put in later; also its id."""
    key: str
    target: str
    state: DeliveryState = "queued"
    notice: Notice
    created: float
    due: float
    """Of the next attempt."""
    lease_until: float = 0.0
    attempts: int = 0
    reason: str = ""
    """Why the last attempt failed; never a part of an URL."""
    first_failed: float | None = None
    sent: float | None = None
    seconds: float = 0.0
    """That the last attempt took."""
    into: str = ""
    """Key of the notice that it was told with."""
    by: str = ""
    """Who had it sent again by hand."""


class OutboxStore:
    """The file. One thread at a time (the outbox sees to it). Nothing is opened before it is used."""

    def __init__(self, file: Path):
        self.file = file
        self.aside: Path | None = None
        """Where a damaged predecessor was moved."""
        self.generation = 0
        """Another one after the file was found damaged and was begun anew: then everything is to be saved again."""
        self.unreadable = 0
        """Rows that this version cannot read; they stay where they are."""
        self._connection: sqlite3.Connection | None = None

    def unfinished(self) -> list[Delivery]:
        """What is still to be told, and what could not be. Raises RetryLater, Stop."""
        question = f"SELECT data FROM deliveries WHERE state NOT IN {FINISHED} ORDER BY number"  # noqa: S608  # a constant
        return self._decoded(self._ask(question, ()))

    def history(self, limit: int, target: str = "") -> list[Delivery]:
        """The newest, newest first, whatever became of them. Raises RetryLater, Stop."""
        if target:
            rows = self._ask(
                "SELECT data FROM deliveries WHERE target = ? ORDER BY number DESC LIMIT ?", (target, limit)
            )
        else:
            rows = self._ask("SELECT data FROM deliveries ORDER BY number DESC LIMIT ?", (limit,))
        return self._decoded(rows)

    def known(self, key: str, target: str) -> bool:
        """Whether a row of that key and target was ever put in. Raises RetryLater, Stop."""
        return bool(self._ask("SELECT 1 FROM deliveries WHERE key = ? AND target = ?", (key, target)))

    def created(self, target: str, prefix: str) -> list[float]:
        """When the notices for a target whose key begins with `prefix` were put in. Raises RetryLater, Stop."""
        question = "SELECT created FROM deliveries WHERE key >= ? AND key < ? AND target = ?"
        return [float(row[0]) for row in self._ask(question, (prefix, prefix + "\U0010ffff", target))]

    def last_number(self) -> int:
        """Raises RetryLater, Stop."""
        return int(self._ask("SELECT coalesce(max(number), 0) FROM deliveries", ())[0][0])

    def save(self, deliveries: Iterable[Delivery]) -> None:
        """Write them all, or none.

        Raises:
            RetryLater: the disk does not take it.
            Stop: a newer version wrote the file.
        """
        rows = [_row(each) for each in deliveries]
        try:
            self._write(rows)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise self._refused(error) from error
            self._begin_anew()
            self._again(lambda: self._write(rows))

    def prune(self, before: float) -> None:
        """Forget what was put in before that time and is finished or dead. Raises RetryLater, Stop."""
        try:
            self._open().execute(
                "DELETE FROM deliveries WHERE created < ? AND state IN ('sent', 'collapsed', 'dead')", (before,)
            )
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, rows: list[tuple[Any, ...]]) -> None:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "INSERT INTO deliveries (key, target, number, state, created, data) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (key, target) DO UPDATE SET state = excluded.state, data = excluded.data",
                rows,
            )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _ask(self, question: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._open().execute(question, values).fetchall()
        except sqlite3.Error as error:
            if not is_damage(error):
                raise self._refused(error) from error
            self._begin_anew()
            return self._again(lambda: self._open().execute(question, values).fetchall())

    def _again(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def _decoded(self, rows: list[tuple[Any, ...]]) -> list[Delivery]:
        found = []
        for row in rows:
            try:
                found.append(decoding.json(row[0], type=Delivery))
            except msgspec.MsgspecError:
                self.unreadable += 1
        return found

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _opened(self.file)
        return self._connection

    def _begin_anew(self) -> None:
        self.close()
        try:
            self.aside = move_aside(self.file)
            self.generation += 1
            self._write([_row(each) for each in self._decoded(_rescued(self.aside))])
        except (sqlite3.Error, OSError) as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> RetryLater:
        return RetryLater(
            f"the outbox of the alerts cannot be used: {error}",
            action=f"open {self.file}",
            hint=f"df -h {self.file.parent}; ls -l {self.file}; notices are kept in memory meanwhile",
        )


def _row(each: Delivery) -> tuple[Any, ...]:
    return each.key, each.target, each.number, each.state, each.created, msgspec.json.encode(each)


def _rescued(aside: Path) -> list[tuple[Any, ...]]:
    """What a damaged file still gives of its rows; most of the time the damage is elsewhere."""
    found: list[tuple[Any, ...]] = []
    with suppress(sqlite3.Error):  # where it breaks off is where the damage begins
        damaged = connect(aside, read_only=True)
        try:
            for row in damaged.execute("SELECT data FROM deliveries NOT INDEXED"):
                found.append(row)  # noqa: PERF402  # what was read before the damage counts
        finally:
            damaged.close()
    return found


def _opened(file: Path) -> sqlite3.Connection:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise sqlite3.OperationalError(str(error.strerror)) from error
    connection = connect(file)
    try:
        connection.execute("PRAGMA synchronous = FULL")  # a notice outlives a power cut, and there are few of them
        migrate(connection, LAYOUT)
    except BaseException:
        connection.close()
        raise
    return connection
