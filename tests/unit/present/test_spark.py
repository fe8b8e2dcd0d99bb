"""Sparklines on a fixed scale: flat stays flat, gaps stay gaps, the newest is on the right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_tui.glyphs import ASCII, UNICODE, Glyphs
from swarm_tui.present.line import width
from swarm_tui.present.spark import level, resample, spark
from tests.unit.present.any_row import glyph_sets


def test_a_flat_three_per_cent_is_not_drama() -> None:
    assert spark([3.0, 3.1, 2.9, 3.0], 4, UNICODE) == "▁▁▁▁"


def test_the_scale_is_the_callers() -> None:
    assert spark([0.0, 350.0, 700.0], 3, UNICODE, 0.0, 700.0) == "▁▅█"
    assert spark([0.0, 50.0, 100.0], 3, ASCII) == "048"


def test_few_points_stand_on_the_right_and_gaps_are_drawn() -> None:
    assert spark([100.0, None, float("nan"), 0.0], 6, UNICODE) == "  █··▁"


def test_more_points_than_cells_become_means_aligned_to_the_newest() -> None:
    assert resample([0.0, 10.0, 20.0, 30.0, 40.0], 2) == [5.0, 30.0]
    assert resample([None, None, 7.0, None], 2) == [None, 7.0]


@pytest.mark.parametrize(("value", "expected"), [(-1, 0), (0, 0), (12.4, 0), (12.5, 1), (99.9, 7), (100, 7), (1e9, 7)])
def test_levels_are_clamped(value: float, expected: int) -> None:
    assert level(value, 0.0, 100.0, 8) == expected


def test_a_scale_without_extent_is_the_lowest_level() -> None:
    assert level(5.0, 10.0, 10.0, 8) == 0


@given(st.lists(st.none() | st.floats(), max_size=200), st.integers(-1, 60), glyph_sets)
@settings(max_examples=100)
def test_any_points_fill_exactly_their_cells(points: list[float | None], cells: int, glyphs: Glyphs) -> None:
    drawn = spark(points, cells, glyphs)
    assert width(((drawn, "spark"),)) == max(0, cells)
    assert set(drawn) <= {*glyphs.spark, glyphs.gap, " "}
