"""`swarm-tui run plan`: what a maintenance would do, to whom, when, and what is against it. Changes nothing."""

from __future__ import annotations

import time

import click

from backends.maintenance.dry_run import DryRun, worst
from backends.states import Severity
from swarm_tui.cli.exec import seconds
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.cli.until import for_option, until
from swarm_tui.client import open_engine
from swarm_tui.exits import FAILED, OK, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import dry_lines as text

COLOURS = {Severity.OK: "", Severity.WARNING: "yellow", Severity.CRITICAL: "red", Severity.UNKNOWN: "cyan"}


def listed(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    """Words with commas between them; None when the option was not given."""
    if value is None:
        return None
    found = [word.strip() for word in value.split(",") if word.strip()]
    if not found:
        raise click.BadParameter("name at least one")
    return found


def soak(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A duration, or 0 for none."""
    if value is None:
        return None
    return 0.0 if value.strip("0.") in ("", "s", "m", "h") else seconds(ctx, param, value)


def timeouts(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str] | None:
    """STEP=TIME, many times. The engine knows the steps and the times."""
    pairs = [word.partition("=") for word in value]
    if any(not step or not span for step, _, span in pairs):
        raise click.BadParameter("write STEP=TIME: drain=12h, backup:models=6h")
    return {step.strip(): span.strip() for step, _, span in pairs} or None


@click.command("plan")
@click.argument("name", metavar="[NAME]", default="")
@click.option("--hosts", "select", metavar="SELECTOR", default=None, help="These hosts  [default: those of NAME].")
@click.option("--steps", callback=listed, metavar="A,B,C", help="drain,snapshot,backup:SET,update:security,…")
@click.option("--batches", callback=listed, metavar="N,N%", help="How many are taken together: 1,10%,50%.")
@click.option("--max-unavailable", metavar="N|N%", help="So many may be away at once, those that are down included.")
@click.option("--max-unavailable-per-domain", metavar="N|N%", help="The same within each rack or switch.")
@click.option("--max-failed", type=click.IntRange(1), metavar="N", help="At so many failed hosts no other is begun.")
@click.option("--window-start", metavar="TIME", help="Nothing begins before  [18:00, or 2026-11-30 08:00].")
@click.option("--window-end", metavar="TIME", help="No host begins that would not be done by then.")
@for_option("The window lasts so long, from now or from --window-start")
@click.option("--canary", "canaries", metavar="HOST", multiple=True, help="The canary of its kind (repeatable).")
@click.option("--no-canary", is_flag=True, help="Begin with the batches at once.")
@click.option("--soak", "soak_seconds", callback=soak, metavar="TIME", help="Between two batches (10m; 0: nothing).")
@click.option("--promote", type=click.Choice(["auto", "key"]), help="After the canaries: go on, or wait for a person.")
@click.option("--approvals", type=click.IntRange(0, 9), metavar="N", help="So many others must say yes.")
@click.option("--timeout", "timeouts", callback=timeouts, multiple=True, metavar="STEP=TIME", help="drain=12h …")
@click.option("--package", "packages", multiple=True, metavar="GLOB", help="Update only these (repeatable).")
@click.option("--exclude", "exclude_packages", multiple=True, metavar="GLOB", help="Update all but these (repeatable).")
@json_option
@pass_options
def plan(
    options: ConsoleOptions,
    /,
    name: str,
    select: str | None,
    window_start: str | None,
    window_end: str | None,
    duration: float | None,
    no_canary: bool,
    as_json: bool,
    **wanted: object,
) -> int:
    """Work a run out and start nothing: order, batches, times, drains, updates, and what is against it.

    NAME is one of [[runs]] in the configuration; the options say what is meant otherwise, or all of it.

    \b
    swarm-tui run plan monthly-patch
    swarm-tui run plan --hosts tag:a100 --steps drain,update:security,reboot-if-needed,check,resume --for 4h

    Exit status: 0 nothing is against it, 1 something is worth a look, 2 it may not start like this.
    """
    if no_canary and wanted["canaries"]:
        raise click.UsageError("--canary and --no-canary cannot go together")
    if not name and select is None:
        raise click.UsageError("name a run of the configuration, or give --hosts ('*' means every host)")
    given = {field: list(value) if isinstance(value, tuple) else value for field, value in wanted.items()}
    given = {field: value for field, value in given.items() if value not in (None, [])}
    if no_canary:
        given["canary"] = False
    given |= window(window_start, window_end, duration, time.time())
    with open_engine(options) as client:
        dry = client.runs.compose(name, select, **given)
    if as_json:
        write_json(dry)
    else:
        show(dry)
    return status_of(dry)


def window(start: str | None, end: str | None, duration: float | None, now: float) -> dict[str, float]:
    """When it may happen, in epoch seconds. Raises click.UsageError, click.BadParameter."""
    if end is not None and duration is not None:
        raise click.UsageError("give --window-end or --for, one of them")
    found = {} if start is None else {"window_start": _moment(start, now, "--window-start")}
    begin = found.get("window_start", now)
    if end is not None:
        found["window_end"] = _moment(end, begin, "--window-end")
    elif duration is not None:
        found["window_end"] = begin + duration
    return found


def _moment(words: str, now: float, option: str) -> float:
    """The next such moment after `now`."""
    try:
        return until(words, now)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def show(dry: DryRun) -> None:
    """The dry run on stdout, and how exactly this is started."""
    click.echo("\n".join(text.head_lines(dry)))
    if dry.rows:
        click.echo()
        rows = [text.host_cells(row) for row in dry.rows]
        write_table(text.HOST_HEAD, rows, (0, 3, 4, 6), lambda at: COLOURS[dry.rows[at].severity])
    if dry.sets:
        click.echo("\n" + "\n".join(text.set_lines(dry.sets)))
    if not dry.red:
        click.echo(f"\nto do exactly this: swarm-tui run start {dry.plan.hash[: text.SHORT_HASH]}")


def status_of(dry: DryRun) -> int:
    """That of the worst which is against it; what could not be told is worth a look too."""
    if dry.red:
        return FAILED
    return OK if worst(dry.findings) is Severity.OK else WARNING


COMMANDS = (plan,)
