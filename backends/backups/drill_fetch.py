"""Brings a sample of an archive back, as a tar stream into a scratch directory, and hashes what is in it.

A stream and not an extraction: names, links and owners of an archive come from its host, and nothing of them may decide
where the engine writes.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from backends.backups.borg import exits, export_tar
from backends.backups.covering import batches
from backends.backups.drill_compare import Restored
from backends.backups.model import Cause, JobState, Repository
from backends.backups.names import escaped
from backends.backups.runner import Runner
from backends.backups.watching import Watch
from backends.metrics.sample import Record

PIECE = 1 << 20
OVERHEAD = 4096
"""Bytes of headers for a file in the stream, at most, without its name."""
SMALL = 16 << 20
"""Contents up to this size are given to `inspect`; the list of hashes of a large snapshot has some MiB."""

Inspect = Callable[[str, bytes], None]
"""(escaped path, content) of a small file."""


class Fetched(Record, frozen=True, kw_only=True):
    """What came back."""

    files: dict[str, Restored] = {}
    bytes: int = 0
    seconds: float = 0.0
    """That Borg took."""
    cause: Cause | None = None
    """Why it did not all come back."""
    broken: bool = False
    """It is the repository's fault, not that of a lock, a link or a limit of ours."""


def fetch(
    runner: Runner,
    repository: Repository,
    archive: str,
    sizes: dict[str, int],
    scratch: Path,
    watch: Watch,
    *,
    seconds: float,
    inspect: Inspect,
) -> Fetched:
    """Bring files back.

    Args:
        runner: runs Borg.
        repository: where from.
        archive: its name.
        sizes: escaped path → size of each file that is wanted.
        scratch: a directory of our own.
        watch: sees the events, cancels.
        seconds: for all of it.
        inspect: sees every small file whole.

    Raises:
        as the runner.
    """
    got = Fetched()
    for batch in batches(list(sizes)):
        limit = sum(sizes[path] + OVERHEAD + 4 * len(path) for path in batch) + (1 << 20)
        part = _batch(runner, repository, archive, batch, scratch / "sample.tar", limit, watch, seconds, inspect)
        got = Fetched(
            files={**got.files, **part.files},
            bytes=got.bytes + part.bytes,
            seconds=got.seconds + part.seconds,
            cause=part.cause,
            broken=part.broken,
        )
        seconds -= part.seconds
        if got.cause is not None or seconds <= 0:
            break
    return got


def _batch(
    runner: Runner,
    repository: Repository,
    archive: str,
    paths: Sequence[str],
    target: Path,
    limit: int,
    watch: Watch,
    seconds: float,
    inspect: Inspect,
) -> Fetched:
    size = 0
    with target.open("wb") as file:

        def take(data: bytes) -> None:
            nonlocal size
            size += len(data)
            if size <= limit:
                file.write(data)
            else:
                watch.cancel.ask("the drill: more came back than the archive says", force=True)

        result = runner.run(
            repository,
            lambda location: export_tar.argv(runner.dialect, location, archive, paths),
            on_event=watch.event,
            on_stdout=take,
            cancel=watch.cancel,
            timeout_seconds=max(1.0, seconds),
        )
    files = dict(_files(target, frozenset(paths), inspect))
    target.unlink()
    total = sum(each.size for each in files.values())
    if size > limit:
        return Fetched(files=files, bytes=total, seconds=result.seconds, cause=_TOO_MUCH, broken=True)
    if result.exit_status == 0:
        return Fetched(files=files, bytes=total, seconds=result.seconds)
    state, cause = exits.judge("export-tar", result, location=repository.location, repository=repository.key)
    if state is JobState.WARNING:
        return Fetched(files=files, bytes=total, seconds=result.seconds)
    cause = cause or Cause(code="export-tar", text=f"Borg ended with {result.exit_status}")
    elsewhere = result.cancelled or bool(result.lost) or cause.code in NOT_THE_DATA
    return Fetched(files=files, bytes=total, seconds=result.seconds, cause=cause, broken=not elsewhere)


NOT_THE_DATA = frozenset(
    [
        "lock-held",
        "lock-failed",
        "connection-closed",
        "link-lost",
        "killed",
        "timeout",
        "cancelled",
        "borg-missing",
        "no-passphrase",
        "not-allowed",
        "bad-peer",
        "version",
        "usage",
        "relocated",
    ]
)
"""Causes that say nothing about whether the data can be brought back."""


_TOO_MUCH = Cause(code="too-much", text="more data came back than the archive says it has")


def _files(target: Path, wanted: frozenset[str], inspect: Inspect) -> Iterator[tuple[str, Restored]]:
    """Every wanted regular file of the stream; what is behind a break in it is left out."""
    try:
        with tarfile.open(target, "r:", errorlevel=0) as stream:
            for member in stream:
                path = escaped(member.name)
                if member.isreg() and path in wanted:
                    yield path, _hashed(stream, member, path, inspect)
    except tarfile.TarError:
        return  # a stream that was cut; the exit status tells why


def _hashed(stream: tarfile.TarFile, member: tarfile.TarInfo, path: str, inspect: Inspect) -> Restored:
    content = stream.extractfile(member)
    digest, size, kept = hashlib.sha256(), 0, bytearray()
    while content is not None and (piece := content.read(PIECE)):
        digest.update(piece)
        size += len(piece)
        if size <= SMALL:
            kept += piece
    if size <= SMALL:
        inspect(path, bytes(kept))
    return Restored(size=size, sha256=digest.hexdigest())
