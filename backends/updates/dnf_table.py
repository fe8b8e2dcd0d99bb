"""Reads what dnf says it would do: the transaction table, what it leaves out and why. Both generations, pure.

A simulation ends with status 1 ("aborted") even when all is well, and with 0 and "Nothing to do." when it has no lists at
all: only the text counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from backends.metrics.sample import Record
from backends.units import parse_size
from backends.updates.rpm_version import Nevra, nevra, shown

Kind = Literal["upgrade", "install", "remove", "downgrade", "reinstall", "skip"]

SECTIONS: tuple[tuple[str, Kind], ...] = (
    ("Upgrading", "upgrade"),
    ("Installing", "install"),
    ("Downgrading", "downgrade"),
    ("Removing", "remove"),
    ("Reinstalling", "reinstall"),
    ("Skipping packages", "skip"),
)
"""How a section's title begins ("Installing weak dependencies:", "Removing unused dependencies:")."""
_END = re.compile(r"Transaction Summary:?")
_MISSING = re.compile(
    r"No match for argument: (\S+)|No package (\S+) available\."
    r"|Argument '(\S+)' matches only packages excluded by (?:versionlock|exclude)\S*"
)
_PROBLEM = re.compile(r" ?Problem(?: \d+)?: (.*)")
_DETAIL = re.compile(r" +- (.*)")
_DOWNLOAD = re.compile(r"Total download size: ([\d.]+) ?([kMGT]?)\b|Need to download ([\d.]+) ([KMGT]?)i?B")
_NOTHING_LEFT = re.compile(r"Total size: [\d.]+ ?[kMGT]?\s*")
_DISK = re.compile(r"After this operation, ([\d.]+) ([KMGT]?)i?B (extra will be used|will be freed)")
_ERROR = re.compile(r"(?:Error: |Failed to )\S.*|Cache-only enabled but no cache for .*")
_IGNORED = re.compile(r"Ignoring repositories: (.*)")
_BUILD = re.compile(r"[^\s,;]+")
UNDERSTOOD = ("Operation aborted", "Nothing to do")


class Row(Record, frozen=True, kw_only=True):
    """One line of the table."""

    kind: Kind
    name: str
    architecture: str
    version: str
    repository: str = ""
    replaces: tuple[str, ...] = ()
    """Names of other packages that go with it."""


class Simulation(Record, frozen=True, kw_only=True):
    """What dnf would do."""

    rows: tuple[Row, ...] = ()
    skipped: tuple[Row, ...] = ()
    """Left out because something that they need is missing."""
    problems: tuple[str, ...] = ()
    """Why, one sentence each."""
    missing: tuple[str, ...] = ()
    """Arguments that match nothing (any more)."""
    errors: tuple[str, ...] = ()
    download_bytes: int | None = None
    disk_bytes: int | None = None
    """Only dnf 5 tells."""
    understood: bool = False
    """dnf came to a conclusion."""

    def reason(self, name: str) -> str:
        """The problem that names a package, or a general one for what was skipped."""
        named = (text for text in self.problems if name in packages_of(text))
        return next(named, "its dependencies cannot be met")


def parse(text: str, errors: str) -> Simulation:
    """From the two streams of a simulation (or of a real run, where they are one)."""
    rows = tuple(_rows(text))
    both = f"{text}\n{errors}"
    missing = tuple(next(filter(None, found.groups())) for found in _MISSING.finditer(both))
    problems = _problems(both)
    return Simulation(
        rows=tuple(row for row in rows if row.kind != "skip"),
        skipped=tuple(row for row in rows if row.kind == "skip"),
        problems=problems,
        missing=tuple(dict.fromkeys(missing)),
        errors=_errors(both),
        download_bytes=_download(both),
        disk_bytes=_disk(both),
        understood=any(words in both for words in UNDERSTOOD),
    )


def packages_of(problem: str) -> frozenset[str]:
    """The names of the packages that a problem's text gives in full."""
    found = (nevra(word) for word in _BUILD.findall(problem))
    return frozenset(each.name for each in found if isinstance(each, Nevra))


def _rows(text: str) -> Iterator[Row]:
    """The rows; long ones may go on in the next line, and what a package replaces stands indented below it."""
    kind: Kind | None = None
    words: list[str] = []
    replaces: list[str] = []
    for line in text.splitlines():
        if _END.fullmatch(line):
            break
        section = _section(line)
        starts = line.startswith(" ") and not line.startswith("  ")
        if (section or starts) and kind and words:
            yield from _row(kind, words, replaces)
            words, replaces = [], []
        if section:
            kind = section
        elif starts and kind:
            words = line.split()
        elif words and line.split()[:1] == ["replacing"]:
            replaces.append(line.split()[1] if len(line.split()) > 1 else "")
        elif words and line.startswith("  "):
            words += line.split()
    if kind and words:
        yield from _row(kind, words, replaces)


def _section(line: str) -> Kind | None:
    return next((kind for title, kind in SECTIONS if line.startswith(title) and line.rstrip().endswith(":")), None)


def _row(kind: Kind, words: list[str], replaces: list[str]) -> Iterator[Row]:
    if len(words) < 4:
        return
    name, architecture, version, repository = words[:4]
    others = (each.removesuffix(f".{architecture}") for each in replaces)
    yield Row(
        kind=kind,
        name=name,
        architecture=architecture,
        version=shown(version),
        repository=repository.removeprefix("@"),
        replaces=tuple(dict.fromkeys(each for each in others if each and each != name)),
    )


def _problems(text: str) -> tuple[str, ...]:
    """ "cannot install the best update candidate for package a-1-1.noarch: nothing provides b needed by …"."""
    found: list[str] = []
    for line in text.splitlines():
        if head := _PROBLEM.fullmatch(line):
            found.append(head[1].strip())
        elif found and (detail := _DETAIL.fullmatch(line)):
            found[-1] += f"{'; ' if ': ' in found[-1] else ': '}{detail[1].strip()}"
    return tuple(dict.fromkeys(found))


def _errors(text: str) -> tuple[str, ...]:
    lines = (line.strip() for line in text.splitlines())
    found = [line for line in lines if _ERROR.fullmatch(line) and line != "Failed to resolve the transaction:"]
    ignored = [f"repository left out: {names}" for names in _IGNORED.findall(text)]
    return tuple(dict.fromkeys((*found, *ignored)))


def _download(text: str) -> int | None:
    if found := _DOWNLOAD.search(text):
        number, unit = (found[1], found[2]) if found[1] else (found[3], found[4])
        return _bytes(number, unit)
    return 0 if _NOTHING_LEFT.search(text) else None


def _disk(text: str) -> int | None:
    found = _DISK.search(text)
    size = _bytes(found[1], found[2]) if found else None
    return -size if found and size is not None and found[3].endswith("freed") else size


def _bytes(number: str, unit: str) -> int | None:
    """None for what is no number ("1.2.3")."""
    try:
        return parse_size(f"{number}{unit}")
    except ValueError:
        return None
