"""The calls about updates: `EngineClient.updates`. Loaded when first used, since most subcommands never do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from backends.updates.inventories import HostUpdates
from backends.updates.model import HistoryEntry, Plan, Repair, Selection
from backends.updates.repairs import RepairRun
from backends.updates.runs import Board
from backends.updates.service import View
from swarm_tui.client_reboot import RebootCalls

SLOW_SECONDS = 660.0
"""Package managers and mirrors take their time; the engine itself gives up earlier and says for which host."""


class _Runs(msgspec.Struct):
    runs: tuple[Board, ...] = ()


class _Text(msgspec.Struct):
    text: str = ""


class _Said(msgspec.Struct):
    hosts: dict[str, str] = {}


class _History(msgspec.Struct):
    entries: tuple[HistoryEntry, ...] = ()


class _Repairs(msgspec.Struct):
    repairs: tuple[Repair, ...] = ()


class _Names(msgspec.Struct):
    hosts: tuple[str, ...] = ()


class UpdateCalls(RebootCalls):
    """Updates of the fleet. Methods may be called from any thread and raise SwarmError."""

    def view(self, select: str = "", since: int | None = None) -> View:
        """What is pending; `hosts` is None when nothing changed since a version."""
        params: dict[str, Any] = {"select": select}
        if since is not None:
            params["since"] = since
        return self.call("updates.view", params, View)

    def host(self, host: str) -> HostUpdates:
        """Everything known about one host's updates."""
        return self.call("updates.host", {"host": host}, HostUpdates)

    def refresh(self, select: str, lists: bool = False, wait_seconds: float = 0.0) -> tuple[str, ...]:
        """Ask hosts again, with `lists` after renewing their package lists; the hosts that were meant."""
        params = {"select": select, "lists": lists, "wait_seconds": wait_seconds}
        return self.call("updates.refresh", params, _Names, SLOW_SECONDS).hosts

    def plan(self, select: str, selection: Selection) -> Plan:
        """Simulate on every host and write the plan down."""
        params = {"select": select, "selection": msgspec.to_builtins(selection)}
        return self.call("updates.plan", params, Plan, SLOW_SECONDS)

    def get_plan(self, plan: str) -> Plan:
        """A plan made earlier."""
        return self.call("updates.get_plan", {"plan": plan}, Plan)

    def start(self, plan: str, approved: str, fetch_only: bool = False) -> Board:
        """Carry out a plan whose hash is named, or only fetch what it needs."""
        params: dict[str, Any] = {"plan": plan, "hash": approved} | ({"fetch_only": True} if fetch_only else {})
        return self.call("updates.start", params, Board, 60.0)

    def runs(self, limit: int = 50) -> tuple[Board, ...]:
        """The newest runs first."""
        return self.call("updates.runs", {"limit": limit}, _Runs).runs

    def run(self, run: str) -> Board:
        """One run now."""
        return self.call("updates.run", {"run": run}, Board)

    def log(self, run: str, host: str) -> str:
        """What a host of a run printed so far."""
        return self.call("updates.log", {"run": run, "host": host}, _Text).text

    def cancel(self, run: str, hosts: Sequence[str] | None = None) -> dict[str, str]:
        """End hosts of a run where that is safe; host → what came of it."""
        params: dict[str, Any] = {"run": run} | ({} if hosts is None else {"hosts": list(hosts)})
        return self.call("updates.cancel", params, _Said, 120.0).hosts

    def hold(self, select: str, packages: Sequence[str], hold: bool) -> dict[str, str]:
        """Hold or release packages; host → what was done."""
        params = {"select": select, "packages": list(packages), "hold": hold}
        return self.call("updates.hold", params, _Said, SLOW_SECONDS).hosts

    def history(self, host: str, limit: int = 50) -> tuple[HistoryEntry, ...]:
        """A host's newest transactions."""
        return self.call("updates.history", {"host": host, "limit": limit}, _History, 120.0).entries

    def rollback(self, host: str, entry: str, packages: Sequence[str] = ()) -> Plan:
        """A plan that undoes a transaction."""
        params = {"host": host, "entry": entry, "packages": list(packages)}
        return self.call("updates.rollback", params, Plan, SLOW_SECONDS)

    def repairs(self, host: str) -> tuple[Repair, ...]:
        """The repair steps of a host's package manager."""
        return self.call("updates.repairs", {"host": host}, _Repairs, 60.0).repairs

    def repair(self, host: str, repair: str) -> RepairRun:
        """Start a repair step; how it goes is asked for with its run id."""
        return self.call("updates.repair", {"host": host, "repair": repair}, RepairRun, 120.0)

    def repaired(self, run: str) -> RepairRun:
        """A repair step now."""
        return self.call("updates.repaired", {"run": run}, RepairRun)
