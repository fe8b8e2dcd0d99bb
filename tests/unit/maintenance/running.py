"""A runner over a simulated fleet, on a clock that tests move: its crew works inline, so nothing happens between two ticks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from backends.clock import ManualClock
from backends.maintenance.fold import fold, folded
from backends.maintenance.model import Budget, Edge, EdgeKind, HostPlan, RunPlan, RunState, RunStatus, Stage, StepKind
from backends.maintenance.runner import Runner
from backends.maintenance.simulated import Fault, SimulatedFleet, simulated_hosts, simulated_plan
from backends.maintenance.worker import Look, Place, Told, Worker
from backends.maintenance.world import HostView, World
from backends.states import Severity

ANN = "ann"
"""Author of the plans here."""
NOW = 1_800_000_000.0


class Inline:
    """A crew that works at once."""

    def __init__(self) -> None:
        self.before: Callable[[], None] = lambda: None

    def do(self, task: Callable[[], None]) -> None:
        self.before()
        task()

    def stop(self) -> None:
        """Nothing waits here."""


class Site:
    """Runner, fleet and clock. `again` is a new process over the same journals."""

    def __init__(
        self,
        folder: Path,
        hosts: tuple[HostPlan, ...],
        faults: Mapping[str, Fault] = {},
        *,
        patience: float = 120.0,
        wrap: Callable[[Mapping[StepKind, Worker]], Mapping[StepKind, Worker]] = lambda workers: workers,
    ):
        self.folder, self.hosts, self.patience, self.wrap = folder, hosts, patience, wrap
        self.clock = ManualClock(NOW)
        self.fleet = SimulatedFleet(hosts, self.clock, faults=faults)
        self.told: list[tuple[str, Severity]] = []
        self.bugs: list[tuple[str, Exception]] = []
        self.edges: list[Edge] = []
        self.on_edge: Callable[[RunState, Edge], None] = lambda state, edge: self.edges.append(edge)
        self.view: Callable[[World], World] = lambda world: world
        self.again()

    def again(self) -> None:
        """Whatever the former runner had in memory is gone."""
        self.crew = Inline()
        self.runner = Runner(
            self.folder,
            self.wrap(self.fleet.workers()),
            lambda: self.view(self.fleet.world()),
            self.clock,
            tell=lambda kind, text, host, actor, severity: self.told.append((text, severity)),
            on_bug=lambda host, error: self.bugs.append((host, error)),
            on_edge=lambda state, edge: self.on_edge(state, edge),
            patience_seconds=self.patience,
            crew=self.crew,
        )
        self.runner.resume_all()

    def begin(self, plan: RunPlan) -> str:
        """Create and start it; its id."""
        run = self.runner.create(plan, plan.who).plan.id
        self.runner.start(run, who=plan.who)
        return run

    def tick(self, seconds: float = 5.0, times: int = 1) -> None:
        for _ in range(times):
            self.runner.tick()
            self.clock.advance(seconds)

    def until(self, true: Callable[[], bool], *, ticks: int = 4000, seconds: float = 5.0) -> None:
        """Let time pass until something holds."""
        for _ in range(ticks):
            if true():
                return
            self.tick(seconds)
        raise AssertionError("it did not come about")

    def until_ended(self, run: str) -> RunState:
        self.until(lambda: self.runner.state(run).status is RunStatus.ENDED)
        return self.runner.state(run)

    def stages(self, run: str) -> dict[str, Stage]:
        return {name: host.stage for name, host in self.runner.state(run).hosts.items()}

    def stage(self, run: str, host: str) -> Stage:
        return self.runner.state(run).hosts[host].stage

    def begun(self) -> list[str]:
        """Hosts in the order in which their first step was really done."""
        return list(dict.fromkeys(deed.host for deed in self.fleet.deeds))

    def kinds(self, host: str) -> list[str]:
        """What was really done to a host."""
        return [str(deed.kind) for deed in self.fleet.deeds if deed.host == host]


def hosts(count: int, batches: Mapping[int, int] | None = None, rack: int = 8) -> tuple[HostPlan, ...]:
    """h0 …; number of a host → its batch, 0 where it is not named."""
    return simulated_hosts([f"h{at}" for at in range(count)], batch_of=lambda at: (batches or {}).get(at, 0), rack=rack)


def plan(
    members: tuple[HostPlan, ...], *, fleet: int = 9, failed: int = 9, domain: int | None = None, **fields: Any
) -> RunPlan:
    """A plan of ann's that takes drain, update and resume."""
    fields = {"steps": ("drain", "update", "resume"), "soak_seconds": 0.0, "who": ANN, "created": NOW, **fields}
    return simulated_plan(members, budget=Budget(fleet=fleet, failed=failed, domain=domain), **fields)


def started(made: RunPlan) -> RunState:
    """That plan, running, as the journal would have it."""
    return folded([Edge(time=NOW, kind=EdgeKind.CREATED, plan=made), Edge(time=NOW, kind=EdgeKind.STARTED, who=ANN)])


def then(state: RunState, *edges: Edge) -> RunState:
    for edge in edges:
        state = fold(state, edge)
    return state


def to_step(host: str, step: int = 0, *, key: str = "k", time: float = NOW) -> tuple[Edge, ...]:
    """The edges that bring a queued host into a step, the ones before it well over."""
    found: list[Edge] = []
    for at in range(step + 1):
        found.append(Edge(time=time, kind=EdgeKind.INTENDED, host=host, step=at, key=f"{key}{at}"))
        found.append(Edge(time=time, kind=EdgeKind.BEGUN, host=host, step=at, token=f"t{at}"))
        if at < step:
            found.append(Edge(time=time, kind=EdgeKind.STEP_OVER, host=host, step=at))
    return tuple(found)


def to_failure(host: str, step: int = 0, *, time: float = NOW) -> tuple[Edge, ...]:
    over = Edge(time=time, kind=EdgeKind.STEP_OVER, host=host, step=step, good=False, text="broken", hint="mend it")
    return (*to_step(host, step, time=time), over)


def to_done(host: str, steps: int = 3, *, time: float = NOW) -> tuple[Edge, ...]:
    over = Edge(time=time, kind=EdgeKind.STEP_OVER, host=host, step=steps - 1)
    return (*to_step(host, steps - 1, time=time), over, Edge(time=time, kind=EdgeKind.HOST_DONE, host=host))


def world(names: Mapping[str, HostView] | int, now: float = NOW, **estimates: float) -> World:
    """Every host of it up, where only their number is given."""
    if isinstance(names, int):
        names = {f"h{at}": HostView(up=True) for at in range(names)}
    return World(now=now, hosts=names, estimates=estimates)


class Own:
    """A worker that a test words itself."""

    def __init__(self) -> None:
        self.begins: list[Place] = []
        self.looks = 0
        self.error: Exception | None = None
        self.look_error: Exception | None = None
        self.says = Look(told=Told.DONE)
        self.token = ""

    def begin(self, place: Place) -> str:
        self.begins.append(place)
        if self.error is not None:
            raise self.error
        return self.token

    def look(self, place: Place, token: str) -> Look:
        self.looks += 1
        if self.look_error is not None:
            raise self.look_error
        return self.says

    def output(self, place: Place, token: str) -> str:
        return f"{place.key} {token}"


def site_of(folder: Path, own: Own, count: int = 2) -> Site:
    """The update step is that worker's."""

    def wrap(workers: Mapping[StepKind, Worker]) -> Mapping[StepKind, Worker]:
        return {**workers, StepKind.UPDATE: own}

    return Site(folder, hosts(count), wrap=wrap)
