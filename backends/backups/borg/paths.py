"""Paths out of the catalog as Borg's arguments: taken literally, whatever characters they have.

Borg reads "XX:" at the front of a path as the style of a pattern; "pp:" says: this very path, and what is below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.backups.names import unescaped
from backends.errors import BadInput

LIMIT_BYTES = 100_000
"""Of all paths of one command: well under what a system and a channel take for one command line."""


def prefixes(paths: Iterable[str]) -> tuple[str, ...]:
    """Escaped paths → arguments that mean exactly these, and everything below them.

    Raises:
        BadInput: one that cannot be in an archive ("", "..", "a/../b"), or more than one command can take (`batches`).
    """
    found = tuple(f"pp:{path}" for path in outermost(_checked(each) for each in paths))
    if _size(found) > LIMIT_BYTES:
        raise BadInput(f"{len(found)} paths are too many for one command", hint="choose a directory above them")
    return found


def batches(paths: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Escaped paths, cut into pieces that one command takes each. Raises BadInput for what is no path."""
    pieces: list[tuple[str, ...]] = []
    piece: list[str] = []
    room = LIMIT_BYTES
    for path in outermost(paths):
        size = _size((f"pp:{_checked(path)}",))
        if piece and size > room:
            pieces.append(tuple(piece))
            piece, room = [], LIMIT_BYTES
        piece.append(path)
        room -= size
    return (*pieces, tuple(piece)) if piece else tuple(pieces)


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Without those that are below another one: Borg would say that they never matched. Sorted."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda each: each.split("/")):
        if not kept or not (path + "/").startswith(kept[-1] + "/"):
            kept.append(path)
    return tuple(kept)


def _checked(path: str) -> str:
    name = unescaped(path).strip("/")
    if not name or "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise BadInput(f"not a path of an archive: {path[:200]!r}", hint="swarm-tui backup files")
    return name


def _size(words: Sequence[str]) -> int:
    return sum(len(word.encode("utf-8", "surrogateescape")) + 9 for word in words)  # 9: the end and its pointer
