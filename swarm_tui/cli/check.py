"""`swarm-tui check`: the health of hosts as it was last seen or as it is now; the exit status is that of the worst."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import get_args

import click

from backends.checks.health_active import Test
from backends.checks.health_views import HostChecks, HostHealth
from backends.errors import BadInput
from backends.states import Severity
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import FAILED, OK, STATUS_OF, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import check_text as text

POLL_SECONDS = 0.3
LONGEST_SECONDS = 180.0
"""For one full look of every host that was asked for."""
REACH_SECONDS = 8.0
"""A young engine is given so long to reach its hosts."""


@click.command()
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option("--now", "again", is_flag=True, help="Look at the hosts now, and wait for it.")
@click.option(
    "--no-slow", is_flag=True, help="With --now: leave out what takes seconds (nvidia-smi -q, SMART, boards)."
)
@click.option("--problems", is_flag=True, help="Only what is not well.")
@click.option("--difference", "since", metavar="last|SECONDS", default="", help="What changed on a host since then.")
@click.option("--list", "listed", is_flag=True, help="Every check, with what it looks at.")
@click.option("--ack", "acked", metavar="CHECK[:WHERE]", default="", help="Take a finding of one host in hand.")
@click.option("--clear", "cleared", metavar="CHECK[:WHERE]", default="", help="Settle a finding: set it healthy.")
@click.option("--note", metavar="TEXT", default="", help="With --ack and --clear: what the others should know.")
@click.option(
    "--active", "test", type=click.Choice(get_args(Test)), default=None, help="Load the hardware of one host."
)
@click.option(
    "--drained", metavar="HOST", default="", help="With --active: its name once more; nothing else runs there."
)
@json_option
@pass_options
def command(
    options: ConsoleOptions,
    select: str,
    again: bool,
    no_slow: bool,
    problems: bool,
    since: str,
    listed: bool,
    acked: str,
    cleared: str,
    note: str,
    test: Test | None,
    drained: str,
    as_json: bool,
) -> int:
    """Look at the health of hosts; take in hand, set healthy, compare.

    GPUs, network, machine, peers, and the site's own commands. Hosts are checked every hour; without --now the last result is shown, with its age. One host is shown with evidence
    and the next step of every finding.

    Exit status: the worst of all: 0 ok, 1 warning, 2 critical, 3 unknown (and nothing worse).
    """
    if sum(map(bool, (since, listed, acked, cleared, test))) > 1:
        raise click.UsageError("--difference, --list, --ack, --clear and --active exclude each other")
    with open_engine(options) as client:
        if listed:
            return _list(client, as_json)
        if acked or cleared:
            return _act(options, client, select, acked, cleared, note)
        if test is not None:
            return _active(options, client, select, test, drained)
        if since:
            return _difference(client, select, since, as_json)
        if again:
            _look(client, select, slow=not no_slow)
        return _show(client, select, problems, as_json)


# Showing -------------------------------------------------------------------------------------------------------------


def _show(client: EngineClient, select: str, problems: bool, as_json: bool) -> int:
    rows = text.ordered(client.checks.view(select).hosts)
    status = STATUS_OF[max((row.severity for row in rows), key=_rank, default=Severity.UNKNOWN)]
    details = client.checks.host(rows[0].host) if len(rows) == 1 else None
    if as_json:
        write_json([client.checks.host(row.host) for row in rows])
    elif details is not None:
        _one(details, problems)
    else:
        _many(rows, problems)
    return status


def _rank(severity: Severity) -> int:
    """What is not known is worse than a known well, and better than any known trouble."""
    return (Severity.OK, Severity.UNKNOWN, Severity.WARNING, Severity.CRITICAL).index(severity)


def _many(rows: Sequence[HostHealth], problems: bool) -> None:
    shown = [row for row in rows if row.severity is not Severity.OK or not problems]
    write_table(text.HEAD, [text.cells(row, time.time()) for row in shown], (2, 3, 4, 5))
    click.echo(text.summary(rows))


def _one(checks: HostChecks, problems: bool) -> None:
    now = time.time()
    click.echo(text.head(checks, now))
    result = checks.result
    if result is None:
        return
    well = [] if problems else [each for each in result.findings if each.severity is Severity.OK]
    for finding in result.problems:
        row = text.finding_cells(finding, now)
        click.echo(f"  {row[1]:<9}{row[0]:<5} {' '.join(filter(None, row[2:4]))}" + (f"  ({row[4]})" if row[4] else ""))
        click.echo("".join(f"{line}\n" for line in text.below(finding)), nl=False)
        if finding.acknowledged:
            click.echo(f"    {finding.acknowledged} has it in hand")
    for finding in well:
        click.echo(f"  {'ok':<9}{finding.check:<5} {' '.join(filter(None, (finding.object, finding.text)))}")
    for line in () if problems else text.skipped(result.skipped):
        click.echo(f"  {line}")


def _list(client: EngineClient, as_json: bool) -> int:
    found = client.checks.catalogue()
    if as_json:
        write_json(found)
    else:
        write_table(("CHECK", "GROUP", "LOOKS AT"), [text.catalogue_cells(row) for row in found])
    return OK


# Looking -------------------------------------------------------------------------------------------------------------


def _look(client: EngineClient, select: str, *, slow: bool) -> None:
    """Look at the hosts and wait until every one of them has answered or was given up."""
    _reach(client, select)
    before = {row.host: row.tried for row in client.checks.view(select).hosts}
    client.checks.run(select, slow)
    limit = time.monotonic() + LONGEST_SECONDS
    left = len(before)
    while left and time.monotonic() < limit:
        time.sleep(POLL_SECONDS)
        rows = client.checks.view(select).hosts
        now = sum(row.busy or row.tried == before.get(row.host) for row in rows)
        if now != left and len(before) > 1 and sys.stderr.isatty():
            click.echo(f"{len(before) - now} of {len(before)} hosts looked at", err=True)
        left = now


def _reach(client: EngineClient, select: str) -> None:
    """An engine that was just started is given a moment to reach the hosts."""
    limit = time.monotonic() + REACH_SECONDS
    while any(row.state == "connecting" for row in client.fleet_view(None, select).rows):
        if time.monotonic() > limit:
            return
        time.sleep(POLL_SECONDS)


# Acting --------------------------------------------------------------------------------------------------------------


def _act(options: ConsoleOptions, client: EngineClient, select: str, acked: str, cleared: str, note: str) -> int:
    _refuse_read_only(options, "acknowledge a finding")
    host = _only(client, select)
    check, _, where = (acked or cleared).partition(":")
    check, where = _found(client, host, check, where)
    if acked:
        client.checks.ack(host, check, where, note)
    else:
        client.checks.clear(host, check, where, note)
    place = f"{check} {where}".strip()
    click.echo(f"{host}: {place} is {'acknowledged' if acked else 'set healthy; it is looked at again'}")
    return OK


def _found(client: EngineClient, host: str, check: str, where: str) -> tuple[str, str]:
    """The finding that is meant; where there is one only, its place may be left out. Raises BadInput."""
    result = client.checks.host(host).result
    same = [each for each in result.problems if each.check.lower() == check.lower()] if result is not None else []
    exact = [each for each in same if each.object == where]
    chosen = exact or ([] if where else same)
    if len(chosen) == 1:
        return chosen[0].check, chosen[0].object
    there = ", ".join(f"{each.check}:{each.object}" if each.object else each.check for each in same)
    raise BadInput(
        f"{check}{f':{where}' if where else ''} is not one finding of it",
        host=host,
        action="find the finding",
        hint=f"there are: {there}" if there else f"swarm-tui check {host} --problems",
    )


def _active(options: ConsoleOptions, client: EngineClient, select: str, test: Test, drained: str) -> int:
    _refuse_read_only(options, "load the hardware")
    host = _only(client, select)
    client.checks.active(host, test, drained)
    click.echo(f"{host}: {test} has begun; swarm-tui check {host} shows what comes of it")
    return OK


def _difference(client: EngineClient, select: str, since: str, as_json: bool) -> int:
    before = None if since == "last" else time.time() - _seconds(since)
    found = client.checks.difference(_only(client, select), before)
    if as_json:
        write_json(found)
    else:
        click.echo("\n".join(text.difference(found, time.time())))
    if found.passes:
        return OK
    return FAILED if found.difference.worse else WARNING


def _seconds(given: str) -> float:
    try:
        return float(given)
    except ValueError as error:
        raise click.UsageError(f'--difference takes "last" or seconds, not {given!r}') from error


def _only(client: EngineClient, select: str) -> str:
    hosts = client.select(select or "*")
    if len(hosts) != 1:
        raise click.UsageError(f"this is for one host, not {len(hosts)}")
    return hosts[0]


def _refuse_read_only(options: ConsoleOptions, action: str) -> None:
    if options.read_only:
        raise BadInput("health checks are only looked at with --read-only", action=action)
