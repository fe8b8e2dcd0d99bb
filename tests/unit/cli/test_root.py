"""The root of the command line: help without imports, slips with the nearest name, options that exclude each other."""

from __future__ import annotations

import importlib
import subprocess
import sys

import click
import pytest

from swarm_tui.cli.root import COMMANDS
from tests.unit.cli.conftest import Run


def test_help_lists_every_subcommand(run: Run) -> None:
    ran = run("--help")
    assert ran.status == 0
    assert all(name in ran.out and text in ran.out for name, text in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_help_is_that_of_the_subcommand(name: str) -> None:
    command: click.Command = importlib.import_module(f"swarm_tui.cli.{name}").command
    assert (command.help or "").split("\n")[0] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_subcommand_explains_itself(name: str, run: Run) -> None:
    ran = run(name, "--help")
    assert ran.status == 0
    assert "Usage: swarm-tui" in ran.out


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").out.startswith("swarm-tui 0.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["statsu"], 'did you mean "status"?'),
        (["zzz"], "there are: status, exec"),
        (["--nope"], "No such option"),
        (["--demo", "--replay", "x", "status"], "--demo and --replay cannot go together"),
        (["--demo", "--attach", "ssh b x", "status"], "--attach and --demo cannot go together"),
        (["--attach", "'", "status"], "No closing quotation"),
        (["--demo", "--demo-hosts", "0", "status"], "0 is not in the range"),
        ([], "the console needs a terminal"),
        (["exec"], "Missing argument"),
    ],
)
def test_wrong_usage_is_64_and_explained(words: list[str], said: str, run: Run) -> None:
    ran = run(*words)
    assert (ran.status, ran.out) == (64, "")
    assert said in ran.err


WATCHED = (
    "textual",
    "rich",
    "paramiko",
    "apprise",
    "yaml",
    "ClusterShell",
    "psutil",
    "requests",
    "sqlite3",
    "asyncio",
    "importlib.metadata",
)
"""What is heavy and has no part in asking an engine for its view."""

SCRIPT = """
import sys
from swarm_tui.__main__ import main
status = main(sys.argv[1:])
watched = {watched!r}
print("LOADED", status, sorted(name for name in watched if name in sys.modules))
"""


@pytest.mark.parametrize(
    "words", [["status"], ["--help"], ["status", "--help"], ["engine", "status"], ["exec", "--help"]]
)
def test_quick_subcommands_load_nothing_heavy(words: list[str]) -> None:
    """Runs against no engine on purpose: `status` is stopped by a socket path that cannot be, after all its imports."""
    script = SCRIPT.format(watched=WATCHED)
    socket = ["--socket", "/nowhere/" + "x" * 200] if "--help" not in words else []
    done = subprocess.run([sys.executable, "-c", script, *socket, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"LOADED {3 if socket else 0} []", done
