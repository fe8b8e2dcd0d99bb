"""dnf's own history, joined with our runs by the comment that `apply_argv` leaves. Both generations.

dnf 4 calls a transaction a success whose scriptlets failed, and gives an interrupted one an end in 1970: both are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec

from backends import decoding
from backends.errors import SkipHost
from backends.execution import Exec
from backends.metrics.sample import Record
from backends.text import clean
from backends.updates import dnf_argv
from backends.updates.classes import classify
from backends.updates.dnf_argv import COMMENT, Dialect
from backends.updates.dnf_ask import fetch, safe
from backends.updates.model import Change, HistoryEntry
from backends.updates.rpm_version import nevra

_ID = re.compile(r" *(\d{1,9}) +\|.*")
_FIELD = re.compile(r"([A-Z][A-Za-z -]*?) *: (.*)")
_ROW = re.compile(r"(?: \*\* |    )([A-Z][a-z]+(?: [A-Z][a-z]+)?) +(\S+)(?: +@\S+)? *")
_SCRIPTLET = re.compile(r" +\d+ (.*(?:scriptlet failed|lua script failed|install failed).*)")
_BETWEEN = re.compile(r"^-{20,}$", re.MULTILINE)
Kind = Literal["upgrade", "install", "remove", "downgrade"]
TIME = "%a %b %d %H:%M:%S %Y"
NOBODY = "System <unset>"
"""dnf 4's name for one who did not log in: a unit, our own jobs among them."""
INTERRUPTED = "it did not come to its end"
NEW = ("Install", "Upgrade", "Downgrade", "Reinstall")
OLD = ("Upgraded", "Downgraded", "Obsoleted", "Removed", "Erase", "Remove", "Replaced")


class _Package(msgspec.Struct):
    nevra: str = ""
    action: str = ""


class _Transaction(msgspec.Struct):
    """One entry of dnf 5's JSON."""

    id: int
    start_time: int = 0
    end_time: int = 0
    user_name: str = ""
    status: str = ""
    description: str = ""
    comment: str = ""
    packages: list[_Package] = []


_DECODER = decoding.json_decoder(list[_Transaction])


class Move(Record, frozen=True, kw_only=True):
    """One build that came or went."""

    action: str
    build: str


def read(dnf: Dialect, host: Exec, limit: int) -> tuple[HistoryEntry, ...]:
    """The newest transactions, newest first. Raises SwarmError."""
    found = ids(dnf, fetch(host, dnf_argv.history_argv(dnf)).stdout)[:limit]
    if not found:
        return ()
    entries = parse(dnf, fetch(host, dnf_argv.transactions_argv(dnf, found)).stdout, host.host)
    return tuple(sorted(entries, key=lambda entry: -int(entry.id)))


def ids(dnf: Dialect, data: bytes) -> tuple[str, ...]:
    """The transactions' numbers, newest first. Raises SkipHost when they cannot be read."""
    if dnf.generation == 5:
        return tuple(str(each.id) for each in sorted(_decode(data), key=lambda each: -each.id))
    return tuple(found[1] for line in safe(data).splitlines() if (found := _ID.fullmatch(line)))


def parse(dnf: Dialect, data: bytes, host: str) -> tuple[HistoryEntry, ...]:
    """From `transactions_argv`; what is no transaction is passed over. Raises SkipHost when nothing can be read."""
    if dnf.generation == 5:
        return tuple(_entry_5(each, host) for each in _decode(data))
    return tuple(found for block in _BETWEEN.split(safe(data)) if (found := _entry_4(block, host)) is not None)


def changes(moves: Iterable[Move]) -> tuple[Change, ...]:
    """What came and what went, joined by name."""
    new: dict[str, Move] = {}
    old: dict[str, list[str]] = {}
    for move in moves:
        parts = nevra(move.build)
        if parts is not None and move.action in NEW:
            new[f"{parts.name} {parts.architecture} {parts.version}"] = move
        elif parts is not None and move.action in OLD:
            old.setdefault(f"{parts.name} {parts.architecture}", []).append(parts.version)
    return (*_came(new, old), *_went(new, old))


def _came(new: Mapping[str, Move], old: Mapping[str, list[str]]) -> Iterator[Change]:
    for key, move in new.items():
        name, architecture, version = key.split(" ")
        before = old.get(f"{name} {architecture}", [""])[0]
        kind: Kind = "install"
        if move.action in ("Upgrade", "Downgrade"):
            kind = "upgrade" if move.action == "Upgrade" else "downgrade"
        yield _change(name, architecture, kind, before, version)


def _went(new: Mapping[str, Move], old: Mapping[str, list[str]]) -> Iterator[Change]:
    stay = {key.rpartition(" ")[0] for key in new}
    for key, versions in old.items():
        if key not in stay:
            name, architecture = key.split(" ")
            yield _change(name, architecture, "remove", versions[0], "")


def _change(name: str, architecture: str, kind: Kind, installed: str, candidate: str) -> Change:
    return Change(
        name=name,
        architecture=architecture,
        kind=kind,
        installed=installed,
        candidate=candidate,
        package_class=classify(name),
    )


def _entry_4(block: str, host: str) -> HistoryEntry | None:
    lines = block.splitlines()
    fields = {found[1]: found[2].strip() for line in lines if (found := _FIELD.fullmatch(line.strip()))}
    identity = fields.get("Transaction ID", "")
    if not (identity.isascii() and identity.isdigit() and len(identity) < 10):
        return None
    failed = [found[1] for line in lines if (found := _SCRIPTLET.fullmatch(line))]
    code = fields.get("Return-Code", "")
    ended = _time(fields.get("End time", "").partition(" (")[0])
    error = INTERRUPTED if ended == 0.0 else "; ".join(failed) or ("" if code == "Success" else code)
    rows = (found for line in lines if (found := _ROW.fullmatch(line)))
    return HistoryEntry(
        host=host,
        id=identity,
        time=_time(fields.get("Begin time", "")) or 0.0,
        changes=changes(Move(action=row[1], build=row[2]) for row in rows),
        command=f"dnf {fields.get('Command Line', '')}".strip(),
        actor=fields.get("User", "").replace(NOBODY, ""),
        plan=_run(fields.get("Comment", "")),
        ok=code == "Success" and not error,
        error=error,
    )


def _entry_5(found: _Transaction, host: str) -> HistoryEntry:
    error = (
        INTERRUPTED
        if found.status == "Started"
        else ""
        if found.status == "Ok"
        else f"dnf says: {clean(found.status, 40)}"
    )
    return HistoryEntry(
        host=host,
        id=str(found.id),
        time=float(found.start_time),
        changes=changes(Move(action=each.action, build=clean(each.nevra, 400)) for each in found.packages),
        command=clean(found.description),
        actor=clean(found.user_name, 200),
        plan=_run(clean(found.comment)),
        ok=found.status == "Ok",
        error=error,
    )


def _run(comment: str) -> str:
    return comment.removeprefix(COMMENT) if comment.startswith(COMMENT) else ""


def _time(text: str) -> float | None:
    try:
        return datetime.strptime(text.strip(), TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _decode(data: bytes) -> list[_Transaction]:
    """dnf 5's JSON; an empty answer is an empty history. Its strings are not safe yet."""
    if not data.strip():
        return []
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        hint = "dnf 5 before 5.2 has no --json"
        raise SkipHost(
            f"dnf's history is not understood: {clean(str(error), 200)}", action="read the history", hint=hint
        ) from error
