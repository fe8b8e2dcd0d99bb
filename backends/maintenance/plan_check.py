"""Whether a plan can be carried out at all: what `create` refuses before a line is written. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from backends.errors import BadInput
from backends.maintenance.model import RunPlan
from backends.maintenance.plan_hash import intact

MOST_HOSTS = 100_000


def demand(plan: RunPlan) -> None:
    """Raises BadInput with the first thing that is wrong."""
    wrong = next(_wrong(plan), "")
    if wrong:
        raise BadInput(wrong, action="create a maintenance run", hint="make the plan again: swarm-tui run plan")


def _wrong(plan: RunPlan) -> Iterator[str]:
    if not intact(plan):
        yield "the plan is not the one that its hash was made for"
    if not plan.hosts:
        yield "no host is meant"
    if not plan.steps:
        yield "the plan has no steps"
    names = [host.host for host in plan.hosts]
    if len(set(names)) != len(names):
        yield "a host is in the plan twice"
    yield from _wrong_numbers(plan)


def _wrong_numbers(plan: RunPlan) -> Iterator[str]:
    budget = plan.budget
    if budget.fleet < 1 or (budget.domain is not None and budget.domain < 1):
        yield "the budget lets no host be away: it could never begin"
    if budget.failed < 1:
        yield "the limit of failed hosts is below 1: it could never begin"
    if plan.batches < 1 or any(not 0 <= host.batch < plan.batches for host in plan.hosts):
        yield "a host is in a batch that the plan does not have"
    if not math.isfinite(plan.soak_seconds) or plan.soak_seconds < 0:
        yield "the time between two batches is not a time"
    if any(not math.isfinite(step.timeout_seconds) or step.timeout_seconds <= 0 for step in plan.steps):
        yield "the time of a step is not a time"
    if plan.window_start is not None and plan.window_end is not None and plan.window_end <= plan.window_start:
        yield "the window ends before it begins"
