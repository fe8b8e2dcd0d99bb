"""`swarm-tui triage`: what ails a host, in one round trip; the exit status is the verdict's."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from backends.errors import BadInput, SwarmError
from backends.metrics.sample import Record
from backends.states import HostState
from backends.triage.markdown import markdown
from backends.triage.model import Bundle
from backends.triage.views import ANSWER_SECONDS, Compared, Outcome, Round, grid, worst
from backends.units import size
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import OK, STATUS_OF, UNKNOWN
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import triage_lists, triage_text
from swarm_tui.triage_file import save

POLL_SECONDS = 0.2
SIDE_BY_SIDE = 16
"""Hosts that the engine asks at a time."""
YOUNG_SECONDS, REACH_SECONDS = 10.0, 8.0
"""An engine that is younger has not reached its hosts yet, and is given so long."""


class Report(Record, frozen=True, kw_only=True):
    """One host of `triage --json`; a public contract."""

    host: str
    number: int | None = None
    bundle: Bundle | None = None
    difference: Compared | None = None
    error: str = ""
    hint: str = ""
    saved: str = ""
    """Where the tar is; "" when none was asked for."""


@click.command()
@click.argument("select", metavar="[HOST|SELECTOR]", default="")
@click.option("--list", "listed", is_flag=True, help="List the bundles that are kept, of a host when one is named.")
@click.option("--show", type=click.IntRange(min=1), metavar="N", default=None, help="Show bundle N; ask no host.")
@click.option(
    "--diff",
    "against",
    metavar="last-good|peer|peer-now|N|HOST",
    default="",
    help="What differs from its last good bundle, a healthy peer (as kept, or asked now), bundle N, or a host's newest.",
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Write Markdown for a ticket.")
@click.option("--save", "file", metavar="FILE", default="", help="Write a tar without secrets to FILE or a directory.")
@json_option
@pass_options
def command(
    options: ConsoleOptions,
    select: str,
    listed: bool,
    show: int | None,
    against: str,
    as_markdown: bool,
    file: str,
    as_json: bool,
) -> int:
    """Ask a sick host everything at once; compare, save.

    A verdict with the next step comes within 15 s, also when nvidia-smi hangs. Nothing is changed there.
    Several hosts become a matrix of hosts and steps, the odd ones first. Every bundle is kept, masked and bounded.

    Exit status: the worst verdict: 0 ok, 1 warning, 2 critical, 3 unknown or the host could not be asked.
    """
    _refuse(select, listed, show, as_markdown, as_json)
    with open_engine(options) as client:
        if listed:
            return _list(client, select, as_json)
        if show is not None:
            bundle = client.triage.get(show)
            return _one(client, Outcome(host=bundle.host, number=show), bundle, against, as_markdown, file, as_json)
        round_ = _asked(client, select)
        if len(round_.outcomes) > 1:
            return _many(client, round_, against, as_markdown, file, as_json)
        outcome = round_.outcomes[0]
        if outcome.number is None:
            return _failed(outcome, as_json)
        return _one(client, outcome, client.triage.get(outcome.number), against, as_markdown, file, as_json)


def _refuse(select: str, listed: bool, show: int | None, as_markdown: bool, as_json: bool) -> None:
    if listed and show is not None:
        raise click.UsageError("--list and --show exclude each other")
    if show is not None and select:
        raise click.UsageError("--show names a bundle, so no host is asked: leave out the host")
    if as_markdown and as_json:
        raise click.UsageError("--markdown and --json exclude each other")
    if not (select or listed or show is not None):
        raise click.UsageError("which host? swarm-tui triage HOST, or --list, or --show N")


# Asking -----------------------------------------------------------------------------------------------------------


def _asked(client: EngineClient, select: str) -> Round:
    """Ask hosts, and follow them to the end."""
    _reach(client, select)
    round_ = client.triage.start(select)
    limit = time.monotonic() + (1 + len(round_.outcomes) // SIDE_BY_SIDE) * 2 * ANSWER_SECONDS
    told: set[str] = set()
    _say(f"asking {len(round_.outcomes)} hosts, {ANSWER_SECONDS:.0f} s each at most", len(round_.outcomes) > 1)
    while not round_.ended and time.monotonic() < limit:
        time.sleep(POLL_SECONDS)
        round_ = client.triage.round(round_.id)
        for each in round_.outcomes:
            if each.ended and each.host not in told:
                told.add(each.host)
                _say(f"{each.host}: {_word(each)}", len(round_.outcomes) > 1)
    return round_


def _reach(client: EngineClient, select: str) -> None:
    """Give a fresh engine the chance to reach its hosts."""
    deadline = time.monotonic() + REACH_SECONDS
    while time.monotonic() < deadline:
        view = client.fleet_view(select=select)
        if not any(row.state == HostState.CONNECTING for row in view.rows):
            return
        if view.now - client.info().started > YOUNG_SECONDS:
            return
        time.sleep(0.05)


def _say(text: str, wanted: bool) -> None:
    """Progress, for a person only."""
    if wanted and sys.stderr.isatty():
        click.echo(text, err=True)


def _word(outcome: Outcome) -> str:
    if outcome.bundle is None:
        return outcome.error or "no bundle"
    return triage_text.severity_word(outcome.bundle.strip.severity)


# Telling ----------------------------------------------------------------------------------------------------------


def _one(
    client: EngineClient,
    outcome: Outcome,
    bundle: Bundle,
    against: str,
    as_markdown: bool,
    file: str,
    as_json: bool,
) -> int:
    """The bundle is written also where comparing or saving it goes wrong; that is the error afterwards."""
    number, troubles = outcome.number, []
    compared, saved = None, ""
    try:
        compared = client.triage.difference(number, against) if against and number is not None else None
        saved = _saved(bundle, file)
    except SwarmError as error:
        troubles.append(error)
    if as_json:
        write_json(Report(host=bundle.host, number=number, bundle=bundle, difference=compared, saved=saved))
    elif as_markdown:
        rows, title = (compared.differences, compared.title) if compared is not None else ((), "")
        click.echo(markdown(bundle, rows, title), nl=False)
    else:
        click.echo("\n".join(triage_text.bundle_lines(bundle, number)))
        if compared is not None:
            click.echo("\n".join(["", *triage_text.compared_lines(compared)]))
    if outcome.kept:
        click.echo(f"kept in memory alone: {outcome.kept}", err=True)
    if troubles:
        raise troubles[0]
    return STATUS_OF[bundle.strip.severity]


def _failed(outcome: Outcome, as_json: bool) -> int:
    if as_json:
        write_json(Report(host=outcome.host, error=outcome.error or "no answer yet", hint=outcome.hint))
    else:
        click.echo("\n".join(triage_text.failed_lines(outcome)))
    return UNKNOWN


def _many(client: EngineClient, round_: Round, against: str, as_markdown: bool, file: str, as_json: bool) -> int:
    if against:
        raise BadInput("--diff compares one host", action="triage", hint="name one host")
    saved = _saved_all(client, round_.outcomes, file) if file else {}
    if as_json:
        write_json({"outcomes": round_.outcomes, "matrix": grid(round_.outcomes), "saved": saved})
    elif as_markdown:
        click.echo(triage_lists.grid_markdown(round_), nl=False)
    else:
        write_table(triage_text.MATRIX_HEAD, triage_text.matrix_cells(grid(round_.outcomes)))
        for each in round_.outcomes:
            if not each.ended:
                click.echo("\n".join(triage_text.failed_lines(each)))
    return STATUS_OF[worst(round_.outcomes)]


def _list(client: EngineClient, select: str, as_json: bool) -> int:
    hosts = client.select(select) if select else ("",)
    rows = [row for host in hosts for row in client.triage.list(host)]
    rows.sort(key=lambda row: (row.time, row.id), reverse=True)
    if as_json:
        write_json(rows)
    elif rows:
        write_table(triage_text.KEPT_HEAD, triage_text.kept_cells(rows), (0,))
    else:
        click.echo("no bundle is kept: swarm-tui triage HOST makes one", err=True)
    return OK


def _saved(bundle: Bundle, file: str) -> str:
    if not file:
        return ""
    place, count = save(bundle, file)
    click.echo(f"saved {place} ({size(count)})", err=True)
    return str(place)


def _saved_all(client: EngineClient, outcomes: Sequence[Outcome], file: str) -> dict[str, str]:
    """Host → its tar, in a directory."""
    if not Path(file).expanduser().is_dir():
        raise BadInput(f"{file} is no directory", action="save triage bundles", hint="name one for several hosts")
    numbers = {each.host: each.number for each in outcomes if each.number is not None}
    return {host: _saved(client.triage.get(number), file) for host, number in numbers.items()}
