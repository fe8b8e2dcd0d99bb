"""The folder of journals, one file a run: read once at the start, the newest ended ones kept.

A run that has ended is not folded again at each start: beside its journal lies the state that it came to, with the hash of the
journal's last line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from backends import decoding, paths
from backends.errors import BadInput, Stop
from backends.maintenance.fold import fold
from backends.maintenance.journal import START, Journal, read
from backends.maintenance.model import RunState, RunStatus
from backends.metrics.sample import Record

MOST_RUNS = 200
"""Ended ones that are kept, the newest."""
ID_WIDTH = 64
_SUM = ".ended.json"
_TAIL = 1 << 16


class Found(NamedTuple):
    """One run as it was on the disk."""

    state: RunState | None
    """As far as the journal can be believed; None: it does not even say the plan."""
    journal: Journal
    damage: str


class _Sum(Record, frozen=True, kw_only=True):
    """What an ended run came to."""

    format: int = 1
    size: int
    former: str
    state: RunState


class Shelf:
    """The folder. Calls come from one thread at a time."""

    def __init__(self, folder: Path):
        self._folder = paths.private_dir(folder)

    def load(self) -> Iterator[tuple[str, Found]]:
        """Every run by its id, in the order of their names."""
        for file in sorted(self._folder.glob("*.jsonl")):
            yield file.stem, self._ended(file) or _read(file)

    def place(self, run: str) -> Journal:
        """Where a new run is written. Raises BadInput: it has no good name, or there is one of this name."""
        if (
            not run
            or len(run) > ID_WIDTH
            or not all(each.isascii() and (each.isalnum() or each in "-_") for each in run)
        ):
            raise BadInput(f"not the id of a run: {run[:80]!r}", hint="letters, digits, - and _")
        file = self._folder / f"{run}.jsonl"
        if file.exists():
            raise BadInput(f"there is a run {run} already", hint=f"swarm-tui run show {run}")
        return Journal(file)

    def room(self) -> str:
        """Why nothing can be written here; "" when something can."""
        try:
            paths.write_atomic(self._folder / "room", b" " * 4096)
            (self._folder / "room").unlink(missing_ok=True)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def keep_sum(self, state: RunState, journal: Journal) -> None:
        """Note what an ended run came to. Raises OSError; without it the next start takes longer."""
        kept = _Sum(size=journal.size, former=journal.former, state=state)
        paths.write_atomic(journal.file.with_suffix(_SUM), msgspec.json.encode(kept))

    def prune(self, states: Iterable[RunState]) -> tuple[str, ...]:
        """Forget the oldest ended runs beyond MOST_RUNS; their ids."""
        ended = sorted(
            (each for each in states if each.status is RunStatus.ENDED), key=lambda each: -(each.ended or 0.0)
        )
        gone = tuple(each.plan.id for each in ended[MOST_RUNS:])
        for run in gone:
            for suffix in (".jsonl", _SUM):
                (self._folder / f"{run}{suffix}").unlink(missing_ok=True)
        return gone

    def _ended(self, file: Path) -> Found | None:
        """The short way; None when there is none, or the journal went on after it."""
        try:
            kept = decoding.json(file.with_suffix(_SUM).read_bytes(), type=_Sum)
            size, former = file.stat().st_size, _last_hash(file)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if (kept.size, kept.former) != (size, former) or kept.state.status is not RunStatus.ENDED:
            return None
        return Found(kept.state, Journal(file, size=size, former=former), "")


def _last_hash(file: Path) -> str:
    """Of the last line, where it is no longer than any but the first one is."""
    with file.open("rb") as handle:
        handle.seek(max(0, file.stat().st_size - _TAIL))
        lines = handle.read().split(b"\n")
    return hashlib.sha256(lines[-2]).hexdigest() if len(lines) > 2 and not lines[-1] else START


def _read(file: Path) -> Found:
    """The long way: every edge; one that cannot be is damage like any other."""
    try:
        told = read(file)
    except OSError as error:
        return Found(None, Journal(file), f"{file.name} cannot be read: {error.strerror}")
    state: RunState | None = None
    for number, edge in enumerate(told.edges, start=1):
        try:
            state = fold(state, edge)
        except Stop as error:
            return Found(state, told.journal, f"line {number} of {file.name}: {error.message}")
    if state is not None and state.plan.id != file.stem:
        return Found(state, told.journal, f"{file.name} is the journal of {state.plan.id}")
    return Found(state, told.journal, told.damage)
