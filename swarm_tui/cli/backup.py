"""`swarm-tui backup`: what is kept where, making backups, and following jobs. The rest is in the modules beside this one."""

from __future__ import annotations

import time

import click

from backends.backups.model import ENDED, JobState
from backends.backups.views import BackupView
from backends.states import Severity
from swarm_tui.cli import backup_keep, backup_look, backup_restore
from swarm_tui.cli.backup_follow import detach_option, finished, meant
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.cli.update_reboot import refuse_read_only
from swarm_tui.client import open_engine
from swarm_tui.exits import FAILED, OK, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import backup_lines as text


@click.group()
def command() -> None:
    """Back up with Borg; find, compare and restore; prove it."""


for each in (*backup_look.COMMANDS, *backup_restore.COMMANDS, *backup_keep.COMMANDS):
    command.add_command(each)


@command.command("list")
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option("--repositories", is_flag=True, help="The repositories instead of the sets.")
@click.option("--refresh", is_flag=True, help="Ask every repository anew first.")
@json_option
@pass_options
def list_sets(options: ConsoleOptions, select: str, repositories: bool, refresh: bool, as_json: bool) -> int:
    """Sets, repositories and hosts: age, size, last proven restore.

    Exit status: 0 all is well, 1 something is overdue, stale or worth knowing, 2 something is badly wrong.
    """
    with open_engine(options) as client:
        if refresh:
            client.backups.refresh()
        view = client.backups.view(select)
    if as_json:
        write_json(view)
    else:
        _tables(view, repositories)
    return _status(view)


def _tables(view: BackupView, repositories: bool) -> None:
    now = time.time()
    if repositories:
        write_table(text.REPOSITORY_HEAD, [text.repository_cells(row, now) for row in view.repositories], range(1, 5))
    else:
        write_table(text.SET_HEAD, [text.set_cells(row, now) for row in view.sets or ()], (3, 4, 5))
    for concern in view.concerns:
        place = " ".join(filter(None, (concern.repository or concern.host, concern.set)))
        click.echo(f"{concern.severity.value}: {place}: {concern.text}")
        if concern.next_step:
            click.echo(f"  → {concern.next_step}")


def _status(view: BackupView) -> int:
    found = {concern.severity for concern in view.concerns}
    return FAILED if Severity.CRITICAL in found else WARNING if found - {Severity.OK} else OK


@command.command("run")
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option("--set", "sets", multiple=True, metavar="SET", help="Only this set (repeatable).")
@click.option("--to", "repositories", multiple=True, metavar="NAME", help="Only into this repository (repeatable).")
@detach_option
@json_option
@pass_options
def run(
    options: ConsoleOptions,
    select: str,
    sets: tuple[str, ...],
    repositories: tuple[str, ...],
    detach: bool,
    as_json: bool,
) -> int:
    """Back up now. Ctrl-C stops looking, not the backups; `backup cancel` ends one.

    Exit status: 0 everything is backed up, 1 with warnings, 2 something failed.
    """
    refuse_read_only(options, "back up")
    select, repositories = meant(select, repositories)
    with open_engine(options) as client:
        jobs = client.backups.start("backup", select, sets, repositories)
        return finished(client, jobs, as_json, detach)


@command.command("init")
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option("--to", "repositories", multiple=True, metavar="NAME", help="Only this repository (repeatable).")
@click.option("--confirm", multiple=True, metavar="QUESTION", help="Answer this question of Borg with yes, once.")
@detach_option
@json_option
@pass_options
def init(
    options: ConsoleOptions,
    select: str,
    repositories: tuple[str, ...],
    confirm: tuple[str, ...],
    detach: bool,
    as_json: bool,
) -> int:
    """Make the repositories that are missing, or take over those that are there; the first backup does it too."""
    refuse_read_only(options, "make repositories")
    select, repositories = meant(select, repositories)
    with open_engine(options) as client:
        return finished(client, client.backups.init(select, repositories, confirm), as_json, detach)


@command.command("jobs")
@json_option
@pass_options
def jobs(options: ConsoleOptions, as_json: bool) -> int:
    """What runs and what ran, the newest first."""
    with open_engine(options) as client:
        found = client.backups.view().jobs
    if as_json:
        write_json(found)
    else:
        click.echo("\n".join(map(text.job_words, found)) or "no job yet")
    return OK


@command.command("show")
@click.argument("job", metavar="JOB")
@click.option("--log", is_flag=True, help="What Borg and the job said.")
@json_option
@pass_options
def show(options: ConsoleOptions, job: str, log: bool, as_json: bool) -> int:
    """Show a job. Exit status: 0 done, 1 it goes on or has warnings, 2 it failed or was cancelled."""
    with open_engine(options) as client:
        if log:
            click.echo(client.backups.log(job))
            return OK
        found = client.backups.job(job)
    if as_json:
        write_json(found)
    else:
        click.echo("\n".join(text.job_lines(found)))
    if found.state not in ENDED or found.state is JobState.WARNING:
        return WARNING
    return OK if found.state is JobState.DONE else FAILED


@command.command("cancel")
@click.argument("job", metavar="JOB")
@click.option("--force", is_flag=True, help="At once: what was not yet in a checkpoint is lost.")
@pass_options
def cancel(options: ConsoleOptions, job: str, force: bool) -> int:
    """End a job; what a backup has so far is kept, and the next one goes on from there."""
    with open_engine(options) as client:
        click.echo(text.job_words(client.backups.cancel(job, force)))
    return OK
