"""Unified diffs within bounds: compared by what the lines are, shown without their secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from backends.backups.masking import Piece, pieces
from backends.text import clean

MOST_TEXT = 1 << 20
MOST_DIFFERENT = 4000
"""Lines between the first and the last difference that are compared one with another."""
MOST_LINES = 5000
"""Of a diff."""
WIDTH = 2000
CONTEXT = 3


def unified(before: str, after: str, *, names: tuple[str, str], mask: bool = True) -> str:
    """The diff in the form of `diff -u`; "" when nothing differs.

    Args:
        before, after: whole texts.
        names: what the two are called in its head.
        mask: take secrets out; with a secret that changed, both of its lines read the same.
    """
    old, new = _pieces(before, mask), _pieces(after, mask)
    head = [f"--- {clean(names[0], 400)}", f"+++ {clean(names[1], 400)}"]
    lines: list[str] = []
    for line in _hunks(old, new):
        if len(lines) == MOST_LINES:
            lines.append(f"… more than {MOST_LINES:,} lines")
            break
        lines.append(line)
    return "\n".join([*head, *lines]) + "\n" if lines else ""


def changed_lines(before: str, after: str) -> tuple[int, int]:
    """(lines only after, lines only before), whatever their order."""
    return _only(after, before), _only(before, after)


def same_lines(before: str, after: str) -> bool:
    """Whether two texts have the same lines, in any order."""
    return before == after or sorted(before.split("\n")) == sorted(after.split("\n"))


def counted(number: int, word: str) -> str:
    """ "1 line", "1,204 lines"."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _only(text: str, other: str) -> int:
    there: dict[str, int] = {}
    for line in other.split("\n"):
        there[line] = there.get(line, 0) + 1
    count = 0
    for line in text.split("\n"):
        left = there.get(line, 0)
        there[line] = left - 1
        count += left <= 0
    return count


class Plain(NamedTuple):
    """A line that is shown as it is."""

    raw: str

    @property
    def shown(self) -> str:
        return self.raw


Pieces = Sequence[Piece] | Sequence[Plain]


def _pieces(text: str, mask: bool) -> Pieces:
    text = text[:MOST_TEXT].replace("\r\n", "\n")
    text = text.removesuffix("\n")
    if not text:
        return []
    return list(pieces(text)) if mask else [Plain(line) for line in text.split("\n")]


def _hunks(old: Pieces, new: Pieces) -> Iterator[str]:
    """What is the same at both ends is left aside, so that the comparison costs what differs."""
    first, last = _same_ends([piece.raw for piece in old], [piece.raw for piece in new])
    if first == len(old) == len(new):
        return
    begin = max(0, first - CONTEXT)
    end_old, end_new = (max(first, len(side) - last) for side in (old, new))
    if max(end_old, end_new) - first > MOST_DIFFERENT:
        yield f"… {end_old - first:,} lines became {end_new - first:,}: too many to compare one by one"
        return
    old, new = old[begin : end_old + CONTEXT], new[begin : end_new + CONTEXT]
    matcher = SequenceMatcher(None, [piece.raw for piece in old], [piece.raw for piece in new], autojunk=True)
    for group in matcher.get_grouped_opcodes(CONTEXT):
        yield from _hunk(group, old, new, begin)


def _same_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines are the same at the beginning, and at the end after these."""
    most = min(len(old), len(new))
    first = next((place for place in range(most) if old[place] != new[place]), most)
    last = next((place for place in range(most - first) if old[-1 - place] != new[-1 - place]), most - first)
    return first, last


def _hunk(group: Sequence[tuple[str, int, int, int, int]], old: Pieces, new: Pieces, offset: int) -> Iterator[str]:
    ranges = (
        _range(group[0][1] + offset, group[-1][2] + offset),
        _range(group[0][3] + offset, group[-1][4] + offset),
    )
    yield f"@@ -{ranges[0]} +{ranges[1]} @@"
    for tag, from_old, to_old, from_new, to_new in group:
        if tag == "equal":
            yield from (_shown(" ", piece) for piece in old[from_old:to_old])
            continue
        yield from (_shown("-", piece) for piece in old[from_old:to_old])
        yield from (_shown("+", piece) for piece in new[from_new:to_new])


def _shown(sign: str, piece: Piece | Plain) -> str:
    return sign + clean(piece.shown.replace("\t", "    "), WIDTH)


def _range(begin: int, end: int) -> str:
    """As `diff -u` counts: from 1, and the length only where it is not 1."""
    size = end - begin
    return f"{begin + 1}" if size == 1 else f"{begin + (size > 0)},{size}"
