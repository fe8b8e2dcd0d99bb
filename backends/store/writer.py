"""The one thread that writes to the database, in batches. Nobody waits for the disk; a disk that is full or gone is told
once, retried, and told again when it is back; meanwhile a bounded amount is held and the rest is counted as lost.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from backends.clock import Clock
from backends.errors import RetryLater, SwarmError
from backends.states import Severity
from backends.store.database import connect, is_damage, open_or_replace

Operation = Callable[[sqlite3.Connection], None]
OnProblem = Callable[[str, str, Severity], None]
"""kind, text, severity: something about the store that the operator should see on the timeline."""
T = TypeVar("T")

BATCH_SECONDS = 1.0
RETRY_SECONDS = 5.0
MAX_WEIGHT = 20_000
"""Rows that may wait for a disk that does not take them."""
_BATCH = 2000


class Writer:
    """Owns the database file. `submit` from any thread; `read` on the caller's."""

    def __init__(self, file: Path, *, clock: Clock, on_problem: OnProblem):
        self.file = file
        self._clock, self._on_problem = clock, on_problem
        self._connection: sqlite3.Connection | None = None
        self._queue: deque[tuple[Operation, int]] = deque()
        self._weight = 0
        self._lost = 0
        self._failing = ""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="store", daemon=True)

    def open(self, *, damaged: bool = False) -> None:
        """Open or make the database now. What is wrong is told, and tried again later; never raises for it.

        Args:
            damaged: the file is known to be damaged, however well it opens: begin a new one.
        """
        try:
            self._connection, aside = open_or_replace(self.file, damaged=damaged)
        except SwarmError as error:
            self._fail(error.message)
            return
        if aside is not None:
            text = f"the history was damaged; it was moved to {aside} and a new one begun"
            self._on_problem("store-damaged", text, Severity.WARNING)

    def start(self) -> None:
        """Begin writing in an own thread."""
        self._thread.start()

    def stop(self, seconds: float = 0.5) -> None:
        """Write what waits, if the disk takes it within the bound, and close."""
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    @property
    def failing(self) -> str:
        """Why nothing can be written at the moment; "" when it can."""
        return self._failing

    def submit(self, operation: Operation, weight: int = 1) -> None:
        """Carry out `operation` in one of the next transactions; `weight` is the number of rows that it writes."""
        with self._lock:
            if self._weight + weight > MAX_WEIGHT and self._queue:
                self._lost += weight
                return
            self._queue.append((operation, weight))
            self._weight += weight

    def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Ask the database on an own connection.

        Raises:
            RetryLater: the store cannot be read at the moment.
        """
        try:
            connection = connect(self.file, read_only=True)
            try:
                return question(connection)
            finally:
                connection.close()
        except sqlite3.Error as error:
            if is_damage(error):
                self.submit(_touch_everything)  # lets the writer meet the damage and replace the file
            raise RetryLater(f"the history cannot be read: {error}", action="read the history") from error

    def step(self) -> bool:
        """Write one batch; False when nothing waits or the disk does not take it."""
        if self._connection is None:
            self.open()
        if self._connection is None:
            return False
        batch = self._take()
        if not batch:
            return False
        try:
            self._write(self._connection, batch)
        except sqlite3.Error as error:
            self._recover(error, batch)
            return False
        self._succeed()
        return True

    def _take(self) -> list[tuple[Operation, int]]:
        with self._lock:
            batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
            self._weight -= sum(weight for _, weight in batch)
        return batch

    def _write(self, connection: sqlite3.Connection, batch: list[tuple[Operation, int]]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for operation, _ in batch:
                operation(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _recover(self, error: sqlite3.Error, batch: list[tuple[Operation, int]]) -> None:
        if is_damage(error):
            self._close()
            self._put_back(batch)
            self.open(damaged=True)
        elif isinstance(error, sqlite3.OperationalError):  # full, read-only, locked, I/O error: the same may work later
            self._put_back(batch)
            self._fail(str(error))
        else:
            self._one_by_one(batch)

    def _one_by_one(self, batch: list[tuple[Operation, int]]) -> None:
        """One operation of the batch is wrong in itself: write the others and give it up."""
        for operation, weight in batch:
            if self._connection is None:
                return
            try:
                self._write(self._connection, [(operation, weight)])
            except sqlite3.Error as error:
                self._lost += weight
                self._on_problem("store-refused", f"the history refused a record: {error}", Severity.WARNING)

    def _put_back(self, batch: list[tuple[Operation, int]]) -> None:
        with self._lock:
            self._queue.extendleft(reversed(batch))
            self._weight += sum(weight for _, weight in batch)

    def _fail(self, reason: str) -> None:
        if not self._failing:
            self._failing = reason
            text = f"history is not stored at the moment, live values go on: {reason}"
            self._on_problem("store-failed", text, Severity.WARNING)
        self._failing = reason

    def _succeed(self) -> None:
        if self._failing:
            lost, self._lost, self._failing = self._lost, 0, ""
            text = "history is stored again" + (f"; {lost} records were lost" if lost else "")
            self._on_problem("store-recovered", text, Severity.OK)

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._clock.wait(self._wake, RETRY_SECONDS if self._failing else BATCH_SECONDS)
            while self.step() and not self._stop.is_set():
                pass
        self.step()
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _touch_everything(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(f"malformed: {found}")
