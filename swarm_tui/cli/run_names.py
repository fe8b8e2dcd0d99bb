"""Which run is meant, and what acting on one needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from backends.errors import BadInput
from swarm_tui.client import EngineClient
from swarm_tui.options import ConsoleOptions

F = TypeVar("F", bound=Callable[..., Any])
LAST = "last"

run_argument = click.argument("run", metavar="RUN")
host_argument = click.argument("host", metavar="HOST")


def note_option(text: str) -> Callable[[F], F]:
    """`--note TEXT`, which goes into the record of the run."""
    return click.option("--note", "text", metavar="TEXT", default="", help=text)


def run_id(client: EngineClient, word: str) -> str:
    """The id that is meant: "last" is the newest run. Raises BadInput: there is none yet."""
    if word != LAST:
        return word
    found = client.runs.list(1).runs
    if not found:
        raise BadInput("there is no run yet", hint="swarm-tui run plan")
    return found[0].run


def refuse_read_only(options: ConsoleOptions, action: str) -> None:
    """Raises BadInput under --read-only."""
    if options.read_only:
        raise BadInput("runs are only looked at with --read-only", action=action)
