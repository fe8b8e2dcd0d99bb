"""`swarm-tui run`: maintenance runs, planned, started and looked at. The rest is in the modules beside this one."""

from __future__ import annotations

import click

from backends.maintenance.model import RunStatus, Stage
from backends.maintenance.views import RunList, RunSummary
from swarm_tui.cli import run_act, run_plan, run_start, run_tell, run_watch
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.cli.run_names import run_argument, run_id
from swarm_tui.client import open_engine
from swarm_tui.exits import FAILED, OK, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import run_lines as text


@click.group()
def command() -> None:
    """Plan maintenance runs; start, follow, pause, report.

    A RUN is named by its id; "last" is the newest one.
    """


for each in (*run_plan.COMMANDS, *run_start.COMMANDS):
    command.add_command(each)


@command.command("list")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--configured", is_flag=True, help="Those that `run plan NAME` knows: [[runs]] of the configuration.")
@json_option
@pass_options
def list_runs(options: ConsoleOptions, limit: int, configured: bool, as_json: bool) -> int:
    """All runs, the newest first.

    Exit status: 0 none waits for anybody, 1 one asks or stopped, 2 a journal is damaged and its run held;
    with --configured: 0 each means some host, 1 one does not.
    """
    if configured:
        return _configured(options, as_json)
    with open_engine(options) as client:
        found = client.runs.list(limit)
    if as_json:
        write_json(found)
    else:
        _table(found)
    if found.damaged:
        return FAILED
    return WARNING if any(map(_needs_somebody, found.runs)) else OK


def _configured(options: ConsoleOptions, as_json: bool) -> int:
    with open_engine(options) as client:
        found = client.runs.names()
    if as_json:
        write_json(found)
    elif found:
        write_table(text.NAMED_HEAD, [text.named_cells(run) for run in found], (1,))
    else:
        click.echo("no run has a name; [[runs]] in the configuration gives it one, run plan --hosts does without")
    return OK if all(run.hosts for run in found) else WARNING


def _table(found: RunList) -> None:
    if found.runs:
        rows = [text.list_cells(run) for run in found.runs]
        write_table(text.LIST_HEAD, rows, (3, 4, 5), lambda at: _colour(found.runs[at]))
    else:
        click.echo("no run yet; swarm-tui run plan works one out")
    for run, wrong in found.damaged.items():
        click.echo(f"{run}: held, its journal is damaged: {wrong}", err=True)


def _needs_somebody(run: RunSummary) -> bool:
    return run.status is RunStatus.STOPPED or (not run.over and run.stages.get(Stage.ASKING, 0) > 0)


def _colour(run: RunSummary) -> str:
    if run.status is RunStatus.STOPPED or run.stages.get(Stage.FAILED, 0):
        return "red"
    return "yellow" if _needs_somebody(run) or run.status is RunStatus.PAUSED else "" if run.over else "cyan"


@command.command("show")
@run_argument
@json_option
@pass_options
def show(options: ConsoleOptions, run: str, as_json: bool) -> int:
    """The board of a run: hosts with what needs a person first, budget, batch, window, notes.

    Exit status: 0 every host is done, 1 it goes on or some were skipped, 2 some failed or it stopped by itself.
    """
    with open_engine(options) as client:
        view = client.runs.view(run_id(client, run))
    if as_json:
        write_json(view)
    else:
        run_watch.show(view)
    return run_watch.result(view)


for each in (*run_watch.COMMANDS, *run_act.COMMANDS, *run_tell.COMMANDS):
    command.add_command(each)
