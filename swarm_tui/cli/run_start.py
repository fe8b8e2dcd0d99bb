"""`swarm-tui run start|approve`: saying yes to exactly one plan, by its hash."""

from __future__ import annotations

import sys

import click

from backends.errors import AskOperator, BadInput
from backends.maintenance.model import RunState, RunStatus
from swarm_tui.cli.backup_restore import agreed, yes_option
from swarm_tui.cli.output import json_option, pass_options, write_json
from swarm_tui.cli.run_names import refuse_read_only, run_argument, run_id
from swarm_tui.cli.run_watch import ended, follow, timeout_option
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import OK, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import dry_lines, run_lines

MOST_RUNS = 1000


@click.command()
@click.argument("what", metavar="HASH|RUN")
@yes_option
@click.option("--follow", "following", is_flag=True, help="Tell what happens until it ends, as `run watch`.")
@timeout_option
@json_option
@pass_options
def start(options: ConsoleOptions, what: str, yes: bool, following: bool, timeout: float | None, as_json: bool) -> int:
    """Start what `run plan` showed (by its HASH), or a RUN that waits. Hosts go on without this terminal.

    Without --yes a person is asked. Exit status: 0 it began, 1 it waits for approvals; with --follow that of `run watch`.
    """
    if timeout is not None and not following:
        raise click.UsageError("--timeout goes with --follow")
    refuse_read_only(options, "start a maintenance run")
    if not yes and not sys.stdin.isatty():
        raise AskOperator("starting a run asks a person", action="start a maintenance run", hint="in scripts: --yes")
    with open_engine(options) as client:
        state = waiting(client, what)
        run, missing = state.plan.id, state.plan.approvals - len(state.approvals)
        if missing > 0:
            return _waits(state, missing, as_json)
        click.echo("\n".join(dry_lines.plan_lines(state.plan)), err=True)
        if not yes:
            click.echo(f"run {run} is written down and waits; without a yes it goes on waiting", err=True)
        agreed(f"start run {run}", yes)
        state = client.runs.start(run, state.plan.hash)
        click.echo(f"run {run} began; it goes on without this terminal", err=True)
        if following:
            return ended(follow(client, run, as_json, err=not as_json, timeout=timeout), as_json)
    write_json(state) if as_json else click.echo(run_lines.done_words(state))
    return OK


def waiting(client: EngineClient, word: str) -> RunState:
    """The run that waits under this id or hash; else the dry run of this hash as a new one. Raises BadInput."""
    found = client.runs.list(MOST_RUNS).runs
    word = found[0].run if word == "last" and found else word
    for run in found:
        if run.run == word or (run.hash.startswith(word) and len(word) >= dry_lines.SHORT_HASH):
            if run.status is RunStatus.WAITING:
                return _state(client, run.run)
            if run.run == word:
                raise BadInput(f"run {word} began already: it is {run.status}", hint=f"swarm-tui run show {word}")
    if len(word) < dry_lines.SHORT_HASH or set(word) - set("0123456789abcdef"):
        hint = "work it out first: swarm-tui run plan NAME prints the hash"
        raise BadInput(f"no run waits under {word[:80]!r}, and it is no hash of a plan", hint=hint)
    return client.runs.create(word)


def _state(client: EngineClient, run: str) -> RunState:
    view = client.runs.view(run)
    if view.plan is None or view.hosts is None:
        raise BadInput(f"run {run} has no plan", hint=f"swarm-tui run show {run}")
    return RunState(plan=view.plan, status=view.status, hosts=view.hosts, approvals=view.approvals, edges=view.version)


def _waits(state: RunState, missing: int, as_json: bool) -> int:
    short = state.plan.hash[: dry_lines.SHORT_HASH]
    if as_json:
        write_json(state)
    else:
        click.echo(run_lines.done_words(state))
    others = "somebody else" if missing == 1 else f"{missing} others"
    click.echo(f"it waits until {others} said: swarm-tui run approve {state.plan.id} --hash {short}", err=True)
    click.echo(f"then: swarm-tui run start {state.plan.id}", err=True)
    return WARNING


@click.command()
@run_argument
@click.option("--hash", "approved", metavar="HASH", default="", help="Of the plan: what is approved.")
@yes_option
@json_option
@pass_options
def approve(options: ConsoleOptions, run: str, approved: str, yes: bool, as_json: bool) -> int:
    """Say yes to exactly the plan of somebody else's run. It is shown first; in scripts --hash and --yes are needed."""
    refuse_read_only(options, "approve a run")
    if yes and not approved:
        raise click.UsageError("--yes needs --hash: an approval names what is approved")
    with open_engine(options) as client:
        run = run_id(client, run)
        state = _state(client, run)
        click.echo("\n".join(dry_lines.plan_lines(state.plan)), err=True)
        agreed(f"approve run {run} as it stands here", yes)
        state = client.runs.approve(run, approved or state.plan.hash)
    missing = state.plan.approvals - len(state.approvals)
    more = f"; {missing} more needed" if missing > 0 else f"; to begin: swarm-tui run start {run}"
    write_json(state) if as_json else click.echo(f"{run}: approved{more if state.status is RunStatus.WAITING else ''}")
    return OK


COMMANDS = (start, approve)
