"""Who carries out which kind of step: the services of this engine, or a simulated fleet in a demo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from backends.engine.run_brokers import Brokers
from backends.engine.run_services import Backing, Checking, Proving, Rebooting, Updating
from backends.hostkit.jobs import Jobs
from backends.maintenance.drain.worker import DrainWorker, ResumeWorker
from backends.maintenance.model import HostPlan, RunState, StepKind
from backends.maintenance.simulated import SimulatedFleet
from backends.maintenance.steps.backup import BackupWorker
from backends.maintenance.steps.before import Befores, BeforeWorker
from backends.maintenance.steps.check import CheckWorker
from backends.maintenance.steps.command import CommandWorker
from backends.maintenance.steps.gate import GateWorker
from backends.maintenance.steps.proof import ProofWorker
from backends.maintenance.steps.reboot import RebootWorker
from backends.maintenance.steps.update import UpdateWorker
from backends.maintenance.worker import Worker

if TYPE_CHECKING:
    from backends.engine.engine import Engine

DEMO_PACE = 0.05
"""A demo's hosts do in three seconds what takes a minute."""


def real_workers(
    engine: Engine, brokers: Brokers, state: Callable[[str], RunState], befores: Befores
) -> Mapping[StepKind, Worker]:
    """Over the services of the engine, each after the look before. `state`: of a run, by its id."""
    checks = Checking(engine, state, befores)
    found = _bare(engine, brokers, checks)
    return {kind: BeforeWorker(worker, checks, befores) for kind, worker in found.items()}


def _bare(engine: Engine, brokers: Brokers, checks: Checking) -> Mapping[StepKind, Worker]:
    reboots, backups = RebootWorker(Rebooting(engine)), BackupWorker(Backing(engine))
    return {
        StepKind.DRAIN: DrainWorker(brokers.of, engine.clock),
        StepKind.RESUME: ResumeWorker(brokers.of, engine.clock),
        StepKind.SNAPSHOT: backups,
        StepKind.BACKUP: backups,
        StepKind.PROOF: ProofWorker(Proving(engine)),
        StepKind.UPDATE: UpdateWorker(Updating(engine)),
        StepKind.REBOOT: reboots,
        StepKind.REBOOT_IF_NEEDED: reboots,
        StepKind.CHECK: CheckWorker(checks),
        StepKind.COMMAND: CommandWorker(
            lambda host: Jobs(engine.sources.exec(host), engine.host(host).become),
            lambda: {each.name: tuple(each.argv) for each in engine.config.maintenance.commands},
        ),
        StepKind.GATE: GateWorker(),
    }


def demo_workers(engine: Engine) -> Mapping[StepKind, Worker]:
    """Over hosts that exist only in memory; gates ask for real."""
    hosts = [HostPlan(host=host.name, kind="demo", domains=host.parents) for host in engine.hosts.values()]
    fleet = SimulatedFleet(hosts, engine.clock, pace=DEMO_PACE)
    return {**fleet.workers(), StepKind.GATE: GateWorker()}
