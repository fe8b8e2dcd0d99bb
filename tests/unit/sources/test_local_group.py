"""A group that may block: its newest value, its reason when it has none, and its pace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from backends.clock import ManualClock, SystemClock
from backends.sources.local_group import MAX_CADENCE_SECONDS, Group
from tests.unit.hostkit.kit import eventually


class Reading:
    """What a group reads, as a test wants it."""

    def __init__(self) -> None:
        self.answers: Iterator[Callable[[], str]] = iter(())
        self.clock = ManualClock()
        self.group = Group("sensors", self, cadence=5.0, deadline=2.0, clock=self.clock)

    def __call__(self) -> str:
        return next(self.answers)()

    def refresh(self, *answers: Callable[[], str]) -> None:
        self.answers = iter(answers)
        for _ in answers:
            self.group.refresh()

    def newest(self) -> tuple[str | None, dict[str, str]]:
        missing: dict[str, str] = {}
        return self.group.newest(missing), missing


def raising(error: Exception) -> Callable[[], str]:
    def read() -> str:
        raise error

    return read


@pytest.fixture
def reading() -> Reading:
    return Reading()


def test_before_the_first_read_there_is_neither_value_nor_reason(reading: Reading) -> None:
    assert reading.newest() == (None, {})
    assert reading.group.read_at is None


def test_the_newest_value_counts_and_says_when_it_was_read(reading: Reading) -> None:
    reading.refresh(lambda: "old", lambda: "new")
    assert reading.newest() == ("new", {})
    assert reading.group.read_at == reading.clock.monotonic()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (ValueError("no such thing"), "ValueError: no such thing"),
        (OSError(), "OSError: "),
    ],
)
def test_a_read_that_fails_makes_the_group_absent_with_its_reason(
    reading: Reading, error: Exception, reason: str
) -> None:
    reading.refresh(lambda: "fine", raising(error))
    assert reading.newest() == (None, {"sensors": reason})
    reading.refresh(lambda: "fine again")
    assert reading.newest() == ("fine again", {})


def test_a_read_that_hangs_makes_the_group_absent_until_it_is_back(reading: Reading) -> None:
    seen: list[tuple[str | None, dict[str, str]]] = []

    def hang() -> str:
        for seconds in (1.5, 1.0, 100.0):
            reading.clock.advance(seconds)
            seen.append(reading.newest())
        return "late"

    reading.refresh(lambda: "before", hang)
    assert seen == [("before", {}), *[(None, {"sensors": "no answer within 2 s"})] * 2]
    assert reading.newest() == ("late", {})


def cadence(group: Group[str]) -> float:
    return group._cadence


def test_costly_reads_are_made_less_often_within_bounds(reading: Reading) -> None:
    reading.group.slow_down(0.001)
    assert cadence(reading.group) == 5.0
    reading.group.slow_down(0.04)
    assert cadence(reading.group) == 10.0
    reading.group.slow_down(100.0)
    assert cadence(reading.group) == MAX_CADENCE_SECONDS


def test_whoever_looks_gets_the_group_at_once_and_more_often(reading: Reading) -> None:
    reading.group.every(2.0)
    assert cadence(reading.group) == 2.0
    assert reading.group._wake.is_set()
    reading.group._wake.clear()
    reading.group.every(5.0)
    assert not reading.group._wake.is_set()


def test_it_reads_on_a_thread_of_its_own_when_it_is_asked_to() -> None:
    count = iter(range(100))
    group = Group("g", lambda: next(count), cadence=60.0, deadline=2.0, clock=SystemClock())
    group.start()
    assert eventually(lambda: group.newest({}) == 0)
    group.poll()
    assert eventually(lambda: group.newest({}) == 1)
    group.stop()


def test_one_that_hangs_holds_nobody_up_at_the_end() -> None:
    gate = threading.Event()
    group = Group("g", lambda: gate.wait(30), cadence=60.0, deadline=0.05, clock=SystemClock())
    group.start()
    missing: dict[str, str] = {}
    assert eventually(lambda: group.newest(missing) is None and missing == {"g": "no answer within 0.05 s"})
    group.stop()
    gate.set()
