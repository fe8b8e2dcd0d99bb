"""`swarm-tui run pause|resume|abort|promote|skip|retry|answer|note`: a person steps in."""

from __future__ import annotations

import click

from backends.maintenance.model import RunState
from swarm_tui.cli.backup_restore import agreed, yes_option
from swarm_tui.cli.output import json_option, pass_options, write_json
from swarm_tui.cli.run_names import host_argument, note_option, refuse_read_only, run_argument, run_id
from swarm_tui.client import open_engine
from swarm_tui.exits import OK
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import run_lines

why_option = note_option("Why; it goes into the record.")


@click.command()
@run_argument
@why_option
@json_option
@pass_options
def pause(options: ConsoleOptions, run: str, text: str, as_json: bool) -> int:
    """Begin nothing more; what is in work comes to the end of its step."""
    refuse_read_only(options, "pause a run")
    with open_engine(options) as client:
        return _told(client.runs.pause(run_id(client, run), text), as_json)


@click.command()
@run_argument
@why_option
@json_option
@pass_options
def resume(options: ConsoleOptions, run: str, text: str, as_json: bool) -> int:
    """Go on after a pause, or after the run stopped by itself: what stopped it is then known and accepted."""
    refuse_read_only(options, "go on with a run")
    with open_engine(options) as client:
        return _told(client.runs.resume(run_id(client, run), text), as_json)


@click.command()
@run_argument
@why_option
@yes_option
@json_option
@pass_options
def abort(options: ConsoleOptions, run: str, text: str, yes: bool, as_json: bool) -> int:
    """End a run for good: hosts in work are finished, never killed; the others are skipped."""
    refuse_read_only(options, "abort a run")
    with open_engine(options) as client:
        run = run_id(client, run)
        agreed(f"abort run {run} for good", yes)
        return _told(client.runs.abort(run, text), as_json)


@click.command()
@run_argument
@json_option
@pass_options
def promote(options: ConsoleOptions, run: str, as_json: bool) -> int:
    """The canaries are fine: the next batch may begin."""
    refuse_read_only(options, "go on after the canaries")
    with open_engine(options) as client:
        return _told(client.runs.promote(run_id(client, run)), as_json)


@click.command()
@run_argument
@host_argument
@why_option
@json_option
@pass_options
def skip(options: ConsoleOptions, run: str, host: str, text: str, as_json: bool) -> int:
    """Leave a host out that did not begin, asks, or failed. One that is drained stays so."""
    refuse_read_only(options, "skip a host")
    with open_engine(options) as client:
        return _told(client.runs.skip(run_id(client, run), host, text), as_json, host)


@click.command()
@run_argument
@host_argument
@why_option
@json_option
@pass_options
def retry(options: ConsoleOptions, run: str, host: str, text: str, as_json: bool) -> int:
    """Try the step of a host that failed or asks once more."""
    refuse_read_only(options, "try a host again")
    with open_engine(options) as client:
        return _told(client.runs.retry(run_id(client, run), host, text), as_json, host)


@click.command()
@run_argument
@host_argument
@click.argument("text", metavar="TEXT")
@json_option
@pass_options
def answer(options: ConsoleOptions, run: str, host: str, text: str, as_json: bool) -> int:
    """Answer what a host asks; where it was refused TEXT is the reason that overrules it."""
    refuse_read_only(options, "answer a question of a run")
    with open_engine(options) as client:
        return _told(client.runs.answer(run_id(client, run), host, written(text)), as_json, host)


@click.command()
@run_argument
@click.argument("text", metavar="TEXT")
@click.option("--host", metavar="HOST", default="", help="The note is about this host.")
@json_option
@pass_options
def note(options: ConsoleOptions, run: str, text: str, host: str, as_json: bool) -> int:
    """Write a note into the record of a run."""
    refuse_read_only(options, "write a note")
    with open_engine(options) as client:
        return _told(client.runs.note(run_id(client, run), written(text), host), as_json)


def written(text: str) -> str:
    """Raises click.UsageError for nothing."""
    if not text.strip():
        raise click.UsageError("say something: the text is empty")
    return text


def _told(state: RunState, as_json: bool, host: str = "") -> int:
    """How the run stands now, and the host that it was about."""
    if as_json:
        write_json(state)
        return OK
    click.echo(run_lines.done_words(state))
    if host and (found := state.hosts.get(host)) is not None:
        words = [run_lines.state(found, None), run_lines.step(state.plan, found), found.text]
        click.echo(f"{host}: {'  '.join(word for word in words if word)}")
    return OK


COMMANDS = (pause, resume, abort, promote, skip, retry, answer, note)
