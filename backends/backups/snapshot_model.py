"""A host's configuration at one moment, as plain frozen data. Paths are escaped, without a leading slash."""

from __future__ import annotations

import zlib
from typing import Literal

import msgspec

from backends import decoding
from backends.errors import BadInput
from backends.metrics.sample import Record

FACTS = "swarm/facts/"
META = "swarm/meta.json"
MANIFEST = "swarm/manifest.jsonl"
MOST_STORED_BYTES = 64 << 20


class Entry(Record, frozen=True, kw_only=True):
    """One file, directory or link."""

    path: str
    type: Literal["-", "d", "l"]
    mode: int
    """Permission bits, 0o644."""
    uid: int
    gid: int
    user: str = ""
    """"" for one that the host's own files do not name."""
    group: str = ""
    size: int = 0
    mtime: int = 0
    sha256: str = ""
    target: str = ""
    xattrs: dict[str, str] = {}
    """Name → value in hexadecimal; access lists and capabilities are among them."""


class FactState(Record, frozen=True, kw_only=True):
    """How one command went."""

    rc: int | None = None
    """None: it gave no answer in time."""
    seconds: float = 0.0
    error: str = ""
    """Why there is no text."""
    note: str = ""


class Meta(Record, frozen=True, kw_only=True):
    """What a snapshot says about itself."""

    kind: Literal["config", "secrets"]
    host: str = ""
    """As the host calls itself."""
    time: float = 0.0
    seconds: float = 0.0
    boot_id: str = ""
    distribution: str = ""
    root: bool = True
    """Taken as root; otherwise much cannot be read."""
    facts: dict[str, FactState] = {}
    absent: tuple[str, ...] = ()
    """Facts whose program is not there."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Path, why."""
    left_out_more: int = 0


class Snapshot(Record, frozen=True, kw_only=True):
    """Files by path, facts by name."""

    meta: Meta
    entries: dict[str, Entry]
    facts: dict[str, str]
    """Normalised output of each command."""
    contents: dict[str, bytes] = {}
    """Of small text files, for diffs; never of secrets."""

    def __repr__(self) -> str:
        return f"Snapshot({self.meta.host!r}, {self.meta.kind}, {len(self.entries)} files, {len(self.facts)} facts)"

    @property
    def text_bytes(self) -> int:
        """How much room its texts take."""
        return sum(map(len, self.contents.values())) + sum(map(len, self.facts.values()))

    @property
    def bare(self) -> Snapshot:
        """Without contents: enough to see what differs."""
        return msgspec.structs.replace(self, contents={})


def encode(snapshot: Snapshot) -> bytes:
    """Compact bytes of everything but the contents, to be kept beside the catalog."""
    return zlib.compress(msgspec.msgpack.encode(snapshot.bare), 6)


def decode(data: bytes) -> Snapshot:
    """What `encode` was given. Raises BadInput when the bytes are something else."""
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(data, MOST_STORED_BYTES)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise BadInput("a stored snapshot is cut off or too large", hint="take a new one")
        return decoding.msgpack(raw, type=Snapshot)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(f"not a stored snapshot: {error}", hint="take a new one") from error
