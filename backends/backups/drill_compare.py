"""Restored files against something independent of the repository: the live host, or hashes from when they were saved. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import msgspec

from backends import decoding
from backends.backups.model import BrowseEntry
from backends.metrics.sample import Record

MANIFEST = "swarm/manifest.jsonl"
"""In a snapshot of a configuration: path and sha256 of every file of it, one JSON object a line."""
MOST_PROBLEMS = 20
_MICROSECOND = 2e-6


class Look(Protocol):
    """A file on a host now."""

    @property
    def size(self) -> int | None: ...
    @property
    def mtime(self) -> float | None: ...
    @property
    def sha256(self) -> str | None:
        """None or "" when it was not read, or is no file."""


class Restored(Record, frozen=True, kw_only=True):
    """A file that came out of an archive."""

    size: int
    sha256: str


Recorded = Mapping[str, tuple[int | None, float | None, str]]
"""Escaped path → size, mtime (None: not recorded) and sha256 when it was saved."""


class Compared(Record, frozen=True, kw_only=True):
    """How the restored files did."""

    against_live: int = 0
    against_record: int = 0
    skipped: int = 0
    problems: tuple[str, ...] = ()


def compare(
    sample: Mapping[str, BrowseEntry],
    restored: Mapping[str, Restored],
    live: Mapping[str, Look],
    recorded: Recorded,
) -> Compared:
    """Judge each file of the sample, all by escaped paths without a leading slash.

    A file counts against the live host only when size and mtime are still those of the archive: else it was changed by
    somebody who may do so. One that was not restored is a problem whether or not there is anything to compare it with.
    """
    verdicts = [
        _verdict(entry, restored.get(path), live.get(path), recorded.get(path)) for path, entry in sample.items()
    ]
    problems = [verdict for verdict in verdicts if verdict not in _KINDS]
    return Compared(
        against_live=verdicts.count("live"),
        against_record=verdicts.count("record"),
        skipped=verdicts.count("skipped"),
        problems=_bounded(problems),
    )


_KINDS = ("live", "record", "skipped")


def _verdict(
    entry: BrowseEntry, got: Restored | None, live: Look | None, record: tuple[int | None, float | None, str] | None
) -> str:
    """One of `_KINDS`, or what is wrong."""
    if not entry.healthy:
        return f"{entry.path}: a part of it was lost, and is zeros in the archive"
    if got is None:
        return f"{entry.path}: was not restored"
    if entry.size is not None and got.size != entry.size:
        return f"{entry.path}: {got.size} bytes came back instead of {entry.size}"
    unchanged = live is not None and live.sha256 and live.size == entry.size and same_time(entry.mtime, live.mtime)
    if record is not None and record[1] is not None and not same_time(entry.mtime, record[1]):
        record = None  # hashed after somebody had changed it
    if record is not None and record[2] != got.sha256:
        return f"{entry.path}: is not what was saved: its hash was recorded when the backup was made"
    if unchanged and live is not None and live.sha256 != got.sha256:
        return f"{entry.path}: differs from the host's file, whose size and time have not changed since"
    return "live" if unchanged else "record" if record is not None else "skipped"


def same_time(archived: float | None, other: float | None) -> bool:
    """Borg tells microseconds; a tar stream may have kept whole seconds only."""
    if archived is None or other is None:
        return False
    return abs(archived - other) < _MICROSECOND or (archived == int(archived) and int(other) == archived)


def manifest(content: bytes) -> dict[str, tuple[int | None, float | None, str]]:
    """The hashes of a snapshot's own list; lines that are none are left out (the list comes from the host)."""
    return {path: (None, None, digest) for path, digest in _lines(content)}


def _lines(content: bytes) -> Iterator[tuple[str, str]]:
    for line in content.splitlines():
        try:
            said = decoding.json(line, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if len(said.sha256) == 64:
            yield said.path, said.sha256


class _Line(msgspec.Struct):
    path: str
    sha256: str = ""


def _bounded(problems: list[str]) -> tuple[str, ...]:
    more = len(problems) - MOST_PROBLEMS
    return (*problems[:MOST_PROBLEMS], f"and {more} more") if more > 0 else tuple(problems)
