"""Brings one configuration file back: written beside, judged by its program, a copy kept, renamed into place, reloaded.

The host does it as one detached job, so that a reload that cuts our link cuts nothing else. For files that can lock everybody
out a rollback is armed first: unless a new login works, or a person confirms, the old file comes back by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import PurePosixPath

from backends.backups import config_plan, looks, validators
from backends.backups import placing_answers as answers
from backends.backups.config_plan import FilePlan, mode_bits, parse_problem
from backends.backups.model import BrowseEntry, Cause, JobState, Outcome, Progress
from backends.backups.names import unescaped
from backends.backups.placing import RUN_PROGRAM, Placing, listed, new_programs, plain, program
from backends.backups.placing_model import Placed, Reloaded, Scratch
from backends.backups.restore_plan import ROLLBACK_SECONDS
from backends.backups.rollbacks import Rollback, Rollbacks
from backends.clock import Clock, utc
from backends.errors import RetryLater, SkipHost
from backends.execution import Exec
from backends.hostkit.job_plan import Job, JobStep
from backends.hostkit.job_report import JobReport
from backends.hostkit.jobs import Jobs
from backends.hostkit.travel import Become

JOB = "swarm-restore"
"""Two operators never change configuration on a host at once."""
FOLLOW_SECONDS = 0.5
PATIENCE_SECONDS = 1800.0
CHECK, ARM, PLACE, RELOAD = "check", "arm", "place", "reload"
"""The steps of the job; "step-" before it is the name of its program on the host."""


class ConfigRestore:
    """Single files of one host.

    Args:
        way: commands on it.
        become: its way to root.
        clock: injected time.
        rollbacks: what remembers armed rollbacks.
    """

    def __init__(self, way: Exec, become: Become, clock: Clock, rollbacks: Rollbacks):
        self._way, self._become, self._clock, self._rollbacks = way, become, clock, rollbacks
        self._placing, self._jobs = Placing(way, become), Jobs(way, become)

    def plan(
        self, entry: BrowseEntry, archive: str, new_id: str, *, rollback_seconds: float = ROLLBACK_SECONDS
    ) -> FilePlan:
        """What it would do (`config_plan.plan`), after asking the host what is there.

        Raises:
            BadInput: it is neither a file nor a link, too large, or a directory is there.
            RetryLater, SkipHost, AskOperator: the host cannot be asked.
        """
        path = f"/{entry.path}"
        live = looks.look(self._way, self._become, (path,)).get(path)
        return config_plan.plan(entry, archive, self._way.host, new_id, live, rollback_seconds=rollback_seconds)

    def run(
        self,
        plan: FilePlan,
        content: bytes,
        *,
        who: str,
        reload: bool,
        tell: Callable[[Progress], None] = lambda progress: None,
    ) -> Outcome:
        """Carry it out.

        Args:
            plan: as it was approved.
            content: the bytes of the file; b"" for a link.
            who: the operator.
            reload: also run what makes it take effect.
            tell: hears which step runs.

        Raises:
            RetryLater: the host cannot be reached, or somebody else changes configuration there.
            SkipHost, AskOperator: it cannot do it.
            Stop: the rollback could not be written down.
        """
        path = unescaped(plan.entry.path)
        if plan.entry.type != "l" and (problem := parse_problem(path, content)):
            return _refused(plan, f"it cannot be read as what it is: {problem}")
        tell(Progress(phase="sending", path=plan.path))
        scratch = self._placing.prepare(
            plan.id, ground="/", base=f"/{PurePosixPath(path).parent}", make=False, who=who, title=_title(plan)
        )
        begun = False
        try:
            self._send(plan, path, content, reload)
            if plan.rollback_seconds is not None:
                self._rollbacks.expect(
                    plan.id,
                    plan.host,
                    title=_title(plan),
                    who=who,
                    shown=(plan.path,),
                    seconds=plan.rollback_seconds,
                )
            steps = _steps(plan, scratch, reload)
            begun = True  # from here on the host may be at it, whatever we hear
            self._jobs.start(Job(name=JOB, title=_title(plan), who=who, run=plan.id, steps=steps))
        finally:
            if not begun:
                self._placing.clear(plan.id)
        return self.finish(plan, reload=reload, tell=tell)

    def finish(
        self, plan: FilePlan, *, reload: bool, tell: Callable[[Progress], None] = lambda progress: None
    ) -> Outcome:
        """Follow the job to its end and judge it; also after the link, or an engine, was lost. Raises as `run`."""
        report = self._followed(plan, tell)
        outcome = self._judged(plan, report, reload)
        self._placing.clear(plan.id)
        return outcome

    def _send(self, plan: FilePlan, path: str, content: bytes, reload: bool) -> None:
        entry = plan.entry
        self._placing.write(
            plan.id,
            path,
            content,
            kind="l" if entry.type == "l" else "-",
            mode=mode_bits(entry.mode),
            user=entry.user or "root",
            group=entry.group or "root",
            mtime=entry.mtime or self._clock.now(),
            target=unescaped(entry.target),
        )
        programs = _programs(plan, path, utc(self._clock.now()).strftime("%Y%m%dT%H%M%SZ"), reload)
        self._placing.store(plan.id, programs)

    def _followed(self, plan: FilePlan, tell: Callable[[Progress], None]) -> JobReport:
        """The job's end. The link may come and go: the host goes on by itself."""
        began, never = self._clock.monotonic(), threading.Event()
        while True:
            try:
                report = self._jobs.read(JOB, run=plan.id)
                if report.state != "running":
                    return report
                tell(Progress(phase=report.current.id if report.current else "", path=plan.path))
            except RetryLater as error:
                if self._clock.monotonic() - began > PATIENCE_SECONDS:
                    raise
                tell(Progress(phase=f"the host does not answer ({error.message}); it goes on by itself"))
            self._clock.wait(never, FOLLOW_SECONDS)

    def _judged(self, plan: FilePlan, report: JobReport, reload: bool) -> Outcome:
        said = _Said(report, plan.host)
        self._jobs.forget(JOB, plan.id)
        if not said.placed:
            warnings = self._given_up(plan) if plan.rollback_seconds is not None else ()
            why = said.refusal or report.reason or "its job ended before it was in place"
            return _refused(plan, why, warnings)
        settled = None
        if plan.rollback_seconds is not None:
            in_effect = not plan.reload or (reload and said.reloaded_well)
            never = threading.Event()
            settled = self._rollbacks.settle(
                plan.id, in_effect=in_effect, wait=lambda seconds: self._clock.wait(never, seconds)
            )
        return _outcome(plan, said, settled, reload)

    def _given_up(self, plan: FilePlan) -> tuple[str, ...]:
        """Nothing was changed, so nothing has to be put back; a timer that was armed must not run. Warnings."""
        try:
            self._rollbacks.confirm(plan.id, "the engine: nothing was changed")
        except (SkipHost, RetryLater) as error:
            return (f"the rollback that was armed could not be taken away ({error.message}); it changes nothing",)
        return ()


