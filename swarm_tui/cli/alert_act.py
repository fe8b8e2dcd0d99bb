"""`swarm-tui alerts ack|unack|snooze|escalate|resolve`: taking alerts in hand."""

from __future__ import annotations

from collections.abc import Sequence

import click

from backends.alerts.views import AlertRow, AlertView
from backends.errors import BadInput
from swarm_tui.cli.alert_names import named
from swarm_tui.cli.output import json_option, pass_options, write_json
from swarm_tui.cli.until import for_option, until
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import OK
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import alert_text as text

alerts_argument = click.argument("alerts", metavar="ALERT…", nargs=-1, required=True)
note_option = click.option("--note", metavar="TEXT", default="", help="What the others should know.")


def refuse_read_only(options: ConsoleOptions, action: str) -> None:
    """Raises BadInput under --read-only."""
    if options.read_only:
        raise BadInput("alerts are only looked at with --read-only", action=action)


@click.command()
@alerts_argument
@for_option("How long; by default four hours")
@note_option
@json_option
@pass_options
def ack(options: ConsoleOptions, alerts: tuple[str, ...], duration: float | None, note: str, as_json: bool) -> int:
    """Take alerts in hand: repeats and escalation stop until the end, or until it gets worse.

    ALERT is its first digits, or rule@host[:object].
    """
    refuse_read_only(options, "acknowledge alerts")
    with open_engine(options) as client:
        _, rows = chosen(client, alerts)
        client.alerts.ack(prints(rows), seconds=duration, note=note)
        return told(client, rows, "acknowledged", as_json)


@click.command()
@alerts_argument
@json_option
@pass_options
def unack(options: ConsoleOptions, alerts: tuple[str, ...], as_json: bool) -> int:
    """Give alerts back: repeats and escalation begin anew."""
    refuse_read_only(options, "give alerts back")
    with open_engine(options) as client:
        _, rows = chosen(client, alerts)
        client.alerts.unack(prints(rows))
        return told(client, rows, "given back", as_json)


@click.command()
@alerts_argument
@for_option("How long")
@click.option(
    "--until", "end", metavar="TIME", default=None, help="Until 18:00, or 2026-11-30 08:00 (here, or with Z)."
)
@note_option
@json_option
@pass_options
def snooze(
    options: ConsoleOptions,
    alerts: tuple[str, ...],
    duration: float | None,
    end: str | None,
    note: str,
    as_json: bool,
) -> int:
    """Hear no more of alerts until a fixed time; then it is told again when it still fires."""
    refuse_read_only(options, "snooze alerts")
    if (duration is None) == (end is None):
        raise click.UsageError("give --for or --until, one of them")
    with open_engine(options) as client:
        view, rows = chosen(client, alerts)
        seconds = duration if duration is not None else _left(end or "", view.now)
        client.alerts.ack(prints(rows), seconds=seconds, note=note, snooze=True)
        return told(client, rows, "snoozed", as_json)


def _left(end: str, now: float) -> float:
    try:
        return until(end, now) - now
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--until") from error


@click.command()
@alerts_argument
@json_option
@pass_options
def escalate(options: ConsoleOptions, alerts: tuple[str, ...], as_json: bool) -> int:
    """Tell the next level at once."""
    refuse_read_only(options, "escalate alerts")
    with open_engine(options) as client:
        _, rows = chosen(client, alerts)
        client.alerts.escalate(prints(rows))
        return told(client, rows, "escalated", as_json)


@click.command()
@click.argument("alert", metavar="ALERT")
@json_option
@pass_options
def resolve(options: ConsoleOptions, alert: str, as_json: bool) -> int:
    """End by hand what is about something that happened (an XID, a kill); whoever was told hears of it."""
    refuse_read_only(options, "resolve an alert")
    with open_engine(options) as client:
        _, rows = chosen(client, (alert,))
        client.alerts.resolve(rows[0].fingerprint)
        return told(client, rows, "resolved", as_json)


def chosen(client: EngineClient, words: Sequence[str]) -> tuple[AlertView, tuple[AlertRow, ...]]:
    """All alerts, and those that are meant. Raises BadInput."""
    view = client.alerts.view()
    return view, named(view.alerts or (), words, active=True)


def prints(rows: Sequence[AlertRow]) -> list[str]:
    """Their fingerprints."""
    return [row.fingerprint for row in rows]


def told(client: EngineClient, rows: Sequence[AlertRow], word: str, as_json: bool) -> int:
    """How they stand now, on stdout."""
    view = client.alerts.view()
    newest = {row.fingerprint: row for row in view.alerts or ()}
    now = [newest.get(row.fingerprint, row) for row in rows]
    if as_json:
        write_json(now)
    else:
        click.echo("\n".join(text.done_lines(word, now, view.now)))
    return OK


COMMANDS = (ack, unack, snooze, escalate, resolve)
