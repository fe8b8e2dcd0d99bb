"""`swarm-tui run output|report|held`: what a step prints, the record of a run, and who has which host."""

from __future__ import annotations

from pathlib import Path

import click

from backends.errors import BadInput
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.cli.run_names import host_argument, run_argument, run_id
from swarm_tui.client import open_engine
from swarm_tui.client_runs import ReportFormat
from swarm_tui.exits import OK
from swarm_tui.options import ConsoleOptions


@click.command()
@run_argument
@host_argument
@json_option
@pass_options
def output(options: ConsoleOptions, run: str, host: str, as_json: bool) -> int:
    """Show what the step at hand has printed on a host so far."""
    with open_engine(options) as client:
        run = run_id(client, run)
        text = client.runs.output(run, host)
    if as_json:
        write_json({"run": run, "host": host, "text": text})
    elif text:
        click.echo(text.rstrip("\n"))
    else:
        click.echo(f"{host}: nothing was printed", err=True)
    return OK


@click.command()
@run_argument
@click.option("--format", "form", type=click.Choice(["markdown", "jsonl"]), default="markdown", show_default=True)
@click.option("-o", "--output", "file", metavar="FILE", default="", help="Write it here; must not exist yet.")
@json_option
@pass_options
def report(options: ConsoleOptions, run: str, form: ReportFormat, file: str, as_json: bool) -> int:
    """Write the record of a run, also while it goes on: plan, approvals, timeline, changes, backups, what failed.

    --json is short for --format jsonl: one object a line.
    """
    with open_engine(options) as client:
        text = client.runs.report(run_id(client, run), "jsonl" if as_json else form)
    if file:
        _written(Path(file), text)
    else:
        click.echo(text.rstrip("\n"))
    return OK


def _written(file: Path, text: str) -> None:
    """Readable for oneself only, and never over something. Raises BadInput."""
    try:
        with file.open("x", encoding="utf-8") as stream:
            file.chmod(0o600)
            stream.write(text if text.endswith("\n") else text + "\n")
    except OSError as error:
        raise BadInput(f"cannot write {file}: {error.strerror}", action="keep the report") from error


@click.command()
@json_option
@pass_options
def held(options: ConsoleOptions, as_json: bool) -> int:
    """List the hosts that runs have now, and whose they are."""
    with open_engine(options) as client:
        found = client.runs.held()
    if as_json:
        write_json(found)
    elif found:
        rows = [(each.host, each.run, each.name, each.who, str(each.stage), each.text) for each in found]
        write_table(("HOST", "RUN", "NAME", "BY", "STATE", "WHAT"), rows)
    else:
        click.echo("no run has a host")
    return OK


COMMANDS = (output, report, held)
