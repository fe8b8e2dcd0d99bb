"""Few paths for many files: what is given to Borg when only some of an archive is wanted. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

BATCH_CHARACTERS = 60_000
"""Of paths in one command line; the kernel takes 128 KiB for one argument and some MiB in all."""


def cover(files: Sequence[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """The fewest paths that stand for exactly the wanted ones of `files`; () for all of them.

    Args:
        files: every file of the archive, by path.
        wanted: some of them.
    """
    chosen = frozenset(wanted)
    if len(chosen) >= len(set(files)):
        return ()
    have, want = Counter[str](), Counter[str]()
    for path in files:
        for folder in _folders(path):
            have[folder] += 1
            want[folder] += path in chosen
    found: dict[str, None] = {}
    for path in files:
        if path in chosen:
            whole = next((folder for folder in _folders(path) if have[folder] == want[folder]), path)
            found[whole] = None
    return tuple(found)


def askable(path: str) -> bool:
    """Whether a path can be asked for: a hostile host may have archived one that leads out of the archive."""
    return bool(path) and not any(part in ("", ".", "..") for part in path.split("/"))


def batches(paths: Sequence[str]) -> list[tuple[str, ...]]:
    """The paths in groups that fit on a command line; one empty group for no paths (everything)."""
    if not paths:
        return [()]
    found: list[list[str]] = [[]]
    room = BATCH_CHARACTERS
    for path in paths:
        length = len(path.encode("utf-8", "surrogateescape")) + 4
        if found[-1] and length > room:
            found.append([])
            room = BATCH_CHARACTERS
        found[-1].append(path)
        room -= length
    return [tuple(group) for group in found]


def _folders(path: str) -> Iterator[str]:
    """Its directories, outermost first."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
