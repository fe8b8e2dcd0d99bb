"""Lines are measured in cells of the terminal, and no operation makes one wider or narrower than it says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_tui.present.line import Line, changed_span, crop, fit, join, pad, plain, spread, width

pieces = st.lists(st.tuples(st.text(max_size=20), st.sampled_from(("text", "bad"))), max_size=5).map(tuple)
simple = st.lists(st.tuples(st.text("ab日…", max_size=8), st.sampled_from(("text", "bad"))), max_size=4).map(tuple)


def test_wide_letters_take_two_cells() -> None:
    assert width((("日本", "text"),)) == 4
    assert fit("日本語", 5) == "日本…"
    assert fit("日本語", 4) == "日 …"


def test_a_number_stands_on_the_right() -> None:
    assert fit("7", 3, "right") == "  7"
    assert plain(pad((("7", "text"),), 3, "right")) == "  7"


def test_what_is_cut_says_so_and_keeps_its_roles() -> None:
    line: Line = (("name", "strong"), ("  critical", "bad"))
    assert crop(line, 8) == (("name", "strong"), ("  c…", "bad"))
    assert crop(line, 4) == (("nam…", "strong"),)
    assert crop(line, 99) is line


def test_the_right_end_stays_when_there_is_no_room_for_both() -> None:
    assert plain(spread((("left side", "text"),), (("right", "text"),), 10)) == "left…right"
    assert plain(spread((("left", "text"),), (("right", "text"),), 4)) == "rig…"


def test_empty_lines_are_joined_without_their_separator() -> None:
    assert plain(join([(("a", "text"),), (), (("b", "text"),)], (", ", "dim"))) == "a, b"


def test_the_changed_span_counts_cells() -> None:
    assert changed_span((("日1x", "text"),), (("日2x", "text"),)) == (2, 3)
    assert changed_span((("ab", "text"),), (("ab", "bad"),)) == (0, 2)
    assert changed_span((("ab", "text"),), (("abc", "text"),)) == (2, 3)
    assert changed_span((("a", "text"), ("b", "text")), (("ab", "text"),)) == (2, 2)


@given(pieces, st.integers(0, 60))
@settings(max_examples=200)
def test_padded_lines_are_exact_and_cropped_ones_fit(line: Line, cells: int) -> None:
    assert width(pad(line, cells)) == cells
    assert width(pad(line, cells, "right")) == cells
    assert width(crop(line, cells)) <= cells


@given(pieces, pieces, st.integers(0, 60))
@settings(max_examples=100)
def test_two_ends_fill_the_line(left: Line, right: Line, cells: int) -> None:
    assert width(spread(left, right, cells)) == cells or width(right) >= cells


@given(simple, simple)
@settings(max_examples=200)
def test_outside_the_changed_span_both_lines_look_the_same(old: Line, new: Line) -> None:
    start, end = changed_span(old, new)
    before, after = cells_of(old), cells_of(new)
    assert before[:start] == after[:start]
    assert before[end:] == after[end:] or len(before) != len(after)
    if len(before) != len(after):
        assert end == max(len(before), len(after))


def cells_of(line: Line) -> list[tuple[str, str]]:
    """Each cell of the terminal with what stands in it."""
    found: list[tuple[str, str]] = []
    for text, role in line:
        for letter in text:
            found += [(letter, role), *[("", role)] * (width(((letter, role),)) - 1)]
    return found
