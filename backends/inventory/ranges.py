"""Node ranges both ways: gpu[001-016] ↔ sixteen names. ClusterShell computes them; here they are bounded and explained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from backends.errors import BadInput
from backends.text import clean

MAX_NAMES = 100_000
"""Most names that one expression may stand for: a slip of the finger must not fill the memory."""

NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
"""A host's name: what DNS and OpenSSH aliases use, and nothing that the selector language or a shell would read."""

_PIECE = re.compile(r"(?:[A-Za-z0-9_.-]|\[[0-9,/-]+\])+")
_RANGE = re.compile(r"(\d{1,18})-(\d{1,18})(?:/(\d{1,9}))?")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


def expand(text: str) -> list[str]:
    """The names that "gpu[001-016],login1" stands for, sorted.

    Raises:
        BadInput: not node ranges, or more than MAX_NAMES names.
    """
    from ClusterShell.NodeSet import NodeSet, NodeSetException

    pieces = list(split(text))
    for piece in pieces:
        if not _PIECE.fullmatch(piece):
            raise BadInput(f'not node ranges: "{clean(piece, 80)}"', hint="write gpu01, gpu[001-016] or gpu[1-4,7]")
    if sum(map(count, pieces)) > MAX_NAMES:
        raise BadInput(f'"{clean(text, 80)}" stands for more than {MAX_NAMES} names', hint="check the range's end")
    try:
        nodes = NodeSet(resolver=None)
        for piece in pieces:
            nodes.update(NodeSet(piece, resolver=None))
    except NodeSetException as error:
        raise BadInput(f'not node ranges: "{clean(text, 80)}" ({clean(str(error), 120)})') from error
    return [str(name) for name in nodes]


def fold(names: Iterable[str]) -> str:
    """The shortest text for a set of names: "gpu[001-016],login1"; "" for none."""
    from ClusterShell.NodeSet import NodeSet, NodeSetException

    unique = sorted(set(names))
    if len(unique) < 2 or not all(map(NAME.fullmatch, unique)):
        return ",".join(unique)
    try:
        return str(NodeSet.fromlist(unique, resolver=None))
    except NodeSetException:
        return ",".join(unique)


def is_range(text: str) -> bool:
    """Whether `text` stands for names by brackets."""
    return "[" in text


def count(piece: str) -> int:
    """How many names one piece stands for at most, without making them."""
    total = 1
    for inside in _BRACKETS.findall(piece):
        total *= max(1, sum(map(_count_part, inside.split(","))))
    return total


def _count_part(part: str) -> int:
    match = _RANGE.fullmatch(part)
    if not match:
        return 1
    step = max(1, int(match[3] or 1))
    return max(0, int(match[2]) - int(match[1])) // step + 1


def split(text: str) -> Iterator[str]:
    """The pieces between the commas that stand outside brackets, trimmed; empty ones are left out."""
    for piece in re.split(r",(?![^\[\]]*\])", text):
        if piece.strip():
            yield piece.strip()
