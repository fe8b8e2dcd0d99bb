"""Which table of `[[maintenance.drains]]` means which host, worked out once for each configuration and inventory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from backends.config.schema import Config, DrainConfig
from backends.inventory.host import Host
from backends.maintenance.drain.settings import DrainSettings

if TYPE_CHECKING:
    from backends.engine.engine import Engine

STATE_SECONDS = 1.0
"""Where a selector asks for the state of hosts, what it means is believed for so long."""


class _Known(NamedTuple):
    """What was worked out, and of what."""

    config: Config
    hosts: Mapping[str, Host]
    until: float
    """Monotonic seconds."""
    found: Mapping[str, DrainSettings]
    others: DrainSettings
    """Of hosts that no selector means."""


class Drains:
    """Calls may come from any thread: what they find is replaced as a whole, at worst by the same."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._known: _Known | None = None

    def of(self, host: str) -> DrainSettings:
        """By the first table that means the host. Raises BadInput: a selector names what is not there any more."""
        known, engine = self._known, self._engine
        if (
            known is None
            or known.config is not engine.config
            or known.hosts is not engine.hosts
            or engine.clock.monotonic() >= known.until
        ):
            known = self._known = self._worked_out()
        return known.found.get(host, known.others)

    def _worked_out(self) -> _Known:
        engine, config, hosts = self._engine, self._engine.config, self._engine.hosts
        tables = config.maintenance.drains
        moves = any("state:" in each.hosts for each in tables)
        until = engine.clock.monotonic() + STATE_SECONDS if moves else float("inf")
        found: dict[str, DrainSettings] = {}
        for each in tables:
            settings = of_config(each)
            if not each.hosts:
                return _Known(config, hosts, until, found, settings)
            for host in engine.select(each.hosts):
                found.setdefault(host, settings)
        return _Known(config, hosts, until, found, DrainSettings())


def of_config(table: DrainConfig) -> DrainSettings:
    """A table of the configuration as brokers take it."""
    return DrainSettings(
        scheduler=table.scheduler,
        controller=table.controller,
        node=table.node,
        kubeconfig=table.kubeconfig,
        context=table.context,
        delete_emptydir=table.delete_emptydir,
        force_bare_pods=table.force,
        address=table.address,
        look=table.status,
        drain=table.drain,
        resume=table.resume,
    )
