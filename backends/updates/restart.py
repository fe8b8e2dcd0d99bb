"""Gives services their new code: a detached job that restarts one unit after the other, and a look at each afterwards.

Which units may be restarted without asking, and which only when somebody names them, stands in `needs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from backends.clock import Clock
from backends.errors import BadInput, RetryLater, SkipHost, SwarmError
from backends.execution import Exec
from backends.hostkit.job_follow import JobFollower
from backends.hostkit.job_plan import PACKAGES, Job, JobStep
from backends.hostkit.job_report import JobReport
from backends.hostkit.jobs import Jobs
from backends.metrics.sample import Record
from backends.states import Severity
from backends.updates import needs, units
from backends.updates.apply import FOLLOW_SECONDS
from backends.updates.book import Book, Chore
from backends.updates.chores import Chores, Task, said
from backends.updates.model import ServiceNeed
from backends.updates.plans import new_id
from backends.updates.preflight_model import Preflight
from backends.updates.reboots import Tell
from backends.updates.units import UnitResult, UnitState

RESTART = "swarm-restart"
"""The name of every job that restarts services: two of them never run at once on a host."""
SETTLE_SECONDS = 5.0
"""A service that cannot run its new code has crashed by then (RestartSec is 100 ms by default)."""
SHOW_SECONDS = 30.0
MOST_UNITS = 90
"""A job has 100 steps at most."""
_ANY_EXIT = tuple(range(1, 256))
"""A unit that does not start keeps no other one from being restarted; each is judged by itself."""
_LOOKERS = ("needrestart", "dnf_services", "zypper_services", "stale")

Stage = Literal["queued", "checking", "restarting", "settling", "done", "failed", "refused"]


class Services(Record, frozen=True, kw_only=True):
    """Which units of a host run old code."""

    host: str
    taken: float
    """Epoch seconds."""
    services: tuple[ServiceNeed, ...] = ()
    unknown: str = ""
    """Why nobody could look; "" when somebody did, and an empty list then means: none."""


class RestartRecord(Chore, frozen=True, kw_only=True):
    """One restart of services on one host."""

    stage: Stage = "queued"
    named: tuple[str, ...] = ()
    """What was asked for; empty: every unit that runs old code and is restarted without asking."""
    units: tuple[str, ...] = ()
    """What is restarted, in this order."""
    before: tuple[UnitState, ...] = ()
    started_job: bool = False
    """Journalled before the job is started: from here on the host is asked, never told again."""
    results: tuple[UnitResult, ...] = ()


def services(facts: Preflight, taken: float) -> Services:
    """The units that run old code, and whether anybody could look for them."""
    found = needs.service_needs(facts)
    looked = any(getattr(facts, name) is not None for name in _LOOKERS)
    why = "; ".join(f"{name}: {facts.missing[name]}" for name in _LOOKERS if name in facts.missing)
    return Services(
        host=facts.host, taken=taken, services=found, unknown="" if looked or found else why or "no tool could look"
    )


def chosen(found: Services, named: Sequence[str]) -> tuple[str, ...]:
    """The units to restart: those named, whatever they are, else those that are restarted without asking.

    Raises:
        BadInput: a name is no unit's, or there are too many.
        SkipHost: nobody could look which ones run old code.
    """
    wanted = tuple(dict.fromkeys(unit_name(word) for word in named))
    if not named:
        if found.unknown:
            hint = "name the units to restart"
            raise SkipHost(f"which services run old code is not known: {found.unknown}", host=found.host, hint=hint)
        wanted = tuple(each.unit for each in found.services if not each.deferred)
    if len(wanted) > MOST_UNITS:
        raise BadInput(f"{len(wanted)} units at once; {MOST_UNITS} at most", host=found.host, action="restart services")
    return tuple(sorted(wanted, key=lambda unit: unit != needs.MANAGER))


def unit_name(word: str) -> str:
    """A unit's name as systemctl takes it: "cron" means cron.service. Raises BadInput."""
    name = word if word == needs.MANAGER or "." in word else f"{word}.service"
    needs.restart_argv(name)
    return name


