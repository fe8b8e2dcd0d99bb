"""A fleet in memory: hosts that drain, update, reboot and answer by a clock, with faults; for properties, demo and benchmark.

It keeps a record of everything that was done to it, so that a test can tell whether anything was done twice, or to whom it
should not have been done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from backends.clock import Clock
from backends.errors import AskOperator, RetryLater
from backends.maintenance.model import Budget, HostPlan, RunPlan, Step, StepKind
from backends.maintenance.plan_hash import sealed
from backends.maintenance.simulated_steps import (
    DOWN_FROM,
    DOWN_UNTIL,
    ENDS_AT,
    FAILS,
    REBOOTS,
    SECONDS,
    WELL,
    Fault,
    ended,
    facts_of,
    seconds_of,
    seen,
)
from backends.maintenance.worker import Look, Place, Told, Worker
from backends.maintenance.world import HostView, World

__all__ = ["Deed", "Fault", "SimulatedFleet", "simulated_hosts", "simulated_plan"]

STEPS = ("drain", "snapshot", "update:security", "reboot-if-needed", "check", "resume")
_OTHERS = "alice"


class Deed(NamedTuple):
    """Something that was really done to a host."""

    time: float
    host: str
    kind: StepKind
    key: str


class _Task(NamedTuple):
    place: Place
    began: float
    seconds: float


class SimulatedFleet:
    """Hosts in memory. Calls may come from any thread."""

    def __init__(
        self,
        hosts: Iterable[HostPlan],
        clock: Clock,
        *,
        faults: Mapping[str, Fault] = {},
        pace: float = 1.0,
        others: Mapping[str, HostView] = {},
    ):
        """
        Args:
            hosts: those of the plan; their domains and schedulers are believed.
            clock: by which everything happens; a jump of the wall clock changes nothing here.
            faults: host → what is wrong with it.
            pace: seconds of this clock that a simulated second takes; 0.1 is ten times as fast.
            others: hosts of the fleet besides.
        """
        self._plans = {host.host: host for host in hosts}
        self._clock, self._pace, self._others = clock, pace, dict(others)
        self.faults = dict(faults)
        self.deeds: list[Deed] = []
        """Everything that was done, in its order."""
        self.talks = 0
        """How often a worker was called."""
        self.alerts: dict[str, int] = {}
        self.held_by: dict[str, str] = {}
        self._lock = threading.Lock()
        self._tasks: dict[str, _Task] = {}
        self._last: dict[str, _Task] = {}
        self._drained = {name: _OTHERS for name, fault in self.faults.items() if fault is Fault.DRAINED}
        self._open: set[str] = set()

    def workers(self) -> Mapping[StepKind, Worker]:
        """One for every kind of step."""
        return {kind: _Simulated(self) for kind in StepKind}

    def world(self) -> World:
        """The fleet now, as an engine would see it."""
        with self._lock:
            hosts = {name: self._view(plan) for name, plan in self._plans.items()}
        return World(now=self._clock.now(), hosts={**self._others, **hosts})

    def open(self) -> frozenset[str]:
        """Hosts that were begun and not given back."""
        with self._lock:
            return frozenset(self._open)

    def drained(self) -> dict[str, str]:
        """Host → who has drained it: a run, or somebody else."""
        with self._lock:
            return dict(self._drained)

    def repair(self, host: str) -> None:
        """Nothing is wrong with it any more."""
        with self._lock:
            self.faults.pop(host, None)
            if self._drained.get(host) == _OTHERS:
                del self._drained[host]

    # What workers ask ------------------------------------------------------------------------------------------------

    def begin(self, place: Place) -> str:
        """As `Worker.begin`."""
        with self._lock:
            self.talks += 1
            name = place.host.host
            self._reach(name)
            if place.key in self._tasks:
                return f"job-{place.key}"
            self._ask(place)
            self._do(place)
            return f"job-{place.key}"

    def look(self, place: Place) -> Look:
        """As `Worker.look`."""
        with self._lock:
            self.talks += 1
            self._reach(place.host.host)
            if place.key not in self._tasks:  # this fleet was made after the step had begun: it goes on from here
                self._do(place)
            task = self._tasks[place.key]
            look = self._fails(task) or self._going(task)
            if look.told is Told.DONE:
                self._done(place)
            return look

    def output(self, place: Place) -> str:
        """As `Worker.output`."""
        with self._lock:
            task = self._tasks.get(place.key)
        if task is None:
            return ""
        share = min(1.0, self._share(task))
        lines = [
            seen(place.step.kind, at / 10, place.host, place.step.argument).text for at in range(int(share * 10) + 1)
        ]
        return "\n".join(line for line in lines if line)

    def _reach(self, name: str) -> None:
        if self.faults.get(name) is Fault.UNREACHABLE:
            raise RetryLater("no answer: no route to host", host=name, hint="look at its network")

    def _ask(self, place: Place) -> None:
        if place.reason:
            return
        if place.step.kind is StepKind.GATE:
            raise AskOperator(place.step.argument or "go on?", hint="answer, or skip the host")
        fault, name = self.faults.get(place.host.host), place.step.argument.partition(":")[0]
        if place.step.kind is StepKind.PROOF and fault is Fault.UNPROVEN:
            hint = f"swarm-tui backup drill {place.host.host} --set {name}, then retry; or answer with a reason"
            raise AskOperator(f"no proof of {name}: never restored for a test", hint=hint)
        if place.step.kind is StepKind.UPDATE and fault is Fault.ASKS:
            raise AskOperator("the initrd of the next kernel is missing", hint="repair it, or answer with a reason")

    def _do(self, place: Place) -> None:
        name, kind = place.host.host, place.step.kind
        self.deeds.append(Deed(self._clock.monotonic(), name, kind, place.key))
        task = _Task(place, self._clock.monotonic(), seconds_of(kind, name) * self._pace)
        self._tasks[place.key] = self._last[name] = task
        self._open.add(name)
        if kind is StepKind.DRAIN:
            self._drained.setdefault(name, place.run.id)

    def _done(self, place: Place) -> None:
        name = place.host.host
        if place.step.kind is StepKind.RESUME and self._drained.get(name) == place.run.id:
            del self._drained[name]
        if place.number == len(place.run.steps) - 1:
            self._open.discard(name)
            if self.faults.get(name) is Fault.ALERTS:
                self.alerts[name] = 2

    def _fails(self, task: _Task) -> Look | None:
        """What a fault makes of a step; None: nothing."""
        fault = self.faults.get(task.place.host.host)
        kinds, text, hint = FAILS.get(fault, WELL) if fault else WELL
        late = fault is not Fault.PACKAGE
        if task.place.step.kind not in kinds or self._share(task) < (1.0 if late else ENDS_AT):
            return None
        return Look(told=Told.FAILED, state="failed", text=text, hint=hint)

    def _going(self, task: _Task) -> Look:
        kind, argument = task.place.step.kind, task.place.step.argument
        share = self._share(task)
        if kind is StepKind.UPDATE and self.faults.get(task.place.host.host) is Fault.HANGS:
            share = min(share, 0.5)
        if share >= 1.0:
            return Look(
                told=Told.DONE, text=ended(kind, argument), done=1.0, facts=facts_of(kind, argument, self._clock.now())
            )
        now = seen(kind, share, task.place.host, argument)
        eta = self._clock.now() + (1.0 - share) * task.seconds
        return Look(told=Told.GOING, state=now.state, text=now.text, done=share, eta=eta)

    def _share(self, task: _Task) -> float:
        spent = self._clock.monotonic() - task.began
        return spent / task.seconds if task.seconds > 0 else 1.0

    def _view(self, plan: HostPlan) -> HostView:
        why = self._why_down(plan.host)
        if not why and self._drained.get(plan.host) == _OTHERS:
            why = f"drained by {_OTHERS}: fan"
        return HostView(
            up=not why,
            why=why,
            domains=plan.domains,
            alerts=self.alerts.get(plan.host, 0),
            held_by=self.held_by.get(plan.host, ""),
        )

    def _why_down(self, name: str) -> str:
        fault, task = self.faults.get(name), self._last.get(name)
        if fault is Fault.DOWN or (fault is Fault.UNREACHABLE and name in self._open):
            return "unreachable"
        if task is None or task.place.step.kind not in REBOOTS:
            return ""
        share = self._share(task)
        until = float("inf") if fault is Fault.NOT_BACK else DOWN_UNTIL
        return "rebooting" if DOWN_FROM <= share < until else ""


class _Simulated:
    """Worker of every kind of step."""

    def __init__(self, fleet: SimulatedFleet):
        self._fleet = fleet

    def begin(self, place: Place) -> str:
        return self._fleet.begin(place)

    def look(self, place: Place, token: str) -> Look:
        return self._fleet.look(place)

    def output(self, place: Place, token: str) -> str:
        return self._fleet.output(place)


def simulated_hosts(
    names: Sequence[str], *, batch_of: Callable[[int], int] = lambda at: 0, rack: int = 8
) -> tuple[HostPlan, ...]:
    """Hosts with GPUs under Slurm, `rack` of them behind one switch.

    Args:
        names: of the hosts.
        batch_of: number of a host → its batch, from 0.
        rack: hosts that fail together.
    """
    usual = sum(SECONDS[StepKind(step.partition(":")[0])] for step in STEPS)
    return tuple(
        HostPlan(
            host=name,
            kind="8×H100 · Debian 12 · 6.1",
            domains=(f"rack{at // rack + 1}",),
            batch=batch_of(at),
            scheduler="slurm",
            estimate_seconds=usual * 1.2,
        )
        for at, name in enumerate(names)
    )


def simulated_plan(
    hosts: Sequence[HostPlan],
    *,
    who: str = "demo",
    steps: Sequence[str] = STEPS,
    budget: Budget | None = None,
    created: float = 0.0,
    **fields: object,
) -> RunPlan:
    """A plan over these hosts, sealed; `fields` are those of `RunPlan`."""
    parts = [step.partition(":") for step in steps]
    plan = RunPlan(
        id="",
        name="monthly-patch",
        who=who,
        created=created,
        hosts=tuple(hosts),
        steps=tuple(Step(kind=StepKind(kind), argument=argument) for kind, _, argument in parts),
        budget=budget or Budget(fleet=max(1, len(hosts) // 5), failed=2),
        batches=max((host.batch for host in hosts), default=0) + 1,
    )
    return sealed(replace(plan, **fields))
