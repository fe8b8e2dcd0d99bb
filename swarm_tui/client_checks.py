"""The calls about health checks: `EngineClient.checks`. Loaded when first used, since most subcommands never do."""

from __future__ import annotations

from typing import Any

import msgspec

from backends.checks.health_active import Test
from backends.checks.health_views import CheckRow, DifferenceView, HealthView, HostChecks
from swarm_tui.rpc import Connection


class _Names(msgspec.Struct):
    hosts: tuple[str, ...] = ()


class _Catalogue(msgspec.Struct):
    checks: tuple[CheckRow, ...] = ()


class CheckCalls:
    """Health checks of the fleet. Methods may be called from any thread and raise SwarmError."""

    def __init__(self, connection: Connection):
        self.call = connection.call

    def view(self, select: str = "", since: int | None = None) -> HealthView:
        """The rows of the matrix: all, or those that changed since a version."""
        params: dict[str, Any] = {"select": select}
        if since is not None:
            params["since"] = since
        return self.call("checks.view", params, HealthView)

    def host(self, host: str) -> HostChecks:
        """Everything known of one host."""
        return self.call("checks.host", {"host": host}, HostChecks)

    def catalogue(self) -> tuple[CheckRow, ...]:
        """Every check, in the order of the matrix."""
        return self.call("checks.catalogue", {}, _Catalogue).checks

    def run(self, select: str, slow: bool = True) -> tuple[str, ...]:
        """Have hosts looked at now; the hosts that were begun with. `slow`: also what takes seconds."""
        return self.call("checks.run", {"select": select, "slow": slow}, _Names).hosts

    def ack(self, host: str, check: str, thing: str = "", note: str = "") -> None:
        """Take a finding in hand, until it is well again."""
        self.call("checks.ack", {"host": host, "check": check, "object": thing, "note": note}, msgspec.Raw)

    def clear(self, host: str, check: str, thing: str = "", note: str = "") -> None:
        """Settle a finding: what happened up to now counts no more."""
        self.call("checks.clear", {"host": host, "check": check, "object": thing, "note": note}, msgspec.Raw)

    def difference(self, host: str, before: float | None = None, rebooted: bool = False) -> DifferenceView:
        """What changed on a host since a time, or since it last stood otherwise."""
        params: dict[str, Any] = {"host": host, "rebooted": rebooted}
        if before is not None:
            params["before"] = before
        return self.call("checks.difference", params, DifferenceView)

    def active(self, host: str, test: Test, drained: str) -> None:
        """Begin a test that loads the hardware of a drained host; `drained` names it once more."""
        self.call("checks.active", {"host": host, "test": test, "drained": drained}, msgspec.Raw)
