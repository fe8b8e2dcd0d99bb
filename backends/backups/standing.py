"""How everything about backups stands, from the catalog and the board: nobody is asked, but by `refresh`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from backends.backups.alarms import Alarm
from backends.backups.borg import version as borg_version
from backends.backups.catalog_model import Gone
from backends.backups.concerns import Facts, judge
from backends.backups.depot import Depot
from backends.backups.fleet_tasks import FleetTasks
from backends.backups.model import Cause, Concern, JobKind, JobState, Repository
from backends.backups.queueing import Queue, Tell
from backends.backups.views import BackupView, RepositoryStatus, SetStatus
from backends.clock import Clock
from backends.config.schema import BackupsConfig
from backends.errors import Stop, SwarmError
from backends.states import Severity

SHOWN_JOBS = 60
REFRESH_SECONDS = 30.0
"""How long a look at a repository waits for the job that is under way there."""
STANDING_SECONDS = 10.0
"""Ages move on: what is overdue is told anew this often."""
DAY = 86400.0
LATE = 1.25
"""A proof is stale when it is this many times as old as drills are made."""
_All = tuple[tuple[SetStatus, ...], tuple[RepositoryStatus, ...], tuple[Concern, ...]]


class Standing:
    """May be used from any thread."""

    def __init__(
        self,
        depot: Depot,
        tasks: FleetTasks,
        queue: Queue,
        clock: Clock,
        config: Callable[[], BackupsConfig],
        tell: Tell,
        stopped: threading.Event,
    ):
        self._depot, self._tasks, self._queue, self._board = depot, tasks, queue, queue.board
        self._clock, self._config, self._tell, self._stopped = clock, config, tell, stopped
        self._lock = threading.Lock()
        self._known: tuple[object, _All] | None = None

    @property
    def version(self) -> int:
        """Grows with everything that a view would show, and each minute: a set becomes overdue without any event."""
        return self._board.version + self._depot.catalog.version + int(self._clock.monotonic() // 60)

    def view(self, hosts: Sequence[str], since: int | None) -> BackupView:
        """Everything at a glance; `sets` None when nothing changed since `since`."""
        version = self.version
        jobs = self._board.jobs(SHOWN_JOBS)
        if since == version:
            return BackupView(version=version, jobs=jobs)
        sets, repositories, concerns = self._all(tuple(hosts))
        return BackupView(
            version=version, sets=sets, repositories=repositories, jobs=jobs, concerns=concerns, borg=self._borg()
        )

    def _all(self, hosts: tuple[str, ...]) -> _All:
        """Statuses and concerns, worked out anew only when something they are made of has changed: not for the progress
        of a job, ten times a second.
        """
        key = (hosts, self._depot.catalog.version, self._board.edges, int(self._clock.now() / STANDING_SECONDS))
        with self._lock:
            if self._known is None or self._known[0] != key:
                sets, repositories = self.statuses(hosts)
                self._known = key, (sets, repositories, self._concerns(sets, repositories))
            return self._known[1]

    def statuses(self, hosts: Sequence[str]) -> tuple[tuple[SetStatus, ...], tuple[RepositoryStatus, ...]]:
        """How sets and repositories of these hosts stand, from the catalog alone. Raises BadInput, Stop."""
        now, statuses, failures = self._clock.now(), self._depot.statuses, self._failures()
        proof_seconds = self._config().drill_days * DAY * LATE
        sets = tuple(
            statuses.of_set(
                task,
                self._depot.ways.expected(task),
                now,
                proof_seconds,
                job=self._queue.working(task.repository.key, task.set.name),
                problem=failures.get((JobKind.BACKUP, task.repository.key, task.set.name)),
            )
            for task in self._tasks.of(hosts)
        )
        repositories = tuple(
            statuses.of_repository(each, now, self._damage(each, failures)) for each in self._tasks.repositories(hosts)
        )
        return sets, repositories

    def _damage(self, repository: Repository, failures: Mapping[tuple[JobKind, str, str], Cause]) -> Cause | None:
        """What the last check found, unless a later one (a healing ends with one) was good."""
        last = self._depot.catalog.last_check(repository.key)
        return None if last is not None and last.ok else failures.get((JobKind.CHECK, repository.key, ""))

    def _failures(self) -> dict[tuple[JobKind, str, str], Cause]:
        """Why the newest job of each kind failed, where it did."""
        found: dict[tuple[JobKind, str, str], Cause | None] = {}
        for job in self._board.jobs(10_000):
            if job.ended is not None:
                cause = job.outcome.cause if job.outcome and job.state is JobState.FAILED else None
                found.setdefault((job.kind, job.repository, job.set), cause)
        return {key: cause for key, cause in found.items() if cause is not None}

    def concerns(self, hosts: Sequence[str]) -> tuple[Concern, ...]:
        """What somebody should know about, worst first; the alert rules read these."""
        return self._concerns(*self.statuses(hosts))

    def _concerns(self, sets: Sequence[SetStatus], repositories: Sequence[RepositoryStatus]) -> tuple[Concern, ...]:
        catalog, config = self._depot.catalog, self._config()
        keys = [each.key for each in repositories]
        alarms: Mapping[str, tuple[Alarm, ...]] = {key: self._depot.alarms.of(key) for key in keys}
        gone: Mapping[str, tuple[Gone, ...]] = {key: catalog.gone(key) for key in keys}
        known = self._problems()
        facts = Facts(
            now=self._clock.now(),
            sets=tuple(sets),
            repositories=tuple(repositories),
            every_seconds={task.set.name: task.set.every_seconds for task in self._tasks.all()},
            alarms={key: value for key, value in alarms.items() if value},
            gone={key: value for key, value in gone.items() if value},
            borg={"": known} if known else {},
            drill_days=config.drill_days,
            check_days=config.check_days,
            verify_days=config.verify_days,
        )
        return judge(facts)

    def _problems(self) -> tuple[str, ...]:
        try:
            return borg_version.problems(self._depot.local.dialect)
        except SwarmError:
            return ()

    def _borg(self) -> str:
        try:
            return self._depot.local.dialect.text
        except SwarmError:
            return ""

    def refresh(self) -> None:
        """Ask every repository that is there what it holds, one after the other; the job under way is waited for a while."""
        for repository in self._tasks.repositories():
            if self._stopped.is_set():
                return
            if self._depot.catalog.note(repository.key, "id"):
                self._look(repository)

    def _look(self, repository: Repository) -> None:
        try:
            with self._queue.alone(repository, seconds=REFRESH_SECONDS):
                self._depot.listings.take(repository)
                self._depot.repositories.measure(repository)
        except Stop:
            raise
        except SwarmError as error:
            self._tell(
                "backup",
                f"{repository.key} was not asked: {error.message}"[:400],
                repository.host,
                "",
                Severity.WARNING,
            )
