"""The tables of the kernel events' file (`kernel.db`), and what is read from and written to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from backends import decoding
from backends.alerts.kernel_events import taken
from backends.alerts.subjects import MOST_EVENTS, KernelEvent
from backends.hostkit.kernel_log import Position
from backends.hostkit.kernel_message import KernelEvent as Message
from backends.store.database import is_damage, move_aside, open_file
from backends.store.migrations import Layout

T = TypeVar("T")
STEPS: tuple[str, ...] = (
    """
    CREATE TABLE places (
        host TEXT PRIMARY KEY,
        time REAL NOT NULL,
        data BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE events (
        number INTEGER PRIMARY KEY,
        host TEXT NOT NULL,
        time REAL NOT NULL,
        data BLOB NOT NULL
    );
    CREATE INDEX events_host ON events (host, number);
    CREATE INDEX events_time ON events (time);
    """,
)
"""`time` of an event is that of our clock; the message in `data` has the host's."""
LAYOUT = Layout(
    steps=STEPS,
    written="the kernel events were written",
    action="open the kernel events' file",
    hint="update swarm-tui, or move the file away: then the hosts' logs of the last three days are read again",
)

_BOUND = """
    DELETE FROM events WHERE host = ? AND number <=
        (SELECT number FROM events WHERE host = ? ORDER BY number DESC LIMIT 1 OFFSET ?)
"""
Row = tuple[Message, float]
"""A message and when it was said, on our clock."""


class Page(NamedTuple):
    """What is known of one host: where its log was read last, and its events, oldest first, in both forms."""

    position: Position = Position()
    raw: tuple[Message, ...] = ()
    events: tuple[KernelEvent, ...] = ()

    @property
    def rows(self) -> list[Row]:
        """As they are stored."""
        return [(message, event.time) for message, event in zip(self.raw, self.events, strict=True)]

    def grown(self, rows: Iterable[Row], since: float) -> Page:
        """With `rows` besides, without what is older than `since` or beyond the bound."""
        pairs = list(zip(self.raw, self.events, strict=True))
        pairs += [(message, event_of(message, time)) for message, time in rows]
        pairs.sort(key=lambda pair: pair[1].time)
        kept = [pair for pair in pairs[-MOST_EVENTS:] if pair[1].time >= since]
        return Page(self.position, tuple(pair[0] for pair in kept), tuple(pair[1] for pair in kept))


def event_of(message: Message, time: float) -> KernelEvent:
    """The event of a message that was said at `time` of our clock."""
    return taken(message, clock_offset_seconds=message.time - time)


class Waiting:
    """What is to be written of one host; position and events go together."""

    def __init__(self, position: Position, rows: list[Row]):
        self.position = position
        self.rows = rows

    def add(self, later: Waiting) -> None:
        """What came after it."""
        self.position = later.position
        self.rows = (self.rows + later.rows)[-MOST_EVENTS:]


def write(db: sqlite3.Connection, waiting: Mapping[str, Waiting], now: float) -> None:
    """Store it; the oldest events beyond the bound go. To be called in a transaction. Raises sqlite3.Error."""
    encode = msgspec.json.encode
    for host, each in waiting.items():
        place = (host, now, encode(each.position))
        db.execute("INSERT OR REPLACE INTO places (host, time, data) VALUES (?, ?, ?)", place)
        if each.rows:
            rows = [(host, time, encode(message)) for message, time in each.rows]
            db.executemany("INSERT INTO events (host, time, data) VALUES (?, ?, ?)", rows)
            db.execute(_BOUND, (host, host, MOST_EVENTS))


def load(db: sqlite3.Connection, since: float) -> tuple[dict[str, Page], int]:
    """Host → what is stored of it, and the number of rows that were not understood. Raises sqlite3.Error."""
    bad = 0
    pages: dict[str, Page] = {}
    rows: dict[str, list[Row]] = {}
    for host, data in db.execute("SELECT host, data FROM places"):
        position = _decoded(data, Position)
        bad += position is None
        pages[host] = Page(position or Position())
    for host, time, data in db.execute("SELECT host, time, data FROM events WHERE time >= ? ORDER BY number", (since,)):
        message = _decoded(data, Message)
        bad += message is None
        if message is not None:
            rows.setdefault(host, []).append((message, time))
    return pages | {host: pages.get(host, Page()).grown(found, since) for host, found in rows.items()}, bad


def prune(db: sqlite3.Connection, since: float, hosts: Iterable[str]) -> None:
    """Throw away events before `since`, and the positions of hosts that are not in `hosts` and were not read since."""
    db.execute("DELETE FROM events WHERE time < ?", (since,))
    old = [host for (host,) in db.execute("SELECT host FROM places WHERE time < ?", (since,))]
    db.executemany("DELETE FROM places WHERE host = ?", [(host,) for host in set(old).difference(hosts)])


def shrink(db: sqlite3.Connection) -> None:
    """Give free pages back to the disk, a bounded number. Raises sqlite3.Error."""
    db.execute("PRAGMA incremental_vacuum(1000)").fetchall()  # each row is a page given back


def transaction(db: sqlite3.Connection, operation: Callable[[sqlite3.Connection], T]) -> T:
    """What `operation` gives, carried out whole or not at all. Raises sqlite3.Error."""
    db.execute("BEGIN IMMEDIATE")
    try:
        found = operation(db)
        db.execute("COMMIT")
        return found
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def open_or_replace(file: Path, *, damaged: bool = False) -> tuple[sqlite3.Connection, Path | None]:
    """The file, ready for use; and where a damaged predecessor was moved, if it was.

    Raises:
        Stop: a newer version wrote it.
        sqlite3.Error, OSError: it cannot be opened or written (rights, full disk).
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        if not damaged:
            return open_file(file, LAYOUT), None
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
    aside = move_aside(file)
    return open_file(file, LAYOUT), aside


def _decoded(data: bytes, kind: type[T]) -> T | None:
    try:
        return decoding.json(data, type=kind)
    except msgspec.MsgspecError:
        return None
