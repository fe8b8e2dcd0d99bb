"""pacman's own log, joined into transactions. It has no room for a comment, so our runs are told by their time in the journal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from backends.execution import Exec
from backends.metrics.sample import Record
from backends.updates.classes import classify
from backends.updates.dnf_ask import ask
from backends.updates.model import Change, HistoryEntry
from backends.updates.pacman_argv import LOG

_LINE = re.compile(r"\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4})\] \[([A-Z-]+)\] (.*)")
_MOVE = re.compile(r"(upgraded|downgraded) (\S+) \((\S+) -> (\S+)\)|(installed|removed|reinstalled) (\S+) \((\S+)\)")
_RUNNING = re.compile(r"Running '(.*)'")
STARTED, ENDED = "transaction started", "transaction completed"
UNFINISHED = "it did not come to its end"


class _Transaction(Record, frozen=True, kw_only=True):
    """One transaction of the log."""

    id: str
    """Its time as the log has it."""
    time: float
    command: str
    changes: tuple[Change, ...] = ()
    ended: bool = False


def read(host: Exec, limit: int) -> tuple[HistoryEntry, ...]:
    """The newest transactions, newest first. Raises SwarmError."""
    return parse(ask(host, LOG).text, host.host)[:limit]


def parse(text: str, host: str) -> tuple[HistoryEntry, ...]:
    """From `LOG`, newest first."""
    return tuple(reversed([_entry(each, host) for each in _transactions(text)]))


def _transactions(text: str) -> Iterator[_Transaction]:
    command, identity, time = "", "", None
    changes: list[Change] = []
    for raw in text.splitlines():
        line = _LINE.fullmatch(raw)
        if line is None:
            continue
        said = line[3]
        if running := _RUNNING.fullmatch(said):
            if time is not None:
                yield _Transaction(id=identity, time=time, command=command, changes=tuple(changes))
            command, time, changes = running[1], None, []
        elif said == STARTED:
            identity, time, changes = line[1], _epoch(line[1]), []
        elif said == ENDED and time is not None:
            yield _Transaction(id=identity, time=time, command=command, changes=tuple(changes), ended=True)
            time, changes = None, []
        elif time is not None and line[2] == "ALPM" and (move := _MOVE.fullmatch(said)):
            changes.append(_change(move))
    if time is not None:
        yield _Transaction(id=identity, time=time, command=command, changes=tuple(changes))


def _change(move: re.Match[str]) -> Change:
    if move[1]:
        return Change(
            name=move[2],
            kind="upgrade" if move[1] == "upgraded" else "downgrade",
            installed=move[3],
            candidate=move[4],
            package_class=classify(move[2]),
        )
    gone = move[5] == "removed"
    return Change(
        name=move[6],
        kind="remove" if gone else "install",
        installed=move[7] if gone else "",
        candidate="" if gone else move[7],
        package_class=classify(move[6]),
    )


def _entry(found: _Transaction, host: str) -> HistoryEntry:
    return HistoryEntry(
        host=host,
        id=found.id,
        time=found.time,
        changes=found.changes,
        command=found.command,
        ok=found.ended,
        error="" if found.ended else UNFINISHED,
    )


def _epoch(text: str) -> float | None:
    """Epoch seconds; None for a time that no clock shows."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return None
