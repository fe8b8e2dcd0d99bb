"""`swarm-tui alerts silence|silences|unsilence|mute|mutes|unmute`: keeping notices quiet, with an end and a reason."""

from __future__ import annotations

import time

import click

from swarm_tui.cli.alert_act import refuse_read_only
from swarm_tui.cli.backup_restore import agreed, yes_option
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.cli.until import for_option
from swarm_tui.client import open_engine
from swarm_tui.exits import OK
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import delivery_text as text

PREVIEW_SECONDS = 3600.0
"""A preview needs an end, but what it tells does not depend on it."""


@click.command()
@click.option("--rule", metavar="GLOB", default="", help="Only alerts of these rules.")
@click.option("--hosts", "select", metavar="SELECTOR", default="", help="Only alerts of these hosts.")
@click.option("--object", "thing", metavar="GLOB", default="", help="Only alerts about this mount, GPU, unit …")
@for_option("How long, at most seven days")
@click.option("--comment", metavar="TEXT", default="", help="Why; whoever finds it must know.")
@click.option("--with-alert", is_flag=True, help="End it as soon as nothing matches it any more.")
@click.option("--preview", "only_preview", is_flag=True, help="Only show what it would hide.")
@yes_option
@json_option
@pass_options
def silence(
    options: ConsoleOptions,
    rule: str,
    select: str,
    thing: str,
    duration: float | None,
    comment: str,
    with_alert: bool,
    only_preview: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Hide notices of what matches, for so long; what it hides now and would have hidden is shown first.

    \b
    swarm-tui alerts silence --rule disk.space --hosts gpu07 --for 2h --comment 'disk ordered'
    """
    if not only_preview:
        refuse_read_only(options, "silence alerts")
        if duration is None or not comment.strip():
            raise click.UsageError("a silence needs --for and --comment; --preview only looks")
    with open_engine(options) as client:
        seconds = PREVIEW_SECONDS if duration is None else duration
        shown = client.alerts.preview(rule=rule, select=select, object=thing, seconds=seconds)
        if only_preview:
            write_json(shown) if as_json else click.echo("\n".join(text.preview_lines(shown)))
            return OK
        click.echo("\n".join(text.preview_lines(shown)), err=True)
        agreed("silence this", yes)
        made = client.alerts.silence(
            rule=rule, select=select, object=thing, seconds=seconds, comment=comment, with_alert=with_alert
        )
    write_json(made) if as_json else click.echo(text.silence_words(made, made.start))
    return OK


@click.command()
@json_option
@pass_options
def silences(options: ConsoleOptions, as_json: bool) -> int:
    """The silences, when they end, and what is odd about them."""
    with open_engine(options) as client:
        found, hints = client.alerts.silences()
    if as_json:
        write_json({"silences": found, "hints": hints})
        return OK
    if found:
        now = time.time()
        write_table(text.SILENCE_HEAD, [text.silence_cells(each, now) for each in found], (5, 6))
    else:
        click.echo("nothing is silenced")
    for hint in hints:
        click.echo(hint)
    return OK


@click.command()
@click.argument("silence_id", metavar="ID")
@json_option
@pass_options
def unsilence(options: ConsoleOptions, silence_id: str, as_json: bool) -> int:
    """End a silence early; what fires is told as if it were new."""
    refuse_read_only(options, "end a silence")
    with open_engine(options) as client:
        client.alerts.unsilence(silence_id)
    write_json({"id": silence_id}) if as_json else click.echo(f"silence {silence_id} is ended")
    return OK


@click.command()
@click.argument("select", metavar="SELECTOR")
@for_option("How long, at most seven days")
@click.option("--comment", metavar="TEXT", default="", help="What is done there.")
@json_option
@pass_options
def mute(options: ConsoleOptions, select: str, duration: float | None, comment: str, as_json: bool) -> int:
    """Keep quiet about hosts during their maintenance; afterwards one digest tells what is new."""
    refuse_read_only(options, "mute alerts")
    if duration is None or not comment.strip():
        raise click.UsageError("a maintenance needs --for and --comment")
    with open_engine(options) as client:
        made = client.alerts.mute(select, duration, comment)
    write_json(made) if as_json else click.echo(text.mute_words(made, made.start))
    return OK


@click.command()
@json_option
@pass_options
def mutes(options: ConsoleOptions, as_json: bool) -> int:
    """The maintenances that are not over and settled."""
    with open_engine(options) as client:
        found = client.alerts.mutes()
    if as_json:
        write_json(found)
    elif found:
        now = time.time()
        write_table(text.MUTE_HEAD, [text.mute_cells(each, now) for each in found], (3,))
    else:
        click.echo("no host is in maintenance")
    return OK


@click.command()
@click.argument("mute_id", metavar="ID")
@json_option
@pass_options
def unmute(options: ConsoleOptions, mute_id: str, as_json: bool) -> int:
    """The maintenance is over; once its hosts have settled, the digest follows."""
    refuse_read_only(options, "end a maintenance")
    with open_engine(options) as client:
        client.alerts.end_mute(mute_id)
    write_json({"id": mute_id}) if as_json else click.echo(f"maintenance {mute_id} is over; its hosts settle now")
    return OK


COMMANDS = (silence, silences, unsilence, mute, mutes, unmute)
