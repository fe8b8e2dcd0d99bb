"""Injected time: a manual clock moves only when told to."""

from __future__ import annotations

import threading

import pytest

from backends.clock import ManualClock, SystemClock, utc


def test_waiting_passes_time_without_taking_any() -> None:
    clock, event = ManualClock(), threading.Event()
    before = clock.monotonic()
    assert clock.wait(event, 3600) is False
    assert clock.monotonic() - before == 3600


def test_a_set_event_ends_the_wait_at_once() -> None:
    clock, event = ManualClock(), threading.Event()
    event.set()
    before = clock.now()
    assert clock.wait(event, 5) is True
    assert clock.now() == before
    assert SystemClock().wait(event, 5) is True


def test_a_step_of_the_wall_clock_leaves_durations_alone() -> None:
    clock = ManualClock(start=0)
    before = clock.monotonic()
    clock.step_wall(-500)
    assert clock.now() == -500
    assert clock.monotonic() == before


def test_wall_time_is_aware() -> None:
    assert utc(0).isoformat() == "1970-01-01T00:00:00+00:00"


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), float("-inf"), -62135596801.0, 1e300])
def test_what_is_beyond_the_calendar_is_a_time_all_the_same(seconds: float) -> None:
    assert utc(seconds).astimezone().year > 0