class _Said:
    """What the steps of the job answered."""

    def __init__(self, report: JobReport, host: str):
        self.refusal = ""
        self.placed: Placed | None = None
        self.checked: str = ""
        self.reloaded: tuple[Reloaded, ...] = ()
        names = [step.id for step in report.steps if step.state in ("done", "failed")]
        for name, line in zip(names, answers.job_answers(report.out), strict=False):
            try:
                self._take(name, line, host)
            except (SkipHost, RetryLater) as error:
                self.refusal = self.refusal or error.message

    def _take(self, name: str, line: bytes, host: str) -> None:
        action = f"{name} a restored file"
        if name == CHECK:
            rows = answers.decode(line, answers.Judged, host, action).rows
            self.checked = rows[0].verdict if rows else ""
        elif name == PLACE:
            found = answers.placed(answers.decode(line, answers.PlacedAnswer, host, action))
            if found.errors:
                self.refusal = found.errors[0][1]
            else:
                self.placed = found
        elif name == RELOAD:
            self.reloaded = answers.reloaded(answers.decode(line, answers.Rows, host, action).rows)
        else:
            answers.decode(line, answers.Answer, host, action)

    @property
    def reloaded_well(self) -> bool:
        return bool(self.reloaded) and all(row.status == 0 for row in self.reloaded)


