"""The configuration of health checks becomes what the checks take, and what is wrong with it is told by its key."""

from __future__ import annotations

import pytest

from backends.checks.health_look import Expected
from backends.checks.health_settings import expected, problems, site_checks
from backends.checks.health_site import SiteCheck
from backends.config.schema import ChecksConfig, SiteCheckConfig
from backends.errors import BadInput
from backends.inventory.host import Expect, Host

HOSTS = (Host(name="gpu01", tags=("a100",)), Host(name="login1"))


def site(name: str = "lic", hosts: str = "", command: tuple[str, ...] = ("/x",)) -> SiteCheckConfig:
    return SiteCheckConfig(name=name, command=command, hosts=hosts)


def config(*checks: SiteCheckConfig) -> ChecksConfig:
    return ChecksConfig(site=checks)


def test_each_host_has_its_checks_in_the_order_of_the_file() -> None:
    found = site_checks(config(site("a", "tag:a100"), site("b")), HOSTS)
    assert {host: [each.name for each in checks] for host, checks in found.items()} == {
        "gpu01": ["a", "b"],
        "login1": ["b"],
    }


def test_a_check_is_taken_over_whole() -> None:
    said = SiteCheckConfig(name="lic", command=("/x", "-w"), timeout_seconds=5.0, become=True, hosts="login1")
    assert site_checks(config(said), HOSTS) == {
        "login1": (SiteCheck(name="lic", argv=("/x", "-w"), timeout_seconds=5.0, become=True),)
    }
    assert site_checks(ChecksConfig(), HOSTS) == {}


def test_a_wrong_selector_is_refused() -> None:
    with pytest.raises(BadInput, match="unknown host"):
        site_checks(config(site(hosts="gpu02")), HOSTS)


@pytest.mark.parametrize(
    ("wrong", "key", "message"),
    [
        (config(site(hosts="tag:a10")), "checks.site.0.hosts", 'unknown tag "a10"'),
        (config(site(), site()), "checks.site.1.name", 'there is another check "lic"'),
        (config(site(command=("/x", "a\0b"))), "checks.site.0.command", "NUL"),
    ],
)
def test_what_is_wrong_is_told_by_its_key(wrong: ChecksConfig, key: str, message: str) -> None:
    (problem,) = problems(wrong, HOSTS)
    assert problem.key == key and message in problem.message


def test_selectors_are_not_judged_while_the_inventory_is_wrong() -> None:
    assert list(problems(config(site(hosts="tag:a10")), None)) == []


def test_the_checks_expect_what_the_inventory_says() -> None:
    assert expected(Host(name="a")) == Expected()
    said = Expect(gpus=8, memory_bytes=2 << 40, infiniband_ports=8, infiniband_bits_per_second=4e11, nvme_disks=8)
    assert expected(Host(name="a", expect=said)) == Expected(
        gpus=8, memory_bytes=2 << 40, infiniband_ports=8, infiniband_bits_per_second=4e11, nvme_disks=8
    )
