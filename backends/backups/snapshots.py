"""Takes a snapshot of a host's configuration and reads one: from the host now, or as Borg gives an archive back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from backends import decoding
from backends.backups.names import escaped, unescaped
from backends.backups.snapshot_facts import FACT_SECONDS, FACTS, FACTS_SECONDS, LISTS
from backends.backups.snapshot_model import FACTS as FACT_FOLDER
from backends.backups.snapshot_model import MANIFEST, META, Entry, FactState, Meta, Snapshot
from backends.backups.snapshot_paths import (
    CONTENTS,
    EXCLUDED,
    FILE_LIMIT,
    PATHS,
    PUBLIC,
    SECRET,
    TOKEN_FILES,
    TOKENS,
    TOTAL_LIMIT,
)
from backends.backups.tar_reader import Member, TarReader
from backends.errors import BadInput, RetryLater
from backends.hostkit.travel import Become, Launch, program_launch
from backends.text import clean, clean_lines

Kind = Literal["config", "secrets"]

PARTS = (
    "kit_text",
    "kit_ask",
    "kit_normalise",
    "kit_snapshot_tar",
    "kit_snapshot_walk",
    "kit_snapshot_lists",
    "kit_snapshot_facts",
)
TIMEOUT_SECONDS = 600.0
"""For the whole of it, over a slow link."""
STREAM_LIMIT = 512 << 20
META_LIMIT = 4 << 20
MANIFEST_LIMIT = 128 << 20
FACT_LIMIT = 8 << 20
CONTENT_LIMIT = 256 << 10
"""A file up to this size is kept for diffs …"""
CONTENTS_LIMIT = 64 << 20
"""… as long as all of them together are not larger."""
MOST_FACTS = 400
ACTION = "read a snapshot"


def launch(kind: Kind, extra_paths: Sequence[str] = (), become: Become = "none") -> Launch:
    """What takes a snapshot on a host; after its greeting ("tar") its stdout is one tar stream, and it ends with 0.

    Args:
        kind: "config", or "secrets" for keys and password hashes alone.
        extra_paths: more absolute paths that count as configuration.
        become: how to get root first.
    """
    return program_launch("snapshot", arguments(kind, extra_paths), become, PARTS, apart=True)


def arguments(kind: Kind, extra_paths: Sequence[str] = ()) -> dict[str, Any]:
    """What the program is told."""
    facts = kind == "config"
    return {
        "kind": kind,
        "paths": [*PATHS, *extra_paths],
        "exclude": list(EXCLUDED),
        "secret": list(SECRET),
        "public": list(PUBLIC),
        "contents": list(CONTENTS),
        "token_files": list(TOKEN_FILES),
        "tokens": list(TOKENS),
        "facts": [*FACTS] if facts else [],
        "lists": LISTS if facts else {},
        "file_limit": FILE_LIMIT,
        "total_limit": TOTAL_LIMIT,
        "fact_seconds": FACT_SECONDS,
        "facts_seconds": FACTS_SECONDS,
    }


def read(pieces: Iterable[bytes]) -> Snapshot:
    """The snapshot in a tar stream: as a host sends it after the greeting, or as `borg export-tar` gives it back.

    Raises:
        RetryLater: no whole snapshot: cut off, damaged, too large, or something else altogether.
    """
    reading = _Reading()
    reader = TarReader(pieces, STREAM_LIMIT)
    for member in reader.members():
        reading.take(member, reader)
    return reading.result()


class _Reading:
    """What has been seen of a stream."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[Member, str]] = {}
        self._facts: dict[str, str] = {}
        self._contents: dict[str, bytes] = {}
        self._kept = 0
        self._meta: Meta | None = None
        self._manifest: list[Entry] | None = None

    def take(self, member: Member, reader: TarReader) -> None:
        path = escaped(os.fsdecode(member.name))
        if not path or member.type == "?":
            return
        if path.startswith("swarm/"):
            self._own(path, member, reader)
            return
        self._files[path] = (member, self._hash(path, member, reader) if member.type == "-" else "")

    def _own(self, path: str, member: Member, reader: TarReader) -> None:
        if path == META:
            self._meta = _meta(_whole(member, reader, META_LIMIT))
        elif path == MANIFEST:
            self._manifest = _manifest(_whole(member, reader, MANIFEST_LIMIT))
        elif path.startswith(FACT_FOLDER) and path.endswith(".txt") and len(self._facts) < MOST_FACTS:
            text = _whole(member, reader, FACT_LIMIT).decode("utf-8", "replace")
            self._facts[clean(path[len(FACT_FOLDER) : -4], 60)] = clean_lines(text, FACT_LIMIT)

    def _hash(self, path: str, member: Member, reader: TarReader) -> str:
        found = hashlib.sha256()
        keep = member.size <= CONTENT_LIMIT and self._kept + member.size <= CONTENTS_LIMIT
        kept = bytearray()
        for piece in reader.take(member.size):
            found.update(piece)
            if keep:
                kept += piece
        if keep and b"\0" not in kept:
            self._contents[path] = bytes(kept)
            self._kept += len(kept)
        return found.hexdigest()

    def result(self) -> Snapshot:
        if self._meta is None or self._manifest is None:
            raise _bad("it ends before its own list of files")
        entries = {row.path: row for row in self._manifest if not row.path.startswith("swarm/")}
        for path, entry in entries.items():
            _compare(path, entry, self._files.get(path))
        if len(entries) != len(self._files):
            raise _bad(f"{len(self._files)} files, but its list has {len(entries)}")
        contents = {} if self._meta.kind == "secrets" else self._contents
        return Snapshot(meta=self._meta, entries=entries, facts=self._facts, contents=contents)