class Restarts:
    """Restarts side by side. `facts` asks a host for its preflight facts."""

    def __init__(
        self,
        folder: Path,
        ways: Callable[[str], Exec],
        facts: Callable[[str], Preflight],
        jobs: Callable[[str], Jobs],
        clock: Clock,
        *,
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        on_done: Callable[[str], None],
    ):
        self._ways, self._facts, self._jobs, self._clock = ways, facts, jobs, clock
        self._tell, self._on_done = tell, on_done
        book = Book(folder, RestartRecord)
        self.chores = Chores(book, self._work, clock, name="restart", on_end=self._ended, on_bug=on_bug)

    def start(self, hosts: Sequence[str], named: Sequence[str], who: str) -> tuple[RestartRecord, ...]:
        """Restart these units on these hosts, side by side; without names those that are restarted without asking.

        Raises:
            BadInput: no host, a name that is no unit's, or a host where services are being restarted already.
            Stop: it cannot be written down.
        """
        units_named = tuple(unit_name(word) for word in named)
        now = self._clock.now()
        batch = new_id(now)
        records = [
            RestartRecord(id=f"{batch}-{number}", batch=batch, host=host, who=who, created=now, named=units_named)
            for number, host in enumerate(hosts)
        ]
        return self.chores.begin(records)

    # One host ---------------------------------------------------------------------------------------------------

    def _work(self, task: Task[RestartRecord]) -> None:
        jobs = self._jobs(task.record.host)
        follower = JobFollower(jobs, RESTART, task.record.id)
        if (not task.record.started_job or not self._known(task, follower)) and not self._begun(task, jobs, follower):
            return
        report = self._followed(task, follower)
        task.note("waiting whether they stay up", stage="settling")
        task.wait(SETTLE_SECONDS)
        self._judged(task, report)
        jobs.forget(RESTART, task.record.id)

    def _known(self, task: Task[RestartRecord], follower: JobFollower) -> bool:
        return task.patiently(follower.read).state != "none"

    def _begun(self, task: Task[RestartRecord], jobs: Jobs, follower: JobFollower) -> bool:
        """Look, write down, start; False when the host is refused or has nothing to do (that is then its end)."""
        record = task.edge(stage="checking", text="looking which services run old code")
        try:
            task.demand_fresh()
            wanted = task.reach(lambda: self._wanted(record, jobs))
            if not wanted:
                task.end(True, "no service that is restarted without asking runs old code", stage="done")
                return False
            before = tuple(self._states(record.host, wanted).values())
            task.edge(stage="restarting", units=wanted, before=before, started_job=True, text="")
            self._start(jobs, task.record, follower)
        except SwarmError as error:
            task.end(False, said(error), stage="refused")
            return False
        self._tell("restart", f"restart {', '.join(wanted)}", record.host, record.who, Severity.OK)
        return True

    def _wanted(self, record: RestartRecord, jobs: Jobs) -> tuple[str, ...]:
        at_work = jobs.read(PACKAGES)
        if at_work.state == "running":
            title = at_work.meta.title if at_work.meta else "a package change"
            raise SkipHost(f"packages are being changed: {title}", host=record.host, hint="wait for its end")
        if record.named:
            return chosen(Services(host=record.host, taken=0.0), record.named)
        return chosen(services(self._facts(record.host), self._clock.now()), ())

    def _start(self, jobs: Jobs, record: RestartRecord, follower: JobFollower) -> None:
        steps = tuple(
            JobStep(id=f"unit-{number}", argv=needs.restart_argv(unit), allow_exit=_ANY_EXIT)
            for number, unit in enumerate(record.units)
        )
        title = f"restart {len(steps)} services"
        try:
            jobs.start(Job(name=RESTART, title=title, who=record.who, run=record.id, steps=steps))
        except RetryLater:
            if follower.read().state == "none":  # else only the answer was lost, not the job
                raise

    def _followed(self, task: Task[RestartRecord], follower: JobFollower) -> JobReport:
        """Watch the job to its end; the link may come and go."""
        report = task.patiently(follower.read)
        while report.state == "running":
            step = report.current
            task.show(f"restarting {_unit_of(task.record, step.id)}" if step else "")
            task.wait(FOLLOW_SECONDS)
            report = task.patiently(follower.read)
        if report.state == "none":
            raise SkipHost("the job is not known on the host any more", host=task.record.host)
        return report

    def _judged(self, task: Task[RestartRecord], report: JobReport) -> None:
        record = task.record
        after = task.patiently(lambda: self._states(record.host, record.units))
        before = {state.unit: state for state in record.before}
        exits = {_unit_of(record, step.id): step.exit_status for step in report.steps}
        results = tuple(units.judge(unit, exits.get(unit), before.get(unit), after.get(unit)) for unit in record.units)
        bad = [f"{each.unit} {each.text}" for each in results if not each.good]
        text = "; ".join(bad) or f"{', '.join(record.units)} restarted"
        task.end(not bad, text, results=results, stage="failed" if bad else "done")

    def _states(self, host: str, wanted: Sequence[str]) -> dict[str, UnitState]:
        real = [unit for unit in wanted if unit != needs.MANAGER]
        if not real:
            return {}
        result = self._ways(host).run(units.show_argv(real), timeout_seconds=SHOW_SECONDS, become=False)
        return units.parse_show(result, real)

    def _ended(self, record: RestartRecord) -> None:
        severity = Severity.OK if record.good else Severity.WARNING
        self._tell("restart", f"restart {record.stage}: {record.text}", record.host, record.who, severity)
        if record.started_job:
            self._on_done(record.host)


def _unit_of(record: RestartRecord, step: str) -> str:
    number = step.removeprefix("unit-")
    at = int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else len(record.units)
    return record.units[at] if at < len(record.units) else step
