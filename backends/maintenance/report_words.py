"""How the report writes times, tables, and what somebody said, so that Markdown takes it for text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.clock import utc
from backends.text import clean, plain

TIMES = "%Y-%m-%d %H:%M:%S"


def time_text(seconds: float | None) -> str:
    """UTC without saying so; "—" when there is none."""
    return "—" if seconds is None else f"{utc(seconds):{TIMES}}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table and an empty line; the cells are safe already."""
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows), ""]


def said(text: str, limit: int = 500) -> str:
    """Text of a host or of a person, in one line."""
    return plain(clean(text, limit))


def code(text: str) -> str:
    """For within backticks: nothing in it may end them."""
    return clean(text, 200).replace("`", "'")


def some(words: Sequence[str], most: int) -> str:
    """The first ones, and how many more there are; safe."""
    shown = ", ".join(said(word) for word in words[:most])
    return f"{shown} and {len(words) - most} more" if len(words) > most else shown
