"""Reading the file list of an archive from its repository into the catalog, as a stream: never the whole list in memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from backends.backups.borg import exits, list_files
from backends.backups.catalog import Catalog
from backends.backups.lines import Lines
from backends.backups.model import Archive, BorgResult, BrowseEntry, Cause, JobState, Outcome, Repository
from backends.backups.runner import Cancel, OnEvent, Runner
from backends.errors import RetryLater

LIMIT_SECONDS = 6 * 3600.0
"""Millions of files are listed in minutes; a list that takes longer hangs."""
_WAITING_BATCHES = 16
_BATCH = 2000
_POLL_SECONDS = 1.0
_ENDED = 30.0


class Indexing:
    """Indexes archives. May be used from many threads, for different repositories."""

    def __init__(self, runner: Runner, catalog: Catalog):
        self._runner, self._catalog = runner, catalog

    def index(
        self,
        repository: Repository,
        archive: Archive,
        *,
        on_event: OnEvent | None = None,
        progress: Callable[[int], None] | None = None,
        cancel: Cancel | None = None,
    ) -> Outcome:
        """List an archive's files and put them into the catalog; all of them, or nothing is changed. Afterwards what no
        archive has any more leaves the index.

        Args:
            progress: called with the number of entries so far.
            cancel: ends it; what was known of the archive before stays.

        Raises:
            SkipHost, AskOperator, RetryLater: Borg cannot be run (see Runner), or the series is being indexed already.
            BadInput: the archive is not known (any more).
            Stop: the disk refuses the catalog.
        """
        reading = _Reading(self._runner, repository, archive, on_event, cancel or Cancel())
        reading.start()
        try:
            found = self._catalog.index(archive, reading.entries(), progress, reading.cancel.asked)
        except _NotListed as error:
            return error.outcome
        finally:
            reading.end()
        if not found.complete:
            return Outcome(state=JobState.CANCELLED, notes=("What was known of its files before stays.",))
        self._catalog.tidy(reading.cancel.asked)
        notes = [f"{found.entries:,} entries indexed, {found.written:,} of them new or changed."]
        if found.left_out or reading.unread:
            notes.append(
                f"{found.left_out + reading.unread:,} entries could not be indexed: no real path, or no entry."
            )
        return Outcome(state=JobState.DONE, archive=archive, notes=tuple(notes))

    def missing(self, repository: Repository) -> tuple[Archive, ...]:
        """Archives whose files are not in the catalog, the newest first; checkpoints are not worth it."""
        archives = self._catalog.archives(repository=repository.key)
        return tuple(each for each in archives if not each.indexed and ".checkpoint" not in each.name)


class _NotListed(Exception):
    """Borg did not list everything; carried out of the catalog so that it publishes nothing."""

    def __init__(self, outcome: Outcome):
        super().__init__(outcome.state)
        self.outcome = outcome


class _Reading:
    """One run of `borg list` on a thread of its own, and what it lists as an iterator for another."""

    def __init__(
        self, runner: Runner, repository: Repository, archive: Archive, on_event: OnEvent | None, cancel: Cancel
    ):
        self._runner, self._repository, self._archive = runner, repository, archive
        self._on_event, self.cancel = on_event, cancel
        self._batches: queue.Queue[list[BrowseEntry] | None] = queue.Queue(_WAITING_BATCHES)
        self._batch: list[BrowseEntry] = []
        self._lines = Lines(self._line)
        self._result: BorgResult | None = None
        self._error: Exception | None = None
        self._abandoned = threading.Event()
        self.unread = 0
        """Lines that were no entry."""
        name = f"backup-index-{repository.key}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to list."""
        self._thread.start()

    def entries(self) -> Iterator[BrowseEntry]:
        """What is listed, as it comes.

        Raises:
            _NotListed: at the end, when it was not the whole list.
            SwarmError: Borg could not be run.
        """
        while not self.cancel.asked.is_set():
            try:
                batch = self._batches.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if batch is None:
                self._judge()
                return
            yield from batch

    def end(self) -> None:
        """Nobody reads any more: end Borg when it still runs."""
        self._abandoned.set()
        if self._thread.is_alive():
            self.cancel.ask(self.cancel.who, force=True)
            self._thread.join(_ENDED)

    def _judge(self) -> None:
        if self._error is not None:
            raise self._error
        if self._result is None:
            raise RetryLater("the list ended without a result", action=f"list {self._archive.name}")
        state, cause = exits.judge(
            "list", self._result, location=self._repository.location, repository=self._repository.key
        )
        if state not in (JobState.DONE, JobState.WARNING):
            raise _NotListed(Outcome(state=state, cause=cause or _unknown(self._archive)))

    def _run(self) -> None:
        try:
            dialect, name = self._runner.dialect, self._archive.name
            self._result = self._runner.run(
                self._repository,
                lambda location: list_files.argv(dialect, location, name),
                on_event=self._on_event,
                on_stdout=self._lines.feed,
                cancel=self.cancel,
                timeout_seconds=LIMIT_SECONDS,
            )
            self._lines.feed(b"\n")
        except Exception as error:  # noqa: BLE001 - raised again where the entries are read
            self._error = error
        self._put(self._batch)
        self._put(None)

    def _line(self, line: bytes) -> None:
        entry = list_files.decode(line)
        if entry is None:
            self.unread += 1
            return
        self._batch.append(entry)
        if len(self._batch) >= _BATCH:
            self._put(self._batch)
            self._batch = []

    def _put(self, batch: list[BrowseEntry] | None) -> None:
        while not self._abandoned.is_set():
            try:
                self._batches.put(batch, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return


def _unknown(archive: Archive) -> Cause:
    return Cause(
        code="not-listed",
        text=f"Borg did not list all of {archive.name}.",
        next_step="Index it again; when that fails too, check the repository.",
    )
