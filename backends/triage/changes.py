"""What the host's own logs say was changed: packages, files of /etc, commands through sudo."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from backends.triage.kernel_lines import stamp_seconds
from backends.triage.model import Bundle, Change

TOGETHER_SECONDS = 300.0
"""Lines of one log so near to each other are one change."""
MOST_NAMED = 3
_DPKG = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (install|upgrade|remove|purge) ([^\s:]+)\S* (\S+) (\S+)")
_PACMAN = re.compile(r"\[(\S+)\] \[ALPM\] (installed|upgraded|downgraded|removed) (\S+) \((?:\S+ -> )?([^)\s]+)\)")
_ZYPP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\|(install|remove)\s*\|([^|]+)\|([^|]+)\|")
_SUDO = re.compile(r"(\S+) \S+ sudo\[\d+\]: +(\S+) : .*COMMAND=(.+)")
_KERNEL = re.compile(r"(?:linux-image|linux-modules|kernel(?:-core|-default)?$|linux(?:-lts)?$)")
_DRIVER = re.compile(r"(?:nvidia|libnvidia|cuda-drivers|mlnx|datacenter-gpu)")


def changes(text: Mapping[str, str], zone: str) -> tuple[Change, ...]:
    """Everything that is told with a time, oldest first.

    Args:
        text: section name → text.
        zone: of the host's clock, "+0200"; logs of packages are written in local time.
    """
    local = _zone(zone)
    found = [*_packages(text.get("package.log", ""), local), *_files(text.get("changed.files", ""))]
    found += _commands(text.get("sudo", ""))
    return tuple(sorted(found, key=lambda each: each.time))


def of_bundle(bundle: Bundle) -> tuple[Change, ...]:
    """The changes that the logs in a bundle tell of, by our clock, oldest first."""
    system = bundle.section("system")
    zone = re.search(r"^zone (\S+)$", system.text, re.M) if system is not None else None
    found = changes({each.name: each.text for each in bundle.sections if each.kind == "done"}, zone[1] if zone else "")
    skew = bundle.begin - bundle.time if bundle.begin else 0.0
    return tuple(msgspec.structs.replace(each, time=each.time - skew) for each in found)


def _zone(text: str) -> timezone:
    match = re.fullmatch(r"([+-])(\d\d)(\d\d)", text)
    if match is None:
        return UTC
    minutes = int(match[2]) * 60 + int(match[3])
    return timezone(timedelta(minutes=min(minutes, 1439)) * (-1 if match[1] == "-" else 1))


def _packages(text: str, zone: timezone) -> list[Change]:
    groups: list[list[tuple[float, str, str, str]]] = []
    for line in text.split("\n"):
        row = _package(line, zone)
        if row is None:
            continue
        if groups and 0 <= row[0] - groups[-1][-1][0] <= TOGETHER_SECONDS:
            groups[-1].append(row)
        else:
            groups.append([row])
    return [change for group in groups for change in _told(group)]


def _package(line: str, zone: timezone) -> tuple[float, str, str, str] | None:
    """(epoch seconds, what was done, package, version)."""
    if (match := _DPKG.match(line)) is not None:
        done, name, version = match[2], match[3], match[4] if match[5] == "<none>" else match[5]
        time = _local(match[1], zone)
    elif (match := _PACMAN.match(line)) is not None:
        done, name, version, time = match[2].removesuffix("ed"), match[3], match[4], stamp_seconds(match[1])
        done = {"upgrad": "upgrade", "downgrad": "downgrade", "remov": "remove"}.get(done, done)
    elif (match := _ZYPP.match(line)) is not None:
        done, name, version, time = match[2], match[3], match[4], _local(match[1], zone)
    else:
        return None
    return None if time is None else (time, done, name, version)


def _local(stamp: str, zone: timezone) -> float | None:
    try:
        return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None


def _told(group: list[tuple[float, str, str, str]]) -> list[Change]:
    """One change for each kind of package that was touched together, the kernel and the driver by name."""
    kinds: dict[str, dict[str, tuple[float, str, str, str]]] = {}
    for row in group:
        kind = "kernel" if _KERNEL.match(row[2]) else "driver" if _DRIVER.match(row[2]) else "package"
        kinds.setdefault(kind, {})[row[2]] = row
    return [_change(kind, list(rows.values())) for kind, rows in kinds.items()]


def _change(kind: str, rows: list[tuple[float, str, str, str]]) -> Change:
    names = [f"{name} {version}" for _, _, name, version in rows]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    done = rows[0][1] if len({row[1] for row in rows}) == 1 else "change"
    return Change(time=rows[-1][0], kind=kind, text=f"{done} {', '.join(names[:MOST_NAMED])}{more}", ref=names[0])


def _files(text: str) -> list[Change]:
    """Files of /etc, those that were written together as one change."""
    rows: list[tuple[float, str]] = []
    for line in text.split("\n"):
        stamp, _, path = line.partition(" ")
        if re.fullmatch(r"\d{1,11}", stamp) and path.startswith("/"):
            rows.append((float(stamp), path))
    groups: list[list[tuple[float, str]]] = []
    for row in sorted(rows):
        if groups and row[0] - groups[-1][-1][0] <= TOGETHER_SECONDS:
            groups[-1].append(row)
        else:
            groups.append([row])
    found = []
    for group in groups:
        more = f" and {len(group) - MOST_NAMED} more" if len(group) > MOST_NAMED else ""
        paths = ", ".join(path for _, path in group[:MOST_NAMED])
        found.append(Change(time=group[-1][0], kind="config", text=f"{paths}{more} written", ref=group[0][1]))
    return found


def _commands(text: str) -> list[Change]:
    found = []
    for line in text.split("\n"):
        match = _SUDO.match(line)
        time = stamp_seconds(match[1]) if match is not None else None
        if match is not None and time is not None:
            found.append(Change(time=time, kind="command", text=f"{match[2]} ran {match[3][:120]}", ref=match[3][:60]))
    return found
