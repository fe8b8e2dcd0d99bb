"""The kernel events of all hosts and where each log was read last: in memory, and in one file when there is a folder.

A batch's events and the position behind them are written in one transaction, so an engine that is killed goes on exactly where
it stopped. A position without events is written later with others: between the two there is nothing to lose.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from backends.alerts.subjects import KernelEvent
from backends.clock import Clock
from backends.engine import kernel_tables as tables
from backends.engine.kernel_tables import Page, Row, Waiting
from backends.errors import SwarmError
from backends.hostkit.kernel_log import Batch, Position
from backends.hostkit.kernel_message import KernelEvent as Message
from backends.states import Severity
from backends.store.database import connect, is_damage

Tell = Callable[[str, str, str, str, Severity], None]
"""kind, text, host, actor, severity: an event for the timeline."""
FILE = "kernel.db"
KEPT_SECONDS = 3 * 86_400.0
RETRY_SECONDS = 5.0
"""After the disk took nothing."""
LATER_SECONDS = 60.0
"""For positions without events."""
PRUNE_SECONDS = 3600.0
_EMPTY = Page()


class KernelBook:
    """Calls may come from any thread; `take` for one host from one thread at a time.

    Args:
        folder: where the file is; None keeps everything in memory only.
        clock: injected time.
        tell: puts what is wrong with the disk on the timeline, once.
    """

    def __init__(self, folder: Path | None, clock: Clock, tell: Tell):
        self._file = folder / FILE if folder is not None else None
        self._clock, self._tell = clock, tell
        self._memory = threading.Lock()
        self._disk = threading.Lock()
        """Whoever needs both takes this one first."""
        self._pages: dict[str, Page] = {}
        self._waiting: dict[str, Waiting] = {}
        self._hosts: frozenset[str] = frozenset()
        self._db: sqlite3.Connection | None = None
        self._closed = False
        self._failing = ""
        self._written = self._pruned = clock.monotonic()

    def open(self) -> None:
        """Read what is stored. What is wrong with the file is told and tried again later; never raises for it."""
        if self._file is None:
            return
        with self._disk:
            try:
                self._open(self._file)
            except (sqlite3.Error, OSError, SwarmError) as error:
                self._peek(self._file)
                self._fail(error)

    def keep(self, hosts: Iterable[str]) -> None:
        """These are the hosts of the fleet; what is known of others is forgotten after three days."""
        self._hosts = frozenset(hosts)

    def position(self, host: str) -> Position:
        """Where its log was read last; `Position()` before the first time."""
        return self._pages.get(host, _EMPTY).position

    def raw(self, host: str) -> tuple[Message, ...]:
        """As `events`, with all that the messages say, on the host's own clock."""
        return self._page(host).raw

    def events(self, host: str) -> tuple[KernelEvent, ...]:
        """Of the last three days, oldest first; the same object while nothing changed."""
        return self._page(host).events

    def take(self, host: str, batch: Batch, shift: float) -> tuple[KernelEvent, ...] | None:
        """Remember a batch; its events, or None when it came after the end and does not count.

        Args:
            host: whose.
            batch: of the host's log.
            shift: seconds by which the host's clock is ahead of ours.
        """
        now = self._clock.now()
        rows: list[Row] = [(message, min(now, message.time - shift)) for message in batch.events]
        with self._memory:
            if self._closed:
                return None
            page = self._pages.get(host, _EMPTY)._replace(position=batch.position)
            self._pages[host] = page.grown(rows, now - KEPT_SECONDS) if rows else page
            if self._file is not None:
                self._wait(host, Waiting(batch.position, rows))
        if rows and not self._failing:
            self._write()
        return tuple(tables.event_of(*row) for row in rows)

    def step(self) -> None:
        """Write what waited long enough, and throw away what is old."""
        now = self._clock.monotonic()
        if now - self._written >= (RETRY_SECONDS if self._failing else LATER_SECONDS):
            self._write()
        if now - self._pruned >= PRUNE_SECONDS:
            self._pruned = now
            self._prune()

    def close(self) -> None:
        """Write what waits, if the disk takes it. Nothing counts afterwards."""
        with self._memory:
            self._closed = True
        self._write()
        with self._disk:
            if self._db is not None:
                self._db.close()
                self._db = None
            self._file = None

    def _page(self, host: str) -> Page:
        page = self._pages.get(host, _EMPTY)
        since = self._clock.now() - KEPT_SECONDS
        if not page.events or page.events[0].time >= since:
            return page
        with self._memory:
            page = self._pages[host] = self._pages[host].grown((), since)
        return page

    def _wait(self, host: str, more: Waiting) -> None:
        if host in self._waiting:
            self._waiting[host].add(more)
        else:
            self._waiting[host] = more

    # the disk

    def _write(self) -> None:
        """Everything that waits, in one transaction: whoever comes while another writes is written with the next."""
        with self._disk:
            self._written = self._clock.monotonic()
            if self._file is None:
                return
            try:
                self._store(self._db or self._open(self._file))
            except (sqlite3.Error, OSError, SwarmError) as error:
                self._fail(error)
            else:
                self._recovered()

    def _store(self, db: sqlite3.Connection) -> None:
        try:
            self._transfer(db)
        except sqlite3.Error as error:
            if not is_damage(error) or self._file is None:
                raise
            db.close()
            self._db = None
            self._transfer(self._open(self._file, damaged=True))

    def _transfer(self, db: sqlite3.Connection) -> None:
        with self._memory:
            waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            tables.transaction(db, lambda db: tables.write(db, waiting, self._clock.now()))
        except sqlite3.Error:
            with self._memory:
                newer, self._waiting = self._waiting, waiting
                for host, each in newer.items():
                    self._wait(host, each)
            raise

    def _open(self, file: Path, *, damaged: bool = False) -> sqlite3.Connection:
        db, aside = tables.open_or_replace(file, damaged=damaged)
        try:
            pages, bad = tables.load(db, self._clock.now() - KEPT_SECONDS)
        except sqlite3.Error as error:
            db.close()
            if not is_damage(error):
                raise
            (db, aside), pages, bad = tables.open_or_replace(file, damaged=True), {}, 0
        self._db = db
        self._merge(pages)
        self._tell_damage(aside, bad)
        return db

    def _peek(self, file: Path) -> None:
        """Where nothing can be written it may be readable still, and then no log is read from its beginning again."""
        with contextlib.suppress(sqlite3.Error), contextlib.closing(connect(file, read_only=True)) as db:
            self._merge(tables.load(db, self._clock.now() - KEPT_SECONDS)[0])

    def _merge(self, stored: dict[str, Page]) -> None:
        """Know what a file holds besides what is in memory; what it lacks of that waits to be written."""
        with self._memory:
            self._waiting = {}
            for host in {*stored, *self._pages}:
                page, mine = stored.get(host, _EMPTY), self._pages.get(host, _EMPTY)
                known = {message.identity for message in page.raw}
                fresh = [row for row in mine.rows if row[0].identity not in known]
                position = mine.position if mine.position.way else page.position
                if fresh or page.position != position:
                    self._waiting[host] = Waiting(position, fresh)
                self._pages[host] = page.grown(fresh, 0.0)._replace(position=position)

    def _prune(self) -> None:
        since = self._clock.now() - KEPT_SECONDS
        for host in list(self._pages):
            self._page(host)
        with self._disk, contextlib.suppress(sqlite3.Error):  # a disk that refuses is told of when it is written to
            if self._db is not None:
                tables.transaction(self._db, lambda db: tables.prune(db, since, self._hosts))
                tables.shrink(self._db)

    # telling

    def _fail(self, error: Exception) -> None:
        reason = error.message if isinstance(error, SwarmError) else str(error)
        if not self._failing:
            text = f"kernel events are kept in memory only at the moment, they cannot be written down: {reason}"
            self._tell("store-failed", text, "", "", Severity.WARNING)
        self._failing = reason

    def _recovered(self) -> None:
        if self._failing:
            self._failing = ""
            self._tell("store-recovered", "kernel events are written down again", "", "", Severity.OK)

    def _tell_damage(self, aside: Path | None, bad: int) -> None:
        if aside is not None:
            text = f"the file of the kernel events was damaged; it was moved to {aside} and a new one begun"
            self._tell("store-damaged", text, "", "", Severity.WARNING)
        if bad:
            text = f"{bad} rows of the kernel events' file were not understood and are left out"
            self._tell("store-damaged", text, "", "", Severity.WARNING)
