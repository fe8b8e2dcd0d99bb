"""`swarm-tui alerts watch`: what happens to alerts, as it happens."""

from __future__ import annotations

import queue
from collections.abc import Sequence

import click

from backends.alerts.model import Edge, EdgeKind
from backends.errors import RetryLater
from backends.states import Severity
from swarm_tui.cli.alert_look import past
from swarm_tui.cli.output import colours, json_option, pass_options, write_json_line
from swarm_tui.cli.status import COLOURS
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import OK
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import alert_text as text

POLL_SECONDS = 1.0
"""What the engine does not announce is seen after so long."""
BEFORE_SECONDS, WINDOW_SECONDS = 86_400.0, 120.0
"""How far back the beginning goes; and each look afterwards, since an event is written under its own time."""
MOST, REMEMBERED = 1000, 20_000
GOOD = frozenset({EdgeKind.RESOLVED, EdgeKind.CLEARED, EdgeKind.FREED, EdgeKind.STEADY, EdgeKind.KNOWN})


@click.command()
@click.option("--host", metavar="NAME", default="", help="Only this host.")
@click.option("--rule", metavar="GLOB", default="", help="Only these rules.")
@click.option(
    "-n", "--limit", type=click.IntRange(0, MOST), default=10, show_default=True, help="How many to begin with."
)
@json_option
@pass_options
def watch(options: ConsoleOptions, host: str, rule: str, limit: int, as_json: bool) -> int:
    """Follow what happens to alerts and what is done about them, until Ctrl-C. With --json: one object a line."""
    with open_engine(options) as client:
        client.subscribe_events()
        seen = past(client, BEFORE_SECONDS, host, rule, MOST)
        write(seen[-limit:] if limit else [], as_json)
        _follow(client, host, rule, seen, as_json)
    return OK


def _follow(client: EngineClient, host: str, rule: str, seen: Sequence[Edge], as_json: bool) -> None:
    """Raises RetryLater when the engine ends."""
    known = dict.fromkeys(seen)
    while True:
        _wait(client)
        edges = past(client, WINDOW_SECONDS, host, rule, MOST)
        new = [edge for edge in edges if edge not in known]
        write(new, as_json)
        if len(new) == MOST:
            click.echo(f"more than {MOST} things happened at once: swarm-tui alerts history", err=True)
        known |= dict.fromkeys(new)
        for edge in list(known)[:-REMEMBERED]:
            del known[edge]


def _wait(client: EngineClient) -> None:
    """Until the engine announces something, at most `POLL_SECONDS`."""
    try:
        note = client.notifications.get(timeout=POLL_SECONDS)
        while note is not None:
            note = client.notifications.get_nowait()
    except queue.Empty:
        return
    raise RetryLater("the engine has ended", hint="start it: swarm-tui engine")


def write(edges: Sequence[Edge], as_json: bool) -> None:
    """A line each, at once."""
    for edge in edges:
        if as_json:
            write_json_line(edge)
        else:
            click.echo(click.style(text.edge_words(edge), fg=colour(edge) if colours() else None))


def colour(edge: Edge) -> str | None:
    """Of its line; what is over is no longer red."""
    if edge.kind in GOOD:
        return "green"
    return COLOURS[edge.severity] if edge.severity is not Severity.OK and not edge.by else None


COMMANDS = (watch,)
