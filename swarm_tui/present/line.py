"""Lines as pieces of text with a role each: what presentation makes and widgets paint.

Widths are terminal cells, not characters, since host names and commands may hold wide ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from rich.cells import cell_len, set_cell_size

from swarm_tui.theme import Role

Piece = tuple[str, Role]
Line = tuple[Piece, ...]
Align = Literal["left", "right"]


def width(line: Iterable[Piece]) -> int:
    """Cells that the line takes."""
    return sum(cell_len(text) for text, _ in line)


def plain(line: Iterable[Piece]) -> str:
    """The text alone."""
    return "".join(text for text, _ in line)


def fit(text: str, cells: int, align: Align = "left", ellipsis: str = "…") -> str:
    """The text in exactly `cells` cells: padded, or cut with an ellipsis."""
    if cells <= 0:
        return ""
    length = cell_len(text)
    if length > cells:
        return set_cell_size(text, cells - 1) + ellipsis
    pad = " " * (cells - length)
    return pad + text if align == "right" else text + pad


def crop(line: Line, cells: int, ellipsis: str = "…") -> Line:
    """The line in at most `cells` cells; a cut one ends in an ellipsis."""
    if width(line) <= cells:
        return line
    kept: list[Piece] = []
    left = cells
    for text, role in line:
        length = cell_len(text)
        if length >= left:
            kept.append(
                (
                    fit(text, left, ellipsis=ellipsis) if length > left else fit(text + " ", left, ellipsis=ellipsis),
                    role,
                )
            )
            break
        kept.append((text, role))
        left -= length
    return tuple(piece for piece in kept if piece[0])


def pad(line: Line, cells: int, align: Align = "left") -> Line:
    """The line in exactly `cells` cells."""
    cut = crop(line, cells)
    missing = cells - width(cut)
    if missing <= 0:
        return cut
    filler: Piece = (" " * missing, "text")
    return (filler, *cut) if align == "right" else (*cut, filler)


def spread(left: Line, right: Line, cells: int) -> Line:
    """`left` and `right` at the two ends of a line of `cells`; the left one is cut when both do not fit."""
    room = cells - width(right)
    if room <= 0:
        return crop(right, cells)
    return (*pad(left, room), *right)


def join(lines: Iterable[Line], between: Piece) -> Line:
    """The lines one after the other with a piece between them."""
    pieces: list[Piece] = []
    for line in lines:
        if pieces and line:
            pieces.append(between)
        pieces.extend(line)
    return tuple(pieces)


def changed_span(old: Line, new: Line) -> tuple[int, int]:
    """First and past-the-end cell in which two lines differ; (0, 0) when they look the same."""
    if old == new:
        return 0, 0
    before, after = _cells(old), _cells(new)
    start = 0
    for one, two in zip(before, after, strict=False):
        if one != two:
            break
        start += 1
    if len(before) != len(after):
        return start, max(len(before), len(after))
    end = len(after)
    while end > start and before[end - 1] == after[end - 1]:
        end -= 1
    return start, end


def _cells(line: Line) -> list[tuple[str, Role]]:
    """Each cell with its role; a wide character fills two, so that indices are columns."""
    cells: list[tuple[str, Role]] = []
    for text, role in line:
        if text.isascii():
            cells.extend((character, role) for character in text)
            continue
        for character in text:
            cells.append((character, role))
            cells.extend([("", role)] * (cell_len(character) - 1))
    return cells
