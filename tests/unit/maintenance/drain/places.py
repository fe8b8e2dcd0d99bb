"""A run with a drain and a resume, and a host's places in it."""

from __future__ import annotations

from collections.abc import Mapping

from backends.maintenance.model import Budget, HostPlan, RunPlan, Step, StepKind
from backends.maintenance.worker import Place

DRAIN, RESUME = 0, 2
STEPS = (Step(kind=StepKind.DRAIN), Step(kind=StepKind.REBOOT), Step(kind=StepKind.RESUME))


def plan(host: str, who: str = "alice", name: str = "monthly-patch") -> RunPlan:
    return RunPlan(
        id="r-1",
        name=name,
        who=who,
        created=0.0,
        hosts=(HostPlan(host=host, kind="one"),),
        steps=STEPS,
        budget=Budget(fleet=1, failed=1),
    )


def drain_place(host: str = "lab2", tokens: Mapping[int, str] = {}, reason: str = "") -> Place:
    return _place(host, DRAIN, tokens, reason)


def resume_place(host: str = "lab2", tokens: Mapping[int, str] = {}) -> Place:
    return _place(host, RESUME, tokens, "")


def _place(host: str, number: int, tokens: Mapping[int, str], reason: str) -> Place:
    run = plan(host)
    return Place(
        run=run,
        host=run.hosts[0],
        number=number,
        step=run.steps[number],
        key=f"r-1-{host}-{number}-0",
        tokens=tokens,
        reason=reason,
    )
