"""What subcommands share in showing results: JSON with stable fields, aligned tables, selections of an engine."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import click
import msgspec

from swarm_tui.options import ConsoleOptions

json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON to stdout, for programs.")
pass_options = click.make_pass_decorator(ConsoleOptions)


def plain(value: Any) -> Any:
    """A record as plain data with all its fields: what is not known is null, never left out."""
    if isinstance(value, msgspec.Struct):
        return {field: plain(getattr(value, field)) for field in value.__struct_fields__}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


def write_json(value: Any) -> None:
    """One indented document on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(plain(value)), indent=2).decode())


def write_json_line(value: Any) -> None:
    """One object a line, at once: for what never ends."""
    click.echo(msgspec.json.encode(plain(value)).decode())
    sys.stdout.flush()


def width(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) != 0 for letter in text)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Aligned lines under a head line, two spaces apart; columns in `right` are aligned to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(head))]

    def cell(text: str, column: int) -> str:
        pad = " " * (widths[column] - width(text))
        return pad + text if column in right else text + pad

    return ["  ".join(cell(text, column) for column, text in enumerate(line)).rstrip() for line in lines]


def write_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[int] = (),
    colour: Callable[[int], str] | None = None,
) -> None:
    """The table on stdout; on a terminal lines are cut at its edge and coloured by `colour` (row number → name or "")."""
    on_terminal = sys.stdout.isatty()
    columns = shutil.get_terminal_size().columns if on_terminal else 0
    for number, line in enumerate(table(head, rows, right)):
        shown = _cut(line, columns) if on_terminal else line
        name = (colour(number - 1) if colour and number else "") or None
        click.echo(click.style(shown, fg=name, bold=number == 0 or None) if colours() else shown)


def colours() -> bool:
    """Whether stdout wants colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _cut(line: str, columns: int) -> str:
    if width(line) <= columns:
        return line
    while width(line) > columns - 1:
        line = line[:-1]
    return line + "…"
