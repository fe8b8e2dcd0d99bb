"""Reads the plain lists: installed packages, newer builds, version locks, fetched repositories. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase

from backends.metrics.sample import Record
from backends.updates.rpm_version import by_version, nevra, shown

MOST_DIGITS = 15
_LIST_FILE = re.compile(r"/var/cache/(?:dnf|libdnf5)/(\S+)-[0-9a-f]{16}/repodata/(?:repomd\.xml|\S*primary\.xml\S*)")
_LOCKED_5 = re.compile(r"Package name: (\S+)")
_DUPLICATE = re.compile(r"(\S+) is a duplicate with \S+")
_DUPLICATE_5 = re.compile(r'^(\S+)\n +duplicate with "\S+"', re.MULTILINE)


class Package(Record, frozen=True, kw_only=True):
    """One installed package."""

    name: str
    version: str
    """EVR without an epoch of 0."""
    architecture: str = ""
    since: float | None = None
    """Epoch seconds of its installation."""


class Available(Record, frozen=True, kw_only=True):
    """One build in a repository that is newer than what is installed."""

    name: str
    version: str
    architecture: str = ""
    repository: str = ""
    download_bytes: int | None = None


class Repository(Record, frozen=True, kw_only=True):
    """One repository whose list is on the host."""

    name: str
    fetched: float | None = None
    """Epoch seconds of the newest look at the mirror, also of one that found nothing new."""
    advisories: bool = False
    """It says which updates are security fixes."""


def installed(text: str) -> tuple[Package, ...]:
    """From `INSTALLED`; keys that rpm keeps as packages ("gpg-pubkey") are none."""
    rows = (line.split("|") for line in text.splitlines())
    return tuple(
        Package(name=row[0], version=shown(row[1]), architecture=row[2], since=number(row[3]))
        for row in rows
        if len(row) == 4 and row[0] and row[0] != "gpg-pubkey"
    )


def available(text: str) -> tuple[Available, ...]:
    """From `upgrades_argv`; what is no row of it is passed over."""
    rows = (line.split("|") for line in text.splitlines())
    return tuple(
        Available(
            name=row[0],
            version=shown(row[1]),
            architecture=row[2],
            repository=row[3],
            download_bytes=_whole(row[4]),
        )
        for row in rows
        if len(row) == 7 and row[0] and row[1]
    )


def newest(packages: Iterable[Package]) -> dict[tuple[str, str], str]:
    """(name, architecture) → newest installed version; several kernels are installed side by side."""
    found: dict[tuple[str, str], str] = {}
    for each in sorted(packages, key=lambda package: by_version(package.version)):
        found[each.name, each.architecture] = each.version
    return found


def doubled(packages: Iterable[Package]) -> tuple[str, ...]:
    """Names with several versions: kernels, or what an interrupted transaction left. `duplicates` tells them apart."""
    counts = Counter((each.name, each.architecture) for each in packages)
    return tuple(dict.fromkeys(name for (name, _), count in counts.items() if count > 1))


def duplicates(text: str) -> tuple[str, ...]:
    """The packages that `dnf check --duplicates` complains about, by name."""
    found = [*_DUPLICATE.findall(text), *_DUPLICATE_5.findall(text)]
    names = (parts.name for each in found if (parts := nevra(each)) is not None)
    return tuple(dict.fromkeys(names))


def locks(text: str) -> tuple[str, ...]:
    """The names of locked packages; a lock that only excludes one version (`!name-…`) holds nothing."""
    old = (parts.name for line in text.splitlines() if (parts := nevra(line)) is not None and not line.startswith("!"))
    return tuple(dict.fromkeys((*old, *_LOCKED_5.findall(text))))


def matches(name: str, globs: Iterable[str]) -> bool:
    """Whether a lock (a name or a glob) holds a package."""
    return any(fnmatchcase(name, glob) for glob in globs)


def repositories(fetched: str, advisories: str) -> tuple[Repository, ...]:
    """From `LISTS` and `WITH_ADVISORIES`."""
    counted = (line.rpartition(":") for line in advisories.splitlines())
    told = {_repository(path) for path, _, count in counted if count not in ("", "0")}
    found: dict[str, Repository] = {}
    for line in fetched.splitlines():
        time, _, path = line.partition(" ")
        if name := _repository(path):
            times = [number(time), found[name].fetched if name in found else None]
            newest_look = max((each for each in times if each is not None), default=None)
            found[name] = Repository(name=name, fetched=newest_look, advisories=name in told)
    return tuple(found.values())


def _repository(path: str) -> str:
    """The repository whose list a file is; "" for any other file."""
    found = _LIST_FILE.fullmatch(path)
    return found[1] if found else ""


def number(text: str) -> float | None:
    """Whole seconds of "1795646964.35"; None for what is no such number."""
    whole, _, fraction = text.partition(".")
    plain = whole.isascii() and whole.isdigit() and len(whole) < MOST_DIGITS
    return float(whole) if plain and (fraction.isdigit() or not fraction) else None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < MOST_DIGITS else None
