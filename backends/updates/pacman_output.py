"""Reads what a running pacman writes: how far it is, and what went wrong. Pure.

A failed scriptlet is one line after the package's, without its name, and the status stays 0.
"""

from __future__ import annotations

import re

from backends.metrics.sample import Record
from backends.updates.model import Holder, HostPlan

_MOVE = re.compile(r"(upgrading|installing|removing|downgrading|reinstalling) (\S+)\.\.\.")
_SCRIPTLET = "error: command failed to execute correctly"
_SAVED = re.compile(r"warning: (\S+) (?:installed|saved) as (\S+)")
_LOCKED = re.compile(r"unable to lock database|could not lock database")
_BLOCKED = re.compile(r":: (unable to satisfy dependency .*|.* breaks dependency .*|.* and .* are in conflict.*)")
_CLASH = re.compile(r"(\S+: \S+ exists in filesystem.*)")
_SUMMED_UP = ("failed to commit transaction", "failed to prepare transaction", "failed to retrieve some files")
CORRUPT = re.compile(r":: File (\S+) is corrupted (.*)\.")
FETCHING = re.compile(r" (\S+) downloading\.\.\.")
_LIST = re.compile(r"Packages \((\d{1,6})\) ")


class Progress(Record, frozen=True, kw_only=True):
    """How far a transaction is."""

    begun: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    """Packages whose scriptlet failed."""
    fetching: int = 0
    planned: int = 0


def progress(text: str) -> Progress:
    """The state after this much output."""
    begun: list[str] = []
    failed: list[str] = []
    fetching, planned = 0, 0
    for line in text.splitlines():
        if found := _MOVE.fullmatch(line.strip()):
            begun.append(found[2])
        elif line.strip() == _SCRIPTLET and begun:
            failed.append(begun[-1])
        elif listed := _LIST.match(line):
            planned, fetching = int(listed[1]), 0
        elif FETCHING.fullmatch(line):
            fetching += 1
    return Progress(begun=tuple(begun), failed=tuple(dict.fromkeys(failed)), fetching=fetching, planned=planned)


def measure(plan: HostPlan, text: str) -> tuple[int, str, float | None]:
    """Packages of the plan that are through, the current one, per cent of the download (by packages)."""
    found = progress(text[: text.rfind("\n") + 1])
    names = {change.name for change in plan.changes}
    current = found.begun[-1] if found.begun and len(set(found.begun)) < len(names) else ""
    done = len({name for name in found.begun if name != current} & names)
    percent = min(100.0, 100.0 * found.fetching / found.planned) if found.planned and found.fetching else None
    return done, current if current in names else "", percent


def saved(text: str) -> tuple[str, ...]:
    """New configuration files beside changed ones: *.pacnew, *.pacsave."""
    return tuple(dict.fromkeys(new for _, new in _SAVED.findall(text)))


def troubles(text: str) -> tuple[str, ...]:
    """What pacman says went wrong, one sentence each; sums only where nothing explains them."""
    lines = [line.strip() for line in text.splitlines()]
    found = [hit[1] for line in lines for pattern in (_BLOCKED, _CLASH) if (hit := pattern.fullmatch(line))]
    found += [f"{hit[1]} is corrupted {hit[2]}" for line in lines if (hit := CORRUPT.fullmatch(line))]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ") and line != _SCRIPTLET]
    telling = [text for text in errors if not text.startswith(_SUMMED_UP)]
    return tuple(dict.fromkeys((*found, *telling))) or tuple(dict.fromkeys(errors))


def holder(text: str) -> Holder | None:
    """That somebody holds the database; pacman does not say who."""
    return Holder() if _LOCKED.search(text) else None
