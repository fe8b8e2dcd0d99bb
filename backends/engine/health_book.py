"""The file of the health checks: how each host stood last, what is remembered of it, and how it stood before.

Results that differ in nothing but their numbers are one row with the time from its first to its last: a fleet that is well
costs next to no room. Without a folder the same tables live in memory.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from backends import decoding
from backends.checks.health_catalogue import HealthResult
from backends.checks.health_finding import Finding
from backends.checks.health_history import History
from backends.checks.health_merge import digest
from backends.errors import RetryLater
from backends.metrics.sample import Record
from backends.store.database import is_damage, move_aside, open_file
from backends.store.migrations import Layout, migrate

T = TypeVar("T")
KEPT_RESULTS = 200
"""Of a host; with an unchanged one counted once, these are months of most hosts and a week of the worst."""
KEPT_DAYS = 90.0
"""Hosts that are no longer looked at are forgotten after so long."""
STEPS: tuple[str, ...] = (
    """
    CREATE TABLE hosts (name TEXT PRIMARY KEY, time REAL NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE results (
        host TEXT NOT NULL,
        since REAL NOT NULL,
        until REAL NOT NULL,
        digest BLOB NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (host, since)
    ) WITHOUT ROWID;
    """,
)
LAYOUT = Layout(
    steps=STEPS,
    written="the health checks were written",
    action="open the health checks' file",
    hint="update swarm-tui, or move the file away: then every finding counts as new",
)
HINT = "nothing is lost while this engine runs; since when and acknowledgements would not outlive it"


class Kept(Record, frozen=True, kw_only=True):
    """What is kept of one host."""

    history: History = History()
    result: HealthResult | None = None
    trials: dict[str, tuple[Finding, ...]] = {}
    """Test under load → what came of it last."""


class Stand(Record, frozen=True, kw_only=True):
    """How a host stood from one time to another."""

    since: float
    until: float
    result: HealthResult
    """Without evidence and advice."""


class Book:
    """The file. Calls may come from any thread; nothing is opened before it is used."""

    def __init__(self, file: Path | None):
        self._file, self._lock = file, threading.Lock()
        self._db: sqlite3.Connection | None = None
        self.aside: Path | None = None
        """Where a damaged predecessor was moved; None when there was none."""

    def load(self, host: str) -> Kept:
        """What is known of `host`; empty when nothing is, or it is not readable. Raises RetryLater, Stop."""
        row = self._do(lambda db: db.execute("SELECT data FROM hosts WHERE name = ?", (host,)).fetchone())
        if row is None:
            return Kept()
        try:
            return decoding.msgpack(zlib.decompress(row[0]), type=Kept)
        except (msgspec.MsgspecError, zlib.error):
            return Kept()

    def keep(self, host: str, kept: Kept, now: float) -> None:
        """Write it down, and how the host stands among its former results. Raises RetryLater, Stop."""
        data = _pack(kept)
        self._do(lambda db: _keep(db, host, data, kept.result, now))

    def before(self, host: str, time: float) -> Stand | None:
        """How `host` stood at a time; None when nothing is known from then. Raises RetryLater, Stop."""
        question = (
            "SELECT since, until, data FROM results WHERE host = ? AND since <= ? ORDER BY since DESC LIMIT 1",
            (host, time),
        )
        return _stand(self._do(lambda db: db.execute(*question).fetchone()))

    def last_other(self, host: str) -> Stand | None:
        """How `host` stood before it stood as it does now. Raises RetryLater, Stop."""
        question = "SELECT since, until, data FROM results WHERE host = ? ORDER BY since DESC LIMIT 1 OFFSET 1"
        return _stand(self._do(lambda db: db.execute(question, (host,)).fetchone()))

    def prune(self, now: float) -> None:
        """Forget hosts that were not looked at for long. Raises RetryLater, Stop."""
        limit = now - KEPT_DAYS * 86_400

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM hosts WHERE time < ?", (limit,))
            db.execute("DELETE FROM results WHERE until < ? AND host NOT IN (SELECT name FROM hosts)", (limit,))

        self._do(work)

    def close(self) -> None:
        """Until it is used again."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return self._transaction(work)
            except sqlite3.Error as error:
                if not is_damage(error) or self._file is None:
                    raise self._later(error) from error
            except OSError as error:
                raise self._later(error) from error
            return self._anew(work)

    def _anew(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The file is damaged: move it aside and begin another one."""
        if self._db is not None:
            self._db.close()
            self._db = None
        try:
            if self._file is not None:
                self.aside = move_aside(self._file)
            return self._transaction(work)
        except (sqlite3.Error, OSError) as error:
            raise self._later(error) from error

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        db = self._opened()
        db.execute("BEGIN IMMEDIATE")
        try:
            found = work(db)
            db.execute("COMMIT")
            return found
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = _open(self._file)
        return self._db

    def _later(self, error: Exception) -> RetryLater:
        place = self._file or "memory"
        return RetryLater(f"the health checks cannot be written down: {error}", action=f"write {place}", hint=HINT)


def _open(file: Path | None) -> sqlite3.Connection:
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open_file(file, LAYOUT)
    db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    migrate(db, LAYOUT)
    return db


def _keep(db: sqlite3.Connection, host: str, data: bytes, result: HealthResult | None, now: float) -> None:
    db.execute("INSERT OR REPLACE INTO hosts (name, time, data) VALUES (?, ?, ?)", (host, now, data))
    if result is None:
        return
    mark = digest(result)
    newest = db.execute(
        "SELECT since, digest FROM results WHERE host = ? ORDER BY since DESC LIMIT 1", (host,)
    ).fetchone()
    if newest is not None and newest[1] == mark:
        db.execute("UPDATE results SET until = ? WHERE host = ? AND since = ?", (now, host, newest[0]))
        return
    since = now if newest is None else max(now, newest[0] + 0.001)  # also where the clock went back
    db.execute("INSERT INTO results VALUES (?, ?, ?, ?, ?)", (host, since, since, mark, _pack(_summary(result))))
    old = "SELECT since FROM results WHERE host = ? ORDER BY since DESC LIMIT -1 OFFSET ?"
    db.execute(
        f"DELETE FROM results WHERE host = ? AND since IN ({old})",  # noqa: S608 - a constant
        (host, host, KEPT_RESULTS),
    )


def _summary(result: HealthResult) -> HealthResult:
    replace = msgspec.structs.replace
    told = tuple(
        replace(one, evidence=(), advice="", text=one.text[:160] if one.bad else "") for one in result.findings
    )
    return replace(result, findings=told)


def _stand(row: tuple[float, float, bytes] | None) -> Stand | None:
    if row is None:
        return None
    try:
        result = decoding.msgpack(zlib.decompress(row[2]), type=HealthResult)
    except (msgspec.MsgspecError, zlib.error):
        return None
    return Stand(since=row[0], until=row[1], result=result)


def _pack(value: Record) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(value), 1)