def _compare(path: str, entry: Entry, found: tuple[Member, str] | None) -> None:
    """The list was made where the files were read: what came here must be the same."""
    if found is None:
        raise _bad(f"{path} is on its list and not there")
    member, sha256 = found
    if entry.type == "-" and (member.type != "-" or sha256 != entry.sha256):
        raise _bad(f"{path} is not what its list says")


def _whole(member: Member, reader: TarReader, limit: int) -> bytes:
    if member.size > limit:
        raise _bad(f"{member.size} bytes where {limit} are the most")
    return b"".join(reader.take(member.size))


def _meta(data: bytes) -> Meta:
    try:
        found = decoding.json(data, type=Meta)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _bad(f"what it says about itself is not understood: {clean(str(error), 200)}") from error
    return msgspec.structs.replace(
        found,
        host=clean(found.host, 253),
        boot_id=clean(found.boot_id, 64),
        distribution=clean(found.distribution, 200),
        facts={clean(name, 60): _state(state) for name, state in list(found.facts.items())[:MOST_FACTS]},
        absent=tuple(clean(name, 60) for name in found.absent[:MOST_FACTS]),
        left_out=tuple((clean(path, 4096), clean(why, 200)) for path, why in found.left_out[:1000]),
    )


def _state(state: FactState) -> FactState:
    return msgspec.structs.replace(state, error=clean(state.error, 300), note=clean(state.note, 100))


def _manifest(data: bytes) -> list[Entry]:
    """The list, its texts safe: a hostile host writes it."""
    return [_entry(line) for line in _lines(data)]


def _lines(data: bytes) -> Iterator[bytes]:
    return (line for line in data.split(b"\n") if line)


_decode = decoding.json_decoder(Entry).decode


def _entry(line: bytes) -> Entry:
    try:
        row = _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _bad(f"its list is not understood: {clean(str(error), 200)}") from error
    if not (_is_name(row.path) and _is_name(row.target)):
        raise _bad("its list is not understood")
    return msgspec.structs.replace(
        row,
        user=clean(row.user, 64),
        group=clean(row.group, 64),
        sha256=clean(row.sha256, 64),
        xattrs={clean(name, 255): clean(value, 2048) for name, value in list(row.xattrs.items())[:32]},
    )


def _is_name(text: str) -> bool:
    """Whether this is how exactly one name is written: nothing unsafe is left in it."""
    try:
        return escaped(unescaped(text)) == text
    except BadInput:
        return False


def _bad(text: str) -> RetryLater:
    return RetryLater(f"not a whole snapshot: {text}", action=ACTION, hint="take the snapshot again")
