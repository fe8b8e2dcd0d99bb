"""`swarm-tui record`: the engine writes what the fleet does into a file until it is told to stop."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from pathlib import Path

import click

from backends import units
from backends.errors import RetryLater
from swarm_tui.cli.exec import seconds
from swarm_tui.cli.output import json_option, pass_options, write_json
from swarm_tui.client import EngineClient, Recording, open_engine
from swarm_tui.exits import OK
from swarm_tui.options import ConsoleOptions


@click.command()
@click.argument("file")
@click.option(
    "--for",
    "duration",
    callback=lambda *given: seconds(*given) if given[2] else None,
    metavar="TIME",
    default=None,
    help="End after this time (60s, 10m)  [default: with Ctrl-C].",
)
@json_option
@pass_options
def command(options: ConsoleOptions, file: str, duration: float | None, as_json: bool) -> int:
    """Record what the fleet does into a file.

    It ends with Ctrl-C or after --for; watch it with: swarm-tui replay FILE.

    With --attach the file is written where the engine runs.
    """
    path = file if options.attach else str(Path(file).expanduser().resolve())
    with open_engine(options) as client:
        client.record_start(path)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the recording is finished, not dropped
        with contextlib.suppress(KeyboardInterrupt):  # the way to end it
            _wait(client, duration)
        recording = client.record_stop()
    _told(recording, as_json)
    return OK


def _wait(client: EngineClient, duration: float | None) -> None:
    began = time.monotonic()
    while duration is None or time.monotonic() - began < duration:
        if not client.is_open:
            raise RetryLater("the engine has ended, and the recording with it")
        if sys.stderr.isatty():
            sys.stderr.write(f"\rrecording for {units.span(time.monotonic() - began)}; Ctrl-C ends it\x1b[K")
            sys.stderr.flush()
        time.sleep(min(0.5, duration - (time.monotonic() - began)) if duration is not None else 0.5)


def _told(recording: Recording, as_json: bool) -> None:
    if as_json:
        write_json(recording)
        return
    if sys.stderr.isatty():
        click.echo(err=True)
    click.echo(f"{recording.path}: {recording.frames} frames")
