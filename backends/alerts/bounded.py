"""Work that may hang for ever, with an end for whoever waits for it.

A socket can be kept open by a peer that says one byte now and then; no time-out of a library ends that. So such work is done by
a daemon thread of its own which is left behind when it does not end: it delays nobody, and quitting does not wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from backends.clock import Clock
from backends.errors import RetryLater

T = TypeVar("T")
LEFT_BEHIND = 3
"""Threads of one name that may hang at the same time; with as many, nothing new is begun."""


class Bounded(Generic[T]):
    """Runs one piece of work at a time. Safe to use from many threads.

    Args:
        name: of the threads, and of what is said when they hang.
    """

    def __init__(self, name: str, clock: Clock):
        self._name, self._clock = name, clock
        self._lock = threading.Lock()
        self._hanging = 0

    @property
    def hanging(self) -> int:
        """Pieces of work that were left behind and have not ended yet."""
        return self._hanging

    def run(self, work: Callable[[], T], seconds: float, late: Callable[[T], None] | None = None) -> T:
        """What `work` returns, or raises, within `seconds`.

        Args:
            late: is given what it returned after all, by then from its thread.

        Raises:
            RetryLater: it did not end in time, or too many before it have not.
        """
        with self._lock:
            if self._hanging >= LEFT_BEHIND:
                raise RetryLater(f"{self._hanging} earlier attempts still hang", action=self._name)
        attempt = _Attempt(work)
        threading.Thread(target=self._work, args=(attempt, late), name=self._name, daemon=True).start()
        self._clock.wait(attempt.done, seconds)
        with self._lock:
            if not attempt.done.is_set():
                attempt.left = True
                self._hanging += 1
                raise RetryLater(f"no answer within {seconds:g} s", action=self._name)
        return attempt.result()

    def _work(self, attempt: _Attempt[T], late: Callable[[T], None] | None) -> None:
        attempt.carry_out()
        with self._lock:
            attempt.done.set()
            self._hanging -= attempt.left
        if attempt.left and late is not None and attempt.error is None:
            late(attempt.result())


class _Attempt(Generic[T]):
    def __init__(self, work: Callable[[], T]):
        self._work = work
        self._found: list[T] = []
        self.done = threading.Event()
        self.error: BaseException | None = None
        self.left = False

    def carry_out(self) -> None:
        try:
            self._found.append(self._work())
        except BaseException as error:  # noqa: BLE001  # comes out where the result is taken
            self.error = error

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self._found[0]
