"""Graphs have fixed scales, show gaps as gaps and never grow out of their room."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_tui.present.host_graph import WINDOWS, axis, ceiling, fold, graph, next_window, pane, spark, window_label
from swarm_tui.present.host_line import Frame
from swarm_tui.present.line import plain

POINTS = st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=300)


@given(POINTS, st.integers(1, 120), st.integers(1, 8), st.floats(0.001, 1e12))
@settings(max_examples=80)
def test_any_points_fill_exactly_the_room(points: list[float | None], width: int, height: int, maximum: float) -> None:
    rows = graph(points, width, height, maximum)
    assert [len(row) for row in rows] == [width] * height


def test_a_calm_value_stays_low_and_a_full_one_is_full() -> None:
    assert spark([3.0] * 4, 4) == "▁▁▁▁"
    assert spark([100.0] * 4, 4) == "████"
    assert spark([250.0], 1) == "█"


def test_a_gap_is_blank_and_a_measured_zero_is_not() -> None:
    assert spark([None, 0.0], 2) == " ▁"


def test_a_burst_survives_folding() -> None:
    assert max(value for value in fold([0.0] * 500 + [99.0] + [0.0] * 499, 50) if value is not None) == 99.0


def test_few_points_are_stretched_over_the_whole_window() -> None:
    assert fold([1.0, 2.0], 4) == [1.0, 1.0, 2.0, 2.0]
    assert fold([], 3) == [None, None, None]


def test_open_ended_scales_change_in_big_steps_only() -> None:
    assert ceiling([], 100.0) == 100.0
    assert ceiling([90.0], 100.0) == 100.0
    assert ceiling([101.0, None], 100.0) == 400.0


def test_windows_go_round() -> None:
    seconds = WINDOWS[0][1]
    seen = []
    for _ in WINDOWS:
        seen.append(window_label(seconds))
        seconds = next_window(seconds)
    assert seen == ["1m", "5m", "15m", "1h", "24h", "7d"]
    assert seconds == WINDOWS[0][1]


@given(st.integers(10, 200))
@settings(max_examples=40)
def test_the_axis_ends_at_now(width: int) -> None:
    text = axis(width, 900.0)
    assert len(text) <= width
    assert text.startswith("-15m")
    assert "now" in text


def test_a_pane_names_its_value_scale_and_time() -> None:
    rows = [plain(row) for row in pane("busy", "37%", [37.0] * 60, Frame(60, 6), height=6, maximum=100.0, top="100%")]
    assert rows[0] == "busy  37%"
    assert rows[1].startswith("100% ")
    assert rows[-2].startswith("   0 ")
    assert rows[-1].endswith("now")
    assert len(rows) == 6


def test_a_pane_without_history_says_so() -> None:
    text = "\n".join(plain(row) for row in pane("busy", "37%", [], Frame(70, 5), height=5, maximum=100.0, top="100%"))
    assert "no history for this window yet" in text
