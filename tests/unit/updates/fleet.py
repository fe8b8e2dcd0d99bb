"""Hosts in memory for the carrying out of updates: packages, a link that can be cut, and a job that is told how to go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import msgspec

from backends.clock import Clock, ManualClock
from backends.errors import RetryLater
from backends.execution import Exec, ExecResult, OnOutput
from backends.hostkit.job_plan import Job
from backends.hostkit.job_report import JobMeta, JobReport, StepMeta, StepReport
from backends.hostkit.jobs import Jobs
from backends.updates.apply import APPLY, PREFETCH, HostApply
from backends.updates.model import (
    Caution,
    Change,
    HistoryEntry,
    Holder,
    HostPlan,
    Inventory,
    ManagerName,
    Outcome,
    PackageResult,
    Progress,
    Repair,
    Selection,
    Stage,
    Step,
)
from backends.updates.records import RunRecord


class BriefClock(ManualClock):
    """Waits a thousandth of a second for every wait, so that threads take turns instead of spinning."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.advance(max(0.0, seconds))
        return event.wait(0.001)


BASH = Change(name="bash", installed="5.2-1", candidate="5.2-2")
LIBC = Change(name="libc6", installed="2.36-9", candidate="2.36-10", security=True, cves=("CVE-2026-1",))


class Machine:
    """One host: what is installed, whether it can be reached, and the job that is on it."""

    def __init__(self, name: str):
        self.name = name
        self.installed = {BASH.name: BASH.installed, LIBC.name: LIBC.installed}
        self.offered = {BASH.name: BASH.candidate, LIBC.name: LIBC.candidate}
        self.reachable = True
        self.job: Job | None = None
        self.reads_left = 3
        """Reads until the job ends by itself."""
        self.repair_status = 0
        """How the next job ends that changes no packages."""
        self.breaks: str = ""
        """A package whose installation fails."""
        self.fetch_status = 0
        self.starts = 0
        self.forgotten: list[str] = []
        self.cancelled_by = ""
        self.lose_answer = False
        """The next start arrives, its answer does not."""

    def plan(self, *changes: Change) -> HostPlan:
        """What would be approved for this host."""
        arguments = tuple(f"{change.name}={change.candidate}" for change in changes)
        return HostPlan(host=self.name, manager="apt", changes=changes, arguments=arguments, command=arguments)

    def demand_link(self) -> None:
        if not self.reachable:
            raise RetryLater("not connected", host=self.name)


class MachineExec(Exec):
    """A way to a machine; the fake manager needs no commands."""

    def __init__(self, machine: Machine):
        self.machine = machine

    @property
    def host(self) -> str:
        return self.machine.name

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
        self.machine.demand_link()
        return ExecResult(0, stdout=b"apt-get\nID debian\n")


class MachineJobs(Jobs):
    """The detached job of a machine, in memory."""

    def __init__(self, machine: Machine):
        super().__init__(MachineExec(machine), "none")
        self.machine = machine

    def start(self, job: Job) -> None:
        machine = self.machine
        machine.demand_link()
        if machine.job is not None and machine.reads_left > 0:
            raise RetryLater(f"a job runs: {machine.job.title}, started by {machine.job.who}", host=machine.name)
        machine.job, machine.starts = job, machine.starts + 1
        if machine.lose_answer:
            machine.lose_answer = False
            raise RetryLater("connection lost", host=machine.name)

    def read(self, name: str, *, run: str = "", out: int = 0, status: int = 0) -> JobReport:
        machine = self.machine
        machine.demand_link()
        job = machine.job
        if job is None or (run and job.run != run):
            return JobReport(name=name, state="none")
        machine.reads_left -= 1
        ended = machine.reads_left <= 0
        if ended and not machine.cancelled_by:
            self._apply(job)
        text = b"working\n"
        return JobReport(
            name=name,
            state="finished" if ended else "running",
            meta=JobMeta(name=name, run=job.run, who=job.who, steps=tuple(StepMeta(id=step.id) for step in job.steps)),
            steps=self._steps(job, ended),
            exit_status=self._status(job) if ended else None,
            result="" if not ended else "cancelled" if machine.cancelled_by else "done",
            cancelled_by=machine.cancelled_by,
            out=text[out:],
            out_size=len(text),
        )

    def _status(self, job: Job) -> int:
        return 0 if any(step.id == APPLY for step in job.steps) else self.machine.repair_status

    def _steps(self, job: Job, ended: bool) -> tuple[StepReport, ...]:
        if self.machine.cancelled_by:
            return tuple(StepReport(id=step.id, state="skipped") for step in job.steps)
        if not ended:
            return (StepReport(id=APPLY, state="running"),)
        return tuple(self._step(step.id) for step in job.steps)

    def _step(self, name: str) -> StepReport:
        status = self.machine.fetch_status if name == PREFETCH else 0
        return StepReport(id=name, state="failed" if status else "done", exit_status=status)

    def _apply(self, job: Job) -> None:
        words = next((step.argv for step in job.steps if step.id == APPLY), ())
        for word in words:
            name, sign, version = word.partition("=")
            if sign and name != self.machine.breaks:
                self.machine.installed[name] = version

    def cancel(self, name: str, run: str, who: str, *, force: bool = False) -> str:
        self.machine.demand_link()
        self.machine.cancelled_by, self.machine.reads_left = who, 0
        return "the step was ended"

    def forget(self, name: str, run: str) -> None:
        self.machine.demand_link()
        self.machine.forgotten.append(run)
        self.machine.job = None


