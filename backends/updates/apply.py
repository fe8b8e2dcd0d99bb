"""Carries out the approved plan of one host: check again, start the detached job, follow it, tell the truth about it.

Every method may be called anew after a crash of the engine: whether a job was started stands in the run's record, what
became of it stands on the host. Losing the link never ends anything here; it is waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import msgspec

from backends.clock import Clock
from backends.errors import RetryLater, SkipHost, SwarmError
from backends.execution import Exec
from backends.hostkit.job_follow import JobFollower
from backends.hostkit.job_plan import PACKAGES, Job, JobStep
from backends.hostkit.job_report import JobReport
from backends.hostkit.jobs import Jobs
from backends.updates import login
from backends.updates.base import Manager
from backends.updates.model import Caution, HostPlan, Outcome, Progress, Stage, Step
from backends.updates.plan import difference

FOLLOW_SECONDS = 1.0
RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0)
"""Waits while the host cannot be reached; the last one repeats, for as long as it takes."""
TAIL_CHARACTERS = 4000
PREFETCH, APPLY = "prefetch", "apply"
"""Ids of the steps of a job that every package manager has; the first is left out where nothing can be fetched ahead."""

T = TypeVar("T")
OnProgress = Callable[[Progress], None]


Check = Callable[[Exec, HostPlan], tuple[Caution, ...]]
"""What stands in the way of a plan on its host now, or must be known. Raises SwarmError."""


class Interrupted(Exception):
    """The engine ends; the host goes on, and the next engine follows it again."""


class HostApply:
    """One host of one run."""

    def __init__(
        self,
        host: Exec,
        manager: Manager,
        plan: HostPlan,
        *,
        jobs: Jobs,
        run: str,
        who: str,
        clock: Clock,
        stop: threading.Event,
        tell: OnProgress,
        check: Check,
        log_in: login.LogIn = login.nowhere,
        fetch_only: bool = False,
    ):
        self._host, self._manager, self.plan = host, manager, plan
        self._jobs, self._run, self._who = jobs, run, who
        self._clock, self._stop, self._tell = clock, stop, tell
        self._check, self._log_in, self._fetch_only = check, log_in, fetch_only
        self._follower = JobFollower(jobs, PACKAGES, run)
        self._progress = Progress(host=plan.host, stage=Stage.QUEUED, planned=len(plan.changes))

    @property
    def output(self) -> str:
        """What the host printed so far."""
        return self._follower.output

    def check(self) -> str:
        """Simulate again and look for what stands in the way; "" when the approved plan still holds, else why not.

        Raises:
            SwarmError: the host cannot be asked.
        """
        self._show(Stage.CHECKING)
        blocked = [caution.text for caution in self._check(self._host, self.plan) if caution.blocks]
        if blocked:
            return "; ".join(blocked)
        found = difference(self.plan, self._manager.again(self._host, self.plan))
        return f"the host would now do something else than was approved: {found.sentence()}" if found else ""

    def known(self) -> bool:
        """Whether the host has this run's job, running or ended; waits for the link. Raises Interrupted, SwarmError."""
        return self._patiently(self._follower.read).state != "none"

    def start(self) -> None:
        """Start the job. Raises RetryLater when somebody else holds the host (the message names who and since when)."""
        self._show(Stage.PREFETCHING)
        what = "fetch" if self._fetch_only else "update"
        title = f"{what} {len(self.plan.changes)} packages on {self.plan.host}"
        self._jobs.start(Job(name=PACKAGES, title=title, who=self._who, run=self._run, steps=self._steps()))

    def _steps(self) -> tuple[JobStep, ...]:
        plan = self.plan
        fetch = self._manager.prefetch_argv(plan)
        if self._fetch_only:
            if not fetch:
                raise SkipHost("this cannot be fetched ahead", host=plan.host, action="fetch packages")
            return (JobStep(id=PREFETCH, argv=fetch, cancellable=True),)
        return (
            *((JobStep(id=PREFETCH, argv=fetch, cancellable=True),) if fetch else ()),
            *map(_job_step, self._manager.before_steps(plan)),
            JobStep(id=APPLY, argv=self._manager.apply_argv(plan, self._run)),
            *map(_job_step, self._manager.after_steps(plan)),
        )

    def follow(self) -> Outcome:
        """Watch the job to its end and judge the result. The link may come and go.

        Raises:
            Interrupted: the engine ends.
            SkipHost, AskOperator: the host answers, but has no such job or refuses.
        """
        report = self._patiently(self._follower.read)
        while report.state == "running":
            self._show_report(report)
            self._wait(FOLLOW_SECONDS)
            report = self._patiently(self._follower.read)
        if report.state == "none":
            raise SkipHost("the job is not known on the host any more", host=self.plan.host, action="follow the change")
        self._show(Stage.VERIFYING)
        return self._with_access(self._patiently(lambda: self._judged(report)))

    def cancel(self) -> str:
        """End the job where that is safe. Raises RetryLater when it is not."""
        return self._jobs.cancel(PACKAGES, self._run, self._who)

    def put_away(self) -> None:
        """The result is written down: free the job's name on the host."""
        self._jobs.forget(PACKAGES, self._run)

    def _with_access(self, outcome: Outcome) -> Outcome:
        """Packages that logins are made of changed: whoever cannot get in any more must know it now."""
        if self._fetch_only or outcome.stage is Stage.CANCELLED or not login.touched(self.plan.changes):
            return outcome
        found = login.check(self._host, self._log_in, self._wait)
        return msgspec.structs.replace(
            outcome,
            stage=Stage.FAILED if found.problems else outcome.stage,
            problems=(*outcome.problems, *found.problems),
            notes=(*outcome.notes, *found.notes),
        )

    def _judged(self, report: JobReport) -> Outcome:
        """The truth, from the texts and from the host's state now. Raises SwarmError."""
        status = {step.id: step.exit_status for step in report.steps}
        applied = status.get(APPLY)
        if report.result == "cancelled" and applied is None:
            text = f"cancelled by {report.cancelled_by or 'somebody'} before anything was changed"
            return Outcome(host=self.plan.host, stage=Stage.CANCELLED, problems=(text,), tail=self._tail())
        if self._fetch_only:
            return self._fetched(status.get(PREFETCH))
        outcome = self._manager.outcome(self._host, self.plan, applied, self._follower.status, self._follower.output)
        return msgspec.structs.replace(outcome, problems=(*_troubles(report), *outcome.problems))

    def _fetched(self, status: int | None) -> Outcome:
        """Fetching changes nothing, so its exit status is all there is to know."""
        if status == 0:
            note = f"{len(self.plan.changes)} packages are on the host; nothing was changed"
            return Outcome(host=self.plan.host, stage=Stage.DONE, exit_status=0, notes=(note,), tail=self._tail())
        last = next((line for line in reversed(self._follower.output.splitlines()) if line.strip()), "nothing was said")
        problem = f"fetching ended with {status}: {last[:300]}"
        return Outcome(
            host=self.plan.host, stage=Stage.FAILED, exit_status=status, problems=(problem,), tail=self._tail()
        )

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask until the host can be reached. Raises Interrupted, and what is no matter of patience."""
        tries = 0
        while True:
            try:
                return ask()
            except RetryLater as error:
                self._show(Stage.DETACHED, text=f"{error.message}; the host goes on by itself")
            self._wait(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
            tries += 1

    def _wait(self, seconds: float) -> None:
        if self._clock.wait(self._stop, seconds):
            raise Interrupted

    def _show_report(self, report: JobReport) -> None:
        step = report.current
        status, output = self._follower.status, self._follower.output
        done, current, percent = self._manager.progress(self.plan, status, output)
        holder = self._manager.holder(output) if not done else None
        stage = Stage.PREFETCHING if step is not None and step.id == PREFETCH else Stage.APPLYING
        self._show(
            Stage.WAITING_FOR_LOCK if holder else stage,
            done=done,
            current=current,
            download_percent=percent,
            holder=holder,
            started=report.meta.started if report.meta else None,
            text="" if step is None or step.id in (PREFETCH, APPLY) else step.id,
        )

    def _show(self, stage: Stage, **values: object) -> None:
        """What is not given stays as it was, except the sentence and the holder."""
        fresh: dict[str, object] = {"text": "", "holder": None, **values, "stage": stage}
        self._progress = msgspec.structs.replace(self._progress, **fresh)
        self._tell(self._progress)

    def _tail(self) -> str:
        return self._follower.output[-TAIL_CHARACTERS:]


def refused(host: str, why: str) -> Outcome:
    """Nothing was begun."""
    return Outcome(host=host, stage=Stage.REFUSED, problems=(why,))


def failed(host: str, error: SwarmError) -> Outcome:
    """The host could not be brought to an end that is known."""
    hint = f" — {error.hint}" if error.hint else ""
    return Outcome(host=host, stage=Stage.FAILED, problems=(f"{error.message}{hint}",))


def _job_step(step: Step) -> JobStep:
    return JobStep(id=step.id, argv=step.command, always=step.always)


def _troubles(report: JobReport) -> tuple[str, ...]:
    """What went wrong around the change itself."""
    found = [f"the job ended early: {report.reason}"] if report.state == "vanished" and report.reason else []
    found += [
        f"step {step.id} ended with {step.exit_status}"
        for step in report.steps
        if step.state == "failed" and step.id != APPLY
    ]
    return tuple(found)
