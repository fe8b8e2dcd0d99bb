"""Lines keep their width and their text, whatever hosts write into them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_tui.present.host_line import Span, beside, cell, heading, line, to_ascii, wrap
from swarm_tui.present.line import plain, width


def test_neighbours_of_one_role_become_one_piece() -> None:
    assert line("a", Span("b"), Span(""), Span("c", "bad"), Span("d", "bad")) == (("ab", "text"), ("cd", "bad"))


def test_markup_in_remote_text_stays_text() -> None:
    assert plain(line(cell("[/x] [bold]kworker[kthreadd]", 40))).rstrip() == "[/x] [bold]kworker[kthreadd]"


@given(st.text(max_size=60), st.integers(1, 40))
@settings(max_examples=60)
def test_a_cell_has_exactly_its_width(text: str, cells: int) -> None:
    assert width((cell(text, cells),)) == cells


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Mn", "Me", "Cf")), max_size=40))
@settings(max_examples=60)
def test_ascii_has_only_ascii_and_the_same_width(text: str) -> None:
    before = line(Span(f"▁█━·…●✖{text}", "warn"))
    after = to_ascii(before)
    assert plain(after).isascii()
    assert width(after) == width(before)


def test_panes_stand_side_by_side_however_long_they_are() -> None:
    rows = beside([line("one"), line("two")], [line("right")], 8)
    assert [plain(row) for row in rows] == ["one       right", "two"]


@given(st.text(alphabet="ab cd", max_size=80), st.integers(8, 30))
@settings(max_examples=60)
def test_wrapped_text_loses_no_word_and_stays_within_its_width(text: str, cells: int) -> None:
    rows = wrap(text, cells, 2)
    assert all(width(row) <= cells for row in rows)
    if all(len(word) <= cells - 2 for word in text.split()):
        assert " ".join(plain(row) for row in rows).split() == text.split()


def test_a_heading_fills_its_line_with_a_rule() -> None:
    assert plain(heading("cores", "64", 20)) == "cores  64 ──────────"
    assert plain(heading("cores", "64", 10)) == "cores  64"
