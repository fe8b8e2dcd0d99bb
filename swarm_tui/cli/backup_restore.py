"""`swarm-tui backup restore|confirm|put-back`: a plan first, then exactly that, then keep it or not."""

from __future__ import annotations

import sys

import click

from backends.backups.views import Conflict, RestorePlan, RestoreRequest
from backends.errors import AskOperator
from swarm_tui.cli.backup_follow import detach_option, finished
from swarm_tui.cli.output import json_option, pass_options, write_json
from swarm_tui.cli.update_reboot import refuse_read_only
from swarm_tui.client import open_engine
from swarm_tui.exits import OK
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import backup_lines as text

yes_option = click.option("--yes", is_flag=True, help="Do not ask (for scripts).")


def agreed(question: str, yes: bool) -> None:
    """Ask on a terminal; elsewhere only --yes is an answer. Raises AskOperator, click.Abort."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise AskOperator("this changes something and nobody can be asked", action=question, hint="give --yes")
    click.confirm(f"{question}?", abort=True, err=True)


@click.command()
@click.argument("repository", metavar="REPOSITORY")
@click.argument("archive", metavar="ARCHIVE")
@click.argument("paths", metavar="[PATH]…", nargs=-1)
@click.option("--host", default="", help="Restore onto this host [default: the one it came from].")
@click.option("--to", "directory", metavar="DIR", default="", help="Restore below this directory [default: original].")
@click.option(
    "--conflict",
    type=click.Choice(["keep", "rename", "replace"]),
    default="rename",
    show_default=True,
    help="What becomes of a file that is there; replace keeps a copy of it.",
)
@click.option("--plan", "only_plan", is_flag=True, help="Only show what would be done.")
@yes_option
@detach_option
@json_option
@pass_options
def restore(
    options: ConsoleOptions,
    repository: str,
    archive: str,
    paths: tuple[str, ...],
    host: str,
    directory: str,
    conflict: Conflict,
    only_plan: bool,
    yes: bool,
    detach: bool,
    as_json: bool,
) -> int:
    """Bring files, a tree or a whole archive back."""
    request = RestoreRequest(
        repository=repository,
        archive=archive,
        paths=tuple(path.strip("/") for path in paths),
        host=host,
        directory=directory,
        conflict=conflict,
    )
    if not only_plan:
        refuse_read_only(options, "restore")
    with open_engine(options) as client:
        plan = client.backups.restore_plan(request)
        if only_plan:
            return _shown(plan, as_json)
        click.echo("\n".join(text.restore_lines(plan)), err=True)
        agreed("restore this", yes)
        return finished(client, (client.backups.restore(plan.id, plan.hash),), as_json, detach)


def _shown(plan: RestorePlan, as_json: bool) -> int:
    if as_json:
        write_json(plan)
    else:
        click.echo("\n".join(text.restore_lines(plan)))
    return OK


@click.command()
@click.argument("job", metavar="JOB")
@json_option
@pass_options
def confirm(options: ConsoleOptions, job: str, as_json: bool) -> int:
    """Keep what a restore put into place: its timed rollback is called off."""
    refuse_read_only(options, "confirm a restore")
    with open_engine(options) as client:
        return finished(client, (client.backups.restore_confirm(job),), as_json, detach=False)


@click.command("put-back")
@click.argument("job", metavar="JOB")
@yes_option
@json_option
@pass_options
def put_back(options: ConsoleOptions, job: str, yes: bool, as_json: bool) -> int:
    """Undo a restore: the saved copies come back, what was placed goes."""
    refuse_read_only(options, "undo a restore")
    agreed(f"undo restore {job}", yes)
    with open_engine(options) as client:
        return finished(client, (client.backups.restore_undo(job),), as_json, detach=False)


COMMANDS = (restore, confirm, put_back)
