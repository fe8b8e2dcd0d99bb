"""Answers of a host's placing program, decoded, bounded and safe to show."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from backends import decoding
from backends.backups.names import escaped
from backends.backups.placing_model import Counts, HostState, Pair, Placed, Reloaded, Undone, Verdict
from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.execution import Stream
from backends.hostkit.travel import MAGIC
from backends.text import clean

PROGRESS = b"progress "
MOST_TOLD = 50

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True):
    """What every answer begins with."""

    ok: bool
    text: str = ""
    kind: str = ""


class Prepared(msgspec.Struct, frozen=True):
    tree: str
    ground: str
    place: str
    python: str
    free: int
    cleaned: list[str] = []
    left: list[str] = []


class Counted(msgspec.Struct, frozen=True):
    files: int
    bytes: int


class Judged(msgspec.Struct, frozen=True):
    rows: list[Verdict]


class Armed(msgspec.Struct, frozen=True):
    launcher: str


class Rows(msgspec.Struct, frozen=True):
    rows: list[Reloaded]


class PlacedAnswer(msgspec.Struct, frozen=True):
    counts: Counts
    examples: list[Pair] = []
    errors: list[Pair] = []
    stopped: bool = False


class UndoCounts(msgspec.Struct, frozen=True):
    removed: int = 0
    restored: int = 0
    stayed: int = 0
    failed: int = 0


class UndoneAnswer(msgspec.Struct, frozen=True):
    counts: UndoCounts
    told: list[Pair] = []
    reloaded: list[Reloaded] = []
    by: str = ""


class Status(msgspec.Struct, frozen=True):
    state: HostState
    result: PlacedAnswer | None = None
    undone: UndoneAnswer | None = None


class States(msgspec.Struct, frozen=True):
    states: list[HostState]


class Cleared(msgspec.Struct, frozen=True):
    gone: bool


def decode(line: bytes, kind: type[T], host: str, action: str) -> T:
    """An answer of the program.

    Raises:
        RetryLater: it is none, or somebody else works on it.
        AskOperator: not permitted.
        SkipHost: it is refused.
    """
    try:
        head = decoding.json(line, type=Answer)
        if head.ok:
            return decoding.json(line, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise RetryLater(f"answer not understood: {clean(str(error), 200)}", host=host, action=action) from error
    raise _refusal(head, host, action)


def job_answers(output: bytes) -> tuple[bytes, ...]:
    """The answers in the output of a detached job, in their order."""
    pieces = output.split(MAGIC + b"answer\n")[1:]
    return tuple(piece.partition(b"\n")[0] for piece in pieces)


def _refusal(head: Answer, host: str, action: str) -> SwarmError:
    text = clean(head.text, 500)
    if head.kind == "busy":
        return RetryLater(text, host=host, action=action, hint="follow that one, or wait for its end")
    if head.kind == "permission":
        return AskOperator(text, host=host, action=action, hint='set become = "sudo" for this host')
    return SkipHost(text, host=host, action=action)


def reloaded(rows: Sequence[Reloaded]) -> tuple[Reloaded, ...]:
    """What services said, safe to show."""
    return tuple(
        Reloaded(command=clean(row.command, 300), status=row.status, said=clean(row.said, 500)) for row in rows
    )


def placed(answer: PlacedAnswer) -> Placed:
    """A placement's result, safe to show."""
    return Placed(
        counts=answer.counts,
        examples=tuple((_shown(path), _shown(other)) for path, other in answer.examples[:MOST_TOLD]),
        errors=tuple((_shown(path), clean(text, 300)) for path, text in answer.errors[:MOST_TOLD]),
        stopped=answer.stopped,
    )


def undone(answer: UndoneAnswer) -> Undone:
    """What an undo did, safe to show."""
    counts = answer.counts
    return Undone(
        removed=counts.removed,
        restored=counts.restored,
        stayed=counts.stayed,
        failed=counts.failed,
        told=tuple((_shown(path), clean(text, 300)) for path, text in answer.told[:MOST_TOLD]),
        reloaded=tuple(
            f"{row.command}: {'done' if row.status == 0 else row.said or row.status}"
            for row in reloaded(answer.reloaded)
        ),
        by=clean(answer.by, 100),
    )


def state(found: HostState) -> HostState:
    """Where a restore stands, safe to show."""
    words = {name: clean(getattr(found, name), 300) for name in ("run", "who", "title", "boot")}
    return msgspec.structs.replace(found, **words)


def native(text: str) -> str:
    """A path of a host, from one letter a byte."""
    try:
        return os.fsdecode(text.encode("latin-1"))
    except UnicodeEncodeError as error:
        raise RetryLater("a path that is none", action="prepare a restore") from error


def _shown(text: str) -> str:
    try:
        return escaped(os.fsdecode(text.encode("latin-1")))
    except UnicodeEncodeError:
        return clean(text, 300)


class Listener:
    """Picks the progress out of the output as it comes."""

    def __init__(self, tell: Callable[[Counts], None]):
        self._tell, self._rest = tell, b""

    def __call__(self, stream: Stream, data: bytes) -> None:
        if stream != "out":
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-4096:]
        for line in lines:
            if line.startswith(PROGRESS):
                self._hear(line[len(PROGRESS) :])

    def _hear(self, line: bytes) -> None:
        try:
            counts = decoding.json(line, type=Counts)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return  # a line that only looks like progress; the result at the end is what counts
        self._tell(counts)
