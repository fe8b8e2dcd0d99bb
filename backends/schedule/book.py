"""The book of the schedules: what was considered, begun and became of it. It is also what keeps two engines apart.

Whoever writes an occurrence, or a host of it, into the book first does it; the other one finds it there. That holds for two
threads, two engines on one folder, and an engine after a crash alike. Without a folder the same tables live in memory.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from backends.errors import RetryLater
from backends.metrics.sample import Record
from backends.schedule.book_tables import LAYOUT
from backends.store.database import is_damage, move_aside, open_file
from backends.store.migrations import migrate

T = TypeVar("T")
KEPT = 50
"""Occurrences of each schedule."""
WHOLE = ""
"""Stands for all hosts together."""


class State(StrEnum):
    OPEN = "going on"
    DONE = "done"
    PARTLY = "partly done"
    """Not on every host; the text says where not."""
    FAILED = "failed"
    MISSED = "missed"
    ASKS = "asks"
    """It was missed, and a person must say whether it is done."""
    BLACKOUT = "blackout"


class Occurrence(Record, frozen=True, kw_only=True):
    """One time of a schedule, and what became of it."""

    name: str
    time: float
    """Epoch seconds for which it was planned; of one that somebody asked for: when."""
    manual: bool = False
    state: State = State.OPEN
    missed: int = 0
    """Earlier ones that came while nobody looked."""
    began: float = 0.0
    ended: float | None = None
    text: str = ""


class Claim(Record, frozen=True, kw_only=True):
    """A host of an occurrence that was begun."""

    host: str
    owner: str
    """The engine's life in which that was."""
    began: float
    ended: float | None = None
    """None: what became of it is not written down."""
    error: str = ""
    """Why it brought nothing; "" while it goes on, and when it went well."""


