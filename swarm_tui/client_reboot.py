"""The calls about what a host needs after a change: services restarted, a gate, a reboot; a part of `EngineClient.updates`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from backends.updates.aftercare import HostGate
from backends.updates.reboots import RebootRecord
from backends.updates.restart import RestartRecord, Services
from swarm_tui.rpc import Connection

ASK_SECONDS = 260.0
"""The facts of a host take 200 s at most, and nearly always two."""
BEGIN_SECONDS = 60.0


class Restarts(msgspec.Struct):
    """Result of `updates.restart` and `updates.restarts`."""

    restarts: tuple[RestartRecord, ...] = ()


class Reboots(msgspec.Struct):
    """Result of `updates.reboot` and `updates.reboots`."""

    reboots: tuple[RebootRecord, ...] = ()


class RebootCalls:
    """Services and reboots. Methods may be called from any thread and raise SwarmError."""

    def __init__(self, connection: Connection):
        self.call = connection.call

    def services(self, host: str) -> Services:
        """The units of a host that run old code, asked now."""
        return self.call("updates.services", {"host": host}, Services, ASK_SECONDS)

    def restart(self, select: str, units: Sequence[str] = ()) -> tuple[RestartRecord, ...]:
        """Begin to restart units; without names those that run old code and are restarted without asking."""
        params = {"select": select, "units": list(units)}
        return self.call("updates.restart", params, Restarts, BEGIN_SECONDS).restarts

    def restarts(self, limit: int = 50) -> tuple[RestartRecord, ...]:
        """The newest first."""
        return self.call("updates.restarts", {"limit": limit}, Restarts).restarts

    def gate(self, host: str) -> HostGate:
        """Whether a host would come back from a reboot, asked now."""
        return self.call("updates.gate", {"host": host}, HostGate, ASK_SECONDS)

    def reboot(self, select: str, override: str = "", soak_seconds: float | None = None) -> tuple[RebootRecord, ...]:
        """Begin to reboot hosts, as far as their gates allow it or `override` says why not."""
        params: dict[str, Any] = {"select": select, "override": override}
        if soak_seconds is not None:
            params["soak_seconds"] = soak_seconds
        return self.call("updates.reboot", params, Reboots, BEGIN_SECONDS).reboots

    def reboots(self, limit: int = 50) -> tuple[RebootRecord, ...]:
        """The newest first."""
        return self.call("updates.reboots", {"limit": limit}, Reboots).reboots
