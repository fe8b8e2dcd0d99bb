"""Finds the line of every key of a TOML text, since the standard parser tells none. Only reads; the standard parser judges."""

from __future__ import annotations

import re

Path = tuple[str, ...]
"""Keys from the root; the index of an array of tables is a key too ("runs", "0", "name")."""

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_DOTTED})[ \t]*\]")
_ASSIGN = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_PART = re.compile(_KEY)
_TOKEN = re.compile(
    r'"""(?:\\.|(?!""").)*(?:"""|\Z)'
    r"|'''(?:(?!''').)*(?:'''|\Z)"
    r'|"(?:[^"\\\n]|\\.)*"?'
    r"|'[^'\n]*'?"
    r"|#[^\n]*"
    r"|[\[{]|[\]}]|\n|[^\"'#\[\]{}\n]+",
    re.DOTALL,
)


def find_lines(text: str) -> dict[Path, int]:
    """Key path → line (from 1) for tables and assignments. Never raises; what is not understood is left out."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    position, line = 0, 1
    while position < len(text):
        if header := _HEADER.match(text, position):
            table = _table(_split(header[2]), header[1] == "[[", counts)
            found.setdefault(table, line)
            end = _end_of_line(text, header.end())
        elif assign := _ASSIGN.match(text, position):
            for depth in range(1, len(path := _split(assign[1])) + 1):
                found.setdefault(table + path[:depth], line)
            end = _end_of_value(text, assign.end())
        else:
            end = _end_of_line(text, position)
        line += text.count("\n", position, end)
        position = end
    return found


def line_of(found: dict[Path, int], path: Path) -> int | None:
    """The line of `path` or of the closest table around it; None when neither is known."""
    return next((found[path[:depth]] for depth in range(len(path), 0, -1) if path[:depth] in found), None)


def _split(dotted: str) -> Path:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in _PART.findall(dotted))


def _table(path: Path, is_array: bool, counts: dict[Path, int]) -> Path:
    """The table's path with the indices of the arrays of tables around it."""
    full: Path = ()
    for depth, key in enumerate(path, 1):
        full = (*full, key)
        if is_array and depth == len(path):
            counts[full] = counts.get(full, -1) + 1
        if full in counts:
            full = (*full, str(counts[full]))
    return full


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end + 1


def _end_of_value(text: str, position: int) -> int:
    """The position after the line on which the value that starts here is complete."""
    depth = 0
    while position < len(text) and (token := _TOKEN.match(text, position)):
        position = token.end()
        if token[0] in ("[", "{"):
            depth += 1
        elif token[0] in ("]", "}"):
            depth -= 1
        elif token[0] == "\n" and depth <= 0:
            return position
    return len(text)