class Book:
    """The file. Calls may come from any thread and raise RetryLater or Stop."""

    def __init__(self, file: Path | None):
        self._file, self._lock = file, threading.Lock()
        self._db: sqlite3.Connection | None = None
        self.aside: Path | None = None
        """Where a damaged predecessor was moved; None when there was none."""

    # Considering -------------------------------------------------------------------------------------------------

    def since(self, name: str, mark: str, now: float) -> float:
        """Until when occurrences of this schedule were considered: until `now` for one that is new or means something else."""
        return self._do(lambda db: _since(db, name, mark, now))

    def consider(self, name: str, until: float) -> None:
        """Occurrences up to `until` are settled."""
        self._do(lambda db: db.execute("UPDATE schedules SET since = ? WHERE name = ?", (until, name)))

    def open(self, occurrence: Occurrence) -> bool:
        """Write an occurrence down; False: it is there already, and whoever wrote it has it."""
        return self._do(lambda db: _open(db, occurrence))

    def close(self, name: str, time: float, state: State, ended: float, text: str) -> bool:
        """What became of it; False: it was closed already."""
        question = "UPDATE occurrences SET state = ?, ended = ?, text = ? WHERE name = ? AND time = ? AND state = ?"
        values = (str(state), ended, text, name, time, str(State.OPEN))
        return self._do(lambda db: db.execute(question, values).rowcount == 1)

    # Hosts -------------------------------------------------------------------------------------------------------

    def claim(self, name: str, time: float, host: str, owner: str, now: float) -> bool:
        """Whether this host (WHOLE: all together) is the caller's to begin."""
        question = "INSERT OR IGNORE INTO hosts (name, time, host, owner, began) VALUES (?, ?, ?, ?, ?)"
        return self._do(lambda db: db.execute(question, (name, time, host, owner, now)).rowcount == 1)

    def reclaim(self, name: str, time: float, lost: Claim, owner: str, now: float) -> bool:
        """Whether a host that was begun in a life that is over is the caller's to begin again."""
        question = "UPDATE hosts SET owner = ?, began = ? WHERE name = ? AND time = ? AND host = ? AND owner = ? AND ended IS NULL"
        values = (owner, now, name, time, lost.host, lost.owner)
        return self._do(lambda db: db.execute(question, values).rowcount == 1)

    def settle(self, name: str, time: float, errors: Mapping[str, str], now: float) -> None:
        """These hosts are over; why each brought nothing, "" when it went well."""
        question = "UPDATE hosts SET ended = ?, error = ? WHERE name = ? AND time = ? AND host = ? AND ended IS NULL"
        values = [(now, error, name, time, host) for host, error in errors.items()]
        self._do(lambda db: _at_once(db, question, values))

    def claims(self, name: str, time: float) -> dict[str, Claim]:
        """The hosts that were begun."""
        question = "SELECT host, owner, began, ended, error FROM hosts WHERE name = ? AND time = ?"
        rows = self._do(lambda db: db.execute(question, (name, time)).fetchall())
        return {
            row[0]: Claim(host=row[0], owner=row[1], began=row[2], ended=row[3], error=row[4]) for row in rows
        }  # fmt: skip

    # Looking -----------------------------------------------------------------------------------------------------

    def going_on(self) -> tuple[Occurrence, ...]:
        """Occurrences that are not over, the oldest first."""
        return self._do(lambda db: _read(db, "WHERE state = ? ORDER BY time", str(State.OPEN)))

    def newest(self, name: str, limit: int = 1) -> tuple[Occurrence, ...]:
        """Occurrences of a schedule, the newest first."""
        return self._do(lambda db: _read(db, "WHERE name = ? ORDER BY began DESC, time DESC LIMIT ?", name, limit))

    def stop(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return work(self._opened())
            except sqlite3.Error as error:
                if self._file is not None and is_damage(error):
                    self._set_aside()
                raise RetryLater(
                    f"the schedules' file cannot be used: {error}",
                    action="follow the schedules",
                    hint=f"df -h {self._file.parent}; ls -l {self._file}" if self._file else None,
                ) from error

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            if self._file is None:
                self._db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
                migrate(self._db, LAYOUT)
            else:
                self._db = _opened(self._file)
                self._db.execute("PRAGMA synchronous = FULL")  # what was begun is known also after the power fails
        return self._db

    def _set_aside(self) -> None:
        """A damaged file is replaced by an empty one; schedules begin anew from now."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._file is not None and self._file.exists():
            self.aside = move_aside(self._file)


def _opened(file: Path) -> sqlite3.Connection:
    """The file. Of two engines that make it in the same moment one is in the other's way, and finds it made a moment later."""
    try:
        return open_file(file, LAYOUT)
    except sqlite3.OperationalError:
        return open_file(file, LAYOUT)


def _since(db: sqlite3.Connection, name: str, mark: str, now: float) -> float:
    db.execute("INSERT OR IGNORE INTO schedules (name, mark, since) VALUES (?, ?, ?)", (name, mark, now))
    known, since = db.execute("SELECT mark, since FROM schedules WHERE name = ?", (name,)).fetchone()
    if known == mark:
        return float(since)
    db.execute("UPDATE schedules SET mark = ?, since = ? WHERE name = ?", (mark, now, name))
    return now


def _at_once(db: sqlite3.Connection, question: str, values: Sequence[tuple[object, ...]]) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        db.executemany(question, values)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _open(db: sqlite3.Connection, each: Occurrence) -> bool:
    values = (
        each.name, each.time, int(each.manual), str(each.state), each.missed, each.began, each.ended, each.text
    )  # fmt: skip
    db.execute("BEGIN IMMEDIATE")
    try:
        question = "INSERT OR IGNORE INTO occurrences VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        ours = db.execute(question, values).rowcount == 1
        if ours and not each.manual:
            db.execute("UPDATE schedules SET since = MAX(since, ?) WHERE name = ?", (each.time, each.name))
        if ours:
            _forget(db, each.name)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return ours


def _forget(db: sqlite3.Connection, name: str) -> None:
    """The oldest ones that are over."""
    question = "SELECT time FROM occurrences WHERE name = ? ORDER BY began DESC, time DESC LIMIT 1 OFFSET ?"
    row = db.execute(question, (name, KEPT)).fetchone()
    if row is not None:
        db.execute(
            "DELETE FROM occurrences WHERE name = ? AND time <= ? AND state <> ?", (name, row[0], str(State.OPEN))
        )
    db.execute(
        "DELETE FROM hosts WHERE name = ? AND time NOT IN (SELECT time FROM occurrences WHERE name = ?)", (name, name)
    )


def _read(db: sqlite3.Connection, where: str, *values: object) -> tuple[Occurrence, ...]:
    rows = db.execute(
        f"SELECT name, time, manual, state, missed, began, ended, text FROM occurrences {where}",  # noqa: S608 - ours
        values,
    ).fetchall()
    return tuple(
        Occurrence(
            name=row[0], time=row[1], manual=bool(row[2]), state=State(row[3]), missed=row[4],
            began=row[5], ended=row[6], text=row[7],
        )
        for row in rows
    )  # fmt: skip
