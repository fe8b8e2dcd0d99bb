"""What happens by itself: rounds that begin what is due, and how old each host's backups are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from backends.backups.depot import Depot
from backends.backups.fleet_tasks import FleetTasks
from backends.backups.keeping import Keeping
from backends.backups.model import Job, JobKind, Task
from backends.backups.queueing import Queue, Tell
from backends.backups.restoring import Restoring
from backends.backups.rounds import Rules, Scheduled, Wanted, unscheduled, wanted
from backends.backups.standing import Standing
from backends.clock import Clock
from backends.config.schema import BackupsConfig
from backends.errors import BadInput, Stop, SwarmError
from backends.states import Severity

SCHEDULE = "the schedule"
FIRST_SECONDS, ROUND_SECONDS = 600.0, 60.0
"""An engine that was just started lets the fleet come up before it begins anything by itself; then it looks every minute."""
MOST_AT_ONCE = 4
"""Jobs that one round begins: a fleet's backups are spread instead of begun together."""
DAY = 86400.0
HARMLESS = frozenset({JobKind.DRILL, JobKind.CHECK})
"""What an engine that changes nothing does all the same: it reads repositories."""

Begin = Callable[[Task, str], Job]


class Routine:
    """One thread.

    Args:
        backup: queues a backup for somebody.
        drill: queues a drill.
        read_only: whether nothing may be changed now.
        on_time: is told how old a host's backups are: the newest archive of the set and repository that is behind most.
    """

    def __init__(
        self,
        depot: Depot,
        tasks: FleetTasks,
        queue: Queue,
        standing: Standing,
        keeping: Keeping,
        restoring: Restoring,
        clock: Clock,
        *,
        config: Callable[[], BackupsConfig],
        backup: Begin,
        drill: Begin,
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        on_time: Callable[[str, float | None], None],
        stopped: threading.Event,
        read_only: Callable[[], bool] = lambda: False,
    ):
        self._depot, self._tasks, self._board, self._standing = depot, tasks, queue.board, standing
        self._keeping, self._restoring, self._clock, self._config = keeping, restoring, clock, config
        self._backup, self._drill, self._tell, self._on_bug = backup, drill, tell, on_bug
        self._on_time, self._stopped, self._read_only = on_time, stopped, read_only
        self.scheduled: Scheduled = unscheduled
        """What a schedule begins; set by whoever follows the schedules."""

    def tell_times(self, hosts: Sequence[str] | None) -> None:
        """How old the backups of these hosts (None: of all) are."""
        try:
            tasks = self._tasks.all() if hosts is None else self._tasks.of(hosts)
        except BadInput:
            return  # the view and every job say what is wrong with the configuration
        newest: dict[str, list[float]] = {}
        for task in tasks:
            archives = self._depot.statuses.series(task)
            newest.setdefault(task.host, []).append(archives[0].start if archives else 0.0)
        for host, times in newest.items():
            self._on_time(host, min(times) or None)

    def loop(self) -> None:
        """What is due by itself, until `stop`."""
        seconds, began = 0.0, False
        while not self._clock.wait(self._stopped, seconds):
            seconds = ROUND_SECONDS if began else FIRST_SECONDS
            try:
                if began:
                    self.round()
                else:
                    began = True
                    self.tell_times(None)
            except SwarmError as error:
                self._tell("backup", f"nothing was begun by itself: {error.message}", "", SCHEDULE, Severity.WARNING)
            except Exception as error:  # noqa: BLE001 - the loop must outlive a bug
                self._on_bug("backups", error)

    def round(self) -> tuple[Wanted, ...]:
        """Begin what is due, a few jobs at a time; what was begun. Raises SwarmError."""
        hosts = {task.host for task in self._tasks.all()}
        sets, repositories = self._standing.statuses(tuple(hosts))
        self._restoring.rollbacks.refresh()
        pruned = {
            (status.repository, status.set): float(
                self._depot.catalog.note(status.repository, f"pruned {status.set}") or 0
            )
            for status in sets
        }
        due = wanted(
            sets, repositories, self._board.jobs(10_000), pruned, self._rules(), self._clock.now(), self.scheduled
        )
        if self._read_only():
            due = tuple(each for each in due if each.kind in HARMLESS)
        begun: list[Wanted] = []
        for each in due:
            if len(begun) >= MOST_AT_ONCE or len(self._board.in_flight()) >= 2 * MOST_AT_ONCE:
                break
            if self._begin(each):
                begun.append(each)
        return tuple(begun)

    def _rules(self) -> Rules:
        config = self._config()
        return Rules(
            drill_seconds=config.drill_days * DAY,
            check_seconds=config.check_days * DAY,
            verify_seconds=config.verify_days * DAY,
        )

    def _begin(self, each: Wanted) -> bool:
        try:
            if each.kind is JobKind.BACKUP:
                self._backup(self._tasks.task(each.repository, each.set), SCHEDULE)
            elif each.kind is JobKind.DRILL:
                self._drill(self._tasks.task(each.repository, each.set), SCHEDULE)
            elif each.kind is JobKind.CHECK:
                self._keeping.check(self._tasks.repository(each.repository), each.level, SCHEDULE)
            elif each.kind is JobKind.PRUNE:
                self._keeping.prune_by_rule(each.repository, each.set, SCHEDULE)
            else:
                self._keeping.compact_by_rule(each.repository, SCHEDULE)
        except Stop:
            raise
        except SwarmError as error:
            self._tell(
                "backup", f"{each.kind} {each.set} {each.repository}: {error.message}", "", SCHEDULE, Severity.WARNING
            )
            return False
        return True
