"""From the configuration to the list of hosts: ranges unfolded, other inventories read, everything doubtful told at once.

Where a host is declared twice that is an error naming both places; the first in the order hosts, groups, Ansible is kept
so that the check can go on. Hosts taken from ~/.ssh/config never clash: they are how declared hosts are reached anyway.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from backends import paths, units
from backends.config.problem import Problem, refuse
from backends.config.schema import Config, ExpectConfig, GroupConfig, HostConfig
from backends.errors import BadInput
from backends.inventory import ansible, openssh, ranges
from backends.inventory.host import Expect, Host
from backends.inventory.select import select_names
from backends.text import clean


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What an inventory gives, with everything found wrong on the way."""

    hosts: tuple[Host, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Errors and warnings."""


def build(config: Config, path: str | Path | None = None) -> tuple[Host, ...]:
    """The fleet of `config`, in the order of the file; this machine when it names no host.

    Args:
        config: the checked configuration.
        path: its file, for the places in messages and for relative paths in it.

    Raises:
        BadInput: a host is declared twice, a node range or an inventory is wrong; all problems in one message.
    """
    result = survey(config, path)
    refuse(result.problems, "read the inventory")
    return result.hosts


def survey(config: Config, path: str | Path | None = None) -> Survey:
    """Like `build`, but returns the problems beside the hosts instead of raising."""
    file = paths.expanded(path) if path else paths.config_file()
    problems: list[Problem] = []
    found: list[Host] = []
    found += _hosts(config, file, problems)
    found += _groups(config, file, problems)
    found += _ansible(config, file, problems)
    hosts = _unique(found, problems)
    if config.inventory.ssh_config:
        hosts |= {host.name: host for host in _openssh(config, problems) if host.name not in hosts}
    problems += _cycles(hosts)
    if not hosts and not problems and not _declares(config):
        hosts = {local.name: local for local in (this_machine(),)}
    problems += [] if problems else _selectors(config, file, tuple(hosts.values()))
    return Survey(hosts=tuple(hosts.values()), problems=tuple(problems))


def this_machine() -> Host:
    """This machine, read without SSH: the fleet of someone who has configured nothing."""
    name = socket.gethostname().split(".")[0]
    return Host(name=name if ranges.NAME.fullmatch(name) else "localhost", source="local", origin="this machine")


def _selectors(config: Config, file: Path, hosts: tuple[Host, ...]) -> Iterator[Problem]:
    """Selectors of the configuration that mean nothing; told only when the hosts themselves are right."""
    for at, each in enumerate(config.updates.python_environments):
        if not isinstance(each, str):
            try:
                select_names(each.hosts, hosts)
            except BadInput as error:
                key = f"updates.python_environments.{at}.hosts"
                yield Problem(file=str(file), key=key, message=error.message, hint=error.hint or "")


def _declares(config: Config) -> bool:
    inventory = config.inventory
    return bool(config.hosts or config.groups or inventory.ansible or inventory.ssh_config)


def _hosts(config: Config, file: Path, problems: list[Problem]) -> Iterator[Host]:
    for name, table in config.hosts.items():
        key = f"hosts.{name}"
        if problem := _bad_name(name, file, key):
            problems.append(problem)
            continue
        yield _host(name, table, config, source=table.source, address=table.address, origin=f"{file.name} [{key}]")


def _groups(config: Config, file: Path, problems: list[Problem]) -> Iterator[Host]:
    for group, table in config.groups.items():
        key = f"groups.{group}"
        if problem := _bad_name(group, file, key):
            problems.append(problem)
        try:
            names = ranges.expand(table.nodes)
        except BadInput as error:
            problems.append(Problem(file=str(file), key=f"{key}.nodes", message=error.message, hint=error.hint or ""))
            continue
        problems += [bad for name in names if (bad := _bad_name(name, file, f"{key}.nodes"))]
        if table.address is not None and "{name}" not in table.address and len(names) > 1:
            problems.append(_one_address(file, key, table.address, len(names)))
        for name in names:
            address = table.address.replace("{name}", name) if table.address is not None else None
            yield _host(name, table, config, groups=(group,), address=address, origin=f"{file.name} [{key}]")


def _one_address(file: Path, key: str, address: str, count: int) -> Problem:
    return Problem(
        file=str(file),
        key=f"{key}.address",
        message=f'"{clean(address, 80)}" is one address for {count} hosts',
        hint='use {name} in it: address = "{name}.example.net"',
    )


def _host(
    name: str,
    table: HostConfig | GroupConfig,
    config: Config,
    *,
    origin: str,
    address: str | None,
    groups: tuple[str, ...] = (),
    source: str = "ssh",
) -> Host:
    return Host(
        name=name,
        address=address,
        port=table.port,
        user=table.user or config.ssh.user,
        become=table.become or config.ssh.become,
        identity_files=table.identity_files or config.ssh.identity_files,
        tags=tuple(dict.fromkeys(table.tags)),
        groups=groups,
        parents=tuple(parent for parent in table.parents if parent != name),
        expect=_expect(table.expect),
        source="local" if source == "local" else "ssh",
        origin=origin,
    )


def _expect(table: ExpectConfig) -> Expect:
    rate = table.infiniband_gbit
    return Expect(
        gpus=table.gpus,
        nics=table.nics,
        infiniband_ports=table.infiniband_ports,
        infiniband_bits_per_second=rate * 1e9 if rate is not None else None,
        nvlinks=table.nvlinks,
        key_units=table.key_units,
        memory_bytes=units.parse_size(table.memory) if table.memory is not None else None,
        nvme_disks=table.nvme_disks,
    )


def _ansible(config: Config, file: Path, problems: list[Problem]) -> Iterator[Host]:
    for entry in config.inventory.ansible:
        target = file.parent / paths.expanded(entry)
        yield from _with_defaults(ansible.read(target, problems, config.ssh.become), config)


def _openssh(config: Config, problems: list[Problem]) -> Iterator[Host]:
    if config.ssh.config_file == "none":
        problems.append(
            Problem(
                key="inventory.ssh_config",
                message='hosts are wanted from ~/.ssh/config, but ssh.config_file is "none"',
                hint="remove one of the two",
            )
        )
        return
    target = paths.expanded(config.ssh.config_file or "~/.ssh/config")
    yield from _with_defaults(openssh.read(target, problems, config.ssh.become), config)


def _with_defaults(hosts: Iterable[Host], config: Config) -> Iterator[Host]:
    """What an imported host leaves open is taken from [ssh]."""
    for host in hosts:
        yield msgspec.structs.replace(
            host,
            user=host.user or config.ssh.user,
            identity_files=host.identity_files or config.ssh.identity_files,
        )


def _bad_name(name: str, file: Path, key: str) -> Problem | None:
    if ranges.NAME.fullmatch(name):
        return None
    hint = "letters, digits, - _ and . only; put addresses under address ="
    if ranges.is_range(name):
        hint = f'node ranges belong into a group: [groups.NAME] nodes = "{clean(name, 80)}"'
    return Problem(file=str(file), key=key, message=f'"{clean(name, 80)}" cannot be a name', hint=hint)


def _unique(found: Iterable[Host], problems: list[Problem]) -> dict[str, Host]:
    hosts: dict[str, Host] = {}
    clashes: dict[tuple[str, str], list[str]] = {}
    for host in found:
        first = hosts.setdefault(host.name, host)
        if first is not host:
            clashes.setdefault((first.origin, host.origin), []).append(host.name)
    for (first_place, second_place), names in clashes.items():
        problems.append(
            Problem(
                message=f"{ranges.fold(names)} declared twice: in {first_place} and in {second_place}",
                hint="keep one of them; what they have in common can be a tag",
            )
        )
    return hosts


def _cycles(hosts: dict[str, Host]) -> Iterator[Problem]:
    """One problem for each ring of parents. A parent outside the inventory (a switch) is fine."""
    done: set[str] = set()
    for start in hosts:
        trail: dict[str, None] = {}
        stack: list[tuple[str, bool]] = [(start, True)]
        while stack:
            name, entering = stack.pop()
            if not entering:
                trail.pop(name, None)
                done.add(name)
            elif name in trail:
                ring = [*list(trail)[list(trail).index(name) :], name]
                yield Problem(
                    message=f"parents go round in a circle: {' → '.join(ring)}",
                    key=f"hosts.{name}.parents",
                    hint="a host cannot hang on something that hangs on it",
                )
            elif name not in done and name in hosts:
                trail[name] = None
                stack.append((name, False))
                stack += [(parent, True) for parent in hosts[name].parents]
