"""Hosts, sites and requests for the tests of planning: small, healthy, and changed in one place by each test."""

from __future__ import annotations

from msgspec.structs import replace

from backends.maintenance.dry_run import DryRun, Finding
from backends.maintenance.fleet import FleetHost, Site, Standing
from backends.maintenance.model import Budget, HostPlan, HostRun, RunPlan, RunState, RunStatus, Stage, StepResult
from backends.maintenance.plan_hash import sealed
from backends.maintenance.steps_text import steps
from backends.metrics.sample import HostFacts
from backends.updates.model import Change

NOW = 1_800_000_000.0
BASH = Change(name="bash", installed="5.2-1", candidate="5.2-2")
LIBC = Change(name="libc6", installed="2.36-9", candidate="2.36-10", security=True, cves=("CVE-2026-1",))
KIND = "8×H100 · Debian 12 · 6.1 · driver 550"
STEPS = ("drain", "snapshot", "update", "reboot-if-needed", "check", "resume")


def host(
    name: str, *, model: str = "H100", jobs: int | None = 0, wait: float | None = None, **more: object
) -> FleetHost:
    """A healthy GPU host under Slurm, with one update waiting and a backup an hour ago."""
    found = FleetHost(
        host=name,
        facts=HostFacts(hostname=name, system="Debian GNU/Linux 12 (bookworm)", kernel="6.1.0-18-amd64"),
        gpus=(f"NVIDIA {model}",) * 8,
        driver="550.54.15",
        standing=Standing(scheduler="slurm", jobs=jobs, wait_seconds=wait),
        pending=(BASH,),
        backup_age={"config": 3600.0},
    )
    return replace(found, **more)


def fleet(*hosts: FleetHost) -> dict[str, FleetHost]:
    return {each.host: each for each in hosts}


def site(**more: object) -> Site:
    return replace(Site(now=NOW, who="anna", sets={"config": ("gpu1", "gpu2")}), **more)


def earlier(kind: str = KIND, texts: tuple[str, ...] = STEPS, seconds: float = 100.0, name: str = "old") -> RunState:
    """A run that ended well: each of its steps took `seconds`."""
    plan = RunPlan(
        id=name,
        name=name,
        who="anna",
        created=NOW - 90_000,
        hosts=(HostPlan(host="gpu1", kind=kind),),
        steps=steps(texts),
        budget=Budget(fleet=1, failed=1),
    )
    began = NOW - 80_000
    results = tuple(
        StepResult(step=at, good=True, began=began + at * seconds, ended=began + (at + 1) * seconds)
        for at in range(len(texts))
    )
    done = HostRun(host="gpu1", stage=Stage.DONE, results=results, began=began, ended=began + len(texts) * seconds)
    return RunState(plan=sealed(plan), status=RunStatus.ENDED, hosts={"gpu1": done}, began=began, ended=done.ended)


def of_kind(run: DryRun, kind: str) -> Finding:
    """The only finding of that kind."""
    (found,) = (each for each in run.findings if each.kind == kind)
    return found
