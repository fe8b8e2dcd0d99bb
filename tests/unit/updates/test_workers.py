"""The crew of threads: side by side up to its size, and no task waits for another while there is room."""

from __future__ import annotations

import threading

from backends.errors import RetryLater, SkipHost
from backends.updates.workers import Workers, gather


def test_a_task_never_waits_behind_another_while_there_is_room() -> None:
    workers, told, done = Workers(8, "test"), threading.Event(), threading.Event()
    first = threading.Event()
    workers.do(first.set)
    assert first.wait(5.0)
    with workers._lock:  # both come before the idle thread wakes
        workers.do(lambda: done.set() if told.wait(5.0) else None)
        workers.do(told.set)
    assert done.wait(5.0), "the second task stood in line behind the first, which waits for it"
    workers.stop()


def test_no_more_than_its_size_run_at_once() -> None:
    workers, gate, running = Workers(3, "test"), threading.Event(), threading.Semaphore(0)

    def work() -> None:
        running.release()
        gate.wait(5.0)

    for _ in range(9):
        workers.do(work)
    assert all(running.acquire(timeout=5.0) for _ in range(3))
    assert not running.acquire(timeout=0.05)
    gate.set()
    assert all(running.acquire(timeout=5.0) for _ in range(6))
    workers.stop()


def test_after_the_stop_nothing_begins() -> None:
    workers, ran = Workers(2, "test"), threading.Event()
    workers.stop()
    workers.do(ran.set)
    assert not ran.wait(0.05)


def test_each_host_gives_its_answer_its_error_or_its_bug() -> None:
    bugs: list[tuple[str, Exception]] = []

    def wrong() -> int:
        raise ZeroDivisionError

    def refused() -> int:
        raise SkipHost("no")

    answers = gather(Workers(4, "test"), {"a": lambda: 7, "b": refused, "c": wrong}, 5.0, lambda *bug: bugs.append(bug))
    assert answers["a"] == 7
    assert isinstance(answers["b"], SkipHost)
    assert "internal error" in str(answers["c"])
    assert [host for host, _ in bugs] == ["c"]


def test_a_host_that_hangs_is_not_waited_for() -> None:
    gate = threading.Event()
    answers = gather(Workers(4, "test"), {"a": lambda: gate.wait(5.0), "b": lambda: True}, 0.05, lambda *bug: None)
    assert isinstance(answers["a"], RetryLater)
    gate.set()
