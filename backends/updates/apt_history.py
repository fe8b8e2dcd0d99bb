"""Reads apt's own log of transactions, rotated ones too, and finds ours in it by the tag in the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backends.execution import Exec
from backends.updates.apt_argv import TAG
from backends.updates.apt_ask import ask
from backends.updates.classes import classify
from backends.updates.model import Change, HistoryEntry

LOGS = ("find", "/var/log/apt", "-maxdepth", "1", "-type", "f", "-name", "history.log*")
LIMIT_BYTES = 2 << 20
"""Of one log, from its end: the newest transactions stand last."""
READ = ("sh", "-c", f'zcat -f -- "$1" | tail -c {LIMIT_BYTES}', "sh")
"""Constant; the file is its argument. zcat -f passes plain files through."""
ZONE = ("sh", "-c", "readlink -f /etc/localtime; date +%z")
"""The log has local times without an offset: the zone's name gives the right one for every date, its offset now does not."""
MOST_FILES = 24

Kind = Literal["upgrade", "install", "remove", "downgrade"]

_FIELD = re.compile(r"([A-Z][A-Za-z-]*): (.*)")
_PACKAGE = re.compile(r"([a-z0-9][a-z0-9+.-]*):([a-z0-9-]+) \(([^()]*)\)")
_TAGGED = re.compile(re.escape(TAG) + r"=([A-Za-z0-9._:-]+)")
_KINDS: Mapping[str, Kind] = {
    "Install": "install",
    "Reinstall": "install",
    "Upgrade": "upgrade",
    "Downgrade": "downgrade",
    "Remove": "remove",
    "Purge": "remove",
}


def read(host: Exec, limit: int) -> tuple[HistoryEntry, ...]:
    """The newest `limit` transactions, newest first. Raises SwarmError."""
    files = ordered(ask(host, LOGS, become=True).text.split())
    zone = zone_of(ask(host, ZONE).text)
    found: list[HistoryEntry] = []
    for file in files[:MOST_FILES]:
        if len(found) >= limit:
            break
        found += reversed(parse(ask(host, (*READ, file), become=True).text, host.host, zone))
    return tuple(found[:limit])


def ordered(files: list[str]) -> list[str]:
    """The logs, newest first: history.log, history.log.1.gz, history.log.2.gz …"""
    numbered = [
        (found, file) for file in files if (found := re.fullmatch(r".*/history\.log(?:\.(\d{1,6}))?(?:\.\w+)?", file))
    ]
    return [file for _, file in sorted((int(found[1] or 0), file) for found, file in numbered)]


def zone_of(text: str) -> tzinfo:
    """The host's time zone, from the output of `ZONE`: by name where this machine knows it, else its offset now."""
    words = text.split()
    name = words[0].partition("/zoneinfo/")[2] if words else ""
    with suppress(ValueError, OSError, ZoneInfoNotFoundError):
        return ZoneInfo(name)
    with suppress(ValueError, IndexError):
        return datetime.strptime(words[-1], "%z").tzinfo or UTC
    return UTC


def parse(text: str, host: str, zone: tzinfo = UTC) -> tuple[HistoryEntry, ...]:
    """The transactions of one log, oldest first; times in it are the host's local ones, in `zone`."""
    blocks = re.split(r"\n[ \t]*\n", text)
    entries = (_entry(_fields(block), host, zone) for block in blocks)
    return tuple(entry for entry in entries if entry is not None)


def _fields(block: str) -> dict[str, str]:
    return {found[1]: found[2].strip() for line in block.splitlines() if (found := _FIELD.fullmatch(line))}


def _entry(fields: Mapping[str, str], host: str, zone: tzinfo) -> HistoryEntry | None:
    started = fields.get("Start-Date", "")
    time = _epoch(started, zone)
    if time is None:
        return None
    command = fields.get("Commandline", "")
    tag = _TAGGED.search(command)
    error = fields.get("Error", "")
    return HistoryEntry(
        host=host,
        id=" ".join(started.split()),
        time=time,
        changes=tuple(change for field, kind in _KINDS.items() for change in _changes(fields.get(field, ""), kind)),
        command=command,
        actor=fields.get("Requested-By", ""),
        plan=tag[1] if tag else "",
        ok=False if error else True if "End-Date" in fields else None,
        error=error,
    )


def _changes(text: str, kind: Kind) -> list[Change]:
    found = []
    for name, architecture, inside in _PACKAGE.findall(text):
        versions = [part.strip() for part in inside.split(",") if part.strip() != "automatic"]
        old, new = _versions(kind, versions)
        found.append(
            Change(
                name=name,
                architecture=architecture,
                kind=kind,
                installed=old,
                candidate=new,
                package_class=classify(name),
            )
        )
    return found


def _versions(kind: Kind, versions: list[str]) -> tuple[str, str]:
    """(before, after); a removal names what was there, an installation what came."""
    first, last = (versions[0], versions[-1]) if versions else ("", "")
    if kind == "remove":
        return first, ""
    return ("", first) if kind == "install" else (first, last)


def _epoch(started: str, zone: tzinfo) -> float | None:
    """Two spaces stand between date and time."""
    try:
        return datetime.strptime(" ".join(started.split()), "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None
