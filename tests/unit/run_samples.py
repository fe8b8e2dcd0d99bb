"""A small maintenance run at different moments, for the tests of the subcommands and of their lines."""

from __future__ import annotations

from typing import Any

from backends.maintenance.dry_run import DryHost, DryRun, Finding
from backends.maintenance.model import (
    Approval,
    Budget,
    HostPlan,
    HostRun,
    Note,
    RunPlan,
    RunState,
    RunStatus,
    Stage,
    Step,
    StepKind,
)
from backends.maintenance.views import Headroom, RunView, summary, view
from backends.maintenance.worker import Look
from backends.states import Severity
from backends.updates.model import Change, ChangeSet

NOW = 1_795_700_000.0
"""2026-11-26 13:33:20 UTC."""
HASH = "0123456789ab" + "f" * 52
RUN = "r-20261126-1"
STEPS = (
    Step(kind=StepKind.DRAIN),
    Step(kind=StepKind.UPDATE, argument="security"),
    Step(kind=StepKind.CHECK),
    Step(kind=StepKind.RESUME),
)
HOSTS = (
    HostPlan(host="gpu01", kind="8×H100", batch=0, canary=True, scheduler="slurm"),
    HostPlan(host="gpu02", kind="8×H100", batch=1, scheduler="slurm"),
    HostPlan(host="gpu03", kind="8×H100", batch=1),
)
PLAN = RunPlan(
    id=RUN,
    name="monthly-patch",
    who="anna",
    created=NOW - 600,
    hosts=HOSTS,
    steps=STEPS,
    budget=Budget(fleet=2, failed=2),
    batches=2,
    promote="key",
    hash=HASH,
)
HEADROOM = Headroom(away=1, limit=2, free=1, failed=0, failed_limit=2, down=("gpu09",), domains={"rack1": (1, 1)})
DONE = HostRun(host="gpu01", stage=Stage.DONE, step=3, began=NOW - 400, ended=NOW - 100, text="proven healthy")
WORKING = HostRun(host="gpu02", stage=Stage.WORKING, step=0, begun=True, began=NOW - 90)
QUEUED = HostRun(host="gpu03")
FAILED = HostRun(
    host="gpu02",
    stage=Stage.FAILED,
    step=2,
    began=NOW - 300,
    ended=NOW - 20,
    text="7 of 8 GPUs came back",
    hint="look at it: swarm-tui triage gpu02",
)
ASKING = HostRun(
    host="gpu03", stage=Stage.ASKING, step=2, began=NOW - 60, text="the kernel is the old one", hint="why is that good?"
)
DRAINS = Look(told="going", state="draining", text="job 41 of bob runs", eta=NOW + 120)  # type: ignore[arg-type]


def state(*hosts: HostRun, status: RunStatus = RunStatus.RUNNING, plan: RunPlan = PLAN, **more: Any) -> RunState:
    """A run of these hosts."""
    return RunState(plan=plan, status=status, hosts={each.host: each for each in hosts}, edges=7, **more)


def shown(*hosts: HostRun, looks: dict[str, Look] | None = None, since: int | None = None, **more: Any) -> RunView:
    """The same as the API shows it."""
    return view(state(*hosts, **more), NOW, since=since, looks=looks, headroom=HEADROOM)


GOING = shown(
    DONE,
    WORKING,
    QUEUED,
    looks={"gpu02": DRAINS},
    batch=1,
    promoted=True,
    notes=(Note(time=NOW - 50, who="bob", text="fan is loud", host="gpu02"),),
    approvals=(Approval(who="carol", time=NOW - 500, hash=HASH),),
)
LINE = summary(state(DONE, WORKING, QUEUED, batch=1, began=NOW - 420))

YELLOW = Finding(kind="estimate", severity=Severity.WARNING, text="it never ran here", hosts=("gpu03",))
RED = Finding(kind="budget", severity=Severity.CRITICAL, text="the budget allows 0 hosts", hint="raise max_unavailable")
ROWS = (
    DryHost(
        host="gpu01",
        order=1,
        batch=0,
        canary=True,
        kind="8×H100",
        scheduler="slurm",
        drains=True,
        jobs=2,
        wait_seconds=600.0,
        changes=2,
        reboot=True,
        estimate_p50=900.0,
        estimate_p90=1200.0,
        begins=0.0,
        ends=900.0,
    ),
    DryHost(
        host="gpu02", order=2, batch=1, kind="8×H100", scheduler="slurm", prior="alice: fan", changes=2, reboot=False
    ),
    DryHost(host="gpu03", order=3, batch=1, kind="8×H100", severity=Severity.WARNING, findings=("it never ran here",)),
)
SETS = (
    ChangeSet(
        hosts=("gpu01", "gpu02"),
        changes=tuple(Change(name=f"lib{number}", installed="1", candidate="2", security=True) for number in range(10)),
        download_bytes=2048,
    ),
)


def dry(*findings: Finding, **more: Any) -> DryRun:
    """A plan that was worked out."""
    values: dict[str, Any] = {"rows": ROWS, "sets": SETS, "headroom": 2, "unavailable": ("gpu09",), **more}
    return DryRun(plan=PLAN, composed=NOW, findings=findings, **values)