class MachineManager:
    """A package manager that knows what its machine offers."""

    name: ManagerName = "apt"

    def __init__(self, machines: dict[str, Machine]):
        self._machines = machines

    def again(self, host: Exec, plan: HostPlan) -> HostPlan:
        machine = self._machines[host.host]
        machine.demand_link()
        changes = [msgspec.structs.replace(each, candidate=machine.offered[each.name]) for each in plan.changes]
        return msgspec.structs.replace(plan, changes=tuple(changes))

    def refresh_argv(self) -> tuple[str, ...]:
        return ("apt-get", "update")

    def judge_refresh(self, result: ExecResult) -> tuple[str, ...]:
        return ()

    def inventory(self, host: Exec, now: float) -> Inventory:
        machine = self._machines[host.host]
        machine.demand_link()
        changes = [each for each in (BASH, LIBC) if machine.installed[each.name] != machine.offered[each.name]]
        return Inventory(host=host.host, manager="apt", taken=now, changes=tuple(changes))

    def plan(self, host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
        wanted = [each for each in inventory.changes if each.security or not selection.security_only]
        return self._machines[host.host].plan(*wanted)

    def prefetch_argv(self, plan: HostPlan) -> tuple[str, ...]:
        return ("fetch", *plan.arguments)

    def apply_argv(self, plan: HostPlan, run: str) -> tuple[str, ...]:
        return ("apply", *plan.arguments)

    def before_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        return (Step(id="stop-timers", text="", command=("true",)),)

    def after_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        return (Step(id="start-timers", text="", command=("true",), always=True),)

    def holder(self, output: str) -> Holder | None:
        return None

    def progress(self, plan: HostPlan, status: str, output: str) -> tuple[int, str, float | None]:
        return 0, "", None

    def outcome(self, host: Exec, plan: HostPlan, exit_status: int | None, status: str, output: str) -> Outcome:
        machine = self._machines[host.host]
        machine.demand_link()
        results = tuple(
            PackageResult(
                name=each.name,
                planned=each.candidate,
                found=machine.installed[each.name],
                outcome="applied" if machine.installed[each.name] == each.candidate else "failed",
            )
            for each in plan.changes
        )
        good = all(result.outcome == "applied" for result in results)
        return Outcome(host=host.host, stage=Stage.DONE if good else Stage.PARTIAL, results=results, tail=output)

    def hold_argv(self, packages: Sequence[str], hold: bool) -> tuple[str, ...]:
        return ("hold", *packages)

    def history(self, host: Exec, limit: int) -> tuple[HistoryEntry, ...]:
        return (HistoryEntry(host=host.host, id="7", time=1.0, changes=(BASH,)),)

    def rollback_plan(self, host: Exec, entry: HistoryEntry, packages: Sequence[str]) -> HostPlan:
        back = [
            msgspec.structs.replace(each, kind="downgrade", installed=each.candidate, candidate=each.installed)
            for each in entry.changes
        ]
        return self._machines[host.host].plan(*back)

    def repairs(self) -> tuple[Repair, ...]:
        return (Repair(id="configure", text="configure what is half-way", command=("dpkg", "--configure", "-a")),)

    def changed(self, before: Sequence[Change], after: Sequence[Change]) -> tuple[Change, ...]:
        return ()


def fleet_of(*names: str) -> dict[str, Machine]:
    return {name: Machine(name) for name in names}


def clear(host: Exec, plan: HostPlan) -> tuple[Caution, ...]:
    """A check that finds nothing."""
    return ()


def maker(
    machines: dict[str, Machine], clock: Clock | None = None
) -> Callable[[HostPlan, RunRecord, threading.Event, Callable[[Progress], None]], HostApply]:
    """What `Runs` needs to make the change of one host."""

    def make(plan: HostPlan, run: RunRecord, stop: threading.Event, tell: Callable[[Progress], None]) -> HostApply:
        machine = machines[plan.host]
        return HostApply(
            MachineExec(machine),
            MachineManager(machines),
            plan,
            jobs=MachineJobs(machine),
            run=run.id,
            who=run.who,
            fetch_only=run.fetch_only,
            clock=clock or BriefClock(),
            stop=stop,
            tell=tell,
            check=clear,
        )

    return make
