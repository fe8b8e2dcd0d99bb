"""Looking into archives: lists, files, search, history, differences. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from backends.backups.borg import diff as borg_diff
from backends.backups.borg import exits, extract
from backends.backups.depot import Depot
from backends.backups.fleet_tasks import FleetTasks
from backends.backups.lines import Lines
from backends.backups.model import Archive, Job, JobState, Repository, Version
from backends.backups.mounts import Mounted
from backends.backups.names import escaped
from backends.backups.queueing import Queue
from backends.backups.text_diff import unified
from backends.backups.vanished import failed
from backends.backups.views import Change, Hit, Listing
from backends.errors import BadInput, RetryLater
from backends.text import clean_lines

NOISE = ("ctime", "mtime")
"""Borg tells of them for every directory in which something changed; they say nothing by themselves."""
MOST_CHANGES = 20_000
CONTENT_BYTES = 1 << 20
"""Of a file that is compared by its lines."""
DIFF_SECONDS = 600.0


class Looking:
    """Looks.

    Args:
        index: queues the job that indexes an archive, for an operator.
    """

    def __init__(self, depot: Depot, tasks: FleetTasks, queue: Queue, index: Callable[[Repository, Archive, str], Job]):
        self._depot, self._tasks, self._queue, self._index = depot, tasks, queue, index

    def archives(self, hosts: Sequence[str], set_name: str, repository: str) -> tuple[Archive, ...]:
        """Archives of these hosts, newest first; "" is any set or repository."""
        wanted = set(hosts)
        found = self._depot.catalog.archives(repository=repository, set=set_name)
        return tuple(each for each in found if each.host in wanted)

    def files(self, repository: str, archive: str, path: str, offset: int, limit: int, who: str) -> Listing:
        """A page of a directory.

        Raises:
            BadInput: no such archive or directory.
            RetryLater: its list of files is being read into the index first.
        """
        place = self._tasks.repository(repository)
        found = self._depot.catalog.archive(place.key, archive)
        if not found.indexed:
            raise self._indexing(place, found, who)
        return self._depot.catalog.browse(found, path, offset, limit)

    def _indexing(self, place: Repository, archive: Archive, who: str) -> RetryLater:
        try:
            job = self._index(place, archive, who)
            text = f"the files of {archive.name} are being listed (job {job.id})"
        except RetryLater as error:
            text = f"the files of an archive are being listed: {error.hint or error.message}"
        return RetryLater(text, host=place.host, action="look into an archive", hint="ask again in a moment")

    def search(self, text: str, hosts: Sequence[str], limit: int) -> tuple[Hit, ...]:
        """Paths of indexed archives that contain `text`."""
        return self._depot.catalog.search(text, hosts=tuple(hosts), limit=limit)

    def history(self, host: str, path: str) -> tuple[Version, ...]:
        """One path over all indexed archives, newest first."""
        return self._depot.catalog.history(host, path)

    def diff(self, repository: str, a: str, b: str, path: str) -> tuple[Change, ...]:
        """What differs between two archives of a repository, by Borg itself.

        Raises:
            BadInput: no such archive.
            RetryLater: Borg could not tell.
        """
        place, local = self._tasks.repository(repository), self._depot.local
        for name in (a, b):
            self._depot.catalog.archive(place.key, name)
        changes: list[Change] = []

        def take(data: bytes) -> None:
            change = borg_diff.decode(data)
            kinds = tuple(kind for kind in change.kinds if kind not in NOISE) if change is not None else ()
            if change is not None and kinds and len(changes) < MOST_CHANGES:
                changes.append(msgspec.structs.replace(change, kinds=kinds))

        lines = Lines(take)
        with self._queue.alone(place):
            result = local.run(
                place,
                lambda where: borg_diff.argv(local.dialect, where, a, b, (path,) if path else (), content_only=False),
                on_stdout=lines.feed,
                timeout_seconds=DIFF_SECONDS,
            )
        state, cause = exits.judge("diff", result, location=place.location, repository=place.key)
        if state not in (JobState.DONE, JobState.WARNING):
            raise failed(place, "compare two archives", cause)
        return tuple(sorted(changes, key=lambda change: change.path))

    def file_diff(self, repository: str, a: str, b: str, path: str) -> str:
        """How the lines of one file differ between two archives, secrets masked; "" when they do not.

        Raises:
            BadInput: no such archive, it is in neither, or it cannot be compared by its lines (no text, too large).
            RetryLater: it cannot be read.
        """
        place, action = self._tasks.repository(repository), "compare two versions"
        found = [self.content(place, name, path, CONTENT_BYTES + 1) for name in (a, b)]
        if found == [None, None]:
            hint = f"swarm-tui backup files {place.key} {a}"
            raise BadInput(f"{escaped(path)[:200]} is in neither archive", action=action, hint=hint)
        contents = [content or b"" for content in found]
        for content in contents:
            if b"\0" in content[:8192] or len(content) > CONTENT_BYTES:
                why = "is no text" if b"\0" in content[:8192] else "is too large to be compared by its lines"
                raise BadInput(f"{escaped(path)[:200]} {why}", action=action, hint="restore both and compare them")
        texts = [clean_lines(content.decode("utf-8", "replace")) for content in contents]
        return unified(texts[0], texts[1], names=(f"{a} {path}", f"{b} {path}"))

    def mount(self, repository: str, archive: str) -> Mounted:
        """An archive as a directory of the engine's machine. Raises BadInput, SkipHost (it cannot be done), RetryLater."""
        place = self._tasks.repository(repository)
        self._depot.catalog.archive(place.key, archive)
        return self._depot.mounts.mount(place, archive)

    def content(self, place: Repository, archive: str, path: str, limit: int = CONTENT_BYTES) -> bytes | None:
        """The first bytes of a file as an archive has it; None where it has none of that name.

        Raises:
            BadInput: no such archive.
            RetryLater: it cannot be read.
        """
        self._depot.catalog.archive(place.key, archive)
        local, kept = self._depot.local, bytearray()
        with self._queue.alone(place):
            result = local.run(
                place,
                lambda where: extract.argv(local.dialect, where, archive, (path,), to_stdout=True, progress=False),
                on_stdout=lambda data: kept.extend(data[: max(0, limit - len(kept))]),
                timeout_seconds=DIFF_SECONDS,
            )
        state, cause = exits.judge("extract", result, location=place.location, repository=place.key)
        if state not in (JobState.DONE, JobState.WARNING):
            raise failed(place, f"read {escaped(path)[:200]}", cause)
        return None if cause is not None and cause.code == "not-in-archive" else bytes(kept)
