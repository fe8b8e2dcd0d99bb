"""Backups of the whole fleet, as the API offers them: see, start, cancel; the rest hangs on `looking`, `keeping`,
`restoring` and `drifting`. Wiring and bookkeeping only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from backends.backups.board import Board, Handle
from backends.backups.catalog_model import Figures
from backends.backups.checking import Level
from backends.backups.command_lines import CommandLines
from backends.backups.depot import Depot, Fleet
from backends.backups.drifting import Drifting
from backends.backups.fleet_tasks import FleetTasks
from backends.backups.forecast import forecaster
from backends.backups.keeping import Keeping
from backends.backups.looking import Looking
from backends.backups.making import Making
from backends.backups.model import (
    CONFIG,
    SECRETS,
    Archive,
    Concern,
    Job,
    JobKind,
    JobState,
    Outcome,
    Repository,
    Task,
)
from backends.backups.queueing import Queue, Tell, told
from backends.backups.restoring import Restoring
from backends.backups.rounds import Wanted
from backends.backups.routine import Routine
from backends.backups.standing import Standing
from backends.backups.views import BackupView
from backends.clock import Clock
from backends.config.schema import BackupsConfig
from backends.errors import SkipHost, Stop, SwarmError
from backends.states import Severity

FRESH_SECONDS = 3600.0
"""An older archive's files have changed on the host since."""
_OK, _WARNING = Severity.OK, Severity.WARNING
Action = Literal["backup", "check", "drill", "index"]


