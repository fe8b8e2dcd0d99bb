"""zypper's own history: one line a package, joined into commands, and with our runs by their mark. Pure but for `read`.

A line tells the version that came; the one before is the last that came earlier in the same file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from backends.execution import Exec
from backends.metrics.sample import Record
from backends.text import clean
from backends.updates.classes import classify
from backends.updates.dnf_ask import ask
from backends.updates.model import Change, HistoryEntry
from backends.updates.rpm_version import compare, shown
from backends.updates.zypper_argv import HISTORY, MARK

_ZONE = re.compile(r"zone ([+-]\d{4})")
_FAILED = re.compile(r"# .*(?:scriptlet failed|lua script failed|install failed).*")
_QUOTED = re.compile(r"'([^']*)'")
ABORTED = "it was broken off"


class _Line(Record, frozen=True, kw_only=True):
    """One entry: time|action|fields…"""

    time: float
    action: str
    fields: tuple[str, ...]


class _Command(Record, frozen=True, kw_only=True):
    """A command with what it did."""

    line: _Line
    changes: tuple[Change, ...] = ()
    failures: tuple[str, ...] = ()


def read(host: Exec, limit: int) -> tuple[HistoryEntry, ...]:
    """The newest commands, newest first. Raises SwarmError."""
    return parse(ask(host, HISTORY).text, host.host)[:limit]


def parse(text: str, host: str) -> tuple[HistoryEntry, ...]:
    """From `HISTORY`, newest first; commands that changed nothing and failed in nothing are left out."""
    zone = _ZONE.match(text)
    found = [_entry(each, host) for each in _commands(text, zone[1] if zone else "+0000")]
    return tuple(reversed([entry for entry in found if entry.changes or entry.error]))


def _commands(text: str, zone: str) -> Iterator[_Command]:
    known: dict[str, str] = {}
    command: _Line | None = None
    changes: list[Change] = []
    failures: list[str] = []
    for raw in text.splitlines():
        line = _parse_line(raw, zone)
        if line and line.action == "command":
            if command:
                yield _Command(line=command, changes=tuple(changes), failures=tuple(failures))
            command, changes, failures = line, [], []
        elif line and line.action in ("install", "remove") and len(line.fields) > 2:
            changes.append(_change(line, known))
        elif _FAILED.fullmatch(raw):
            failures.append(raw.removeprefix("# "))
        elif raw.startswith("# Commit was aborted"):
            failures.append(ABORTED)
    if command:
        yield _Command(line=command, changes=tuple(changes), failures=tuple(failures))


def _parse_line(raw: str, zone: str) -> _Line | None:
    fields = raw.split("|")
    time = _epoch(f"{fields[0]}{zone}") if len(fields) > 2 else None
    if time is None:
        return None
    return _Line(time=time, action=fields[1].strip(), fields=tuple(fields[2:]))


def _change(line: _Line, known: dict[str, str]) -> Change:
    """One package line; `known` learns what is there now."""
    name, version, architecture = clean(line.fields[0], 200), shown(clean(line.fields[1], 200)), line.fields[2]
    before = known.get(name, "")
    if line.action == "remove":
        known.pop(name, None)
        return Change(
            name=name, architecture=architecture, kind="remove", installed=version, package_class=classify(name)
        )
    known[name] = version
    newer = not before or compare(before, version) <= 0
    return Change(
        name=name,
        architecture=architecture,
        kind="install" if not before else "upgrade" if newer else "downgrade",
        installed=before,
        candidate=version,
        package_class=classify(name),
    )


def _entry(command: _Command, host: str) -> HistoryEntry:
    fields = command.line.fields
    mark = fields[-1] if len(fields) > 2 else ""
    return HistoryEntry(
        host=host,
        id=datetime.fromtimestamp(command.line.time, UTC).isoformat(),
        time=command.line.time,
        changes=command.changes,
        command=" ".join(_QUOTED.findall(fields[1])) if len(fields) > 1 else "",
        actor=fields[0],
        plan=mark.removeprefix(MARK) if mark.startswith(MARK) else "",
        ok=not command.failures,
        error="; ".join(dict.fromkeys(command.failures)),
    )


def _epoch(text: str) -> float | None:
    """Epoch seconds; the zone stands in the text."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d %H:%M:%S%z").timestamp()
    except ValueError:
        return None
