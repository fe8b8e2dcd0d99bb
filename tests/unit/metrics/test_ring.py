"""The last minutes of a host: fixed memory, gaps that stay gaps, and readers that never crash."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.metrics import ring as rings
from backends.metrics.ring import FULL_RATE_POINTS, MAX_SERIES, Ring

START = 1_800_000_000.0


def filled(count: int, size: int = FULL_RATE_POINTS, step: float = 1.0) -> Ring:
    """Point n has the value n and comes n steps after the start."""
    ring = Ring(size)
    for number in range(count):
        ring.append(START + number * step, {"v": float(number)})
    return ring


def values(ring: Ring, seconds: float, points: int, end: float | None = None, name: str = "v") -> list[float | None]:
    return list(ring.series(name, seconds, points, end)[2])


# what is kept


def test_fifteen_minutes_are_kept_at_full_rate() -> None:
    ring = filled(2000)
    assert len(ring) == 900
    assert values(ring, 900, 900) == [float(number) for number in range(1100, 2000)]


def test_an_empty_ring_has_only_gaps() -> None:
    ring = Ring()
    assert (len(ring), ring.newest_time(), ring.names(), ring.typical_step()) == (0, 0.0, (), 0.0)
    assert values(ring, 60, 3) == [None, None, None]
    assert list(ring.bands(0, 1e12)) == []


def test_a_series_that_begins_later_has_a_gap_before() -> None:
    ring = filled(3)
    ring.append(START + 3, {"v": 3.0, "new": 7.0})
    assert values(ring, 4, 4, name="new") == [None, None, None, 7.0]


def test_a_value_that_was_not_measured_is_a_gap() -> None:
    ring = Ring()
    for number, value in enumerate([1.0, None, math.nan, math.inf, -1e300, 6.0]):
        ring.append(START + number, {"v": value})
    ring.append(START + 6, {})
    assert values(ring, 7, 7) == [1.0, None, None, None, None, 6.0, None]


def test_a_series_that_never_had_a_value_takes_no_memory() -> None:
    ring = Ring()
    ring.append(START, [("v", 1.0), ("never", None)])
    assert ring.names() == ("v",)


def test_a_series_without_a_value_in_a_whole_round_is_let_go() -> None:
    ring = Ring(4)
    ring.append(START, {"v": 0.0, "pulled": 1.0})
    for number in range(1, 9):
        ring.append(START + number, {"v": float(number)})
    assert ring.names() == ("v",)


def test_a_host_that_invents_names_is_bounded() -> None:
    ring = Ring(4)
    for number in range(MAX_SERIES + 100):
        ring.append(START + number, {f"s{number % (MAX_SERIES + 50)}": 1.0, "v": 1.0})
    assert len(ring.names()) <= MAX_SERIES


# time


def test_a_duplicate_is_refused_and_a_late_one_too() -> None:
    ring = filled(5)
    ring.append(START + 4, {"v": 99.0})
    ring.append(START + 2.5, {"v": 99.0})
    assert values(ring, 5, 5) == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_clock_that_was_set_back_begins_anew() -> None:
    ring = filled(100)
    ring.append(START - 3600, {"v": 7.0})
    assert (len(ring), ring.newest_time()) == (1, START - 3600)
    assert values(ring, 1, 1) == [7.0]


def test_a_clock_that_was_set_forward_leaves_a_gap() -> None:
    ring = filled(10)
    ring.append(START + 3600, {"v": 1.0})
    assert values(ring, 3, 3) == [None, None, 1.0]
    assert values(ring, 2, 2, START + 9) == [8.0, 9.0]


@pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf])
def test_a_time_that_is_none_is_refused(time: float) -> None:
    ring = Ring()
    ring.append(time, {"v": 1.0})
    assert len(ring) == 0


def test_a_ring_can_forget_everything_and_go_on() -> None:
    ring = filled(10)
    ring.clear()
    assert (len(ring), ring.names()) == (0, ())
    ring.append(START, {"v": 1.0})
    assert values(ring, 1, 1) == [1.0]


# reading


def test_fewer_slots_than_points_are_their_means() -> None:
    assert values(filled(120), 120, 4) == [14.5, 44.5, 74.5, 104.5]


def test_more_slots_than_points_repeat_the_next_point_so_that_jitter_is_no_gap() -> None:
    assert values(filled(5, step=2.0), 8, 8) == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]


def test_a_real_gap_is_shown_even_with_fine_slots() -> None:
    ring = filled(5)
    for number in range(30, 35):
        ring.append(START + number, {"v": float(number)})
    shown = values(ring, 34, 68)
    assert shown.count(None) >= 48  # 24 of the 34 seconds have no point


def test_the_window_says_where_it_begins_and_how_long_a_slot_is() -> None:
    start, step, points = filled(100).series("v", 60, 20)
    assert (start, step, len(points)) == (START + 99 - 60, 3.0, 20)
    assert values(filled(100), 10, 2, START + 49) == [42.0, 47.0]


def test_bands_are_mean_least_and_most_of_a_stretch() -> None:
    ring = filled(950)  # the ring has wrapped
    ring.append(START + 950, {"v": None})
    assert list(ring.bands(START + 895, START + 951)) == [("v", 922.0, 895.0, 949.0)]
    assert list(ring.bands(START, START + 40)) == []


def test_the_typical_step_is_not_that_of_one_hiccup() -> None:
    ring = filled(8, step=5.0)
    ring.append(START + 300, {"v": 1.0})
    assert ring.typical_step() == 5.0


points = st.lists(st.tuples(st.floats(0.05, 30), st.none() | st.floats(width=32)), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(points, st.integers(1, 20), st.floats(0.1, 500), st.integers(1, 50))
def test_a_mean_lies_between_the_values_that_it_stands_for(
    given_points: list[tuple[float, float | None]], size: int, seconds: float, slots: int
) -> None:
    ring, time = Ring(size), START
    for gap, value in given_points:
        time += gap
        ring.append(time, {"v": value})
    kept = [value for _, value in given_points if value is not None and -3e38 < value < 3e38][-size:]
    for shown in values(ring, seconds, slots):
        assert shown is None or min(kept) - abs(min(kept)) * 1e-6 <= shown <= max(kept) + abs(max(kept)) * 1e-6
    assert len(ring) == min(size, len(given_points))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e9, 1e10), max_size=60), st.integers(1, 9))
def test_times_always_rise_whatever_the_clock_does(moments: list[float], size: int) -> None:
    ring = Ring(size)
    for moment in moments:
        ring.append(moment, {"v": 1.0})
    times = ring._newest_times(size)
    assert len(ring) <= size
    assert all(later > earlier for later, earlier in pairwise(times))


def test_a_reader_survives_a_writer_that_clears_under_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is set back, or a replay jumps, between any two steps of a reader on another thread."""
    ring = filled(20)
    assert next(iter(ring._window(ring._columns["v"], 0.0, math.inf)))[1] == 19.0

    class Clearing(dict[str, object]):
        def get(self, key: str, default: object = None) -> object:
            found = super().get(key, default)
            ring.clear()
            return found

    ring._columns = Clearing(ring._columns)  # type: ignore[assignment]  # a dict that clears the ring when it is asked
    assert values(ring, 20, 20, START + 19) == [None] * 20
    halfway = filled(20)
    window = halfway._window(halfway._columns["v"], 0.0, math.inf)
    next(iter(window))
    halfway.clear()
    assert halfway.typical_step() == 0.0
    monkeypatch.setattr(halfway, "_written", 20)  # as seen between the two halves of a clear
    assert (halfway.newest_time(), halfway.typical_step()) == (0.0, 0.0)
    assert list(halfway._window(halfway._times, 0.0, math.inf)) == []


def test_a_thousand_points_of_a_series_are_four_kilobytes() -> None:
    ring = filled(rings.FULL_RATE_POINTS)
    column = ring._columns["v"]
    assert column.itemsize * len(column) == 3600
