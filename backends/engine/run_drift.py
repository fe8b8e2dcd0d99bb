"""How a host's configuration differs from the snapshot of its run, put together from backups, updates and the host itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.backups.views import DriftReport
from backends.errors import BadInput, SwarmError
from backends.maintenance import facts
from backends.maintenance.drift_plan import FACT, Done, Drift, judged
from backends.maintenance.model import HostRun, RunState, StepKind
from backends.updates.owned import owned

if TYPE_CHECKING:
    from backends.engine.engine import Engine


def drift(engine: Engine, state: RunState, host: str) -> Drift:
    """Every file that differs, with what explains it; or why that is not known: no snapshot, or a side cannot be had."""
    run, config = state.hosts[host], engine.config.maintenance
    ask = config.drift == "ask"
    try:
        entries = [(each.path, each.kind) for each in _report(engine, state, run).entries]
        done = _done(engine, state, run, [f"/{path}" for path, _ in entries if not path.startswith(FACT)])
    except SwarmError as error:
        return Drift(problem=error.message, ask=ask)
    return judged(entries, done, config.drift_allowed, ask=ask)


def _report(engine: Engine, state: RunState, run: HostRun) -> DriftReport:
    """Against the archive that the run itself has made: a newer one may have the change in it. The first that is readable."""
    made = [
        archive
        for result in run.results
        if state.plan.steps[result.step].kind is StepKind.SNAPSHOT
        for archive in facts.archives(result.facts)
    ]
    problem: SwarmError = BadInput("its snapshot is not known", host=run.host, hint="swarm-tui backup list")
    for each in reversed(made):
        try:
            return engine.backups.drifting.since(run.host, each.repository, each.archive)
        except SwarmError as error:
            problem = error
    raise problem


def _done(engine: Engine, state: RunState, run: HostRun, paths: list[str]) -> Done:
    names = {
        package.name
        for result in run.results
        for package in facts.packages(result.facts)
        if package.outcome == "applied"
    }
    packages = frozenset(name.partition(":")[0] for name in names)
    rebooted = any(result.facts.get(facts.REBOOTED, "").startswith("yes") for result in run.results)
    found = owned(engine.sources.exec(run.host), _manager(engine, state, run.host), packages, paths)
    return Done(packages=packages, rebooted=rebooted, owned=found)


def _manager(engine: Engine, state: RunState, host: str) -> str:
    """Of the host's packages, as its part of the plan says."""
    if not state.plan.update_plan:
        return ""
    plan = engine.updates.plans.of(state.plan.update_plan)
    return next((each.manager for each in plan.hosts if each.host == host), "")
