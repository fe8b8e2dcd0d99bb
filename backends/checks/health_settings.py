"""What the configuration says of health checks, as the checks take it, and everything that is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.checks.health_look import Expected
from backends.checks.health_site import SiteCheck
from backends.config.problem import Problem
from backends.config.schema import ChecksConfig, SiteCheckConfig
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.inventory.select import select_names


def expected(host: Host) -> Expected:
    """What the checks expect of a host."""
    said = host.expect
    return Expected(
        gpus=said.gpus,
        memory_bytes=said.memory_bytes,
        infiniband_ports=said.infiniband_ports,
        infiniband_bits_per_second=said.infiniband_bits_per_second,
        nvme_disks=said.nvme_disks,
    )


def site_checks(config: ChecksConfig, hosts: Sequence[Host]) -> dict[str, tuple[SiteCheck, ...]]:
    """Host → its checks of the site, in the order of the configuration; hosts without any are left out.

    Raises:
        BadInput: a selector is wrong.
    """
    found: dict[str, list[SiteCheck]] = {}
    for each in config.site:
        chosen = select_names(each.hosts, hosts)
        for host in hosts:
            if host.name in chosen:
                found.setdefault(host.name, []).append(_site_check(each))
    return {name: tuple(checks) for name, checks in found.items()}


def problems(config: ChecksConfig, hosts: Sequence[Host] | None) -> Iterator[Problem]:
    """What is wrong with the checks of the site; selectors are not judged where `hosts` is None."""
    names: set[str] = set()
    for at, each in enumerate(config.site):
        key = f"checks.site.{at}"
        if each.name in names:
            yield Problem(key=f"{key}.name", message=f'there is another check "{each.name}"', hint="call one otherwise")
        names.add(each.name)
        if any("\0" in word for word in each.command):
            yield Problem(key=f"{key}.command", message="a NUL character cannot be part of a command")
        if hosts is not None and (wrong := _wrong_selector(each.hosts, hosts)) is not None:
            yield Problem(key=f"{key}.hosts", message=wrong.message, hint=wrong.hint or "")


def _wrong_selector(text: str, hosts: Sequence[Host]) -> BadInput | None:
    try:
        select_names(text, hosts)
    except BadInput as error:
        return error
    return None


def _site_check(said: SiteCheckConfig) -> SiteCheck:
    return SiteCheck(name=said.name, argv=said.command, timeout_seconds=said.timeout_seconds, become=said.become)
