"""Counters in the wild: they wrap, start again, stand still, and sometimes are nonsense."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.metrics.difference import MAX_BYTES_PER_SECOND, count, events_per_second, grown, per_second, quantity

W32, W64 = 1 << 32, 1 << 64
integers = st.integers(-(1 << 70), 1 << 70)
seconds = st.floats(0.01, 86_400)


def test_a_counter_that_grew_has_grown_by_the_difference() -> None:
    assert grown(1000, 1500, 1e6) == 500
    assert grown(1000, 1000, 1e6) == 0


@pytest.mark.parametrize("wrap", [W32, W64])
def test_a_counter_that_came_round_has_grown_by_what_it_passed(wrap: int) -> None:
    assert grown(wrap - 100, 200, 1e6) == 300


def test_a_counter_of_64_bits_that_falls_far_started_again() -> None:
    assert grown(W32 + 5, 100, 1e15) is None


@pytest.mark.parametrize("previous", [1, 1_000_000, 1_000_000_000, 3_000_000_000])
def test_a_counter_that_falls_from_low_started_again_and_did_not_wrap(previous: int) -> None:
    assert grown(previous, 0, 200e9) is None


def test_a_network_card_that_is_plugged_in_again_shows_no_burst() -> None:
    """One gigabyte, then zero: as a wrap of 32 bits it would be 3.3 GB in one second."""
    assert per_second(1_000_000_000, 0, 1.0) is None


def test_more_than_any_device_moves_is_no_rate() -> None:
    assert per_second(0, int(MAX_BYTES_PER_SECOND) + 1, 1.0) is None
    assert per_second(0, int(MAX_BYTES_PER_SECOND), 1.0) == MAX_BYTES_PER_SECOND


def test_a_count_may_be_more_than_one_byte() -> None:
    assert per_second(10, 20, 2.0, 512) == 2560.0


@pytest.mark.parametrize(
    ("previous", "current", "interval"), [(None, 1, 1.0), (1, None, 1.0), (1, 2, None), (1, 2, 0.0), (-5, 2, 1.0)]
)
def test_what_is_not_known_gives_no_rate(previous: int | None, current: int | None, interval: float | None) -> None:
    assert per_second(previous, current, interval) is None
    assert events_per_second(previous, current, interval) is None


@given(integers, integers, seconds, st.sampled_from([1.0, 4.0, 512.0, 65536.0]))
def test_a_rate_is_unknown_or_possible(previous: int, current: int, interval: float, unit: float) -> None:
    rate = per_second(previous, current, interval, unit)
    assert rate is None or 0 <= rate <= MAX_BYTES_PER_SECOND * 1.001


@given(integers, integers, seconds)
def test_an_event_rate_is_unknown_or_possible(previous: int, current: int, interval: float) -> None:
    rate = events_per_second(previous, current, interval)
    assert rate is None or 0 <= rate <= 1.001e9


@given(st.integers(0, W64 - 1), st.integers(0, 1 << 30), st.sampled_from([W32, W64]))
def test_a_step_is_found_again_whether_the_counter_wrapped_or_not(start: int, step: int, wrap: int) -> None:
    previous = start % wrap
    assert grown(previous, (previous + step) % wrap, 1 << 30) == step


@given(st.integers(0, W64 - 1), st.integers(0, W64 - 1))
def test_a_difference_never_exceeds_its_limit(previous: int, current: int) -> None:
    step = grown(previous, current, 1e6)
    assert step is None or 0 <= step <= 1e6


@pytest.mark.parametrize(
    ("value", "shown"), [(None, None), (0, 0), (7, 7), (-1, None), (W64 - 1, W64 - 1), (W64, None)]
)
def test_a_counter_since_boot_is_shown_when_it_can_be_one(value: int | None, shown: int | None) -> None:
    assert count(value) == shown


@given(st.one_of(st.none(), st.floats()))
def test_a_quantity_is_unknown_or_a_finite_number_below_its_limit(value: float | None) -> None:
    shown = quantity(value, 100.0)
    assert shown is None or (math.isfinite(shown) and 0 <= shown < 100.0)
    if value is not None and 0 <= value < 100:
        assert shown == value
