"""Takes the concrete Host names of an OpenSSH client configuration as hosts. How they are reached is left to ssh itself."""

from __future__ import annotations

import glob
import shlex
from collections.abc import Iterator
from pathlib import Path

from backends import paths
from backends.config.problem import Problem
from backends.config.schema import Become
from backends.inventory import ranges
from backends.inventory.host import Host

MAX_DEPTH = 16
"""OpenSSH's own limit for Include in Include."""


def read(file: Path, problems: list[Problem], become: Become = "none") -> list[Host]:
    """The hosts named in `file` and what it includes, in order; a missing file names none.

    What cannot be read is added to `problems` as a warning.
    """
    hosts: dict[str, Host] = {}
    for name, origin in _read(file, problems, 0, file.parent):
        hosts.setdefault(name, Host(name=name, origin=origin, become=become))
    return list(hosts.values())


def _read(file: Path, problems: list[Problem], depth: int, home: Path) -> Iterator[tuple[str, str]]:
    try:
        text = file.read_text("utf-8", "replace")
    except FileNotFoundError:
        return
    except OSError as error:
        problems.append(
            Problem(
                file=str(file), message=f"cannot be read: {error.strerror}", hint=f"ls -l {file}", severity="warning"
            )
        )
        return
    for number, line in enumerate(text.splitlines(), 1):
        keyword, words = words_of(line)
        if keyword == "host":
            yield from ((word, f"{file}:{number}") for word in words if ranges.NAME.fullmatch(word))
        elif keyword == "include" and depth < MAX_DEPTH:
            for word in words:
                for found in _included(word, home):
                    yield from _read(found, problems, depth + 1, home)
        elif keyword == "include":
            problems.append(
                Problem(
                    file=str(file), line=number, message=f"Include nested deeper than {MAX_DEPTH}", severity="warning"
                )
            )


def words_of(line: str) -> tuple[str, list[str]]:
    """The keyword in lower case and its arguments; ("", []) for comments and what cannot be split."""
    try:
        words = shlex.split(line.replace("=", " ", 1) if "=" in line.split("#")[0] else line, comments=True)
    except ValueError:
        return "", []
    return (words[0].lower(), words[1:]) if words else ("", [])


def _included(pattern: str, home: Path) -> list[Path]:
    """Files for an Include: relative ones stand in ~/.ssh (beside the file that was asked for), in lexical order."""
    path = paths.expanded(pattern)
    pattern = str(path if path.is_absolute() else home / path)
    return [Path(name) for name in sorted(glob.glob(pattern))]  # noqa: PTH207 — Path.glob takes no absolute patterns
