"""The file format of recordings: compressed frames that each stand alone, and an index at the end.

    magic "SWARMREC" version(1)
    frame*    b"F" length(4) crc(4) start(8) end(8) zlib(msgpack Frame)
    index     b"I" length(4) crc(4) zlib(msgpack [Mark])
    trailer   offset of the index (8) magic

A frame begins with everything that was known at its start (states, facts, links), so any frame can be played first. A
recording that was cut off has no index; walking the frame headers rebuilds it, and a torn last frame is left out.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, Literal

import msgspec

from backends import decoding
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Record, Sample
from backends.sources.base import LinkInfo, StateChange

MAGIC = b"SWARMREC\x01"
MAX_FRAME_BYTES = 256 << 20
"""Unpacked size beyond which a frame is taken for damage."""
MAX_TIME = 1e12
"""Epoch seconds beyond which a time is taken for damage."""
_HEADER = struct.Struct(">cIIdd")
_INDEX = struct.Struct(">cII")
_TRAILER = struct.Struct(">Q9s")

Kind = Literal["facts", "sample", "state", "link", "note"]


class Known(Record, frozen=True, kw_only=True):
    """What was known about a host when a frame began."""

    host: Host
    facts: HostFacts | None = None
    state: StateChange | None = None
    link: LinkInfo | None = None


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One thing that a source told: exactly one of the last values is set."""

    time: float
    host: str
    sample: Sample | None = None
    facts: HostFacts | None = None
    state: StateChange | None = None
    link: LinkInfo | None = None
    note: tuple[str, str] | None = None


class Frame(msgspec.Struct, frozen=True):
    """One stretch of a recording."""

    start: float
    end: float
    known: tuple[Known, ...]
    entries: tuple[msgspec.Raw, ...]
    """Encoded `Entry` values, oldest first; decoded one by one when they are played."""


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Where a frame lies in the file."""

    offset: int
    start: float
    end: float


_encode = msgspec.msgpack.Encoder().encode
_frame = decoding.msgpack_decoder(Frame)
_marks = decoding.msgpack_decoder(tuple[Mark, ...])
_entry = decoding.msgpack_decoder(Entry)


def encode_entry(entry: Entry) -> msgspec.Raw:
    """The entry as it stands in a frame."""
    return msgspec.Raw(_encode(entry))


def decode_entry(raw: msgspec.Raw) -> Entry:
    """The inverse of `encode_entry`. Raises msgspec.DecodeError."""
    return _entry.decode(raw)


def write_frame(file: IO[bytes], frame: Frame) -> Mark:
    """Append `frame` and return where it lies. Raises OSError."""
    mark = Mark(file.tell(), frame.start, frame.end)
    body = zlib.compress(_encode(frame), 3)
    file.write(_HEADER.pack(b"F", len(body), zlib.crc32(body), frame.start, frame.end) + body)
    file.flush()
    return mark


def write_index(file: IO[bytes], marks: list[Mark]) -> None:
    """Finish the file. Raises OSError."""
    offset = file.tell()
    body = zlib.compress(_encode(tuple(marks)), 6)
    file.write(_INDEX.pack(b"I", len(body), zlib.crc32(body)) + body + _TRAILER.pack(offset, MAGIC))
    file.flush()


def read_frame(file: IO[bytes], mark: Mark, path: Path) -> Frame:
    """The frame at `mark`. Raises BadInput when it is damaged, OSError."""
    file.seek(mark.offset)
    head = file.read(_HEADER.size)
    try:
        kind, length, crc, _, _ = _HEADER.unpack(head)
        body = file.read(length)
        if kind != b"F" or zlib.crc32(body) != crc:
            raise ValueError("checksum")
        return _frame.decode(_inflate(body))
    except (struct.error, ValueError, zlib.error, msgspec.MsgspecError) as error:
        raise BadInput(f"{path} is damaged at byte {mark.offset}", action="play the recording") from error


def read_marks(file: IO[bytes], path: Path) -> tuple[Mark, ...]:
    """All frames of the file: from its index or, when it was cut off, by walking it.

    Raises:
        BadInput: not a recording, or one without a single whole frame.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise BadInput(f"{path} is not a recording of swarm-tui", action="open the recording")
    marks = _indexed(file, size) or _walk(file, size)
    if not marks:
        raise BadInput(f"{path} holds no whole frame", action="open the recording", hint="it was cut off too early")
    return marks


def _indexed(file: IO[bytes], size: int) -> tuple[Mark, ...]:
    if size < len(MAGIC) + _TRAILER.size:
        return ()
    file.seek(size - _TRAILER.size)
    offset, magic = _TRAILER.unpack(file.read(_TRAILER.size))
    if magic != MAGIC or not len(MAGIC) <= offset < size:
        return ()
    file.seek(offset)
    try:
        kind, length, crc = _INDEX.unpack(file.read(_INDEX.size))
        body = file.read(length)
        if kind != b"I" or zlib.crc32(body) != crc:
            return ()
        marks = _marks.decode(_inflate(body))
    except (struct.error, zlib.error, ValueError, msgspec.MsgspecError):
        return ()
    return marks if _plausible(marks, size) else ()


def _plausible(marks: Sequence[Mark], size: int) -> bool:
    """Whether all marks lie in the file, and their times rise: a checksum protects from damage, not from a forgery."""
    inside = all(len(MAGIC) <= mark.offset < size and -MAX_TIME < mark.start <= mark.end < MAX_TIME for mark in marks)
    return inside and all(earlier.start <= later.start for earlier, later in pairwise(marks))


def _walk(file: IO[bytes], size: int) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    offset = len(MAGIC)
    while offset + _HEADER.size <= size:
        file.seek(offset)
        kind, length, _, start, end = _HEADER.unpack(file.read(_HEADER.size))
        if kind != b"F" or offset + _HEADER.size + length > size:
            break
        mark = Mark(offset, start, end)
        if _plausible([*marks[-1:], mark], size):
            marks.append(mark)
        offset += _HEADER.size + length
    return tuple(marks)


def _inflate(body: bytes) -> bytes:
    data = zlib.decompressobj().decompress(body, MAX_FRAME_BYTES + 1)
    if len(data) > MAX_FRAME_BYTES:
        raise ValueError("frame too large")
    return data
