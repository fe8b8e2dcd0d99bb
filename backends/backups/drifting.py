"""Drift for the API: hosts against their last snapshot, their baseline, or each other; and the way back for one file."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence

from backends.backups.borg import exits, export_tar
from backends.backups.depot import Depot
from backends.backups.drifts import LAST, PINNED, Drifts
from backends.backups.fleet_tasks import FleetTasks
from backends.backups.model import CONFIG, Archive, BorgResult, JobState, Repository
from backends.backups.queueing import Queue
from backends.backups.runner import Cancel
from backends.backups.snapshot_model import Snapshot
from backends.backups.snapshots import launch, read
from backends.backups.status import complete
from backends.backups.tarstream import TarSource
from backends.backups.vanished import failed
from backends.backups.views import DriftMatrix, DriftReport, RestoreRequest
from backends.errors import BadInput, RetryLater, SwarmError

PIN, FACT = "pin", "fact:"
"""As the API calls a baseline; and how a fact is named among paths."""
CONCURRENT_HOSTS = 12
REPORT_SECONDS = 300.0
EXPORT_SECONDS = 600.0
WAITING_PIECES = 64


class Drifting:
    """May be used from any thread."""

    def __init__(self, depot: Depot, tasks: FleetTasks, jobs: Queue):
        self._depot, self._tasks, self._queue = depot, tasks, jobs
        self.drifts = Drifts(self._take, self._stored, _Shelf(depot, tasks), depot.clock)

    def reports(self, hosts: Sequence[str], against: str) -> tuple[DriftReport, ...]:
        """How each of these hosts differs, asked side by side; why one could not be compared is in its report.

        Args:
            hosts: names.
            against: "last", "pin" or another host.
        """
        wanted = self._against(against)
        others = [host for host in hosts if host != wanted]
        found: dict[str, DriftReport] = {}
        waiting, done = list(others), threading.Semaphore(0)
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    if not waiting:
                        return
                    host = waiting.pop(0)
                report = self.drifts.report(host, wanted, fresh=True)
                with lock:
                    found[host] = report
                done.release()

        for number in range(min(CONCURRENT_HOSTS, len(others))):
            threading.Thread(target=work, name=f"drift report {number}", daemon=True).start()
        limit = self._depot.clock.monotonic() + REPORT_SECONDS
        for _ in others:
            done.acquire(timeout=max(0.0, limit - self._depot.clock.monotonic()))
        with lock:
            return tuple(found.get(host) or self._late(host, against) for host in others)

    def since(self, host: str, repository: str, archive: str) -> DriftReport:
        """How a host differs from one archive of its configuration. Raises SwarmError: a side cannot be had."""
        return self.drifts.since(host, self._depot.catalog.archive(repository, archive))

    def _late(self, host: str, against: str) -> DriftReport:
        now = self._depot.clock.now()
        return DriftReport(host=host, against=against, time=now, entries=(), problem="no answer in time")

    def text(self, host: str, path: str, against: str) -> str:
        """The lines of one file or fact that differ, secrets masked; "" when none does. Raises SwarmError."""
        return self.drifts.diff(host, path, self._against(against))

    def matrix(self, hosts: Sequence[str]) -> DriftMatrix:
        """Hosts × facts."""
        return self.drifts.matrix(hosts)

    def pin(self, host: str, name: str) -> Archive:
        """Make a configuration archive (by name; "": the newest) the baseline of a host. Raises BadInput."""
        for archive in complete(self._depot.catalog.archives(host=host, set=CONFIG)):
            if name in ("", archive.name):
                self._depot.catalog.pin(host, archive.id)
                return archive
        raise BadInput(
            f"no configuration archive {name!r}" if name else "no configuration archive yet",
            host=host,
            action="pin a baseline",
            hint=f"swarm-tui backup run {host} --set config",
        )

    def request(self, host: str, path: str, against: str) -> RestoreRequest:
        """What puts one file of a host back as it was. Raises BadInput: a fact is no file, a host no archive."""
        if path.startswith(FACT):
            raise BadInput(f"{path} is what a command printed, no file", host=host, hint="change what it is about")
        wanted = self._against(against)
        if wanted not in (LAST, PINNED):
            raise BadInput(
                "a file is restored from an archive, not from another host", host=host, hint="--against last"
            )
        archive = self._depot.catalog.pinned(host) if wanted == PINNED else self._newest(host)
        if archive is None:
            raise BadInput("no baseline is pinned", host=host, hint=f"swarm-tui drift {host} --pin")
        return RestoreRequest(
            repository=archive.repository, archive=archive.name, paths=(path,), host=host, conflict="replace"
        )

    def _newest(self, host: str) -> Archive:
        for archive in complete(_Shelf(self._depot, self._tasks).archives(host=host, set=CONFIG)):
            return archive
        raise BadInput("no configuration archive yet", host=host, hint=f"swarm-tui backup run {host} --set config")

    def _against(self, against: str) -> str:
        return PINNED if against in (PIN, PINNED) else against

    # Snapshots ---------------------------------------------------------------------------------------------------

    def _take(self, host: str, kind: str) -> Snapshot:
        ways = self._depot.ways
        extra = next((task.set.paths for task in self._tasks.of([host]) if task.set.kind == kind), ())
        started = launch("secrets" if kind == "secrets" else "config", extra, ways.become(host))
        source = TarSource(ways.channels(host), started)
        try:
            return read(iter(source, b""))
        finally:
            source.close()

    def _stored(self, archive: Archive) -> Snapshot:
        place = self._tasks.repository(archive.repository)
        with self._queue.alone(place):
            return _Export(self._depot, place, archive).read()


class _Shelf:
    """The catalog as far as repositories go that are configured now: others cannot be read any more."""

    def __init__(self, depot: Depot, tasks: FleetTasks):
        self._catalog, self._tasks = depot.catalog, tasks

    def archives(self, repository: str = "", set: str = "", host: str = "", gone: bool = False) -> tuple[Archive, ...]:
        known = {each.key for each in self._tasks.repositories()}
        found = self._catalog.archives(repository=repository, set=set, host=host, gone=gone)
        return tuple(each for each in found if each.repository in known)

    def pinned(self, host: str) -> Archive | None:
        return self._catalog.pinned(host)


class _Export:
    """`borg export-tar` of an archive, read while it comes: never the whole of it in memory twice."""

    def __init__(self, depot: Depot, place: Repository, archive: Archive):
        self._depot, self._place, self._archive = depot, place, archive
        self._pieces: queue.Queue[bytes | None] = queue.Queue(WAITING_PIECES)
        self._cancel = Cancel()
        self._result: BorgResult | None = None
        self._error: SwarmError | None = None

    def read(self) -> Snapshot:
        """Raises RetryLater, AskOperator, SkipHost."""
        thread = threading.Thread(target=self._run, name=f"export {self._archive.name}", daemon=True)
        thread.start()
        try:
            return read(self._taken())
        finally:
            self._cancel.ask("the reader", force=True)
            while thread.is_alive():  # whatever is still sent is not waited for
                self._drain()
                thread.join(0.05)

    def _taken(self) -> Iterator[bytes]:
        while (piece := self._next()) is not None:
            yield piece
        if self._error is not None:
            raise self._error
        if self._result is None:
            raise RetryLater("the archive was not read", host=self._place.host, action="read a snapshot")
        state, cause = exits.judge(
            "export-tar", self._result, location=self._place.location, repository=self._place.key
        )
        if state not in (JobState.DONE, JobState.WARNING):
            raise failed(self._place, f"read {self._archive.name}", cause)

    def _next(self) -> bytes | None:
        try:
            return self._pieces.get(timeout=EXPORT_SECONDS)
        except queue.Empty:
            raise RetryLater(
                "the archive was not read in time", host=self._place.host, action="read a snapshot"
            ) from None

    def _run(self) -> None:
        local = self._depot.local
        try:
            self._result = local.run(
                self._place,
                lambda where: export_tar.argv(local.dialect, where, self._archive.name, progress=False),
                on_stdout=self._pieces.put,
                cancel=self._cancel,
                timeout_seconds=EXPORT_SECONDS,
            )
        except SwarmError as error:
            self._error = error
        finally:
            self._pieces.put(None)

    def _drain(self) -> None:
        try:
            while True:
                self._pieces.get_nowait()
        except queue.Empty:
            return
