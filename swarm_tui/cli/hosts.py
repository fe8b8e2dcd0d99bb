"""`swarm-tui hosts`: the inventory, and the decision about host keys."""

from __future__ import annotations

import sys
import time

import click

from backends.config.load import load
from backends.engine.wire import HostRow
from backends.errors import AskOperator, BadInput, RetryLater
from backends.inventory.build import build
from backends.inventory.host import Host
from backends.inventory.ranges import fold
from backends.inventory.select import select as choose
from backends.sources.base import OfferedKey
from backends.states import STATE_SEVERITY, HostState
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.cli.status import COLOURS
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import OK, WARNING
from swarm_tui.options import ConsoleOptions


@click.group()
def command() -> None:
    """List the hosts, accept their keys."""


@command.command("list")
@click.argument("select", metavar="[SELECTOR]", default="")
@json_option
@pass_options
def list_hosts(options: ConsoleOptions, select: str, as_json: bool) -> int:
    """List the hosts of the inventory and where each was declared; connects to nothing."""
    rows = _rows(options)
    hosts = choose(select, _inventory(options, rows), lambda name: rows[name].state if name in rows else None)
    entries = [_entry(host, rows.get(host.name)) for host in hosts]
    if as_json:
        write_json(entries)
    else:
        head = ("HOST", "STATE", "ADDRESS", "USER", "TAGS", "DECLARED IN")
        write_table(
            head, [_line(host, rows.get(host.name)) for host in hosts], (), lambda at: _colour(rows.get(hosts[at].name))
        )
    return OK


def _rows(options: ConsoleOptions) -> dict[str, HostRow]:
    """What a running engine knows; listing is no reason to start one, unless it is the only source."""
    try:
        with open_engine(options, start=options.is_private) as client:
            return {row.name: row for row in client.fleet_view().rows}
    except RetryLater:
        if options.attach or options.is_private:
            raise
        return {}


def _inventory(options: ConsoleOptions, rows: dict[str, HostRow]) -> tuple[Host, ...]:
    if options.attach or options.is_private:
        return tuple(Host(name=row.name, tags=row.tags, origin="the engine") for row in rows.values())
    return build(load(options.config_path), options.config_path or None)


def _entry(host: Host, row: HostRow | None) -> dict[str, object]:
    entry: dict[str, object] = {field: getattr(host, field) for field in host.__struct_fields__}
    return entry | {"state": row.state if row else None, "reason": row.reason if row else ""}


def _line(host: Host, row: HostRow | None) -> tuple[str, ...]:
    address = f"{host.address or host.name}:{host.port}" if host.port else host.address or host.name
    return (
        host.name,
        row.state if row else "—",
        "this machine" if host.source == "local" else address,
        host.user or "",
        ",".join(host.tags),
        host.origin,
    )


def _colour(row: HostRow | None) -> str:
    return COLOURS[STATE_SEVERITY[row.state]] if row else ""


@command.command()
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option(
    "--fingerprint", metavar="SHA256:…", default="", help="Accept exactly this key of one host, without asking."
)
@click.option("--replace", is_flag=True, help="With --fingerprint: accept it although another key is on record.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long hosts may take to show their keys.",
)
@json_option
@pass_options
def accept(options: ConsoleOptions, select: str, fingerprint: str, replace: bool, wait: float, as_json: bool) -> int:
    """Show the keys that hosts offer, and trust those that you accept.

    Compare the fingerprint with the one on the host itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub, over its
    management console) before you accept it. Exit status: 0 all were accepted, 1 some were not.
    """
    if options.read_only:
        raise BadInput("keys are not accepted with --read-only", action="accept a host key")
    if not fingerprint and not sys.stdin.isatty():
        raise AskOperator("accepting a host key asks a person", hint="in scripts give the key: --fingerprint SHA256:…")
    with open_engine(options) as client:
        offered = _offered(client, select, wait)
        if fingerprint:
            chosen = [_matching(offered, fingerprint, replace)]
        else:
            chosen = [key for key in offered if _agreed(key)]
        for key in chosen:
            client.accept_key(key.host, key.fingerprint)
    return _told(offered, chosen, as_json)


def _offered(client: EngineClient, select: str, wait_seconds: float) -> list[OfferedKey]:
    """The keys that the selected hosts show, once none of them is connecting any more."""
    deadline = time.monotonic() + wait_seconds
    while True:
        rows = client.fleet_view(select=select).rows
        if not any(row.state == HostState.CONNECTING for row in rows) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    names = {row.name for row in rows}
    offered = [key for key in client.offered_keys() if key.host in names]
    if not offered:
        states = ", ".join(sorted({row.state for row in rows})) or "no host matches"
        raise BadInput(
            f"none of these hosts has a key that waits for a decision ({states})",
            hint="swarm-tui status shows their states",
        )
    return offered


def _matching(offered: list[OfferedKey], fingerprint: str, replace: bool) -> OfferedKey:
    if len(offered) > 1:
        raise BadInput(
            f"--fingerprint is for one host, not for {fold(key.host for key in offered)}", hint="name one host"
        )
    key = offered[0]
    if key.fingerprint != fingerprint:
        raise BadInput(
            f"offers another key: {key.fingerprint}", host=key.host, hint="do not accept it before you know why"
        )
    if key.changed and not replace:
        raise AskOperator(
            f"its key has CHANGED: on record is {key.known_fingerprint} ({key.known_place})",
            host=key.host,
            hint="when the host was reinstalled: add --replace",
        )
    return key


def _agreed(key: OfferedKey) -> bool:
    """Ask; a changed key is only replaced by typing the host's name."""
    click.echo(f"\n{key.host} ({key.address}) shows the {key.kind} key\n    {key.fingerprint}", err=True)
    if not key.changed:
        return click.confirm("Trust it?", default=False, err=True)
    warning = "ANOTHER KEY IS ON RECORD. The host was reinstalled, or somebody answers in its place."
    click.echo(click.style(warning, fg="red", bold=True), err=True)
    click.echo(f"    {key.known_fingerprint} in {key.known_place}", err=True)
    typed: str = click.prompt("Type the host's name to replace it", default="", show_default=False, err=True)
    return typed == key.host


def _told(offered: list[OfferedKey], chosen: list[OfferedKey], as_json: bool) -> int:
    if as_json:
        keys = ("host", "address", "kind", "fingerprint", "changed")
        write_json([{name: getattr(key, name) for name in keys} | {"accepted": key in chosen} for key in offered])
    else:
        for key in offered:
            click.echo(f"{key.host}: {'accepted' if key in chosen else 'not accepted'} {key.fingerprint}")
    return OK if len(chosen) == len(offered) else WARNING
