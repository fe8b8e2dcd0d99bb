"""The table of a host is found without a selection for each host, and never an old one."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backends.clock import ManualClock
from backends.config.schema import Config, DrainConfig, MaintenanceConfig
from backends.engine.run_drains import STATE_SECONDS, Drains
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.inventory.select import select_names

SLURM = DrainConfig(hosts="tag:gpu", scheduler="slurm", controller="login")
RAY = DrainConfig(scheduler="ray")


class Fake(SimpleNamespace):
    """An engine as far as this needs it; counts selections."""

    def select(self, text: str) -> list[str]:
        self.asked += 1
        return sorted(select_names(text, list(self.hosts.values()), self.states.get))


def engine(hosts: Sequence[Host], *tables: DrainConfig) -> Fake:
    config = Config(maintenance=MaintenanceConfig(drains=tables))
    return Fake(
        config=config, hosts={host.name: host for host in hosts}, clock=ManualClock(), states=dict[str, str](), asked=0
    )


def drains(fake: Fake) -> Drains:
    return Drains(cast("Any", fake))


def fleet(count: int) -> list[Host]:
    return [Host(name=f"n{number:04}", tags=("gpu",) if number % 2 else ("cpu",)) for number in range(count)]


def test_a_thousand_hosts_cost_one_selection_for_each_table() -> None:
    fake = engine(fleet(1000), SLURM, DrainConfig(hosts="tag:cpu", scheduler="kubernetes"), RAY)
    found = drains(fake)
    schedulers = [found.of(host).scheduler for host in fake.hosts]
    assert schedulers == ["kubernetes", "slurm"] * 500
    assert fake.asked == 2


def test_the_first_table_that_means_a_host_counts_and_one_for_all_ends_the_search() -> None:
    fake = engine(fleet(2), SLURM, RAY, DrainConfig(hosts="n0000", scheduler="none"))
    found = drains(fake)
    assert [found.of(name).scheduler for name in ("n0001", "n0000", "elsewhere")] == ["slurm", "ray", "ray"]
    assert drains(engine(fleet(2), SLURM)).of("n0000").scheduler == "none"


def test_another_configuration_or_inventory_is_followed_at_once() -> None:
    fake = engine(fleet(2), SLURM)
    found = drains(fake)
    assert found.of("n0001").scheduler == "slurm"
    fake.config = Config(maintenance=MaintenanceConfig(drains=(RAY,)))
    assert found.of("n0001").scheduler == "ray"
    fake.config = Config(maintenance=MaintenanceConfig(drains=(SLURM,)))
    fake.hosts = {"n0001": Host(name="n0001"), "n0003": Host(name="n0003", tags=("gpu",))}
    assert [found.of(name).scheduler for name in ("n0001", "n0003")] == ["none", "slurm"]


def test_what_depends_on_the_state_of_hosts_is_not_believed_for_long() -> None:
    fake = engine(fleet(2), DrainConfig(hosts="state:up", scheduler="slurm"))
    found = drains(fake)
    fake.states = {"n0000": "up", "n0001": "stale"}
    assert [found.of(name).scheduler for name in fake.hosts] == ["slurm", "none"]
    fake.states = {"n0000": "stale", "n0001": "up"}
    assert found.of("n0000").scheduler == "slurm" and fake.asked == 1
    fake.clock.advance(STATE_SECONDS)
    assert [found.of(name).scheduler for name in fake.hosts] == ["none", "slurm"]


def test_a_selector_that_names_what_is_gone_is_said_each_time() -> None:
    found = drains(engine([Host(name="a")], SLURM))
    for _ in range(2):
        with pytest.raises(BadInput, match="gpu"):
            found.of("a")
