"""`swarm-tui events`: the timeline, oldest first, and what comes."""

from __future__ import annotations

from datetime import datetime

import click

from backends.clock import utc
from backends.engine.wire import Event
from backends.errors import RetryLater
from backends.states import Severity
from swarm_tui.cli.output import colours, json_option, pass_options, write_json, write_json_line
from swarm_tui.cli.status import COLOURS
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import OK
from swarm_tui.options import ConsoleOptions


@click.command()
@click.option("--host", metavar="NAME", default=None, help="Only this host.")
@click.option(
    "-n", "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many to begin with."
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@json_option
@pass_options
def command(options: ConsoleOptions, host: str | None, limit: int, follow: bool, as_json: bool) -> int:
    """Show what happened, or follow it.

    The oldest comes first. With --json and --follow: one object a line.
    """
    with open_engine(options) as client:
        if follow:
            client.subscribe_events()
        past = client.events(host=host, limit=limit)[::-1]
        if as_json and not follow:
            write_json(past)
            return OK
        for event in past:
            _write(event, as_json)
        if follow:
            _follow(client, host, max((event.id for event in past), default=0), as_json)
    return OK


def _follow(client: EngineClient, host: str | None, last: int, as_json: bool) -> None:
    while (note := client.notifications.get()) is not None:
        if note.method != "event":
            continue
        event = note.read(Event)
        if event.id > last and host in (None, event.host):
            _write(event, as_json)
    raise RetryLater("the engine has ended", hint="start it: swarm-tui engine")


def _write(event: Event, as_json: bool) -> None:
    if as_json:
        write_json_line(event)
    else:
        colour = COLOURS[event.severity] if colours() and event.severity != Severity.OK else ""
        click.echo(click.style(described(event, utc(event.time).astimezone()), fg=colour or None))


def described(event: Event, when: datetime) -> str:
    """One line: local time, host, kind, text and who did it."""
    who = f" ({event.actor})" if event.actor else ""
    host = f"{event.host}: " if event.host else ""
    return f"{when:%Y-%m-%d %H:%M:%S}  {event.kind:<12} {host}{event.text}{who}"
