"""Both sets of drawing characters: one cell each, the same shape, and the plain one really plain."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from swarm_tui.glyphs import ASCII, UNICODE, Glyphs, glyphs

LEVELS = frozenset({"spark", "bar_parts"})
"""Fields that hold several glyphs, one a level."""


@pytest.mark.parametrize("field", Glyphs._fields)
def test_ascii_is_ascii_and_both_take_the_same_cells(field: str) -> None:
    plain, drawn = getattr(ASCII, field), getattr(UNICODE, field)
    assert plain.isascii()
    assert plain.isprintable()
    if field not in LEVELS:
        assert cell_len(plain) == cell_len(drawn) == 1


@pytest.mark.parametrize("field", sorted(LEVELS))
def test_every_level_is_one_cell_and_differs_from_the_others(field: str) -> None:
    for chosen in (ASCII, UNICODE):
        levels = getattr(chosen, field)
        assert all(cell_len(level) == 1 for level in levels)
        assert len(set(levels)) == len(levels)


@pytest.mark.parametrize("chosen", [ASCII, UNICODE])
def test_states_can_be_told_apart_without_colour(chosen: Glyphs) -> None:
    states = (chosen.ok, chosen.connecting, chosen.stale, chosen.down, chosen.question, chosen.attention)
    assert len(set(states)) == len(states)
    assert chosen.gap not in chosen.spark
    assert chosen.mark != chosen.cursor


def test_the_option_chooses() -> None:
    assert glyphs(True) is ASCII
    assert glyphs(False) is UNICODE
