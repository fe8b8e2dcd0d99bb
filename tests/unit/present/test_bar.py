"""Bars: exactly as wide as asked, and absent never looks like nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_tui.glyphs import ASCII, UNICODE, Glyphs
from swarm_tui.present.bar import bar, severity_role
from swarm_tui.present.line import plain, width
from tests.unit.present.any_row import glyph_sets


@pytest.mark.parametrize(
    ("percent", "drawn"),
    [
        (0.0, "────────"),
        (50.0, "━━━━────"),
        (100.0, "━━━━━━━━"),
        (56.0, "━━━━╸───"),
        (0.1, "╸───────"),
        (250.0, "━━━━━━━━"),
        (-5.0, "────────"),
        (None, "········"),
        (float("nan"), "········"),
    ],
)
def test_a_share_of_eight_cells(percent: float | None, drawn: str) -> None:
    assert plain(bar(percent, 8, UNICODE)) == drawn


def test_ascii_draws_whole_cells_and_still_shows_a_little() -> None:
    assert plain(bar(0.1, 8, ASCII)) == "#-------"
    assert plain(bar(50.0, 8, ASCII)) == "####----"


def test_absent_is_faint_and_a_value_is_not() -> None:
    assert {role for _, role in bar(None, 8, UNICODE)} == {"faint"}
    assert bar(50.0, 8, UNICODE, "bad")[0][1] == "bad"


@given(st.none() | st.floats(), st.integers(-2, 60), glyph_sets)
@settings(max_examples=100)
def test_any_value_fills_exactly_its_cells(percent: float | None, cells: int, glyphs: Glyphs) -> None:
    assert width(bar(percent, cells, glyphs)) == max(0, cells)


@pytest.mark.parametrize(
    ("percent", "role"),
    [(None, "faint"), (79.9, "gauge"), (80.0, "warn"), (94.9, "warn"), (95.0, "bad"), (200.0, "bad")],
)
def test_filling_up_is_what_changes_the_role(percent: float | None, role: str) -> None:
    assert severity_role(percent) == role
