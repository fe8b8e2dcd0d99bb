"""Quantities as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends import units


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "n/a"),
        (0, "0B"),
        (999, "999B"),
        (1000, "1.0K"),
        (1536, "1.5K"),
        (80 << 30, "80G"),
        (3.2 * (1 << 40), "3.2T"),
    ],
)
def test_sizes(value: float | None, shown: str) -> None:
    assert units.size(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "n/a"), (0, "0s"), (59.9, "59s"), (200, "3m20s"), (3600, "1h"), (3605, "1h"), (90061, "1d1h"), (-4, "0s")],
)
def test_spans_show_two_units_at_most(value: float | None, shown: str) -> None:
    assert units.span(value) == shown


def test_absent_is_not_zero() -> None:
    assert units.percent(None) == units.rate(None) == "n/a"
    assert units.percent(0.0) == "0%"
    assert units.rate(0.0) == "0B/s"


@pytest.mark.parametrize(("text", "value"), [("512", 512), ("10k", 10240), ("1.5GiB", 3 << 29), (" 2 MB ", 2 << 20)])
def test_sizes_are_read(text: str, value: int) -> None:
    assert units.parse_size(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("250ms", 0.25), ("2d", 172800)]
)
def test_spans_are_read(text: str, value: float) -> None:
    assert units.parse_span(text) == value


@pytest.mark.parametrize("text", ["", "5", "m5", "5m 3", "-3s", "1y"])
def test_a_bad_span_names_itself_and_shows_good_ones(text: str) -> None:
    with pytest.raises(ValueError, match="examples"):
        units.parse_span(text)


@given(st.text(max_size=12))
def test_reading_sizes_never_fails_in_another_way(text: str) -> None:
    try:
        assert units.parse_size(text) >= 0
    except ValueError as error:
        assert "examples" in str(error)


@given(st.floats(min_value=0, max_value=1e19))
def test_a_size_is_never_wider_than_five_characters(value: float) -> None:
    assert len(units.size(value)) <= 5
