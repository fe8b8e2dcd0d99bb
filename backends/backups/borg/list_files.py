"""`borg list ARCHIVE`: the files of an archive, one a line.

Not with --json-lines: there Borg writes "?" for every byte that is no UTF-8, and such a name could never be restored. Python's
"!a" in the format writes pure ASCII that names the very same bytes, and never breaks a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, cast

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.documents import integer, when
from backends.backups.borg.line import archive_of, borg
from backends.backups.borg.paths import prefixes
from backends.backups.model import BrowseEntry
from backends.backups.names import escaped
from backends.text import clean

_FORMAT = "{mode} {size} {isomtime} {health} {user!a}\t{group!a}\t{source!a}\t{bpath!a}"
_LINE_LIMIT = 64 << 10
"""More than the longest names of Linux: two paths of 4,096 bytes, each byte written with at most six characters."""
_MODE = re.compile(r"[-dlpcbsh][-rwxsStT]{9}")
_PLAIN = re.compile(r"'[^'\\]*'|\"[^\"\\]*\"")
_ESCAPED = re.compile(r"""(['"])(?:[^\\]|\\(?:[\\'"nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}))*\1""")

Type = Literal["-", "d", "l", "p", "c", "b", "s", "h"]


def argv(
    dialect: Dialect,
    location: str,
    archive: str,
    paths: Sequence[str] = (),
    *,
    hashes: bool = False,
    lock_wait: int = 0,
) -> tuple[str, ...]:
    """The command.

    Args:
        dialect: of the Borg that runs it.
        location: of the repository.
        archive: its name.
        paths: escaped; only these and what is below them. () is everything.
        hashes: the sha256 of every file as well, for which all their data is read.
        lock_wait: seconds.

    Raises:
        BadInput: not a path of an archive, or too many.
    """
    del dialect  # the same in 1.2 and 1.4
    form = _FORMAT + ("\t{sha256}{LF}" if hashes else "{LF}")
    return (*borg("list", lock_wait=lock_wait), "--format", form, archive_of(location, archive), *prefixes(paths))


def decode(line: bytes) -> BrowseEntry | None:
    """One line, with or without its end; None for what is none. Never raises."""
    found = decode_hashed(line)
    return found[0] if found else None


def decode_hashed(line: bytes) -> tuple[BrowseEntry, str] | None:
    """One line with the file's sha256 (64 digits, or "": no file, or not asked for). Never raises."""
    if len(line) > _LINE_LIMIT or not line.isascii():
        return None
    fields = line.decode("ascii").rstrip("\n").split("\t")
    facts = fields[0].split(" ", 4)
    if len(fields) not in (4, 5) or len(facts) != 5:
        return None
    entry = _entry(facts, fields)
    digest = fields[4] if len(fields) == 5 and len(fields[4]) == 64 else ""
    return None if entry is None else (entry, clean(digest, 64))


def _entry(facts: Sequence[str], fields: Sequence[str]) -> BrowseEntry | None:
    mode, size, modified, health, user = facts
    path, source = _name(fields[3]), _name(fields[2])
    if not path or source is None or not _MODE.fullmatch(mode):
        return None
    return BrowseEntry(
        path=escaped(path.strip("/")),
        type=cast("Type", mode[0]),
        mode=f"-{mode[1:]}" if mode[0] == "h" else mode,
        user=_owner(user),
        group=_owner(fields[1]),
        size=_size(size),
        mtime=when(modified),
        target=escaped(source),
        healthy=health != "broken",
    )


@lru_cache(maxsize=4096)
def _owner(word: str) -> str:
    return clean(_name(word) or "", 64)


def _size(word: str) -> int | None:
    found = integer(word)
    return found if found is not None and found >= 0 else None


def _name(word: str) -> str | None:
    """What Python's `ascii` made of a text (or of a number, an id without a name); None when it is no such thing."""
    if _PLAIN.fullmatch(word):
        return word[1:-1]
    if _ESCAPED.fullmatch(word):
        return _decoded(word[1:-1])
    return word if word.isascii() and word.isdigit() else None


def _decoded(text: str) -> str | None:
    try:
        return text.encode("ascii").decode("unicode_escape")
    except ValueError:  # \U with more than there are letters
        return None
