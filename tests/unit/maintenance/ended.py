"""A run that is over and has everything that a report can tell: done, failed, skipped, noted, approved, stopped."""

from __future__ import annotations

from backends.maintenance import facts
from backends.maintenance.model import (
    Approval,
    Budget,
    Edge,
    EdgeKind,
    HostPlan,
    HostRun,
    Note,
    RunPlan,
    RunState,
    RunStatus,
    Stage,
    StepResult,
)
from backends.maintenance.plan_hash import sealed
from backends.maintenance.steps_text import steps

START = 1_800_000_000.0
KIND = "8×H100 · Debian 12 · 6.1"
PLAN = sealed(
    RunPlan(
        id="r-20270115-1",
        name="monthly-patch",
        who="anna",
        created=START - 600,
        hosts=(
            HostPlan(host="gpu1", kind=KIND, domains=("rack1",), canary=True, scheduler="slurm"),
            HostPlan(host="gpu2", kind=KIND, domains=("rack1",), batch=1, scheduler="slurm"),
            HostPlan(host="gpu3", kind=KIND, domains=("rack2",), batch=1, scheduler="slurm"),
            HostPlan(host="gpu4", kind=KIND, domains=("rack2",), batch=2, scheduler="slurm"),
        ),
        steps=steps(("drain", "backup:config", "update:security", "reboot-if-needed", "check", "resume")),
        budget=Budget(fleet=2, domain=1, failed=1),
        batches=3,
        update_plan="u1",
        update_hash="abc",
        approvals=1,
        selector="tag:a100",
        window_end=START + 7200,
    )
)
PACKAGES = facts.written([("bash", "5.2-1", "5.2-2", "applied"), ("libc6", "2.36-9", "2.36-10", "applied")])


def _good(began: float) -> tuple[StepResult, ...]:
    """All six steps, each of which takes 100 s."""
    told = (
        {facts.JOBS_WAITED: facts.written([("77", "bob", 90)]), facts.PRIOR: "IDLE"},
        {facts.ARCHIVE: facts.written([("vault", "gpu-config-2027", 2048)])},
        {facts.PACKAGES: PACKAGES, facts.CVES: "CVE-2026-1\nCVE-2026-2", facts.LEFTOVERS: "/etc/bash.bashrc.dpkg-dist"},
        {facts.REBOOTED: "yes", facts.KERNEL_AFTER: "6.1.0-21", facts.DOWN_SECONDS: "75"},
        {
            facts.GATE: facts.written(
                [("kernel", "6.1.0-18", "6.1.0-21", "planned"), ("swap", "on", "off", "warning")]
            ),
            facts.DRIFT: "etc/fstab content",
            facts.DRIFT_PLANNED: facts.written([("etc/bash.bashrc content", "of an updated package")]),
        },
        {facts.RESUMED: "yes"},
    )
    return tuple(
        StepResult(step=at, good=True, text="", began=began + 100 * at, ended=began + 100 * at + 100, facts=each)
        for at, each in enumerate(told)
    )


FAILED = StepResult(
    step=2,
    good=False,
    text="1 of 2 packages: dpkg: error | <img src=x> [x](http://evil.example) @team `rm`",
    began=START + 900,
    ended=START + 960,
    facts={
        facts.PACKAGES: facts.written(
            [("bash", "5.2-1", "5.2-1", "failed"), ("libc6", "2.36-9", "2.36-10", "applied")]
        ),
        facts.OUTPUT: "Setting up bash\n```\n# dpkg: error processing\x1b[31m",
        facts.EXIT_STATUS: "100",
    },
)
STATE = RunState(
    plan=PLAN,
    status=RunStatus.ENDED,
    batch=1,
    hosts={
        "gpu1": HostRun(host="gpu1", stage=Stage.DONE, step=5, began=START, ended=START + 600, results=_good(START)),
        "gpu2": HostRun(
            host="gpu2",
            stage=Stage.FAILED,
            step=2,
            text="the update did not finish: bash failed",
            hint="swarm-tui updates list offers a repair; then retry",
            began=START + 700,
            ended=START + 960,
            results=(*_good(START + 700)[:2], FAILED),
        ),
        "gpu3": HostRun(
            host="gpu3", stage=Stage.DONE, step=5, began=START + 700, ended=START + 1300, results=_good(START + 700)
        ),
        "gpu4": HostRun(host="gpu4", stage=Stage.SKIPPED, text="the run was aborted", ended=START + 1400),
    },
    approvals=(Approval(who="bob", time=START - 300, hash=PLAN.hash),),
    notes=(Note(time=START + 1000, who="anna", text="bash is known: *ticket* 4711", host="gpu2"),),
    began=START,
    ended=START + 1400,
    edges=40,
)
EDGES = (
    Edge(time=START - 600, kind=EdgeKind.CREATED, who="anna", plan=PLAN),
    Edge(time=START - 300, kind=EdgeKind.APPROVED, who="bob", text=PLAN.hash),
    Edge(time=START, kind=EdgeKind.STARTED, who="anna"),
    Edge(time=START, kind=EdgeKind.INTENDED, host="gpu1", step=0, key="k"),
    Edge(time=START + 600, kind=EdgeKind.BATCH_OVER),
    Edge(time=START + 650, kind=EdgeKind.PROMOTED, who="anna"),
    Edge(time=START + 700, kind=EdgeKind.BATCH, step=1),
    Edge(time=START + 960, kind=EdgeKind.STOPPED, text="1 host has failed (gpu2); the limit is 1"),
    Edge(time=START + 1400, kind=EdgeKind.ABORTED, who="anna", text="tomorrow"),
    Edge(time=START + 1400, kind=EdgeKind.SKIPPED, host="gpu4", text="the run was aborted"),
    Edge(time=START + 1400, kind=EdgeKind.ENDED),
)
