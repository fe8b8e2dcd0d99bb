"""`swarm-tui alerts`: what fires, the worst first. The rest is in the modules beside this one."""

from __future__ import annotations

import fnmatch
import time

import click
from msgspec.structs import replace

from backends.alerts.views import AlertRow, AlertView
from backends.states import Severity
from swarm_tui.cli import alert_act, alert_look, alert_quiet, alert_send, alert_trial, alert_watch
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.cli.status import COLOURS
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import FAILED, OK, UNKNOWN, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import alert_text as text

WAIT_SECONDS, POLL_SECONDS = 5.0, 0.1
"""A fresh engine's first evaluation is waited for so long."""


@click.group(invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int | None:
    """Show what fires; acknowledge, silence, test; hand over.

    Without a subcommand: list. An ALERT is named by its first digits, or as rule@host[:object].
    """
    if ctx.invoked_subcommand is None:
        status: int = ctx.invoke(list_alerts)
        return status
    return None


for each in (
    *alert_look.COMMANDS,
    *alert_act.COMMANDS,
    *alert_quiet.COMMANDS,
    *alert_send.COMMANDS,
    *alert_trial.COMMANDS,
    *alert_watch.COMMANDS,
):
    command.add_command(each)


@command.command("list")
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option("--all", "everything", is_flag=True, help="Also what waits to fire, is for information, or is just over.")
@click.option("--rule", metavar="GLOB", default="", help="Only alerts of these rules: 'gpu.*'.")
@click.option(
    "--severity",
    "severities",
    multiple=True,
    type=click.Choice(["critical", "warning", "info"]),
    help="Only this severity (repeatable).",
)
@json_option
@pass_options
def list_alerts(
    options: ConsoleOptions,
    select: str = "",
    everything: bool = False,
    rule: str = "",
    severities: tuple[str, ...] = (),
    as_json: bool = False,
) -> int:
    """What fires, the worst first; acknowledged, silenced and explained alerts too, each with its state.

    Exit status: 0 nothing fires, 1 warnings, 2 something critical, 3 nothing critical is known but the engine did not
    evaluate everything, or cannot keep what it knows. Of what is listed.
    """
    with open_engine(options) as client:
        view = settled(client, select)
    rows = [row for row in view.alerts or () if _wanted(row, everything, rule, severities)]
    if as_json:
        write_json(replace(view, alerts=tuple(rows)))
    else:
        _table(rows, view)
    return status_of(rows, text.trouble(view))


def settled(client: EngineClient, select: str) -> AlertView:
    """The alerts, after a fresh engine had the chance to look at everything once."""
    deadline = time.monotonic() + WAIT_SECONDS
    view = client.alerts.view(select)
    while view.pulse.completed is None and not view.problem and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        view = client.alerts.view(select)
    return view


def status_of(rows: list[AlertRow], trouble: str) -> int:
    """That of the worst which stands; a critical alert is known whatever else is not."""
    found = {row.severity for row in rows if text.stands(row)}
    if Severity.CRITICAL in found:
        return FAILED
    return UNKNOWN if trouble else WARNING if found else OK


def _wanted(row: AlertRow, everything: bool, rule: str, severities: tuple[str, ...]) -> bool:
    level = text.level(row)
    shown = everything or text.stands(row) or (row.info and "info" in severities)
    return shown and (not severities or level in severities) and (not rule or fnmatch.fnmatchcase(row.rule, rule))


def _table(rows: list[AlertRow], view: AlertView) -> None:
    if rows:
        cells = [text.cells(row, view.now) for row in rows]
        write_table(text.HEAD, cells, (3,), lambda at: COLOURS[rows[at].severity] if text.stands(rows[at]) else "")
    click.echo(text.summary(rows, view))
    if trouble := text.trouble(view):
        click.echo(f"not to be trusted: {trouble}", err=True)
    for hint in view.hints:
        click.echo(hint, err=True)
