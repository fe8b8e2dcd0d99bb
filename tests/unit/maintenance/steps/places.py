"""Places of steps as a runner gives them to workers."""

from __future__ import annotations

from msgspec.structs import replace

from backends.maintenance.model import Budget, HostPlan, RunPlan, Step
from backends.maintenance.steps_text import step
from backends.maintenance.worker import Place

ANN = "ann from 10.0.0.7"
HOST = "gpu01"
REASON = "the vendor says that it boots"


def place(*steps: str, reason: str = "", key: str = "r-1-gpu01-0-0", number: int | None = None) -> Place:
    """At the last of these steps, unless a number says otherwise."""
    found: tuple[Step, ...] = tuple(step(text) for text in steps)
    host = HostPlan(host=HOST, kind="8×H100")
    run = RunPlan(
        id="r-1",
        name="monthly",
        who=ANN,
        created=1_800_000_000.0,
        hosts=(host,),
        steps=found,
        budget=Budget(fleet=1, failed=1),
        update_plan="p-1",
        update_hash="f" * 64,
    )
    at = len(found) - 1 if number is None else number
    return Place(run=run, host=host, number=at, step=found[at], key=key, reason=reason)


def without_plan(given: Place) -> Place:
    """The same in a run that updates nothing."""
    return replace(given, run=replace(given.run, update_plan="", update_hash=""))
