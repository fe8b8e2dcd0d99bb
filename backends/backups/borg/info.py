"""`borg info`: sizes of a repository, or of one archive."""

from __future__ import annotations

from backends.backups.borg.archive_facts import ArchiveFacts, read_all
from backends.backups.borg.dialect import Dialect
from backends.backups.borg.documents import count, document, moment, part, raw, text
from backends.backups.borg.line import archive_of, borg, repository
from backends.metrics.sample import Record


class Info(Record, frozen=True, kw_only=True):
    """A repository, in bytes and epoch seconds; None where Borg did not say."""

    repository_id: str = ""
    location: str = ""
    last_modified: float | None = None
    encryption: str = ""
    """Mode, as "repokey"."""
    original_bytes: int | None = None
    """Of all archives, before deduplication and compression."""
    compressed_bytes: int | None = None
    stored_bytes: int | None = None
    """Of all archives, deduplicated and compressed."""
    chunks: int | None = None
    """Unique ones."""
    archives: tuple[ArchiveFacts, ...] = ()
    """The one that was asked for."""


def argv(dialect: Dialect, location: str, archive: str = "", *, lock_wait: int = 0) -> tuple[str, ...]:
    """The command, for the repository or for one archive of it. Raises BadInput."""
    del dialect  # the same in 1.2 and 1.4
    place = archive_of(location, archive) if archive else repository(location)
    return (*borg("info", lock_wait=lock_wait), "--json", place)


def parse(stdout: bytes) -> Info:
    """What it printed.

    Raises:
        SkipHost: it is no such thing.
    """
    source = document(stdout, "information about a repository")
    place, totals = part(source, "repository"), part(source, "cache", "stats")
    return Info(
        repository_id=raw(place, "id", 64),
        location=text(place, "location"),
        last_modified=moment(place, "last_modified"),
        encryption=text(part(source, "encryption"), "mode", 60),
        original_bytes=count(totals, "total_size"),
        compressed_bytes=count(totals, "total_csize"),
        stored_bytes=count(totals, "unique_csize"),
        chunks=count(totals, "total_unique_chunks"),
        archives=read_all(source),
    )
