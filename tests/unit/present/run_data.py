"""Maintenance runs made of plain values, for what is drawn of them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from backends.maintenance.dry_run import DryHost, DryRun, Finding
from backends.maintenance.model import Budget, HostPlan, HostRun, RunPlan, RunStatus, Stage, Step, StepKind, StepResult
from backends.maintenance.views import Headroom, RunSummary, RunView
from backends.maintenance.worker import Look, Told
from backends.states import Severity
from backends.updates.model import Change, ChangeSet
from tests.unit.present.fleet_rows import NOW as NOW

HASH = "5f0c" * 16
STEPS = tuple(
    Step(kind=kind, argument=argument)
    for kind, argument in (
        (StepKind.DRAIN, ""),
        (StepKind.SNAPSHOT, ""),
        (StepKind.UPDATE, "security"),
        (StepKind.REBOOT_IF_NEEDED, ""),
        (StepKind.CHECK, ""),
        (StepKind.RESUME, ""),
    )
)


def host(name: str, batch: int = 0, **given: Any) -> HostPlan:
    """A host of a plan."""
    fields: dict[str, Any] = {
        "kind": "8×H100 · Debian 12",
        "canary": batch == 0,
        "scheduler": "slurm",
        "domains": ("rack1",),
    }
    return HostPlan(host=name, batch=batch, **(fields | given))


def plan(*hosts: HostPlan, **given: Any) -> RunPlan:
    """One canary, then two batches, unless told otherwise."""
    shown = hosts or (host("gpu01"), host("gpu02", 1), host("gpu03", 1), host("gpu04", 2), host("gpu05", 2))
    fields: dict[str, Any] = {
        "id": "r-1",
        "name": "monthly",
        "who": "anna",
        "created": NOW - 4000,
        "steps": STEPS,
        "budget": Budget(fleet=2, failed=2),
        "batches": 1 + max(each.batch for each in shown),
        "hash": HASH,
    }
    return RunPlan(hosts=shown, **(fields | given))


def result(step: int, *, good: bool = True, text: str = "", **facts: str) -> StepResult:
    """A step that is over, one minute long."""
    began = NOW - 1000 + 60 * step
    return StepResult(step=step, good=good, text=text, began=began, ended=began + 60, facts=facts)


DONE = HostRun(
    host="gpu01",
    stage=Stage.DONE,
    step=5,
    began=NOW - 1000,
    ended=NOW - 600,
    results=(*(result(step) for step in range(5)), result(5, text="given back", packages="17 packages")),
)
FAILED = HostRun(
    host="gpu02",
    stage=Stage.FAILED,
    step=4,
    began=NOW - 900,
    ended=NOW - 60,
    text="7 of 8 GPUs came back",
    hint="look at the missing one: dmesg | grep Xid",
    results=tuple(result(step) for step in range(4)),
)
WORKING = HostRun(
    host="gpu03", stage=Stage.WORKING, step=2, began=NOW - 300, text="apt", results=(result(0), result(1))
)
ASKING = HostRun(
    host="gpu04", stage=Stage.ASKING, step=0, began=NOW - 30, text="drained by bob: fan", hint="answer to take it over"
)
QUEUED = HostRun(host="gpu05")
HOSTS = {each.host: each for each in (DONE, FAILED, WORKING, ASKING, QUEUED)}
LOOKS = {"gpu03": Look(told=Told.GOING, state="applying", text="12 of 17 libc6", done=0.7, eta=NOW + 95)}
ROOM = Headroom(away=2, limit=2, free=0, failed=1, failed_limit=2, down=("gpu09",), domains={"rack1": (1, 1)})


def view(shown: RunPlan | None = None, **given: Any) -> RunView:
    """The run in the middle of its second batch."""
    fields: dict[str, Any] = {
        "run": "r-1",
        "now": NOW,
        "version": 7,
        "status": RunStatus.RUNNING,
        "plan": shown or plan(),
        "hosts": HOSTS,
        "batch": 1,
        "began": NOW - 1000,
        "looks": LOOKS,
        "headroom": ROOM,
    }
    return RunView(**(fields | given))


def summary(**given: Any) -> RunSummary:
    """A run in a list."""
    fields: dict[str, Any] = {
        "run": "r-1",
        "name": "monthly",
        "who": "anna",
        "created": NOW - 4000,
        "status": RunStatus.RUNNING,
        "hosts": 5,
        "stages": {"done": 1, "failed-held": 1, "working": 1, "needs-operator": 1, "queued": 1},
        "began": NOW - 1000,
    }
    return RunSummary(**(fields | given))


YELLOW = Finding(kind="drained", severity=Severity.WARNING, text="drained by bob", hint="it stays so", hosts=("gpu04",))
RED = Finding(kind="window", severity=Severity.CRITICAL, text="the window is too short for one host", hint="widen it")
SET = ChangeSet(
    hosts=("gpu01", "gpu02"),
    changes=(Change(name="libc6", installed="2.36-9", candidate="2.36-10"),),
    download_bytes=1_300_000,
)


def dry(*findings: Finding, **given: Any) -> DryRun:
    """What would happen."""
    shown = given.pop("plan", None) or plan(name="")
    rows = tuple(
        DryHost(
            host=each.host, order=number, batch=each.batch, canary=each.canary, kind=each.kind, scheduler="slurm",
            drains=True, jobs=2 if number == 2 else None, wait_seconds=5400.0 if number == 2 else None, changes=17,
            reboot=True, estimate_p50=900.0, estimate_p90=1400.0, begins=600.0 * (number - 1),
        )
        for number, each in enumerate(shown.hosts, start=1)
    )  # fmt: skip
    fields: dict[str, Any] = {
        "composed": NOW,
        "total_p50": 3600.0,
        "total_p90": 5400.0,
        "headroom": 2,
        "sets": (SET,),
        "rows": rows,
    }
    return DryRun(plan=shown, findings=findings, **(fields | given))


def many(count: int) -> tuple[RunPlan, dict[str, HostRun]]:
    """A run of so many hosts that wait in one batch."""
    names = [f"n{number:03}" for number in range(count)]
    return plan(*(host(name, canary=False) for name in names)), {name: HostRun(host=name) for name in names}


def over(name: str, **given: Any) -> HostRun:
    """The host that is done, under another name."""
    return replace(DONE, host=name, **given)
