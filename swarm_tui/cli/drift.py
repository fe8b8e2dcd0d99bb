"""`swarm-tui drift`: how the configuration of hosts differs from a snapshot, a baseline or another host."""

from __future__ import annotations

import click

from backends.backups.views import DriftMatrix
from swarm_tui.cli.backup_follow import finished
from swarm_tui.cli.backup_restore import agreed, yes_option
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.cli.update_reboot import refuse_read_only
from swarm_tui.client import open_engine
from swarm_tui.exits import OK, UNKNOWN, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import backup_lines as text


@click.command()
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option(
    "--against",
    metavar="last|pin|HOST",
    default="last",
    show_default=True,
    help="The last snapshot, the pinned baseline, or another host now.",
)
@click.option("--diff", "path", metavar="PATH", default="", help="Show how this file or fact differs, secrets masked.")
@click.option("--restore", "restored", metavar="PATH", default="", help="Put this file back as it was.")
@click.option("--pin", is_flag=True, help="Make the newest snapshot of these hosts their baseline.")
@click.option("--matrix", is_flag=True, help="Hosts × facts: who stands apart.")
@yes_option
@json_option
@pass_options
def command(
    options: ConsoleOptions,
    select: str,
    against: str,
    path: str,
    restored: str,
    pin: bool,
    matrix: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Compare configurations: a snapshot, a baseline, another host.

    Exit status: 0 no difference, 1 some, 3 some host could not be compared.
    """
    if sum(map(bool, (path, restored, pin, matrix))) > 1:
        raise click.UsageError("--diff, --restore, --pin and --matrix exclude each other")
    if pin:
        return _pin(options, select, as_json)
    if matrix:
        return _matrix(options, select, as_json)
    if restored:
        return _restore(options, select, restored.strip("/"), against, yes, as_json)
    if path:
        return _diff(options, select, path.strip("/"), against)
    return _reports(options, select, against, as_json)


def _reports(options: ConsoleOptions, select: str, against: str, as_json: bool) -> int:
    with open_engine(options) as client:
        reports = client.backups.drift(select, against)
    if as_json:
        write_json(reports)
    else:
        click.echo("\n".join(line for report in reports for line in text.drift_lines(report)))
    if any(report.problem for report in reports):
        return UNKNOWN
    return WARNING if any(report.entries for report in reports) else OK


def _diff(options: ConsoleOptions, select: str, path: str, against: str) -> int:
    found = False
    with open_engine(options) as client:
        for host in client.select(select):
            shown = client.backups.drift_diff(host, path, against)
            found = found or bool(shown)
            click.echo(shown or f"{host}: {path} is the same")
    return WARNING if found else OK


def _restore(options: ConsoleOptions, select: str, path: str, against: str, yes: bool, as_json: bool) -> int:
    refuse_read_only(options, "restore a file")
    with open_engine(options) as client:
        hosts = client.select(select)
        if len(hosts) != 1:
            raise click.UsageError(f"--restore is for one host, not {len(hosts)}")
        plan = client.backups.restore_file(hosts[0], path, against)
        click.echo("\n".join(text.restore_lines(plan)), err=True)
        agreed(f"restore /{path} on {hosts[0]}", yes)
        return finished(client, (client.backups.restore(plan.id, plan.hash),), as_json, detach=False)


def _pin(options: ConsoleOptions, select: str, as_json: bool) -> int:
    refuse_read_only(options, "pin a baseline")
    with open_engine(options) as client:
        pinned = {host: client.backups.pin(host) for host in client.select(select)}
    if as_json:
        write_json(pinned)
    else:
        click.echo("\n".join(f"{host}: {archive.name} is the baseline" for host, archive in pinned.items()))
    return OK


def _matrix(options: ConsoleOptions, select: str, as_json: bool) -> int:
    with open_engine(options) as client:
        found: DriftMatrix = client.backups.drift_matrix(select)
    if as_json:
        write_json(found)
    else:
        write_table(("FACT", *found.hosts), [(row.fact, *row.values) for row in found.rows])
    return WARNING if any(len(set(row.values)) > 1 for row in found.rows) else OK
