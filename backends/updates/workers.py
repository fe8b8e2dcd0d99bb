"""A bounded crew of daemon threads: a host that hangs holds one of them, and never the end of the engine."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from backends.errors import RetryLater, Stop, SwarmError

T = TypeVar("T")
Task = Callable[[], None]


class Workers:
    """Runs tasks side by side, at most `size` at a time, in the order in which they came.

    Unlike the standard library's pool its threads are daemons: quitting does not wait for a host that does not answer.
    Tasks must not raise.
    """

    def __init__(self, size: int, name: str):
        self._size, self._name = size, name
        self._lock = threading.Condition()
        self._waiting: deque[Task] = deque()
        self._threads = self._idle = 0
        self._stopped = False

    def do(self, task: Task) -> None:
        """Run `task` as soon as there is a place; nothing is begun any more after `stop`."""
        with self._lock:
            if self._stopped:
                return
            self._waiting.append(task)
            if len(self._waiting) > self._idle and self._threads < self._size:  # one that was woken is still idle
                self._threads += 1
                threading.Thread(target=self._work, name=f"{self._name} {self._threads}", daemon=True).start()
            self._lock.notify()

    def stop(self) -> None:
        """Begin nothing more; what runs is left alone."""
        with self._lock:
            self._stopped = True
            self._waiting.clear()
            self._lock.notify_all()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            task()

    def _next(self) -> Task | None:
        with self._lock:
            self._idle += 1
            try:
                while not self._waiting and not self._stopped:
                    self._lock.wait()
            finally:
                self._idle -= 1
            return None if self._stopped else self._waiting.popleft()


def gather(
    workers: Workers, tasks: Mapping[str, Callable[[], T]], seconds: float, on_bug: Callable[[str, Exception], None]
) -> dict[str, T | SwarmError]:
    """Run one task a host, side by side; what each gave, or the error that it raised.

    A host that has not answered within `seconds` comes back with RetryLater; its task goes on and its answer is dropped.
    """
    done: dict[str, T | SwarmError] = {}
    ends = {host: threading.Event() for host in tasks}

    def work(host: str) -> None:
        try:
            done[host] = tasks[host]()
        except SwarmError as error:
            done[host] = error
        except Exception as error:  # noqa: BLE001 - the boundary of one host's task: told, and no other host's matter
            on_bug(host, error)
            done[host] = Stop(f"internal error: {error!r}", host=host, hint="the engine log has the traceback")
        finally:
            ends[host].set()

    for host in tasks:
        workers.do(lambda host=host: work(host))  # type: ignore[misc]
    wait(ends.values(), seconds)
    late = RetryLater(f"no answer within {seconds:g} s")
    return {host: done.get(host, late) for host in tasks}


def wait(ends: Iterable[threading.Event], seconds: float) -> None:
    """Wait until all have happened, `seconds` at most in all."""
    limit = time.monotonic() + seconds
    for ended in ends:
        ended.wait(max(0.0, limit - time.monotonic()))
