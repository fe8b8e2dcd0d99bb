"""The fleet as maintenance runs must know it: for deciding each second, and for composing a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from backends.maintenance.away import LIMPS
from backends.maintenance.estimates import by_kind
from backends.maintenance.fleet import FleetHost, Standing
from backends.maintenance.model import RunState
from backends.maintenance.world import HostView, World
from backends.states import HostState, Severity
from backends.updates.inventories import HostUpdates
from backends.updates.records import ENDED

if TYPE_CHECKING:
    from backends.engine.engine import Engine

Standings = Callable[[], Mapping[str, Standing]]


class Worlds:
    """Asks the engine's services; calls may come from any thread and wait for no host.

    Args:
        engine: whose fleet it is.
        standings: how hosts stand at their schedulers, as last asked.
        runs: the maintenance runs, for estimates and to know our own jobs.
        holders: host → the maintenance run that has it; a plan must know, a run that decides knows better itself.
    """

    def __init__(
        self,
        engine: Engine,
        standings: Standings,
        runs: Callable[[], tuple[RunState, ...]],
        holders: Callable[[], Mapping[str, str]] = dict,
    ):
        self._engine, self._standings, self._runs, self._holders = engine, standings, runs, holders
        self._estimates: tuple[tuple[str, ...], Mapping[str, float]] = ((), {})

    def now(self) -> World:
        """The fleet at this moment."""
        runs, standings, busy, ill = self._runs(), self._standings(), self.busy(), self._ill()
        ailing = self._engine.duty.alerting.ailing
        hosts = {}
        for name, row, _, _ in self._engine.fleet.glimpses():
            state, standing = HostState(row.state), standings.get(name)
            why = "" if state is HostState.UP or state in LIMPS else f"{state}: {row.reason}".rstrip(": ")
            if not why and standing is not None and standing.drained:
                why = f"drained by {standing.by or 'somebody'}: {standing.reason}".rstrip(": ")
            hosts[name] = HostView(
                up=not why,
                why=why,
                domains=self._parents(name),
                alerts=ailing.get(name, 0),
                ill=name in ill,
                held_by=busy.get(name, ""),
            )
        return World(now=self._engine.clock.now(), hosts=hosts, estimates=self._by_kind(runs))

    def fleet(self, standings: Mapping[str, Standing]) -> dict[str, FleetHost]:
        """Every host as a plan must know it."""
        busy = {**self.busy(), **self._holders()}
        ill, updates = self._ill(), self._engine.updates.inventories.all(list(self._engine.hosts))
        known = {each.host: each for each in updates}
        found = {}
        for name, row, facts, sample in self._engine.fleet.glimpses():
            gpus = tuple(gpu.name for gpu in sample.gpus) if sample is not None else None
            found[name] = FleetHost(
                host=name,
                state=HostState(row.state),
                reason=row.reason,
                facts=facts,
                gpus=gpus,
                driver=sample.gpu_status.driver if sample is not None and sample.gpu_status is not None else "",
                tags=row.tags,
                parents=self._parents(name),
                standing=standings.get(name, Standing()),
                alerts=row.alerts or 0,
                ill=name in ill,
                held_by=busy.get(name, ""),
                backup_age=self._ages(name),
            )
            found[name] = _with_updates(found[name], known.get(name))
        return found

    def busy(self) -> dict[str, str]:
        """Host → what goes on there that no maintenance run of ours has begun."""
        ours, updates = tuple(f"{run.plan.id}-" for run in self._runs()), self._engine.updates
        found: dict[str, str] = {}
        for board in updates.runs.going() if updates.runs is not None else ():
            if not board.id.startswith(ours or ("\0",)):
                for host in board.hosts:
                    if host.stage not in ENDED:
                        found[host.host] = f"update {board.id} of {board.who}"
        for record in updates.aftercare.rebooting():
            if not record.batch.startswith(ours or ("\0",)):
                found[record.host] = f"a reboot of {record.who}"
        return found

    def _by_kind(self, runs: tuple[RunState, ...]) -> Mapping[str, float]:
        """Worked out again only when another run is over."""
        over = tuple(run.plan.id for run in runs if run.ended is not None)
        if over != self._estimates[0]:
            self._estimates = (over, by_kind([run for run in runs if run.ended is not None]))
        return self._estimates[1]

    def _parents(self, name: str) -> tuple[str, ...]:
        host = self._engine.hosts.get(name)
        return host.parents if host is not None else ()

    def _ill(self) -> frozenset[str]:
        """Hosts whose last health check was critical."""
        rows = self._engine.duty.health.view(None, tuple(self._engine.hosts)).hosts
        return frozenset(row.host for row in rows if row.severity is Severity.CRITICAL)

    def _ages(self, name: str) -> dict[str, float]:
        """Backup set → seconds since its newest archive anywhere."""
        if not self._engine.has_backups:
            return {}
        now, ages = self._engine.clock.now(), dict[str, float]()
        for archive in self._engine.backups.depot.catalog.archives(host=name):
            if ".checkpoint" not in archive.name:
                ages.setdefault(archive.set, max(0.0, now - archive.start))
        return ages


def _with_updates(host: FleetHost, known: HostUpdates | None) -> FleetHost:
    """What its last look at updates tells."""
    if known is None or known.inventory is None:
        return host
    inventory = known.inventory
    return replace(host, pending=inventory.changes, cautions=inventory.warnings, reboot=inventory.reboot.needed)
