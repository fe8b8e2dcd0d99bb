"""The journal of one run: a line for each edge, on the disk before it is acted on, each with the hash of the former one.

A last line without its end was never acted on and is left out. Anything else that does not fit is damage: it is named, and
what the run says after it is not guessed at.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from backends import decoding
from backends.errors import Stop
from backends.maintenance.model import Edge
from backends.metrics.sample import Record

FORMAT = 1
START = "0" * 64
"""What the first line has for a former one."""


class Line(Record, frozen=True, kw_only=True):
    """One line of the file."""

    format: int = FORMAT
    former: str
    """SHA-256 in hex of the line before, without its end."""
    edge: Edge


class Journal:
    """The end of one file. Calls come from one thread at a time."""

    def __init__(self, file: Path, *, size: int = 0, former: str = START):
        self.file, self.size, self.former = file, size, former

    def append(self, *edges: Edge) -> None:
        """Write the edges durably, all or none. Raises Stop: the disk refuses, and none of them may be acted on."""
        data, former = bytearray(), self.former
        for edge in edges:
            line = msgspec.json.encode(Line(former=former, edge=edge))
            former = hashlib.sha256(line).hexdigest()
            data += line + b"\n"
        try:
            self._write(bytes(data))
        except OSError as error:
            raise Stop(
                f"the journal cannot be written: {error.strerror or error}",
                action=f"write {self.file}",
                hint="free some space there; nothing is begun that is not written down, and it goes on by itself",
            ) from error
        self.size, self.former = self.size + len(data), former

    def _write(self, data: bytes) -> None:
        """At the known end of the file: what a write that failed has left there goes first."""
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            there = os.fstat(handle).st_size
            if there < self.size:
                raise OSError(0, f"it is shorter than it was ({there} of {self.size} bytes)")
            os.ftruncate(handle, self.size)
            _put(handle, data, self.size)
            os.fsync(handle)
        finally:
            os.close(handle)
        if not self.size:
            sync_folder(self.file.parent)


class Told(NamedTuple):
    """What a file says."""

    edges: tuple[Edge, ...]
    journal: Journal
    """To go on writing it."""
    damage: str
    """Where it cannot be believed, in a sentence; "" when it can."""


def read(file: Path) -> Told:
    """All edges of a file, as far as they follow on each other. Raises OSError."""
    data = file.read_bytes().rstrip(b"\0")  # a power cut leaves zeros where a line was to be
    edges: list[Edge] = []
    journal = Journal(file)
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            found = decoding.json(line, type=Line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Told(tuple(edges), journal, f"line {number} of {file.name} is not readable")
        if found.format != FORMAT or found.former != journal.former:
            return Told(tuple(edges), journal, f"line {number} of {file.name} does not follow on the line before it")
        edges.append(found.edge)
        journal.size, journal.former = journal.size + len(line) + 1, hashlib.sha256(line).hexdigest()
    return Told(tuple(edges), journal, "" if edges else f"{file.name} has no whole line")


def _put(handle: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, at)
        view, at = view[written:], at + written


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