def _programs(plan: FilePlan, path: str, stamp: str, reload: bool) -> dict[str, bytes]:
    """What the job's steps run, as files on the host."""
    run = plan.id
    checks = plain(validators.checks((path,)) if plan.entry.type != "l" else ())
    found = {
        CHECK: program({"do": "validate", "run": run, "checks": checks, "strict": True}),
        PLACE: program({"do": "place", "run": run, "choice": "replace", "stamp": stamp, "lend": True, "roots": [path]}),
    }
    if plan.rollback_seconds is not None:
        found[ARM] = program({"do": "arm", "run": run, "seconds": plan.rollback_seconds, "reload": listed(plan.reload)})
    if reload and plan.reload:
        found[RELOAD] = program({"do": "reload", "run": run, "commands": listed(plan.reload)})
    return {**new_programs(run), **{f"step-{name}": data for name, data in found.items()}}


def _steps(plan: FilePlan, scratch: Scratch, reload: bool) -> tuple[JobStep, ...]:
    wanted = [CHECK] + ([ARM] if plan.rollback_seconds is not None else []) + [PLACE]
    wanted += [RELOAD] if reload and plan.reload else []
    return tuple(
        JobStep(id=name, argv=(scratch.python, "-I", "-S", "-c", RUN_PROGRAM, f"{scratch.state}/step-{name}"))
        for name in wanted
    )


def _title(plan: FilePlan) -> str:
    return f"restore {plan.path[:200]} of {plan.archive}"


def _refused(plan: FilePlan, why: str, warnings: tuple[str, ...] = ()) -> Outcome:
    cause = Cause(
        code="refused",
        text=f"{plan.path} was not restored; the file on {plan.host} was not touched",
        evidence=(why,),
        next_step="choose another version of it",
    )
    return Outcome(state=JobState.FAILED, cause=cause, warnings=warnings)


def _outcome(plan: FilePlan, said: _Said, settled: Rollback | None, reload: bool) -> Outcome:
    assert said.placed is not None  # noqa: S101  # judged before
    same = said.placed.counts.same and not said.placed.counts.placed
    notes = [f"{plan.path} is the same on {plan.host} already" if same else f"{plan.path} is restored on {plan.host}"]
    notes += [f"the file that was there is {other}" for _, other in said.placed.examples if other]
    if said.checked == "good":
        notes.append(f"{plan.validator} accepts it: {plan.proves}")
    elif plan.validator:
        notes.append(f"it was not checked: {plan.validator.partition(' ')[0]} is not there or could not judge")
    notes += [f"{row.command}: done" for row in said.reloaded if row.status == 0]
    if not reload and plan.reload:
        notes.append(f"to take effect: {' '.join(plan.reload[0][0])} ({plan.reload_says})")
    bad = [f"{row.command}: {row.said or row.status}" for row in said.reloaded if row.status != 0]
    bad += ["nothing is known of the reload"] if reload and plan.reload and not said.reloaded else []
    cause = None
    if settled is not None and settled.state == "confirmed":
        notes.append(settled.text)
    elif settled is not None:
        cause = Cause(
            code="confirm",
            text=f"{settled.text}; it is put back by itself at {utc(settled.deadline):%H:%M:%S} UTC",
            evidence=tuple(bad),
            next_step=f"swarm-tui backup confirm {plan.id}",
        )
    elif bad:
        cause = Cause(
            code="reload", text="it is in place, but its service did not take it", evidence=tuple(bad), next_step="look"
        )
    return Outcome(state=JobState.WARNING if cause else JobState.DONE, cause=cause, notes=tuple(notes))
