"""`swarm-tui alerts test|targets|outbox|resend|handover`: what is told to whom, and whether it arrives."""

from __future__ import annotations

import time

import click

from backends.alerts.target_health import TargetState
from backends.alerts.views import DeliveryRow
from backends.errors import BadInput
from swarm_tui.cli.alert_act import refuse_read_only
from swarm_tui.cli.alert_test import test
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.cli.until import since_option
from swarm_tui.client import open_engine
from swarm_tui.exits import FAILED, OK, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import delivery_text as text

MOST_DEAD = 10_000
_COLOURS = {"dead": "red", "retry": "yellow", "held": "yellow"}


@click.command()
@json_option
@pass_options
def targets(options: ConsoleOptions, as_json: bool) -> int:
    """Who is told, and how each does. Exit status: 0 well, 1 something failed, 2 one takes nothing for ten minutes."""
    with open_engine(options) as client:
        found = client.alerts.targets()
    now = time.time()
    if as_json:
        write_json(found)
    elif found:
        cells = [text.target_cells(each, now) for each in found]
        write_table(text.TARGET_HEAD, cells, (4, 5, 6), lambda at: _target_colour(found[at], now))
    else:
        click.echo("nobody is told: alerts appear here and in the console alone; name somebody in [[alerts.targets]]")
    if any(text.failing(each, now) for each in found):
        return FAILED
    return WARNING if any(each.failing_since is not None or each.dead for each in found) else OK


def _target_colour(state: TargetState, now: float) -> str:
    return "red" if text.failing(state, now) else "yellow" if state.failing_since is not None else ""


@click.command()
@click.option("--target", metavar="NAME", default="", help="Only what is for this target.")
@click.option("--dead", is_flag=True, help="Only what was given up.")
@click.option("-n", "--limit", type=click.IntRange(1, MOST_DEAD), default=200, show_default=True)
@json_option
@pass_options
def outbox(options: ConsoleOptions, target: str, dead: bool, limit: int, as_json: bool) -> int:
    """Notices and what became of them, the newest first.

    Exit status: 0 all were told, 1 some are on their way, 2 some were given up (`alerts resend`). Of what is listed.
    """
    with open_engine(options) as client:
        view = client.alerts.outbox(target, MOST_DEAD if dead else limit, finished=not dead)
    rows = [row for row in view.rows if row.state == "dead" or not dead][:limit]
    if as_json:
        write_json({"rows": rows, "targets": view.targets, "problem": view.problem})
    elif rows:
        cells = [text.delivery_cells(row, time.time()) for row in rows]
        write_table(text.OUTBOX_HEAD, cells, (5, 6, 7), lambda at: _COLOURS.get(rows[at].state, ""))
    else:
        click.echo("nothing was given up" if dead else "nothing was to be told yet")
    if view.problem:
        click.echo(f"what waits would not survive a restart: {view.problem}", err=True)
    return _status(rows)


def _status(rows: list[DeliveryRow]) -> int:
    states = {row.state for row in rows}
    return FAILED if "dead" in states else WARNING if states - {"sent", "collapsed"} else OK


@click.command()
@click.argument("number", metavar="[NUMBER]", type=int, default=None, required=False)
@click.option("--dead", is_flag=True, help="Everything that was given up.")
@json_option
@pass_options
def resend(options: ConsoleOptions, number: int | None, dead: bool, as_json: bool) -> int:
    """Send at once what was given up or waits for its next try; NUMBER is that of `alerts outbox`."""
    refuse_read_only(options, "send notices again")
    if (number is None) is not dead:
        raise click.UsageError("give a NUMBER or --dead, one of them")
    with open_engine(options) as client:
        numbers = [] if number is None else [number]
        if dead:
            rows = client.alerts.outbox(limit=MOST_DEAD, finished=False).rows
            numbers = [row.number for row in reversed(rows) if row.state == "dead"]
        said = {each: client.alerts.again(each) for each in numbers}
    if as_json:
        write_json([{"number": each, "text": words} for each, words in said.items()])
    else:
        click.echo("\n".join(said.values()) or "nothing was given up")
    return OK


@click.command()
@since_option("12h")
@click.option("--send", "target", metavar="TARGET", default="", help="Send it to this target too.")
@json_option
@pass_options
def handover(options: ConsoleOptions, since: float, target: str, as_json: bool) -> int:
    """What the next shift must know, as Markdown: what fired, who has it in hand, silences, what could not be told."""
    if target:
        refuse_read_only(options, "send the hand-over")
    with open_engine(options) as client:
        made = client.alerts.handover(since, target)
    if target and not made.sent:
        raise BadInput(f"it was not sent to {target}", action="send the hand-over", hint="swarm-tui alerts targets")
    if as_json:
        write_json(made)
    else:
        click.echo(made.markdown)
        if made.sent:
            click.echo(f"on its way to {target}: swarm-tui alerts outbox --target {target}", err=True)
    return OK


COMMANDS = (test, targets, outbox, resend, handover)
