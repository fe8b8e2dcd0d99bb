"""Brings intact files into a scratch directory, under names of our own, and proves them by their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from backends.backups.borg import exits, extract
from backends.backups.damage_model import Copy, Damaged
from backends.backups.model import Repository
from backends.backups.names import unescaped
from backends.backups.runner import Cancel, Runner
from backends.backups.watching import Watch
from backends.errors import RetryLater, SwarmError
from backends.execution import Exec, Stream

LIVE_SECONDS = 3600.0


class Fetch:
    """Fetches files out of repositories, or from hosts. May be used from any thread."""

    def __init__(self, runner: Runner, ways: Callable[[str], Exec]):
        self._runner, self._ways = runner, ways

    def fetch(
        self,
        each: Damaged,
        digest: str,
        host: str,
        repositories: Mapping[str, Repository],
        target: Path,
        watch: Watch,
    ) -> None:
        """Write the content of `each` that has this sha256 to `target`, from the first copy that still gives it.

        Raises:
            RetryLater: none does, with the reason of the last.
        """
        reason = "there is no copy"
        for copy in each.copies:
            if copy.sha256 != digest:
                continue
            watch.phase(f"fetching {each.path} from {copy.text}")
            try:
                got = self._copy(copy, each, host, repositories, target, watch.cancel)
            except SwarmError as error:
                reason = error.message
                continue
            if got == digest:
                return
            reason = f"{copy.text} gave other bytes than it had before"
        target.unlink(missing_ok=True)
        raise RetryLater(f"{each.path} could not be fetched: {reason}", action="fetch an intact copy")

    def _copy(
        self,
        copy: Copy,
        each: Damaged,
        host: str,
        repositories: Mapping[str, Repository],
        target: Path,
        cancel: Cancel,
    ) -> str:
        with target.open("wb") as file:
            sink = Sink(file, each.size or 0)
            if copy.repository:
                self._of_repository(copy, each.path, repositories[copy.repository], sink, cancel)
            else:
                self._of_host(host, each.path, sink)
        return sink.digest()

    def _of_repository(self, copy: Copy, path: str, repository: Repository, sink: Sink, cancel: Cancel) -> None:
        result = self._runner.run(
            repository,
            lambda location: extract.argv(self._runner.dialect, location, copy.archive, (path,), to_stdout=True),
            on_stdout=sink.write,
            cancel=cancel,
        )
        if result.exit_status != 0:
            _, cause = exits.judge("extract", result, location=repository.location, repository=repository.key)
            raise RetryLater(cause.text if cause else f"Borg ended with {result.exit_status}", action="extract a file")

    def _of_host(self, host: str, path: str, sink: Sink) -> None:
        def take(stream: Stream, data: bytes) -> None:
            if stream == "out":
                sink.write(data)

        argv = ["cat", "--", f"/{unescaped(path)}"]
        result = self._ways(host).run(argv, timeout_seconds=LIVE_SECONDS, limit_bytes=1024, on_output=take)
        if result.exit_status != 0:
            raise RetryLater(f"the file could not be read on the host ({result.exit_status})", host=host)


class Sink:
    """Writes at most `limit` bytes and hashes them; more than that gives a hash that nothing has."""

    def __init__(self, file: BinaryIO, limit: int):
        self._file, self._limit = file, limit
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """The next piece."""
        self.size += len(data)
        if self.size <= self._limit:
            self._hash.update(data)
            self._file.write(data)

    def digest(self) -> str:
        """sha256 in hex, "" when there was more than there should be."""
        return self._hash.hexdigest() if self.size <= self._limit else ""
