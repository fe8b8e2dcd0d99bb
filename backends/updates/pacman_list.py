"""Reads pacman's plain lists. Pure; Arch publishes no security flags, so there security is always unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import structs

from backends.metrics.sample import Record
from backends.updates.classes import classify
from backends.updates.model import Change

MOST_DIGITS = 15
_UPGRADE = re.compile(r"(\S+) (\S+) -> (\S+)( \[ignored\])?")
_FIELD = re.compile(r"(Name|Replaces) +: (.*)")
_FILE = re.compile(r"(\S+)-([^-\s]+-[^-\s]+)-([^-\s.]+)\.pkg\.tar(?:\.\w+)?")


class Target(Record, frozen=True, kw_only=True):
    """One package of a plan."""

    repository: str
    name: str
    version: str
    download_bytes: int | None = None


def installed(text: str) -> dict[str, str]:
    """Name → version, from `INSTALLED`."""
    pairs = (line.split(" ") for line in text.splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[0]}


def upgrades(text: str) -> tuple[Change, ...]:
    """From `UPGRADES`."""
    found = (_UPGRADE.fullmatch(line.strip()) for line in text.splitlines())
    return tuple(
        Change(
            name=each[1],
            installed=each[2],
            candidate=each[3],
            package_class=classify(each[1]),
            held=bool(each[4]),
            kept_back="ignored" if each[4] else "",
        )
        for each in found
        if each
    )


def targets(text: str) -> tuple[Target, ...]:
    """From `PLAN`; other lines (warnings, questions) are passed over."""
    rows = (line.split("|") for line in text.splitlines())
    return tuple(
        Target(repository=row[0], name=row[1], version=row[2], download_bytes=_number(row[3]))
        for row in rows
        if len(row) == 5 and row[0] and row[1]
    )


def changed(target: Target, now: Mapping[str, str], *, back: bool = False) -> Change:
    """One package of a plan as a change."""
    here = now.get(target.name, "")
    return Change(
        name=target.name,
        kind="install" if not here else "downgrade" if back else "upgrade",
        installed=here,
        candidate=target.version,
        origin=target.repository,
        package_class=classify(target.name),
        size_bytes=target.download_bytes,
    )


def replaced(text: str, now: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """New package → the installed ones whose place it takes, from `ABOUT`."""
    found: dict[str, tuple[str, ...]] = {}
    name = ""
    for line in text.splitlines():
        if field := _FIELD.fullmatch(line):
            name = field[2] if field[1] == "Name" else name
            if field[1] == "Replaces":
                old = (word.partition("<")[0].partition("=")[0] for word in field[2].split())
                found[name] = tuple(each for each in old if each in now)
    return {name: old for name, old in found.items() if old}


def with_replaced(change: Change, old: Iterable[str], now: Mapping[str, str]) -> tuple[Change, ...]:
    """The change, and the removals of what it takes the place of."""
    names = tuple(old)
    gone = (Change(name=name, kind="remove", installed=now[name], package_class=classify(name)) for name in names)
    return (structs.replace(change, replaces=names), *gone)


def kept(files: Iterable[str]) -> dict[tuple[str, str], str]:
    """(name, version) → path, of the packages that were kept."""
    named = ((_FILE.fullmatch(path.rpartition("/")[2]), path) for path in files)
    return {(found[1], found[2]): path for found, path in named if found}


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < MOST_DIGITS else None
