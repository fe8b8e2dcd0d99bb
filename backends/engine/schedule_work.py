"""Does what schedules say through the services of the engine: health checks, updates, backups, runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from backends.backups.model import ENDED, Job, JobKind, JobState, Task
from backends.errors import BadInput, RetryLater
from backends.schedule.actions import ActionKind
from backends.schedule.book import Claim, Occurrence
from backends.schedule.defaults import sets_of
from backends.schedule.schedule import Schedule
from backends.schedule.work import Standing
from backends.states import HostState, Severity
from backends.updates import pivots
from backends.updates.model import Selection
from backends.updates.plans import SHORT_HASH

if TYPE_CHECKING:
    from backends.engine.engine import Engine

MOST_NAMED = 5
NO_ANSWER = "no answer came of it"
_REACHABLE = frozenset({HostState.UP, HostState.STALE, HostState.DRIVER_HUNG})
_JOBS = {ActionKind.BACKUP: JobKind.BACKUP, ActionKind.DRILL: JobKind.DRILL}
StartRun = Callable[[str, str], str]
"""Name of a run, actor → what began, in one sentence. Raises SwarmError."""


def no_runs(name: str, actor: str) -> str:
    """An engine without maintenance runs."""
    raise BadInput(f'there are no maintenance runs here, so "{name}" cannot begin', action="start a run")


class EngineWork:
    """`backends.schedule.work.Work` over an engine.

    Args:
        engine: whose services these are.
        start_run: begins a maintenance run by its name.
    """

    def __init__(self, engine: Engine, start_run: StartRun = no_runs):
        self._engine, self.start_run = engine, start_run

    # Whom it means -----------------------------------------------------------------------------------------------

    def hosts(self, schedule: Schedule) -> tuple[str, ...]:
        if schedule.action.kind is ActionKind.RUN:
            return ()
        if schedule.action.kind in _JOBS and not self._engine.has_backups:
            raise BadInput("there are no backups here", action="follow a schedule")
        chosen = tuple(self._engine.select(schedule.hosts))
        if schedule.action.kind not in _JOBS:
            return chosen
        having = {task.host for task in self._tasks(schedule, chosen)}
        return tuple(host for host in chosen if host in having)

    def _tasks(self, schedule: Schedule, hosts: Sequence[str]) -> tuple[Task, ...]:
        wanted, names = set(hosts), set(sets_of(schedule, self._engine.config.backups))
        return tuple(
            task for task in self._engine.backups.tasks.all() if task.host in wanted and task.set.name in names
        )

    def reachable(self, hosts: Sequence[str]) -> Collection[str]:
        """A host that a maintenance run has is left alone until it is given back."""
        states, held = self._engine.fleet.states(), self._held()
        return {host for host in hosts if states.get(host) in _REACHABLE and host not in held}

    def _held(self) -> Collection[str]:
        if not self._engine.has_maintenance:
            return ()
        return {each.host for each in self._engine.maintenance.held()}

    def connecting(self, hosts: Sequence[str]) -> bool:
        states = self._engine.fleet.states()
        return any(states.get(host) == HostState.CONNECTING for host in hosts)

    # Host by host ------------------------------------------------------------------------------------------------

    def begin(self, schedule: Schedule, occurrence: Occurrence, hosts: Sequence[str]) -> None:
        kind = schedule.action.kind
        if kind is ActionKind.CHECK:
            rows = self._engine.duty.health.view(None, tuple(hosts)).hosts
            self._engine.duty.health.look([row.host for row in rows if (row.tried or 0.0) < occurrence.time])
        elif kind in (ActionKind.REFRESH, ActionKind.SECURITY):
            # without the right to change anything, hosts are only asked what they know already
            self._engine.updates.refresh(hosts, lists=not self._engine.read_only)
        else:
            self._queue(schedule, occurrence, hosts)

    def _queue(self, schedule: Schedule, occurrence: Occurrence, hosts: Sequence[str]) -> None:
        who = f"schedule {schedule.name}"
        action = "backup" if schedule.action.kind is ActionKind.BACKUP else "drill"
        if action == "backup":  # its hooks are commands on hosts
            self._engine.actions.refuse_when_read_only("back up")
        for task in self._tasks(schedule, hosts):
            if action == "backup" and self._made(task, occurrence):
                continue
            try:
                self._engine.backups.start(
                    action,  # type: ignore[arg-type]
                    (task.host,),
                    (task.set.name,),
                    (task.repository.name,),
                    "quick",
                    who,
                )
            except RetryLater:
                continue  # the same job waits or runs already

    def _made(self, task: Task, occurrence: Occurrence) -> bool:
        """Whether there is an archive from after the time that was planned, whoever made it."""
        archives = self._engine.backups.depot.statuses.series(task)
        return bool(archives) and archives[0].start >= occurrence.time

    def standing(self, schedule: Schedule, occurrence: Occurrence, begun: Mapping[str, Claim]) -> Standing:
        if not begun:
            return Standing()
        kind = schedule.action.kind
        if kind is ActionKind.CHECK:
            rows = {row.host: row for row in self._engine.duty.health.view(None, tuple(begun)).hosts}
            asked = {host: (row.busy, row.tried, row.error) for host, row in rows.items()}
            begun = {host: replace(claim, began=min(claim.began, occurrence.time)) for host, claim in begun.items()}
        elif kind in (ActionKind.REFRESH, ActionKind.SECURITY):
            states = {state.host: state for state in self._engine.updates.inventories.all(tuple(begun))}
            asked = {host: (state.busy, state.tried, state.error) for host, state in states.items()}
        else:
            return self._jobs(schedule, occurrence, begun)
        working = tuple(host for host in begun if asked.get(host, (False,))[0])
        failed = {host: why for host, claim in begun.items() if (why := _why(asked.get(host), claim))}
        return Standing(working=working, failed=failed)

    def _jobs(self, schedule: Schedule, occurrence: Occurrence, begun: Mapping[str, Claim]) -> Standing:
        kind, since = _JOBS[schedule.action.kind], min(claim.began for claim in begun.values())
        names = set(sets_of(schedule, self._engine.config.backups))
        newest: dict[tuple[str, str, str], Job] = {}
        for job in self._engine.backups.board.jobs(10_000):
            going = job.state not in ENDED
            if job.kind is kind and job.host in begun and job.set in names and (going or job.created >= since):
                newest.setdefault((job.host, job.repository, job.set), job)
        working = dict.fromkeys(job.host for job in newest.values() if job.state not in ENDED)
        failed = {
            job.host: f"{job.set}: {job.text or job.state}"
            for job in newest.values()
            if job.state in (JobState.FAILED, JobState.CANCELLED)
        }
        return Standing(working=tuple(working), failed=failed)

    # All at once -------------------------------------------------------------------------------------------------

    def whole(self, schedule: Schedule, hosts: Sequence[str], who: str) -> str:
        if schedule.action.kind is ActionKind.RUN:
            self._engine.actions.refuse_when_read_only("start a run")
            return self.start_run(schedule.action.argument, who)
        made = self._engine.updates.make_plan(hosts, Selection(), who)
        changing = sum(bool(host.changes) for host in made.hosts)
        failed = [host.host for host in made.hosts if host.error]
        text = f"plan {made.id} ({made.hash[:SHORT_HASH]}) for {changing} of {len(hosts)} hosts"
        return f"{text}; not planned: {_named(failed)}" if failed else text

    def ended(self, schedule: Schedule, hosts: Sequence[str], who: str) -> str:
        if schedule.action.kind is not ActionKind.SECURITY:
            return ""
        states = self._engine.updates.inventories.all(hosts)
        waiting = [row.security for row in map(pivots.summary, states) if row.security]
        unknown = [state.host for state in states if state.inventory is None]  # asked by an engine before this one
        text = f"{sum(waiting)} security updates wait on {len(waiting)} hosts"
        text += f", not known of {_named(unknown)}" if unknown else ""
        self._engine.timeline.add("update", text, actor=who, severity=Severity.OK)
        return text


def _why(asked: tuple[bool, float | None, str] | None, claim: Claim) -> str:
    """Why a host that was begun brought nothing; "" when it did, or is at work."""
    busy, tried, error = asked or (False, None, "")
    if busy:
        return ""
    return error or ("" if tried is not None and tried >= claim.began else NO_ANSWER)


def _named(hosts: Sequence[str]) -> str:
    more = len(hosts) - MOST_NAMED
    return ", ".join(hosts[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
