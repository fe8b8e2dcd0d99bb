"""What paths of a host are now: kind, mode, owner, size, time, and on request the hash of their bytes. One program, one answer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from backends import decoding
from backends.backups.names import escaped, unescaped
from backends.errors import BadInput, RetryLater, SkipHost, SwarmError
from backends.execution import Exec
from backends.hostkit.answer import Answer, answer_line
from backends.hostkit.travel import MAGIC, Become, program_launch
from backends.metrics.sample import Record
from backends.text import clean

MOST_AT_ONCE = 100_000
"""Paths of one question; more are asked in several."""
ANSWER_BYTES = 64 << 20
"""About 640 bytes a path; an honest row has 60 … 200."""
ANSWER_SECONDS = 60.0
"""On top of the seconds for reading files."""
HASH_BYTES, HASH_SECONDS = 64 << 30, 600.0
ACTION = "look at its files"

Kind = Literal["-", "d", "l", "p", "c", "b", "s", "?"]


class Look(Record, frozen=True, kw_only=True):
    """One path of a host as it is now."""

    type: Kind
    """As in `BrowseEntry`; "?" when it is there but may not be looked at (`note` says why)."""
    mode: int
    """Permission bits only."""
    uid: int
    gid: int
    user: str = ""
    """"" when the host has no name for the number."""
    group: str = ""
    size: int = 0
    mtime_ns: int = 0
    device: int = 0
    """Number of its filesystem."""
    target: str = ""
    """Of a link, escaped."""
    sha256: str = ""
    note: str = ""
    """Why there is no hash although one was asked for: "too large", "no time left", "changed while it was read" …"""

    @property
    def mtime(self) -> float:
        """Epoch seconds."""
        return self.mtime_ns / 1e9


class Ground(Record, frozen=True, kw_only=True):
    """The directory that was asked about, or the nearest one above it that exists."""

    directory: str
    """Real path, escaped."""
    free_bytes: int
    """For users other than root."""
    free_files: int | None
    device: int
    read_only: bool


class Looks(Record, frozen=True, kw_only=True):
    """An answer."""

    found: dict[str, Look]
    """Escaped path as it was asked for → what is there; what is not there is missing."""
    ground: Ground | None = None
    machine: str = ""
    """ "x86_64"."""
    root: bool = False
    """Whether it was looked at with root's eyes."""


_Row = tuple[int, Kind, int, int, int, int, int, int, str, str]


class _Ground(msgspec.Struct, frozen=True):
    directory: str
    free: int
    device: int
    read_only: bool
    free_files: int | None = None


class _End(msgspec.Struct, frozen=True):
    paths: int
    users: dict[str, str]
    groups: dict[str, str]
    machine: str
    root: bool
    space: _Ground | None = None


class _Last(msgspec.Struct, frozen=True):
    end: _End


_ROW, _LAST = decoding.json_decoder(_Row), decoding.json_decoder(_Last)


def look(
    way: Exec,
    become: Become,
    paths: Sequence[str],
    *,
    hashes: bool = False,
    most_bytes: int = HASH_BYTES,
    seconds: float = HASH_SECONDS,
) -> dict[str, Look]:
    """What is at `paths` (absolute, escaped); what does not exist is missing. See `ask`."""
    return ask(way, become, paths, hashes=hashes, most_bytes=most_bytes, seconds=seconds).found


def ask(
    way: Exec,
    become: Become,
    paths: Sequence[str],
    *,
    hashes: bool = False,
    most_bytes: int = HASH_BYTES,
    seconds: float = HASH_SECONDS,
    directory: str = "",
) -> Looks:
    """Look at paths of a host, and at the filesystem of a directory.

    Args:
        way: reaches the host.
        become: its way to root.
        paths: absolute, escaped.
        hashes: read regular files and give their sha256.
        most_bytes: that are read in one question; what does not fit has no hash.
        seconds: for reading in one question.
        directory: absolute, escaped: whose filesystem's free space is wanted; need not exist.

    Raises:
        BadInput: a path that is not absolute, or no escaped name.
        RetryLater: link lost, or an answer that is none.
        SkipHost: no python3 there.
        AskOperator: sudo refused.
    """
    pieces = [paths[at : at + MOST_AT_ONCE] for at in range(0, len(paths), MOST_AT_ONCE)] or [()]
    answers = [_once(way, become, piece, hashes, most_bytes, seconds, directory) for piece in pieces]
    found = {path: each for answer in answers for path, each in answer.found.items()}
    return msgspec.structs.replace(answers[-1], found=found)


