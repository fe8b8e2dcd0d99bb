"""The report of a run as lines: its Markdown with headings, lists, tables and what hosts printed told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from swarm_tui.present.host_line import Span, line, wrap
from swarm_tui.present.line import Line, crop, fit, width

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_MARKS = re.compile(r"(?<!\\)(\*\*|`)")
_CELLS = re.compile(r"(?<!\\)\|")
_FENCE = re.compile("`{3,}")
_RULE = re.compile(r"[|\s:-]+")
MOST_CELLS = 34
"""Of a column of a table."""


def lines(text: str, cells: int) -> list[Line]:
    """The Markdown, wrapped where that does no harm: tables are aligned and cut, what hosts printed stays as it is."""
    found: list[Line] = []
    for kind, rows in groupby(_told_apart(text.splitlines()), key=lambda each: each[0]):
        block = [row for _, row in rows]
        if kind == "table":
            found += _table(block, cells)
        else:
            found += [each for row in block for each in _shown(kind, row, cells)]
    return found


def _told_apart(rows: Sequence[str]) -> Iterator[tuple[str, str]]:
    fence = ""
    for row in rows:
        mark = _FENCE.match(row)
        if mark and (not fence or _closes(row, fence)):
            fence = "" if fence else mark[0]
            yield "blank", ""
        elif fence or row.startswith("    "):
            yield "code", row
        elif row.startswith("#"):
            yield "title", row.lstrip("# ")
        elif row.startswith("|"):
            yield "table", row
        else:
            yield ("text" if row.strip() else "blank"), row


def _closes(row: str, fence: str) -> bool:
    """Only backticks, and no fewer than it was opened with: what hosts printed may have shorter fences in it."""
    return len(row.rstrip()) >= len(fence) and not row.rstrip().strip("`")


def _shown(kind: str, row: str, cells: int) -> list[Line]:
    if kind == "blank":
        return [()]
    if kind == "code":
        return [crop(line(Span(row, "dim")), cells)]
    if kind == "title":
        return [crop(line(Span(_plain(row), "title")), cells)]
    blanks = min(8, len(row) - len(row.lstrip()))
    hanging = 2 if row.lstrip().startswith(("- ", "* ")) else 0
    return [line(" " * blanks, *each) for each in wrap(_plain(row), cells - blanks, hanging)]


def _plain(text: str) -> str:
    """Without the marks and escapes that only a renderer of Markdown needs."""
    return _ESCAPED.sub(r"\1", _MARKS.sub("", text))


def _table(rows: Sequence[str], cells: int) -> list[Line]:
    """Columns as wide as their widest cell; the titles in their own role, the rule below them is not needed."""
    table = [[_plain(cell.strip()) for cell in _CELLS.split(row.strip())[1:-1]] for row in rows if not _is_rule(row)]
    count = max((len(row) for row in table), default=0)
    widths = [
        min(MOST_CELLS, max(width(((row[at], "text"),)) for row in table if at < len(row))) for at in range(count)
    ]
    shown = []
    for number, row in enumerate(table):
        text = "  ".join(fit(cell, size) for cell, size in zip(row, widths, strict=False))
        shown.append(crop(line(Span(text, "text" if number else "head")), cells))
    return shown


def _is_rule(row: str) -> bool:
    return "-" in row and _RULE.fullmatch(row) is not None
