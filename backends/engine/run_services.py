"""The services of the engine as the steps of maintenance runs need them: updates, reboots, backups, health checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from backends.backups.model import ENDED, Job, JobKind, Task
from backends.backups.standing import LATE
from backends.checks.health_views import DifferenceView, HostHealth
from backends.engine.run_drift import drift
from backends.errors import RetryLater
from backends.maintenance import facts
from backends.maintenance.drift_plan import Drift
from backends.maintenance.model import RunState, StepKind
from backends.maintenance.proof import Copy
from backends.maintenance.steps.before import Befores
from backends.maintenance.steps.reboot import Need
from backends.maintenance.steps_text import REBOOTS
from backends.updates.model import HostPlan, RebootNeed, Selection
from backends.updates.reboots import RebootRecord
from backends.updates.runs import Board

if TYPE_CHECKING:
    from backends.engine.engine import Engine

FRESH_SECONDS = 120.0
"""A look that was begun with the host may take so long, and still is how it stood before."""
CHANGING = frozenset({StepKind.UPDATE, StepKind.REBOOT, StepKind.REBOOT_IF_NEEDED, StepKind.COMMAND})


class Updating:
    """`steps.update.Applying`."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def planned(self, plan: str, host: str) -> HostPlan | None:
        made = self._engine.updates.plans.of(plan)
        return next((each for each in made.hosts if each.host == host), None)

    def find(self, run: str) -> Board | None:
        return self._engine.updates.known_runs().find(run)

    def start(self, plan: str, hash: str, who: str, host: str, run: str, group: str) -> Board:
        return self._engine.updates.start(plan, hash, who, hosts=(host,), run_id=run, group=group)

    def again(self, host: str, plan: HostPlan, who: str) -> tuple[str, str]:
        names = tuple(change.name for change in plan.changes)
        made = self._engine.updates.make_plan((host,), Selection(packages=names), who)
        return made.id, made.hash

    def log(self, run: str, host: str) -> str:
        return self._engine.updates.known_runs().output(run, host)


class Rebooting:
    """`steps.reboot.Rebooting`."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def need(self, host: str) -> Need:
        found = self._engine.updates.aftercare.gate(host).reboot
        return Need(needed=found.needed, reasons=found.reasons)

    def find(self, batch: str) -> RebootRecord | None:
        return next(iter(self._engine.updates.aftercare.batch(batch)), None)

    def start(self, host: str, who: str, override: str, batch: str, soak_seconds: float) -> RebootRecord:
        aftercare = self._engine.updates.aftercare
        return aftercare.reboot((host,), who, override=override, batch=batch, soak_seconds=soak_seconds)[0]


class Backing:
    """`steps.backup.Backing`."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def places(self, host: str, set: str) -> int:
        return len(tasks_of(self._engine, host, set))

    def start(self, host: str, set: str, who: str, places: Sequence[str] = ()) -> Sequence[Job]:
        backups = self._engine.backups
        going = [job for job in self._going(host, set) if not places or job.repository in places]
        try:
            made = backups.start("backup", (host,), (set,), self._names(host, set, places), "quick", who)
        except RetryLater:
            if not going:
                raise
            made = ()
        return (*made, *(job for job in going if job.id not in {each.id for each in made}))

    def jobs(self, host: str, set: str, since: float) -> Sequence[Job]:
        return [
            job
            for job in self._engine.backups.board.jobs(10_000)
            if job.kind is JobKind.BACKUP and job.host == host and job.set == set
        ]

    def proof(self, host: str, set: str) -> float | None:
        catalog = self._engine.backups.depot.catalog
        found = [catalog.proof(task.repository.key, set) for task in tasks_of(self._engine, host, set)]
        return max((each.time for each in found if each is not None and each.ok), default=None)

    def now(self) -> float:
        return self._engine.clock.now()

    def log(self, job: str) -> str:
        return self._engine.backups.board.log(job)

    def _names(self, host: str, set: str, places: Sequence[str]) -> tuple[str, ...]:
        """What repositories of a host are called in the configuration; () for ()."""
        return tuple(
            task.repository.name for task in tasks_of(self._engine, host, set) if task.repository.key in places
        )

    def _going(self, host: str, set: str) -> list[Job]:
        return [job for job in self.jobs(host, set, 0.0) if job.state not in ENDED]


class Proving:
    """`steps.proof.Proving`."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def copies(self, host: str, set: str) -> Sequence[Copy]:
        return [self._copy(task) for task in tasks_of(self._engine, host, set)]

    def usual_seconds(self) -> float:
        return self._engine.config.backups.drill_days * 86400.0 * LATE

    def now(self) -> float:
        return self._engine.clock.now()

    def _copy(self, task: Task) -> Copy:
        depot = self._engine.backups.depot
        proof = depot.catalog.proof(task.repository.key, task.set.name)
        series = depot.statuses.series(task)
        return Copy(
            repository=task.repository.key,
            newest=series[0].start if series else None,
            proven=None if proof is None else proof.time,
            good=proof is not None and proof.ok,
            problem=proof.problems[0] if proof is not None and proof.problems else "",
        )


def tasks_of(engine: Engine, host: str, set: str) -> list[Task]:
    """The repositories into which that set of the host goes."""
    if not engine.has_backups:
        return []
    return [task for task in engine.backups.tasks.all() if task.host == host and task.set.name == set]


class Checking:
    """`steps.check.Checking`. `state`: of a run, by its id; `befores`: when its hosts were looked at before it."""

    def __init__(self, engine: Engine, state: Callable[[str], RunState], befores: Befores):
        self._engine, self._state, self._befores = engine, state, befores

    def before(self, run: str, host: str) -> float:
        """The look that was taken before its first step; without one, how it stood before anything was changed."""
        if (looked := self._befores.of(run, host)) is not None:
            return looked
        state = self._state(run)
        known = state.hosts[host]
        began = known.began if known.began is not None else self.now()
        kinds = [step.kind for step in state.plan.steps]
        changed = [each.began for each in known.results if kinds[each.step] in CHANGING and each.began >= began]
        return min([began + FRESH_SECONDS, *changed, self.now()])

    def run(self, host: str) -> None:
        self._engine.duty.health.run((host,), True)

    def row(self, host: str) -> HostHealth:
        return self._engine.duty.health.details(host).health

    def difference(self, host: str, before: float, rebooted: bool) -> DifferenceView:
        return self._engine.duty.health.difference(host, before, rebooted=rebooted)

    def boot(self, host: str) -> RebootNeed:
        return self._engine.updates.aftercare.gate(host).reboot

    def planned_kernel(self, run: str, host: str) -> str:
        state = self._state(run)
        results = [each for each in state.hosts[host].results if state.plan.steps[each.step].kind in REBOOTS]
        return results[-1].facts.get(facts.KERNEL_EXPECTED, "") if results else ""

    def drift(self, run: str, host: str) -> Drift:
        return drift(self._engine, self._state(run), host)

    def now(self) -> float:
        return self._engine.clock.now()
