"""How the panels of the Host and Events screens put lines together: spans, cells, rules, panes side by side.

A span carries a role, never a colour, and text that no one interprets: brackets from a host stay brackets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from backends.states import Severity
from swarm_tui.present.line import Align, Line, Piece, crop, fit, pad, plain, width
from swarm_tui.theme import Role


class Span(NamedTuple):
    """Text with one role; the named form of a piece."""

    text: str
    role: Role = "text"


class Frame(NamedTuple):
    """The room that a panel has, and how far back its graphs reach."""

    width: int
    height: int
    window_seconds: float = 900.0


SEVERITY_ROLES: dict[Severity, Role] = {
    Severity.OK: "ok",
    Severity.UNKNOWN: "dim",
    Severity.WARNING: "warn",
    Severity.CRITICAL: "bad",
}
SEVERITY_MARKS: dict[Severity, str] = {
    Severity.OK: "●",
    Severity.UNKNOWN: "?",
    Severity.WARNING: "▲",
    Severity.CRITICAL: "✖",
}
"""Beside the colour, so that no meaning hangs on colour alone."""

_ASCII = str.maketrans(
    {
        **dict(zip("▁▂▃▄▅▆▇█", "_.:-=+*#", strict=True)),
        **dict.fromkeys("╸─╌—–", "-"),
        **dict(zip("━│·…●○▲▾✖→↑↓°µ×✓▸▴≠", "#|.~*o!vX>^voux+>^!", strict=True)),
    }
)


def line(*parts: Piece | str) -> Line:
    """A line from pieces and plain strings; empty ones vanish and neighbours of one role become one."""
    merged: list[Piece] = []
    for part in parts:
        piece: Piece = (part, "text") if isinstance(part, str) else part
        if not piece[0]:
            continue
        if merged and merged[-1][1] == piece[1]:
            merged[-1] = Span(merged[-1][0] + piece[0], piece[1])
        else:
            merged.append(Span(*piece))
    return tuple(merged)


def cell(text: str, cells: int, role: Role = "text", align: Align = "left") -> Span:
    """A table cell."""
    return Span(fit(text, cells, align), role)


def beside(left: Sequence[Line], right: Sequence[Line], left_width: int, gap: int = 2) -> list[Line]:
    """Two panes side by side."""
    rows: list[Line] = []
    for index in range(max(len(left), len(right))):
        first = left[index] if index < len(left) else ()
        second = right[index] if index < len(right) else ()
        rows.append(line(*pad(first, left_width), " " * gap, *second) if second else first)
    return rows


def wrap(text: str, cells: int, indent: int = 0, role: Role = "text") -> list[Line]:
    """`text` broken at spaces into lines of at most `cells` cells, later ones indented."""
    rows: list[str] = []
    current = ""
    for word in text.split():
        room = cells - (indent if rows else 0)
        if current and cell_len(current) + 1 + cell_len(word) > room:
            rows.append(current)
            current = word
        else:
            current = f"{current} {word}" if current else word
    rows.append(current)
    return [crop(line(Span(" " * (indent if index else 0) + row, role)), cells) for index, row in enumerate(rows)]


def heading(text: str, note: str, cells: int) -> Line:
    """The title of a section with a quiet note and a thin rule behind it."""
    head = line(Span(text, "title"), Span(f"  {note}" if note else "", "dim"))
    left = cells - width(head) - 1
    return crop(head, cells) if left < 4 else line(*head, " ", Span("─" * left, "rule"))


def to_ascii(spans: Line) -> Line:
    """The same line cell for cell without our glyphs; what hosts wrote beyond ASCII becomes "?"."""
    return tuple(piece if piece[0].isascii() else Span(ascii_text(piece[0]), piece[1]) for piece in spans)


def ascii_text(text: str) -> str:
    """The same for a plain text."""
    return "".join(letter if letter.isascii() else "?" * cell_len(letter) for letter in text.translate(_ASCII))


def dimmed(rows: Iterable[Line]) -> list[Line]:
    """The same lines as things of the past: one quiet role."""
    return [line(Span(plain(row), "dim")) if row else () for row in rows]
