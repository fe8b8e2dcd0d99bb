"""The catalog's connections: one writer at a time, readers that never wait, and what to do when the file is damaged."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from backends.backups.catalog_tables import open_or_replace, refused
from backends.clock import Clock
from backends.errors import RetryLater, Stop
from backends.store.database import connect, is_damage

T = TypeVar("T")
_IDLE_READERS = 4
_READER_CACHE_KIB = 16 << 10


class Store:
    """The file. `write` and `read` from any thread.

    A file that turns out to be damaged is moved aside at once and a new, empty one begun: the repositories hold everything
    that the catalog knows of archives.
    """

    def __init__(self, file: Path, clock: Clock):
        """Raises Stop: it cannot be opened or written."""
        self.file, self.clock = file, clock
        self.writing = threading.RLock()
        """Held by whoever writes; also by an indexing run for each of its chunks."""
        self._guard = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._generation = 0
        self._version = 1
        self._closed = False
        self._connection, self.aside = open_or_replace(file)
        """`aside`: where a damaged predecessor was moved; None when there was none."""

    @property
    def version(self) -> int:
        return self._version

    @property
    def generation(self) -> int:
        """Another one after the file was replaced."""
        return self._generation

    def changed(self) -> None:
        """Count a change."""
        with self._guard:
            self._version += 1

    def write(self, operation: Callable[[sqlite3.Connection], T], *, only: int | None = None) -> T:
        """Carry out `operation` whole or not at all.

        Args:
            only: the generation that it makes sense in.

        Raises:
            Stop: the disk refuses.
            RetryLater: the file is another one than that of `only`.
        """
        with self.writing:
            generation = self._generation
            if only is not None and generation != only:
                raise _replaced()
            try:
                found = self._transaction(operation)
            except sqlite3.Error as error:
                self.failed(error, generation)
                if only is not None:
                    raise _replaced() from error
                found = self._again(lambda: self._transaction(operation))
            self.changed()
            return found

    def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Ask on a connection of its own. Raises Stop: the file cannot be read."""
        generation = self._generation
        try:
            return self._ask(question)
        except sqlite3.Error as error:
            self.failed(error, generation)
            return self._again(lambda: self._ask(question))

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A writing connection for a longer piece of work, which holds `writing` while it writes. Raises Stop."""
        if self._closed:
            raise _closed()
        generation = self._generation
        try:
            own = connect(self.file)
            try:
                yield own
            finally:
                own.close()
        except sqlite3.Error as error:
            self.failed(error, generation)
            raise refused(self.file, error) from error

    def failed(self, error: sqlite3.Error, generation: int) -> None:
        """Begin a new file when `error` says that the one of `generation` is damaged. Raises Stop for every other error."""
        if not is_damage(error) or self._closed:
            raise refused(self.file, error) from error
        with self.writing:
            if generation != self._generation:
                return  # somebody else met the damage first
            self._connection.close()
            self._drop_readers()
            self._connection, self.aside = open_or_replace(self.file, damaged=True)
            self.changed()

    def close(self) -> None:
        """Close every connection that is idle; nothing works afterwards."""
        with self.writing:
            self._closed = True
            self._drop_readers()
            self._connection.close()

    def _again(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.Error as error:
            raise refused(self.file, error) from error

    def _transaction(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise _closed()
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = operation(connection)
            connection.execute("COMMIT")
            return found
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        reader, generation = self._reader()
        try:
            reader.execute("BEGIN")  # every query of one question sees the same moment
            return question(reader)
        finally:
            self._give_back(reader, generation)

    def _reader(self) -> tuple[sqlite3.Connection, int]:
        if self._closed:
            raise _closed()
        with self._guard:
            generation = self._generation
            if self._idle:
                return self._idle.pop(), generation
        reader = connect(self.file, read_only=True)
        reader.isolation_level = None
        reader.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
        return reader, generation

    def _give_back(self, reader: sqlite3.Connection, generation: int) -> None:
        try:
            if reader.in_transaction:
                reader.execute("ROLLBACK")
        except sqlite3.Error:  # the question's own error is the one that matters; this connection is of no more use
            generation = -1
        with self._guard:
            if generation == self._generation and len(self._idle) < _IDLE_READERS and not self._closed:
                self._idle.append(reader)
                return
        reader.close()

    def _drop_readers(self) -> None:
        with self._guard:
            idle, self._idle = self._idle, []
            self._generation += 1
        for reader in idle:
            reader.close()


def _replaced() -> RetryLater:
    return RetryLater(
        "the catalog was damaged and was begun anew", action="write into it", hint="do the same again: it is well now"
    )


def _closed() -> Stop:
    return Stop("the catalog is closed", action="use the catalog of the backups")
