"""`swarm-tui updates services|restart|gate|reboot`: what a host needs after a change, asked for and followed to its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from backends import units
from backends.errors import AskOperator, BadInput, SwarmError
from backends.inventory.ranges import fold
from backends.states import Severity
from backends.updates.aftercare import HostGate
from backends.updates.book import Chore
from backends.updates.chores import said
from backends.updates.reboot import SOAK_SECONDS
from swarm_tui.cli.output import json_option, pass_options, write_json
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import FAILED, OK, UNKNOWN, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import reboot_text as text

POLL_SECONDS = 0.5
MOST = 1000
"""Records that are asked for while following; a batch is among the newest."""
_STATUS = {Severity.OK: OK, Severity.WARNING: WARNING, Severity.UNKNOWN: UNKNOWN, Severity.CRITICAL: FAILED}

C = TypeVar("C", bound=Chore)
yes_option = click.option("--yes", is_flag=True, help="Do not ask (for scripts).")
detach_option = click.option("--detach", is_flag=True, help="Do not wait for the end.")


@click.command()
@click.argument("host")
@json_option
@pass_options
def services(options: ConsoleOptions, host: str, as_json: bool) -> int:
    """List the units of a host that run old code. Exit status: 0 none, 1 some, 3 nobody could look."""
    with open_engine(options) as client:
        found = client.updates.services(host)
    if as_json:
        write_json(found)
    else:
        click.echo("\n".join(text.service_lines(found)))
    return UNKNOWN if found.unknown else WARNING if found.services else OK


@click.command()
@click.argument("select", metavar="SELECTOR")
@click.argument("names", metavar="[UNIT]…", nargs=-1)
@yes_option
@detach_option
@json_option
@pass_options
def restart(
    options: ConsoleOptions, select: str, names: tuple[str, ...], yes: bool, detach: bool, as_json: bool
) -> int:
    """Restart services that run old code, and look whether they stay up.

    Without UNIT: those that nobody notices (ssh, cron, …). What others depend on (dbus, docker, slurmd, nvidia-*) is
    restarted only when it is named. Exit status: 0 all run their new code, 2 not all.
    """
    refuse_read_only(options, "restart services")
    with open_engine(options) as client:
        hosts = chosen_hosts(client, select)
        what = f"restart {', '.join(names)}" if names else "restart services that run old code"
        confirm(what, hosts, yes)
        records = client.updates.restart(select, names)
        if not detach:
            records = followed(records, lambda: client.updates.restarts(MOST), text.restart_words)
    return told(records, as_json, text.restart_lines)


@click.command()
@click.argument("host")
@json_option
@pass_options
def gate(options: ConsoleOptions, host: str, as_json: bool) -> int:
    """Tell whether a host would come back from a reboot, with its GPUs.

    Exit status: 0 it would, 1 something is odd, 2 it must not be rebooted, 3 something could not be told.
    """
    with open_engine(options) as client:
        shown = client.updates.gate(host)
    if as_json:
        write_json(shown)
    else:
        click.echo("\n".join(text.gate_lines(shown)))
    return FAILED if shown.red else _STATUS[shown.severity]


@click.command()
@click.argument("select", metavar="SELECTOR")
@click.option("--override", metavar="REASON", default="", help="Why hosts are rebooted although their gate is red.")
@click.option("--soak", metavar="TIME", default=None, help="How long a host must stay up to be done  [default: 5m].")
@yes_option
@detach_option
@json_option
@pass_options
def reboot(
    options: ConsoleOptions, select: str, override: str, soak: str | None, yes: bool, detach: bool, as_json: bool
) -> int:
    """Reboot hosts side by side; each is proven by its new boot id and must then stay up. Ctrl-C stops looking only.

    A host whose gate is red is refused unless --override says why not. Exit status: 0 all are back, 2 not all.
    """
    refuse_read_only(options, "reboot")
    seconds = soak_seconds(soak)
    with open_engine(options) as client:
        hosts = chosen_hosts(client, select)
        if not yes:
            demand_terminal("reboot")
            show_gates(client, hosts)
        confirm("reboot", hosts, yes)
        records = client.updates.reboot(select, override, seconds)
        if not detach:
            records = followed(records, lambda: client.updates.reboots(MOST), text.reboot_words)
    return told(records, as_json, lambda record: [f"{record.host}: {text.reboot_words(record)}"])


COMMANDS = (services, restart, gate, reboot)


def refuse_read_only(options: ConsoleOptions, action: str) -> None:
    """Raises BadInput under --read-only."""
    if options.read_only:
        raise BadInput("hosts are not changed with --read-only", action=action)


def soak_seconds(given: str | None) -> float:
    """Raises click.BadParameter."""
    try:
        return units.parse_span(given) if given else SOAK_SECONDS
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--soak") from error


def chosen_hosts(client: EngineClient, select: str) -> tuple[str, ...]:
    """The hosts that are meant. Raises BadInput for none."""
    hosts = client.select(select)
    if not hosts:
        raise BadInput(f"no host matches {select!r}", hint="swarm-tui hosts list")
    return hosts


def show_gates(client: EngineClient, hosts: Sequence[str]) -> None:
    """The gates on stderr, before anybody says yes; one that cannot be asked is told, and refused by the engine later."""
    for host in hosts:
        try:
            shown = client.updates.gate(host)
        except SwarmError as error:
            click.echo(f"{host}: cannot be asked: {said(error)}", err=True)
            continue
        click.echo("\n".join(_brief(shown) if len(hosts) > 1 else text.gate_lines(shown)), err=True)


def _brief(shown: HostGate) -> list[str]:
    return [f"{shown.host}: {text.gate_words(shown)}"]


def demand_terminal(action: str) -> None:
    """Raises AskOperator where nobody can be asked."""
    if not sys.stdin.isatty():
        raise AskOperator(f"{action} asks a person", action=action, hint="in scripts: --yes")


def confirm(action: str, hosts: Sequence[str], yes: bool) -> None:
    """Have the host's name, or the number of hosts, typed. Raises AskOperator when it is not."""
    if yes:
        return
    demand_terminal(action)
    word = text.confirm_word(hosts)
    question = f"{action} on {fold(hosts)} ({len(hosts)}). Type {word} to go on"
    typed: str = click.prompt(question, default="", show_default=False, err=True)
    if typed.strip() != word:
        raise AskOperator("not confirmed, nothing was done", action=action)


def followed(records: Sequence[C], newest: Callable[[], Sequence[C]], words: Callable[[C], str]) -> tuple[C, ...]:
    """Lines on stderr as hosts go on, until all have ended; the records as they are then."""
    shown: dict[str, str] = {}
    known = {record.id: record for record in records}
    while True:
        for record in known.values():
            if shown.get(record.id) != words(record):
                shown[record.id] = words(record)
                click.echo(f"{record.host}: {words(record)}", err=True)
        if all(record.ended is not None for record in known.values()):
            return tuple(known.values())
        time.sleep(POLL_SECONDS)
        known |= {record.id: record for record in newest() if record.id in known}


def told(records: Sequence[C], as_json: bool, lines: Callable[[C], list[str]]) -> int:
    """The result on stdout, and the exit status."""
    if as_json:
        write_json(records)
    else:
        for record in records:
            click.echo("\n".join(lines(record)))
    return FAILED if any(record.good is False for record in records) else OK