def _once(
    way: Exec, become: Become, paths: Sequence[str], hashes: bool, most_bytes: int, seconds: float, directory: str
) -> Looks:
    arguments = {"hashes": hashes, "bytes": most_bytes, "seconds": seconds, "space": directory and _absolute(directory)}
    launch = program_launch("looks", arguments, become)
    names = b"".join(os.fsencode(_absolute(path)) + b"\0" for path in paths)
    result = way.run(
        ["/bin/sh", "-c", launch.command],
        stdin=launch.payload + names,
        timeout_seconds=ANSWER_SECONDS + (seconds if hashes else 0.0),
        limit_bytes=ANSWER_BYTES,
        become=False,  # the launcher itself becomes root
    )
    try:
        return decode(result.stdout, paths, way.host)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError, ValueError) as error:
        if isinstance(error, SwarmError):
            raise
        raise RetryLater(f"answer not understood: {clean(str(error), 200)}", host=way.host, action=ACTION) from error


def decode(output: bytes, paths: Sequence[str], host: str = "") -> Looks:
    """The answer in a program's output.

    Raises:
        RetryLater: it is none, or it is not whole.
        SkipHost, AskOperator: the program could not run, or refused.
        msgspec.MsgspecError, ValueError: a row that is none.
    """
    head = decoding.json(answer_line(output, host=host, action=ACTION), type=_Head)
    if not head.ok:
        raise _refusal(Answer(ok=False, text=clean(head.text, 300), kind=head.kind), host)
    rows = _rows(output)
    last = next(rows, b"")
    if not last.startswith(b'{"end"'):
        raise RetryLater("the answer is not whole", host=host, action=ACTION, hint="try again")
    end = _LAST.decode(last).end
    users, groups = _names(end.users), _names(end.groups)
    found = {}
    for line in rows:
        index, each = _look(_ROW.decode(line), users, groups)
        if not 0 <= index < len(paths):
            raise ValueError(f"a row about path {index}")
        found[paths[index]] = each
    return Looks(found=found, ground=_ground(end.space), machine=clean(end.machine, 40), root=end.root)


class _Head(msgspec.Struct, frozen=True):
    ok: bool
    text: str = ""
    kind: str = ""


def _rows(output: bytes) -> Iterator[bytes]:
    """The lines after the head, the last one first: it holds the names that the others need."""
    lines = output[output.index(MAGIC) :].split(b"\n")[2:]
    return (line for line in reversed(lines) if line)


def _look(row: _Row, users: dict[str, str], groups: dict[str, str]) -> tuple[int, Look]:
    index, kind, mode, uid, gid, size, mtime, device, digest, note = row
    link = kind == "l"
    return index, Look(
        type=kind,
        mode=mode & 0o7777,
        uid=uid,
        gid=gid,
        user=users.get(str(uid), ""),
        group=groups.get(str(gid), ""),
        size=size,
        mtime_ns=mtime,
        device=device,
        target=escaped(os.fsdecode(note.encode("latin-1"))) if link else "",
        sha256=digest if len(digest) == 64 and digest.isalnum() else "",
        note="" if link else clean(note, 100),
    )


def _names(found: dict[str, str]) -> dict[str, str]:
    return {number: clean(name, 64) for number, name in found.items()}


def _ground(space: _Ground | None) -> Ground | None:
    if space is None:
        return None
    return Ground(
        directory=escaped(os.fsdecode(space.directory.encode("latin-1"))),
        free_bytes=space.free,
        free_files=space.free_files,
        device=space.device,
        read_only=space.read_only,
    )


def _absolute(path: str) -> str:
    """The real name. Raises BadInput."""
    name = unescaped(path)
    if not name.startswith("/") or "\0" in name:
        raise BadInput(f"not an absolute path: {path[:200]!r}", action=ACTION)
    return name


def _refusal(answer: Answer, host: str) -> SwarmError:
    return SkipHost(answer.text or "it was refused", host=host, action=ACTION)
