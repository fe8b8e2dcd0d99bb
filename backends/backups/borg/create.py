"""`borg create`: makes an archive of paths, of a stream, or of what a command prints."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backends.backups.borg import excludes
from backends.backups.borg.archive_facts import ArchiveFacts, read
from backends.backups.borg.compression import checked
from backends.backups.borg.dialect import Dialect
from backends.backups.borg.documents import count, document, part, raw, text
from backends.backups.borg.line import archive_of, borg, literal
from backends.backups.model import Archive, Repository
from backends.errors import BadInput, SkipHost
from backends.metrics.sample import Record

STATUSES = "AMCE"
"""Files that are told of one by one: added, modified, changed while read, failed. Unchanged ones only count."""
_CACHE_MODE = re.compile(r"disabled|(rechunk,)?(ctime|mtime)(,size)?(,inode)?(,rechunk)?|size(,(ctime|mtime|inode))*")
_STREAM_MODE = "0600"
_COMMENT_LIMIT = 1000


class Created(Record, frozen=True, kw_only=True):
    """A new archive, and what its repository holds now. Sizes in bytes."""

    facts: ArchiveFacts
    repository_id: str = ""
    encryption: str = ""
    """Mode, as "repokey"."""
    total_bytes: int | None = None
    """Of all archives, before deduplication and compression."""
    stored_bytes: int | None = None
    """Of all archives, deduplicated and compressed."""
    chunks: int | None = None
    """Unique ones."""

    def archive(self, repository: Repository, comment: str = "") -> Archive:
        """As the catalog keeps it."""
        return self.facts.archive(repository, comment)


def argv(
    dialect: Dialect,
    location: str,
    archive: str,
    paths: Sequence[str] = (),
    *,
    exclude: Sequence[str] = (),
    compression: str = "auto",
    one_file_system: bool = True,
    checkpoint_seconds: int = 300,
    comment: str = "",
    upload_kib: int = 0,
    listing: bool = True,
    files_cache: str = "ctime,size,inode",
    stdin_name: str = "",
    command: Sequence[str] = (),
    lock_wait: int = 0,
) -> tuple[str, ...]:
    """The command.

    Args:
        dialect: of the Borg that runs it.
        location: of the repository.
        archive: its name.
        paths: to be read, as on the host (not escaped). Caches and half-written files are left out (`excludes`).
        exclude: Borg patterns, besides.
        compression: as Borg takes it; "auto" is "zstd,3", the choice for files of unknown kind.
        one_file_system: do not go into other filesystems.
        checkpoint_seconds: how often it writes down what it has.
        comment: kept with the archive.
        upload_kib: KiB per second to the repository; 0: unlimited.
        listing: tell of each file that is not unchanged (`STATUSES`).
        files_cache: what says that a file is unchanged.
        stdin_name: the name of the one file that stdin (or `command`) becomes.
        command: what it prints is archived; when it fails, no archive is kept.
        lock_wait: seconds.

    Raises:
        BadInput: something Borg would misread.
    """
    del dialect  # the same in 1.2 and 1.4
    words = [*borg("create", progress=True, lock_wait=lock_wait), "--json"]
    words += ["--list", "--filter", STATUSES] if listing else []
    words += common(compression, comment, checkpoint_seconds, upload_kib)
    if stdin_name:
        return (*words, *_stream(location, archive, stdin_name, command))
    words += ["--one-file-system"] if one_file_system else []
    words += ["--files-cache", _cache_mode(files_cache), *excludes.arguments(paths)]
    words += [f"--exclude={pattern}" for pattern in exclude]
    return (*words, archive_of(location, archive), "--", *_checked(paths))


def common(compression: str, comment: str, checkpoint_seconds: int, upload_kib: int = 0) -> list[str]:
    """Options of everything that makes an archive. Raises BadInput."""
    words = ["--compression", checked(compression), "--checkpoint-interval", str(max(0, checkpoint_seconds))]
    words += [f"--comment={literal(comment[:_COMMENT_LIMIT])}"] if comment else []
    return [*words, *(["--upload-ratelimit", str(upload_kib)] if upload_kib > 0 else [])]


def parse(stdout: bytes) -> Created:
    """What a create, or import-tar, with --json printed.

    Raises:
        SkipHost: it is no such thing.
    """
    source = document(stdout, "result of a backup")
    facts = read(part(source, "archive"))
    if facts is None:
        raise SkipHost("Borg named no archive", action="read the result of a backup", hint="swarm-tui backup list")
    totals = part(source, "cache", "stats")
    return Created(
        facts=facts,
        repository_id=raw(part(source, "repository"), "id", 64),
        encryption=text(part(source, "encryption"), "mode", 60),
        total_bytes=count(totals, "total_size"),
        stored_bytes=count(totals, "unique_csize"),
        chunks=count(totals, "total_unique_chunks"),
    )


def _stream(location: str, archive: str, name: str, command: Sequence[str]) -> list[str]:
    if name.startswith("/") or "\0" in name or ".." in name.split("/"):
        raise BadInput(f"not a name for a file of an archive: {name[:200]!r}")
    words = [f"--stdin-name={name}", "--stdin-mode", _STREAM_MODE]
    if not command:
        return [*words, archive_of(location, archive), "-"]
    return [*words, "--content-from-command", archive_of(location, archive), "--", *command]


def _checked(paths: Sequence[str]) -> Sequence[str]:
    if not paths:
        raise BadInput("nothing to back up: no path", hint='paths = ["/srv/data"]')
    for path in paths:
        if not path or "\0" in path:
            raise BadInput(f"not a path: {path[:200]!r}")
    return paths


def _cache_mode(mode: str) -> str:
    if not _CACHE_MODE.fullmatch(mode):
        raise BadInput(f"not a mode of Borg's files cache: {mode[:60]!r}", hint="ctime,size,inode")
    return mode
