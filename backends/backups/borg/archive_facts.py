"""What Borg tells about one archive: after making it, and when it is asked. Pure."""

from __future__ import annotations

import re

from backends.backups.borg.documents import Document, count, items, moment, part, raw, seconds, text
from backends.backups.model import Archive, Repository
from backends.backups.names import escaped
from backends.metrics.sample import Record
from backends.text import clean

_ID = re.compile(r"[0-9a-f]{64}")
_SET = r"[a-z0-9][a-z0-9_-]{0,40}"
_OURS = re.compile(rf"({_SET}(?:\+{_SET})?)\.\d{{8}}T\d{{6}}Z(?:-\d+)?(?:\.checkpoint(?:\.\d+)?)?")
"""A database's archives are a series of their own: SET+NAME."""
_NAME_LIMIT = 200
_TWICE = "import-tar"
"""Borg (1.2.4 and 1.4.5) counts each file twice when it makes an archive of a tar stream."""


class ArchiveFacts(Record, frozen=True, kw_only=True):
    """One archive. Times are epoch seconds, sizes bytes; None where Borg did not say."""

    id: str
    name: str
    """Escaped."""
    start: float = 0.0
    end: float | None = None
    duration_seconds: float | None = None
    files: int | None = None
    original_bytes: int | None = None
    compressed_bytes: int | None = None
    deduplicated_bytes: int | None = None
    """New bytes that it brought."""
    comment: str = ""
    hostname: str = ""
    """As the archive claims."""
    username: str = ""
    chunker: tuple[str, ...] = ()
    command_line: tuple[str, ...] = ()
    """What made it, bounded."""

    def archive(self, repository: Repository, comment: str = "") -> Archive:
        """As the catalog keeps it."""
        return Archive(
            id=self.id,
            repository=repository.key,
            name=self.name,
            set=set_of(self.name),
            host=repository.host,
            start=self.start,
            end=self.end,
            files=self.files,
            original_bytes=self.original_bytes,
            compressed_bytes=self.compressed_bytes,
            deduplicated_bytes=self.deduplicated_bytes,
            comment=comment or self.comment,
        )


def read(source: Document) -> ArchiveFacts | None:
    """An object of "archives", or "archive" of a create. None: it has no id or no name."""
    found, name = archive_id(source), archive_name(source)
    if not found or not name:
        return None
    stats, words = part(source, "stats"), _words(source, "command_line", 64)
    return ArchiveFacts(
        id=found,
        name=name,
        start=moment(source, "start") or 0.0,
        end=moment(source, "end"),
        duration_seconds=seconds(source, "duration"),
        files=_files(count(stats, "nfiles"), words),
        original_bytes=count(stats, "original_size"),
        compressed_bytes=count(stats, "compressed_size"),
        deduplicated_bytes=count(stats, "deduplicated_size"),
        comment=text(source, "comment"),
        hostname=text(source, "hostname", 255),
        username=text(source, "username", 255),
        chunker=_words(source, "chunker_params", 8),
        command_line=words,
    )


def read_all(source: Document) -> tuple[ArchiveFacts, ...]:
    """Every archive of a document."""
    return tuple(found for each in items(source, "archives") if (found := read(each)) is not None)


def archive_id(source: Document) -> str:
    """64 hexadecimal digits, or ""."""
    found = raw(source, "id", 64)
    return found if _ID.fullmatch(found) else ""


def archive_name(source: Document) -> str:
    """The name, escaped, or ""."""
    return escaped(raw(source, "name", _NAME_LIMIT))


def set_of(name: str) -> str:
    """Which set an archive is of, by its name; "" when it is not one of ours."""
    match = _OURS.fullmatch(name)
    return match.group(1) if match else ""


def is_checkpoint(name: str) -> bool:
    """Whether an archive is what an interrupted backup left."""
    return re.search(r"\.checkpoint(\.\d+)?\Z", name) is not None


def _files(told: int | None, words: tuple[str, ...]) -> int | None:
    twice = told is not None and _TWICE in words[:12] and told % 2 == 0
    return told // 2 if told is not None and twice else told


def _words(source: Document, key: str, limit: int) -> tuple[str, ...]:
    found = source.get(key)
    return tuple(clean(str(each), 1024) for each in found[:limit]) if isinstance(found, list) else ()
