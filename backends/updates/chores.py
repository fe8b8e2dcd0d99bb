"""Things done to single hosts (a reboot, a restart of services): each written down before it is acted on, one file a host.

Whoever dies in between is followed by whoever reads the folder next; what the host itself says is the truth.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from backends.clock import Clock
from backends.errors import BadInput, RetryLater, SkipHost, Stop, SwarmError
from backends.updates import retention
from backends.updates.apply import RETRY_SECONDS, Interrupted
from backends.updates.book import Book, Chore
from backends.updates.workers import Workers

MOST_CHORES = 1000
"""Finished ones that are kept of a kind, the newest; those that a maintenance run needs are not counted, and stay."""
CONCURRENT_HOSTS = 256
"""Hosts worked on at a time; each is a thread that mostly waits."""
TEXT = 500
FRESH_SECONDS = 1800.0
"""What waited longer than this before it began (for its engine, or its turn) is not begun: nobody expects it any more."""
REACH_SECONDS = 120.0
"""The next engine needs a moment to connect to a host before it can go on there."""


C = TypeVar("C", bound=Chore)
T = TypeVar("T")


class Task(Generic[C]):
    """One record being worked on, by one thread; others may read `record`, which is replaced, never changed."""

    def __init__(self, record: C, book: Book[C], clock: Clock, stop: threading.Event, *, resumed: bool = False):
        self.record, self.resumed = record, resumed
        self._book, self._clock, self._stop = book, clock, stop

    def edge(self, **values: object) -> C:
        """Write a step down, durably, before it is acted on. Raises Stop: the disk refuses."""
        record = msgspec.structs.replace(self.record, **values)
        self._book.keep(record)
        self.record = record
        return record

    def note(self, text: str, **values: object) -> None:
        """Write down what has happened already. A disk that refuses is told and ends nothing: the host went on."""
        try:
            self.edge(text=text[:TEXT], **values)
        except Stop as error:
            self.record = msgspec.structs.replace(self.record, text=f"{text[:TEXT]} ({error.message})", **values)

    def end(self, good: bool, text: str, **values: object) -> None:
        """It is over, and this is what came of it."""
        self.note(text, good=good, ended=self._clock.now(), **values)

    def demand_fresh(self) -> None:
        """Raises SkipHost for what was asked for so long ago that it would come as a surprise."""
        if self._clock.now() - self.record.created > FRESH_SECONDS:
            raise SkipHost("it was asked for too long ago", host=self.record.host, hint="ask for it again")

    def wait(self, seconds: float) -> None:
        """Let time pass. Raises Interrupted: the engine ends."""
        if self._clock.wait(self._stop, seconds):
            raise Interrupted

    def reach(self, ask: Callable[[], T]) -> T:
        """The first question to a host: patient only where the engine has just started. Raises as `patiently`."""
        return self.patiently(ask, REACH_SECONDS if self.resumed else 0.0)

    def patiently(self, ask: Callable[[], T], seconds: float = float("inf")) -> T:
        """Ask until the host can be reached, or for so long.

        Raises:
            Interrupted: the engine ends.
            RetryLater: not reached within `seconds`.
            SwarmError: what is no matter of patience.
        """
        tries, limit = 0, self._clock.monotonic() + seconds
        while True:
            try:
                return ask()
            except RetryLater as error:
                if self._clock.monotonic() >= limit:
                    raise
                self.show(f"{error.message}; waiting for the host")
            self.wait(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
            tries += 1

    def show(self, text: str) -> None:
        """What it waits for; not worth a write."""
        self.record = msgspec.structs.replace(self.record, text=text[:TEXT])


class Chores(Generic[C]):
    """All records of one kind, and the threads that work on those that are not over."""

    def __init__(
        self,
        book: Book[C],
        work: Callable[[Task[C]], None],
        clock: Clock,
        *,
        name: str,
        on_end: Callable[[C], None],
        on_bug: Callable[[str, Exception], None],
        needed: retention.Ask = lambda: retention.NONE,
    ):
        self._needed = needed
        self._book, self._do, self._clock, self._name = book, work, clock, name
        self._on_end, self._on_bug = on_end, on_bug
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._workers = Workers(CONCURRENT_HOSTS, name)
        self._tasks = {record.id: self._task(record, resumed=True) for record in book.all()}

    def begin(self, records: Sequence[C]) -> tuple[C, ...]:
        """Write all of them down, then work on them side by side.

        Raises:
            BadInput: none, or a host is being worked on already.
            Stop: they cannot be written down; then nothing was begun.
        """
        if not records:
            raise BadInput("no host is meant", action=self._name)
        tasks = [self._task(record) for record in records]
        with self._lock:
            self._refuse_overlap({record.host for record in records})
            self._keep_all(records)
            self._tasks |= {task.record.id: task for task in tasks}
            self._prune()
        for task in tasks:
            self._enqueue(task)
        return tuple(records)

    def resume(self) -> tuple[C, ...]:
        """Work on every record that is not over; called once, at the start of an engine."""
        unfinished = [task for task in self._tasks.values() if task.record.ended is None]
        for task in unfinished:
            self._enqueue(task)
        return tuple(task.record for task in unfinished)

    def stop(self) -> None:
        """The engine ends: nothing is begun any more; what goes on is written down."""
        self._stop.set()
        self._workers.stop()

    def damaged(self) -> tuple[str, ...]:
        """Files in the folder that are no records."""
        return self._book.damaged()

    def newest(self, limit: int) -> tuple[C, ...]:
        """The newest first."""
        with self._lock:
            records = [task.record for task in self._tasks.values()]
        return tuple(sorted(records, key=lambda record: (-record.created, record.id))[:limit])

    def batch(self, batch: str) -> tuple[C, ...]:
        """Those that were asked for together under this name."""
        with self._lock:
            return tuple(task.record for task in self._tasks.values() if task.record.batch == batch)

    def busy(self) -> dict[str, C]:
        """Host → what goes on there."""
        with self._lock:
            return {task.record.host: task.record for task in self._tasks.values() if task.record.ended is None}

    def _task(self, record: C, *, resumed: bool = False) -> Task[C]:
        return Task(record, self._book, self._clock, self._stop, resumed=resumed)

    def _refuse_overlap(self, hosts: set[str]) -> None:
        going = [
            task.record for task in self._tasks.values() if task.record.ended is None and task.record.host in hosts
        ]
        if going:
            raise BadInput(
                f"{self._name} goes on already, asked for by {going[0].who}",
                host=going[0].host,
                action=self._name,
                hint="wait for its end",
            )

    def _keep_all(self, records: Sequence[C]) -> None:
        for number, record in enumerate(records):
            try:
                self._book.keep(record)
            except Stop:
                for kept in records[:number]:
                    self._book.forget(kept.id)
                raise

    def _prune(self) -> None:
        wanted = self._needed()
        if wanted is None:
            return
        over = sorted(
            (task.record for task in self._tasks.values() if task.record.ended is not None), key=lambda r: -r.created
        )
        for record in [each for each in over if not wanted.has(each.batch)][MOST_CHORES:]:
            del self._tasks[record.id]
            self._book.forget(record.id)

    def _enqueue(self, task: Task[C]) -> None:
        self._workers.do(lambda: self._work(task))

    def _work(self, task: Task[C]) -> None:
        """One host from wherever it stands to its end."""
        try:
            self._do(task)
        except Interrupted:
            return  # written down as it stands; the next engine goes on
        except SwarmError as error:
            task.end(False, said(error), stage="failed")
        except Exception as error:  # noqa: BLE001 - the boundary of one host: told, and no other host's matter
            self._on_bug(task.record.host, error)
            task.end(False, f"internal error: {error!r}", stage="failed")
        self._on_end(task.record)


def said(error: SwarmError) -> str:
    """An error in one sentence, with its hint."""
    return error.message + (f" — {error.hint}" if error.hint else "")
