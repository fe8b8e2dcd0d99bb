"""Opens the console, and ends an engine that only served it."""

from __future__ import annotations

import sys

import click

from backends.config.load import load
from backends.errors import SwarmError
from swarm_tui.client import open_engine
from swarm_tui.options import ConsoleOptions


def run(options: ConsoleOptions) -> int:
    """Hand the terminal to the console until the operator quits."""
    if not has_terminal():
        raise click.UsageError("the console needs a terminal; for scripts there is: swarm-tui status --json")
    if not options.attach:
        load(options.config_path)  # a wrong file is told before the screen is taken
    from swarm_tui.app import run_console  # late: Textual takes longer to import than most subcommands run

    try:
        return int(run_console(options) or 0)
    finally:
        if options.is_private:
            _end_private(options)


def has_terminal() -> bool:
    """Whether a person sits on both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _end_private(options: ConsoleOptions) -> None:
    """A demo or a replay has no reason to go on unseen."""
    try:
        with open_engine(options, start=False) as client:
            client.stop()
    except SwarmError:
        return  # it never ran or has ended already
