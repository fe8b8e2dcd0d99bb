"""Text from hosts: what an attacker writes must not reach the terminal as anything but text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.text import REPLACEMENT, clean, clean_lines, decode


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;aGVsbG8=\x07after", "after"),
        ("\x1b]0;title\x1b\\after", "after"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
        ("\x9b2Jscreen", "screen"),
        ("a\tb\nc", "a b c"),
        ("[/x] [bold]", "[/x] [bold]"),
        ("bell\x07", "bell" + REPLACEMENT),
        ("\u202egnp.exe", REPLACEMENT + "gnp.exe"),
        ("zero\u200bwidth", "zero" + REPLACEMENT + "width"),
        ("Zürich 東京 🚀", "Zürich 東京 🚀"),
        ("open \x1b]0;never ended", "open "),
    ],
)
def test_an_escape_sequence_goes_and_a_control_leaves_a_mark(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@given(st.text())
def test_nothing_that_drives_a_terminal_survives(raw: str) -> None:
    safe = clean(raw)
    assert "\n" not in safe
    assert not [c for c in safe if unicodedata.category(c) in {"Cc", "Cs"}]
    assert not [
        c
        for c in safe
        if unicodedata.bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    ]


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_the_result_is_bounded_and_cleaning_twice_changes_nothing(raw: str, limit: int) -> None:
    once = clean(raw, limit)
    assert len(once) <= limit
    assert clean(once, limit) == once


@given(st.binary())
def test_bytes_in_any_encoding_decode(raw: bytes) -> None:
    assert clean(decode(raw)) == decode(raw)


def test_lines_are_kept_and_tabs_become_spaces() -> None:
    assert clean_lines("a\tb\r\n\x1b[1mc\n") == "a    b\nc\n"