class Backups:
    """The one owner of everything about backups in an engine.

    Args:
        folder: for catalog, passphrases, caches and jobs.
        fleet: the way to hosts.
        tasks: what the configuration says can be backed up now.
        config: its section.
        tell: takes events for the timeline.
        on_bug: takes what must not happen.
        log_in: tries a new login to a host.
        on_time: is told how old a host's backups are: the newest archive of the set and repository that is behind most.
    """

    def __init__(
        self,
        folder: Path,
        fleet: Fleet,
        clock: Clock,
        *,
        tasks: Callable[[], tuple[Task, ...]],
        config: Callable[[], BackupsConfig],
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        log_in: Callable[[str], str],
        on_time: Callable[[str, float | None], None] = lambda host, time: None,
        read_only: Callable[[], bool] = lambda: False,
    ):
        self._clock, self._tell = clock, tell
        self.tasks = FleetTasks(tasks)
        self.board = Board(folder / "jobs", clock, on_edge=self._edge, on_bug=on_bug)
        self.queue = Queue(self.board)
        self.depot = Depot(folder, fleet, clock, config(), self.queue.busy)
        self.looking = Looking(self.depot, self.tasks, self.queue, self.index)
        self.keeping = Keeping(self.depot, self.tasks, self.queue, tell)
        self.drifting = Drifting(self.depot, self.tasks, self.queue)
        self.restoring = Restoring(
            self.depot, self.tasks, self.queue, self.index, log_in=log_in, changed=self.drifting.drifts.forget
        )
        self.making = Making(
            self.depot.ways,
            self.depot.catalog,
            clock,
            ensure=self._ensure,
            watch=self.depot.canaries.watch,
            learn=self._learn,
            settle=self._settle,
        )
        self._lines = CommandLines(self.depot, self.tasks, self.making)
        self._stopped = threading.Event()
        self.standing = Standing(self.depot, self.tasks, self.queue, clock, config, tell, self._stopped)
        self.routine = Routine(
            self.depot,
            self.tasks,
            self.queue,
            self.standing,
            self.keeping,
            self.restoring,
            clock,
            config=config,
            backup=self._backup,
            drill=self._drill,
            tell=tell,
            on_bug=on_bug,
            on_time=on_time,
            stopped=self._stopped,
            read_only=read_only,
        )

    def stop(self) -> None:
        """Begin nothing more; what runs is asked to end, and goes on from its checkpoint the next time."""
        self._stopped.set()
        self.board.stop()

    def in_flight(self) -> tuple[str, ...]:
        """What goes on, one phrase each."""
        return tuple(f"{job.kind} {job.set} {job.repository}".replace("  ", " ") for job in self.board.in_flight())

    # Looking -----------------------------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """Grows with everything that a view would show, and each minute: a set becomes overdue without any event."""
        return self.standing.version

    def view(self, hosts: Sequence[str], since: int | None) -> BackupView:
        """Everything at a glance; `sets` None when nothing changed since `since`."""
        return self.standing.view(hosts, since)

    def concerns(self, hosts: Sequence[str]) -> tuple[Concern, ...]:
        """What somebody should know about, worst first; the alert rules read these."""
        return self.standing.concerns(hosts)

    def refresh(self) -> None:
        """Ask every repository that is there what it holds, one after the other; the job under way is waited for a while."""
        self.standing.refresh()

    # Starting ----------------------------------------------------------------------------------------------------

    def start(
        self,
        action: Action,
        hosts: Sequence[str],
        sets: Sequence[str],
        places: Sequence[str],
        level: Level,
        who: str,
    ) -> tuple[Job, ...]:
        """Queue jobs for these hosts, sets and places (() is all).

        Raises:
            BadInput: a set or a place that nobody has.
            RetryLater: every one of them waits or runs already.
            Stop: they cannot be written down.
        """
        tasks = self.tasks.of(hosts, sets, places)
        if action in ("backup", "drill"):
            begin = self._backup if action == "backup" else self._drill
            return _all([lambda task=task: begin(task, who) for task in tasks])  # type: ignore[misc]
        if action == "index":
            newest = [(task, self._newest(task)) for task in tasks]
            return _all([lambda t=t, a=a: self.index(t.repository, a, who) for t, a in newest if a])  # type: ignore[misc]
        repositories = tuple(dict.fromkeys(task.repository for task in tasks))
        made = [each for each in repositories if self.depot.catalog.note(each.key, "id")]
        return _all([lambda each=each: self.keeping.check(each, level, who) for each in made])  # type: ignore[misc]

    def cancel(self, job_id: str, who: str, *, force: bool) -> Job:
        """Ask a job to end. Raises BadInput."""
        job = self.board.cancel(job_id, who, force=force)
        self._tell("backup", f"cancel {job.kind} {job.set} {job.repository} (job {job.id})", job.host, who, _OK)
        return job

    def settled(self, named: str, who: str, *, keep: bool) -> Job:
        """Keep what a restore put into place, or put everything back; the restore's job, with what came of it.

        Args:
            named: the job, or the id of the restore on its host.
            who: decides.
            keep: or put back.

        Raises:
            BadInput: no such restore.
            SkipHost: it was put back already.
            RetryLater: the host cannot be reached.
        """
        run = self.restoring.run_of(named)
        text = (self.restoring.confirm if keep else self.restoring.undo)(named, who)
        known = next((job for job in self.board.jobs(10_000) if job.plan == run), None)
        self._tell("backup", f"restore {run}: {text}", known.host if known else "", who, _OK if keep else _WARNING)
        if known is None:  # its job was forgotten meanwhile; the host and the record of the rollback know it
            return Job(id=run, kind=JobKind.RESTORE, host="", repository="", state=JobState.DONE, plan=run, text=text)
        return self.board.amend(known.id, text=text, confirm_by=None)

    def lines(self, action: str, repository: str, set_name: str) -> tuple[str, ...]:
        """The exact Borg command lines of an action. Raises BadInput, SkipHost."""
        return self._lines.of(action, self.tasks.repository(repository), set_name)

    def _backup(self, task: Task, who: str) -> Job:
        history = self.depot.catalog.figures(task.repository.key, task.set.name)
        return self.queue.add(
            JobKind.BACKUP,
            task.repository,
            lambda handle: self.making.make(task, handle),
            who,
            set_name=task.set.name,
            alone=f"hooks {task.host} {task.set.name}" if task.set.before or task.set.after else "",
            forecast=forecaster(history),
        )

    def _drill(self, task: Task, who: str) -> Job:
        drills = self.depot.drills
        return self.queue.add(
            JobKind.DRILL,
            task.repository,
            lambda handle: drills.run(task, watch=handle).outcome,
            who,
            set_name=task.set.name,
        )

    def init(self, hosts: Sequence[str], places: Sequence[str], confirm: Sequence[str], who: str) -> tuple[Job, ...]:
        """Make the repositories of these hosts, or take them over. `confirm`: Borg's questions that are answered with yes.

        Raises: as `start`.
        """
        repositories, answers = self.depot.repositories, dict.fromkeys(confirm, "yes")

        def begin(each: Repository) -> Job:
            return self.queue.add(
                JobKind.INIT, each, lambda handle: repositories.init(each, confirm=answers, watch=handle), who
            )

        wanted = self.tasks.repositories(hosts, places)
        return _all([lambda each=each: begin(each) for each in wanted])  # type: ignore[misc]

    def index(self, repository: Repository, archive: Archive, who: str) -> Job:
        """Queue the job that reads an archive's list of files into the catalog. Raises RetryLater, Stop."""
        return self.queue.add(
            JobKind.INDEX,
            repository,
            lambda handle: self._index(repository, archive, handle),
            who,
            set_name=archive.set,
        )

    def _index(self, repository: Repository, archive: Archive, handle: Handle) -> Outcome:
        handle.phase(f"listing the files of {archive.name}")
        outcome = self.depot.indexing.index(repository, archive, on_event=handle.event, cancel=handle.cancel)
        fresh = self._clock.now() - archive.start < FRESH_SECONDS
        if outcome.state is JobState.DONE and archive.set not in (CONFIG, SECRETS) and fresh and "+" not in archive.set:
            return self._remembered(repository, archive, outcome, handle)
        return outcome

    def _remembered(self, repository: Repository, archive: Archive, outcome: Outcome, handle: Handle) -> Outcome:
        """Hashes taken on the host while its files are still as archived: a drill compares with them."""
        handle.phase("hashing some files on the host")
        indexed = self.depot.catalog.archive(repository.key, archive.name)
        try:
            count = self.depot.recording.remember(self.tasks.task(repository.key, archive.set), indexed, watch=handle)
        except Stop:
            raise
        except SwarmError as error:
            note = f"no hashes were recorded for drills: {error.message}"
        else:
            note = f"{count} hashes recorded for drills"
        return msgspec.structs.replace(outcome, notes=(*outcome.notes, note))

    def _newest(self, task: Task) -> Archive | None:
        found = self.depot.catalog.archives(repository=task.repository.key, set=task.set.name)
        return next((each for each in found if ".checkpoint" not in each.name and not each.indexed), None)

    # What a backup asks for --------------------------------------------------------------------------------------

    def _ensure(self, task: Task, handle: Handle) -> Sequence[str]:
        if self.depot.catalog.note(task.repository.key, "id"):
            return ()
        outcome = self.depot.repositories.init(task.repository, watch=handle)
        if outcome.state not in (JobState.DONE, JobState.WARNING):
            cause = outcome.cause
            raise SkipHost(
                cause.text if cause else "the repository could not be made",
                host=task.host,
                action=f"make {task.repository.key}",
                hint=cause.next_step if cause else None,
            )
        return outcome.notes

    def _learn(self, task: Task, figures: Figures) -> Sequence[str]:
        return [each.text for each in self.depot.anomalies.seen(task, figures)]

    def _settle(self, task: Task) -> Sequence[str]:
        """The repository as it is now: archives that vanished, its size, its key."""
        repository = task.repository
        seen = self.depot.listings.take(repository)
        look = self.depot.repositories.measure(repository)
        found = [f"{each.name} was removed by nobody here" for each in seen.vanished[:10]]
        problem = self.depot.repositories.problem(repository, look)
        found += [problem.text] if problem else []
        if self.depot.escrows.refresh(repository):
            found.append("the key is another one than the one in escrow")
        return found

    def _edge(self, job: Job) -> None:
        told(job, self._tell)
        if job.kind is JobKind.BACKUP and job.outcome is not None and job.outcome.archive is not None:
            self._index_soon(job.repository, job.outcome.archive)
        if job.ended is not None:
            self.routine.tell_times([job.host])

    def _index_soon(self, key: str, archive: Archive) -> None:
        try:
            self.index(self.tasks.repository(key), archive, "after the backup")
        except SwarmError as error:
            self._tell("backup", f"{archive.name} is not indexed: {error.message}", archive.host, "", _OK)

    # By itself ---------------------------------------------------------------------------------------------------

    def loop(self) -> None:
        """What is due by itself, until `stop`."""
        self.routine.loop()

    def round(self) -> tuple[Wanted, ...]:
        """Begin what is due, a few jobs at a time; what was begun. Raises SwarmError."""
        return self.routine.round()


def _all(begin: Sequence[Callable[[], Job]]) -> tuple[Job, ...]:
    """Queue them; those that are queued already are left out, unless that is all."""
    jobs, late = [], None
    for each in begin:
        try:
            jobs.append(each())
        except Stop:
            raise
        except SwarmError as error:
            late = error
    if late is not None and not jobs:
        raise late
    return tuple(jobs)
