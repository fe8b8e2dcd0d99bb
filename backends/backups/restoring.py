"""Restores for the API: a plan first, then exactly that as a job; confirming and undoing what it put into place."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator

from backends.backups import looks
from backends.backups.board import Handle
from backends.backups.borg import export_tar, extract, line
from backends.backups.depot import Depot
from backends.backups.fleet_tasks import FleetTasks
from backends.backups.model import (
    Archive,
    BrowseEntry,
    Job,
    JobKind,
    JobState,
    Outcome,
    Progress,
    Repository,
    Transport,
)
from backends.backups.placing import Placing
from backends.backups.placing_model import Undone
from backends.backups.queueing import Queue
from backends.backups.restore import Restore
from backends.backups.restore_plan import plan, transport
from backends.backups.rollbacks import Rollbacks
from backends.backups.trust import said
from backends.backups.views import RestorePlan, RestoreRequest
from backends.errors import BadInput, RetryLater, SkipHost

MOST_PLANS = 50


class Restoring:
    """May be used from any thread.

    Args:
        log_in: tries a new login to a host; how it was let in. Raises SwarmError.
        changed: files of a host were changed.
    """

    def __init__(
        self,
        depot: Depot,
        tasks: FleetTasks,
        queue: Queue,
        index: Callable[[Repository, Archive, str], Job],
        *,
        log_in: Callable[[str], str],
        changed: Callable[[str], None],
    ):
        self._depot, self._tasks, self._queue, self._index, self._changed = depot, tasks, queue, index, changed
        self._lock = threading.Lock()
        self._plans: OrderedDict[str, RestorePlan] = OrderedDict()
        self.rollbacks = Rollbacks(depot.folder / "rollbacks", self._placing, depot.clock, log_in=log_in)

    def plan(self, request: RestoreRequest) -> RestorePlan:
        """Look at archive and host, and say what would be done; changes nothing.

        Raises:
            BadInput: no such archive, path or directory.
            RetryLater: the archive's files are being listed first, or the host cannot be asked.
            SkipHost: it cannot be done there.
        """
        place = self._tasks.repository(request.repository)
        archive = self._depot.catalog.archive(place.key, request.archive)
        if not archive.indexed:
            self._begin_index(place, archive)
        host = request.host or archive.host
        way = self._way(archive, host)
        made = plan(
            request,
            archive,
            self._entries(archive, request),
            lambda paths, directory: looks.ask(
                self._depot.ways.way(host), self._depot.ways.become(host), paths, directory=directory
            ),
            host=host,
            way=way,
            command=self._line(place, request, way),
        )
        with self._lock:
            self._plans[made.id] = made
            while len(self._plans) > MOST_PLANS:
                self._plans.popitem(last=False)
        return made

    def start(self, plan_id: str, approved: str, who: str) -> Job:
        """Carry out a plan whose hash is named as approval. Raises BadInput, RetryLater, Stop."""
        with self._lock:
            known = self._plans.get(plan_id)
        if known is None:
            raise BadInput(f"no restore plan {plan_id[:60]!r}", hint="make it again; plans are not kept over a restart")
        if not known.hash.startswith(approved):
            raise BadInput("the hash is that of another plan", hint="look at the plan and name its hash")
        place = self._tasks.repository(known.request.repository)
        return self._queue.add(
            JobKind.RESTORE, place, lambda handle: self._work(known, place, who, handle), who, on_host=known.host
        )

    def target(self, plan_id: str) -> str:
        """The host that a restore plan writes on; "" for a plan that is not known."""
        with self._lock:
            known = self._plans.get(plan_id)
        return known.host if known is not None else ""

    def confirm(self, named: str, who: str) -> str:
        """Keep what a restore put into place. Raises BadInput, SkipHost (it was put back already), RetryLater."""
        return self.rollbacks.confirm(self._run(named), who).text

    def undo(self, named: str, who: str) -> str:
        """Put everything back that a restore replaced. Raises BadInput, RetryLater."""
        run, host = self._run(named), self._host(named)
        if any(each.run == run for each in self.rollbacks.all()):
            undone = self.rollbacks.undo(run, who)
        else:
            undone = self._placing(host).undo(run, who)
        self._changed(host)
        return _put_back(undone)

    def run_of(self, named: str) -> str:
        """Id of the restore on its host, by its job or by itself. Raises BadInput."""
        return self._run(named)

    # Planning ----------------------------------------------------------------------------------------------------

    def _begin_index(self, place: Repository, archive: Archive) -> None:
        job = self._index(place, archive, "a restore plan")
        raise RetryLater(
            f"the files of {archive.name} are being listed (job {job.id})",
            host=place.host,
            action="plan a restore",
            hint="ask again in a moment",
        )

    def _way(self, archive: Archive, host: str) -> Transport:
        ways = self._depot.ways
        if ways.here(host):
            return transport(archive, host, self._depot.local.dialect, local=True)
        try:
            return transport(archive, host, ways.borg(host), local=False)
        except SkipHost:
            return transport(archive, host, None, local=False)

    def _entries(self, archive: Archive, request: RestoreRequest) -> Iterator[BrowseEntry]:
        for path in request.paths or ("",):
            yield from self._depot.catalog.walk(archive, path)

    def _line(self, place: Repository, request: RestoreRequest, way: Transport) -> str:
        dialect = self._depot.local.dialect
        build = export_tar.argv if way is Transport.TAR else extract.argv
        return line.shown(build(dialect, place.location, request.archive, request.paths))

    # Working -----------------------------------------------------------------------------------------------------

    def _work(self, made: RestorePlan, place: Repository, who: str, handle: Handle) -> Outcome:
        handle.show(transport=made.transport, trust=said(made.transport), command=made.command, plan=made.id)
        ways = self._depot.ways
        runner = ways.relay(made.host) if made.transport is Transport.RELAY else self._depot.local
        restore = Restore(
            ways.way(made.host),
            ways.become(made.host),
            runner,
            self._depot.clock,
            channels=ways.channels(made.host),
            rollbacks=self.rollbacks,
        )
        archive = self._depot.catalog.archive(place.key, made.request.archive)
        try:
            outcome = restore.run(
                made,
                place,
                who=who,
                tell=lambda progress: _shown(handle, progress),
                cancel=handle.cancel,
                walk=lambda: self._entries(archive, made.request),
            )
        finally:
            self._changed(made.host)
        waiting = next((each for each in self.rollbacks.waiting() if each.run == made.id), None)
        if waiting is not None and outcome.state is JobState.WARNING:
            handle.show(confirm_by=waiting.deadline)
        return outcome

    def _placing(self, host: str) -> Placing:
        return Placing(self._depot.ways.way(host), self._depot.ways.become(host))

    def _job(self, named: str) -> Job | None:
        return next((job for job in self._queue.board.jobs(10_000) if named in (job.id, job.plan)), None)

    def _run(self, named: str) -> str:
        job = self._job(named)
        if job is not None and not job.plan:
            raise BadInput(f"job {named} restored nothing", hint="swarm-tui backup jobs")
        return job.plan if job is not None else named

    def _host(self, named: str) -> str:
        job = self._job(named)
        return job.host if job is not None else self.rollbacks.of(named).host


def _shown(handle: Handle, progress: Progress) -> None:
    handle.show(progress=progress)


def _put_back(undone: Undone) -> str:
    stayed = f"; {undone.stayed} were changed since and stay" if undone.stayed else ""
    failed = f"; {undone.failed} FAILED" if undone.failed else ""
    return f"put back: {undone.restored} files are as they were, {undone.removed} were removed{stayed}{failed}"
