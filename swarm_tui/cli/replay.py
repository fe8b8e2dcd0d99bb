"""`swarm-tui replay`: the console on a recording."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from backends.errors import BadInput
from swarm_tui.cli.console import run
from swarm_tui.cli.output import pass_options
from swarm_tui.options import ConsoleOptions


@click.command()
@click.argument("file")
@pass_options
def command(options: ConsoleOptions, file: str) -> int:
    """Open the console on a recording.

    Recordings are made with: swarm-tui record FILE.
    """
    if options.attach or options.demo:
        raise click.UsageError("a recording is a fleet of its own: no --attach and no --demo")
    path = Path(file).expanduser()
    if not path.is_file():
        raise BadInput(f"no such file: {file}", action="open the recording", hint="record one: swarm-tui record FILE")
    return run(msgspec.structs.replace(options, replay=str(path.resolve())))
