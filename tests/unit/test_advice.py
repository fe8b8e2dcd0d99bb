"""Every next step that names a subcommand names one that is there, with options that it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from swarm_tui.cli.root import COMMANDS, swarm_tui

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "backends").rglob("*.py"), *(ROOT / "swarm_tui").rglob("*.py")])
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ADVICE = re.compile(r"swarm-tui ((?:[a-z][a-z-]*)(?: [^\"'`;,\n]*)?)")
WORD = re.compile(r"--?[a-z][a-z-]*|[^\s=]+")


def advised() -> Iterator[tuple[str, str]]:
    """(where, words after "swarm-tui") of everything that looks like a command line."""
    for file in (*SOURCES, *DOCUMENTS):
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            for match in ADVICE.finditer(line):
                words = match[1].split()
                if words[0] in COMMANDS and "swarm-tui engine:" not in line:
                    yield f"{file.relative_to(ROOT)}:{number}", match[1]


def wrong(words: str) -> str:
    """What is wrong with a command line; "" when nothing is."""
    command: click.Command = swarm_tui
    context = click.Context(command)
    left = words.split()
    while isinstance(command, click.Group) and left and re.fullmatch(r"[a-z][a-z-]*", left[0].strip(".,:)|")):
        name = left.pop(0).strip(".,:)|")
        found = command.get_command(context, name)
        if found is None:
            if isinstance(command, click.Group) and command.invoke_without_command:
                return ""
            return f"no subcommand {name!r} in {command.name}"
        command = found
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word for word in left if word.startswith("--") and word.strip(".,:)]|") not in {*known, "--", "--help"}]
    return f"{command.name} has no {unknown[0]}" if unknown else ""


@pytest.mark.parametrize(("place", "words"), sorted(set(advised())))
def test_what_is_advised_can_be_done(place: str, words: str) -> None:
    assert wrong(words) == "", f"{place}: swarm-tui {words}"


def test_wrong_advice_would_be_noticed() -> None:
    assert wrong("backup unlock vault/gpu01").startswith("no subcommand 'unlock'")
    assert wrong("backup run gpu01 --host x") == "run has no --host"
    assert wrong("backup run gpu01 --set config") == ""
