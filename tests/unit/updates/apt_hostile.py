"""Hostile text for apt's parsers: what a real host said, cut, repeated and with anything at all put in between."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.unit.updates.apt_host import text

PIECES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["\n", "\x1b]0;title\x07", "[", "(", ")]", ":", "|", "=", " ", "9" * 30, "-o", "٣", "\u202e"]),
)


def damaged(case: str, file: str) -> st.SearchStrategy[str]:
    """Any text, and the captured file with pieces cut out and others put in."""
    original = text(case, file)[:6000]
    places = st.integers(0, len(original))

    def cut(start: int, length: int, piece: str) -> str:
        return original[:start] + piece + original[start + length :]

    return st.one_of(st.text(max_size=300), st.builds(cut, places, st.integers(0, 60), PIECES))
