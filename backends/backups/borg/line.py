"""Borg's command line: what every command has in common, and how a line is shown to people.

Borg replaces {placeholders} in locations, archive names, comments and globs by itself. Names come from the configuration and
from repositories, so braces are doubled: they are taken as they are.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from backends.backups.names import escaped, unescaped
from backends.errors import BadInput

_PLAIN = re.compile(r"[ -~\u00a1-\uffff]*")
_ANSI_C = {"'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\"}
_ARCHIVE_LIMIT = 200


def borg(*command: str, progress: bool = False, info: bool = False, lock_wait: int = 0) -> tuple[str, ...]:
    """The beginning of a line: the program, its common options, and the command's words ("key", "export").

    Args:
        command: the command.
        progress: tells how far it is, about five times a second.
        info: says what it does; lists come at this level.
        lock_wait: seconds to wait for a lock before giving up; Borg waits silently.
    """
    words = ["borg", "--log-json"]
    words += ["--progress"] if progress else []
    words += ["--info"] if info else []
    words += ["--lock-wait", str(lock_wait)] if lock_wait > 0 else []
    return (*words, *command)


def repository(location: str) -> str:
    """A location as Borg takes it. Raises BadInput when it would be read as something else."""
    if not location or location.startswith("-") or "::" in location:
        raise BadInput(f"not a repository: {escaped(location)!r}", hint="an absolute path, or ssh://USER@HOST/PATH")
    return literal(location)


def archive_of(location: str, archive: str) -> str:
    """A location with an archive. `archive` is escaped, as the catalog keeps it. Raises BadInput."""
    return f"{repository(location)}::{archive_name(archive)}"


def archive_name(archive: str) -> str:
    """The name of an archive as an argument of its own. `archive` is escaped. Raises BadInput."""
    name = unescaped(archive)
    if not name or "/" in name or "::" in name or "\0" in name or len(name) > _ARCHIVE_LIMIT:
        raise BadInput(f"not the name of an archive: {archive[:_ARCHIVE_LIMIT]!r}", hint="swarm-tui backup list")
    return literal(name)


def literal(text: str) -> str:
    """Text in which Borg shall replace nothing."""
    return text.replace("{", "{{").replace("}", "}}")


def shown(argv: Sequence[str]) -> str:
    """The line as a person can paste it into a shell; names with unsafe characters as $'…', never raw."""
    return " ".join(_shown(word) for word in argv)


def _shown(word: str) -> str:
    if _PLAIN.fullmatch(word) and escaped(word.replace("\\", "")) == word.replace("\\", ""):
        return shlex.quote(word)
    return "$'" + "".join(_letter(letter) for letter in word) + "'"


def _letter(letter: str) -> str:
    if letter in _ANSI_C:
        return _ANSI_C[letter]
    if escaped(letter) == letter and letter.isprintable():
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))
