"""A host in memory whose services can be restarted: units with invocations, and the detached job that restarts them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from backends.errors import RetryLater
from backends.execution import Exec, ExecResult, OnOutput
from backends.hostkit.job_plan import PACKAGES, Job
from backends.hostkit.job_report import JobMeta, JobReport, StepReport
from backends.hostkit.jobs import Jobs
from backends.updates.preflight_model import CommandAnswer, Preflight
from tests.unit.updates.hosts import host as sound
from tests.unit.updates.hosts import said

_numbers = itertools.count(1)


class Unit:
    """One unit."""

    def __init__(self, *, crashes: bool = False, fails: bool = False, ignores: bool = False):
        self.crashes, self.fails, self.ignores = crashes, fails, ignores
        """Dies again and again; does not start; reports a restart that was none."""
        self.active, self.restarts = "active", 0
        self.invocation = f"{next(_numbers):032x}"

    def restart(self) -> int:
        """systemctl's exit status."""
        if self.ignores:
            return 0
        self.invocation, self.restarts = f"{next(_numbers):032x}", 0
        if self.fails:
            self.active = "failed"
            return 1
        self.restarts = 3 if self.crashes else 0
        return 0

    def shown(self, name: str) -> str:
        result = "exit-code" if self.fails or self.crashes else "success"
        lines = (f"Id={name}", "LoadState=loaded", f"ActiveState={self.active}", "SubState=running")
        counted = (f"Result={result}", f"NRestarts={self.restarts}", f"InvocationID={self.invocation}")
        return "\n".join((*lines, *counted))


class RestartHost(Exec):
    """What runs old code is what needrestart says."""

    def __init__(self, name: str, **units: Unit):
        self.name = name
        self.units = {f"{unit}.service": state for unit, state in units.items()}
        self.old: tuple[str, ...] = tuple(self.units)
        self.needrestart: CommandAnswer | None = said()
        self.connected, self.updating = True, False
        self.job: Job | None = None
        self.exits: list[int] = []
        self.forgotten: list[str] = []
        self.starts = 0
        self.reads_left = 2
        self.busy_with = ""
        """Somebody else's job of that kind."""

    @property
    def host(self) -> str:
        return self.name

    def facts(self) -> Preflight:
        """What the preflight would bring now. Raises RetryLater."""
        self.demand_link()
        answer = said(*(f"NEEDRESTART-SVC: {unit}" for unit in self.old), "NEEDRESTART-KSTA: 1")
        return sound(host=self.name, needrestart=answer if self.needrestart else None, missing=self._missing())

    def _missing(self) -> dict[str, str]:
        return {} if self.needrestart else {"stale": "permission denied"}

    def demand_link(self) -> None:
        if not self.connected:
            raise RetryLater("not connected", host=self.name)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        self.demand_link()
        names = list(argv)[list(argv).index("--") + 1 :]
        assert "show" in argv
        return ExecResult(0, stdout="\n\n".join(self._shown(name) for name in names).encode() + b"\n")

    def _shown(self, name: str) -> str:
        known = self.units.get(name)
        missing = f"Id={name}\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nResult=success\nNRestarts=0"
        return known.shown(name) if known else f"{missing}\nInvocationID="


class RestartJobs(Jobs):
    """The detached jobs of such a host, in memory."""

    def __init__(self, place: RestartHost):
        super().__init__(place, "none")
        self.place = place

    def start(self, job: Job) -> None:
        self.place.demand_link()
        if self.place.busy_with:
            raise RetryLater(f"a job runs: started by {self.place.busy_with}", host=self.place.name)
        self.place.job, self.place.starts = job, self.place.starts + 1
        self.place.exits = [self._carry(step.argv) for step in job.steps]

    def _carry(self, argv: tuple[str, ...]) -> int:
        if argv == ("systemctl", "daemon-reexec"):
            return 0
        unit = self.place.units.get(argv[-1])
        return unit.restart() if unit else 5

    def read(self, name: str, *, run: str = "", out: int = 0, status: int = 0) -> JobReport:
        place, job = self.place, self.place.job
        place.demand_link()
        if name == PACKAGES:
            meta = JobMeta(name=name, title="update 3 packages")
            return JobReport(name=name, state="running" if place.updating else "none", meta=meta)
        if job is None or job.run != run:
            return JobReport(name=name, state="none")
        place.reads_left -= 1
        if place.reads_left > 0:
            return JobReport(name=name, state="running", steps=(StepReport(id=job.steps[0].id, state="running"),))
        steps = tuple(
            StepReport(id=step.id, state="done", exit_status=code)
            for step, code in zip(job.steps, place.exits, strict=True)
        )
        return JobReport(name=name, state="finished", result="done", steps=steps)

    def forget(self, name: str, run: str) -> None:
        self.place.demand_link()
        self.place.forgotten.append(run)
