"""Numbers become text with the right unit, and a missing one never becomes zero."""

from __future__ import annotations

import pytest

from backends.metrics.sample import Pressure
from swarm_tui.present.host_value import (
    above,
    below,
    bits,
    clock_time,
    count,
    day,
    meter,
    milliseconds,
    offset,
    pressure,
    share,
)
from swarm_tui.present.line import plain, width


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "n/a"), (0, "0"), (999, "999"), (9_999, "9999"), (12_345, "12k"), (3_400_000, "3.4M"), (2.5e9, "2.5G")],
)
def test_counts_stay_short(value: float | None, text: str) -> None:
    assert count(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "n/a"), (1e8, "100M"), (2.5e9, "2.5G"), (25e9, "25G"), (400e9, "400G")]
)
def test_link_speeds_are_decimal(value: float | None, text: str) -> None:
    assert bits(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "n/a"), (0.0004, "0.4ms"), (0.012, "12ms"), (1.84, "1.8s")])
def test_short_times(value: float | None, text: str) -> None:
    assert milliseconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "n/a"), (0.012, "+12ms"), (-3.0, "-3.0s"), (-7200.0, "-2h")])
def test_clock_differences_have_a_sign(value: float | None, text: str) -> None:
    assert offset(value) == text


def test_thresholds_colour_high_or_low_values_and_dim_unknown_ones() -> None:
    assert [above(value, 80, 95) for value in (None, 10, 80, 95)] == ["dim", "text", "warn", "bad"]
    assert [below(value, 10, 3) for value in (None, 30, 10, 3)] == ["dim", "text", "warn", "bad"]


def test_a_share_of_nothing_is_unknown() -> None:
    assert share(1, 0) is None
    assert share(None, 4) is None
    assert share(1, 4) == 25.0


def test_an_unknown_meter_differs_from_an_empty_one() -> None:
    unknown, empty = meter(None, 8), meter(0.0, 8)
    assert width(unknown) == width(empty) == 8
    assert plain(unknown) != plain(empty)


def test_pressure_says_who_waited() -> None:
    value = Pressure(some_avg10_percent=25.0, full_avg10_percent=3.0)
    assert pressure(value) == ("some 25% full 3%", "warn")
    assert pressure(value, brief=True) == ("25%", "warn")
    assert pressure(None).text == "n/a"


def test_times_are_utc() -> None:
    assert clock_time(0.0) == "00:00:00"
    assert day(0.0) == "Thu 1970-01-01"
