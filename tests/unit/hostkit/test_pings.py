"""Round trips and clock offsets: the quickest answer counts, set clocks are noticed, invented answers are not believed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit.events import Pong
from backends.hostkit.pings import KEPT, MAX_WAITING, Pings


class Line:
    """A host `ahead` seconds of us, reached over a line that takes `there` and `back` seconds."""

    def __init__(self, ahead: float = 0.0):
        self.pings = Pings()
        self.ahead = ahead
        self.now, self.monotonic = 1.8e9, 50.0

    def ping(self, there: float = 0.01, back: float = 0.01) -> Pong:
        token = self.pings.sent(self.now, self.monotonic)
        self.wait(there)
        wall = self.now + self.ahead
        self.wait(back)
        pong = self.pings.answered(token, wall, self.now, self.monotonic)
        assert pong is not None
        self.wait(5.0)
        return pong

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.monotonic += seconds


def test_half_the_round_trip_is_taken_off_the_offset() -> None:
    pong = Line(ahead=3.0).ping(0.05, 0.05)
    assert pong.round_trip_seconds == pytest.approx(0.1)
    assert pong.clock_offset_seconds == pytest.approx(3.0, abs=1e-6)


def test_the_quickest_of_the_last_answers_gives_the_offset() -> None:
    line = Line(ahead=3.0)
    line.ping(0.01, 0.01)
    slow = line.ping(0.4, 0.01)
    assert slow.round_trip_seconds == pytest.approx(0.41)
    assert slow.clock_offset_seconds == pytest.approx(3.0, abs=1e-6), "not 0.2 s off, as this one alone would say"
    for _ in range(KEPT):
        last = line.ping(0.4, 0.01)
    assert last.clock_offset_seconds == pytest.approx(3.195, abs=1e-6), "the quick one is too old by now"


def test_a_host_whose_clock_is_set_shows_at_once() -> None:
    line = Line()
    line.ping()
    line.ahead = 120.0
    assert line.ping(0.3, 0.3).clock_offset_seconds == pytest.approx(120.0, abs=1e-6)


def test_our_own_clock_being_set_shows_at_once_as_well() -> None:
    line = Line()
    line.ping()
    token = line.pings.sent(line.now, line.monotonic)
    wall = line.now
    line.now += 3600.0
    line.monotonic += 0.02
    pong = line.pings.answered(token, wall, line.now, line.monotonic)
    assert pong is not None
    assert pong.clock_offset_seconds == pytest.approx(-3600.0, abs=0.1)


@pytest.mark.parametrize("wall", [math.nan, math.inf, -math.inf, 1e300, -1e300])
def test_an_answer_that_is_no_time_says_nothing(wall: float) -> None:
    pings = Pings()
    assert pings.answered(pings.sent(1.8e9, 1.0), wall, 1.8e9, 1.0) is None


def test_an_answer_counts_once_and_only_to_a_ping_that_was_sent() -> None:
    pings = Pings()
    token = pings.sent(1.8e9, 1.0)
    assert pings.answered(token + 1, 1.8e9, 1.8e9, 1.0) is None
    assert pings.answered(token, 1.8e9, 1.8e9, 1.0) is not None
    assert pings.answered(token, 1.8e9, 1.8e9, 1.0) is None


def test_unanswered_pings_are_forgotten_in_the_end() -> None:
    pings = Pings()
    tokens = [pings.sent(1.8e9, 1.0) for _ in range(MAX_WAITING + 1)]
    assert pings.answered(tokens[0], 1.8e9, 1.8e9, 1.0) is None
    assert pings.answered(tokens[1], 1.8e9, 1.8e9, 1.0) is not None


@given(st.lists(st.tuples(st.integers(-5, 30), st.floats(), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=30))
def test_whatever_is_answered_round_trips_are_not_negative_and_offsets_are_numbers(
    answers: list[tuple[int, float, float, float]],
) -> None:
    pings = Pings()
    for token, wall, now, monotonic in answers:
        pings.sent(now, monotonic)
        pong = pings.answered(token, wall, now, monotonic)
        assert pong is None or (pong.round_trip_seconds >= 0 and math.isfinite(pong.clock_offset_seconds))
