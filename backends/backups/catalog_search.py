"""Finding paths over archives, repositories and hosts, and the history of one path."""

from __future__ import annotations

import itertools
import re
import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence

from backends.backups.catalog_archives import COLUMNS, archive_of
from backends.backups.catalog_browse import ENTRY, entry_of, find, path_of
from backends.backups.catalog_store import Store
from backends.backups.model import Archive, BrowseEntry, Version
from backends.backups.views import Hit
from backends.errors import BadInput

MAX_TEXT, MAX_HITS, MAX_VERSIONS = 500, 1000, 5000
_CANDIDATES = 4000
"""Paths whose last names match that are looked at more closely, the shortest names first."""
_CHAINED = 6
"""Last names of a path that sqlite itself compares."""
_SEEKS = 1_500_000
"""Looks into the index of a search; each candidate takes one for each series."""


class Pattern:
    """What a search looks for.

    "fstab" is in the last name of a path, wherever; "ssh/sshd" is there across a slash; with `*` or `?` the names must
    match as a whole ("*.safetensors", "models/*/config.json"); a slash at the beginning is the top.
    """

    def __init__(self, text: str):
        """Raises BadInput: nothing to look for."""
        wanted = text.strip()[:MAX_TEXT]
        self.rooted = wanted.startswith("/")
        parts = [part for part in wanted.split("/") if part]
        if not any(part.strip("*?") for part in parts):
            raise BadInput("nothing to search for", hint='part of a name, or "*.safetensors"')
        whole = "*" in wanted or "?" in wanted
        anchors = [(whole or index > 0 or self.rooted, whole or index < len(parts) - 1) for index in range(len(parts))]
        self._parts = [_glob(part, begin=begin, end=end) for part, (begin, end) in zip(parts, anchors, strict=True)]
        chosen = [_for_sql(part, begin=begin, end=end) for part, (begin, end) in zip(parts, anchors, strict=True)]
        self.where, self.values = _where(chosen[: -_CHAINED - 1 : -1])
        """A condition on `paths p0` that every path that fits meets, and its values."""

    def fits(self, names: Sequence[str]) -> bool:
        """Whether a path does, given as its names from the top."""
        count = len(self._parts)
        if len(names) < count or (self.rooted and len(names) != count):
            return False
        return all(part.fullmatch(name) for part, name in zip(self._parts, names[-count:], strict=True))


class _Reading:
    """One question: reads the archives of a series once."""

    def __init__(self, db: sqlite3.Connection, hosts: Sequence[str] = ()):
        self.db, self._hosts = db, tuple(hosts)
        self._archives: dict[int, list[tuple[int, Archive]]] = {}
        where, values = self._chosen()
        self.count = int(db.execute(f"SELECT count(*) FROM series s WHERE {where}", values).fetchone()[0])  # noqa: S608
        """Series of the hosts."""

    def holding(self, path: int) -> list[tuple[int, str]]:
        """(series, host) of those in which the path ever was."""
        where, values = self._chosen()
        query = (
            f"SELECT s.id, s.host FROM series s WHERE {where}"  # noqa: S608 - fixed texts
            " AND EXISTS (SELECT 1 FROM versions v WHERE v.series = s.id AND v.path = ?) ORDER BY s.host, s.id"
        )
        return self.db.execute(query, (*values, path)).fetchall()

    def versions(self, series: int, path: int, text: str) -> list[Version]:
        """How the path looked in each archive of a series, oldest first."""
        query = (
            f"SELECT v.last, v.first, {ENTRY} FROM versions v CROSS JOIN looks l ON l.id = v.look"  # noqa: S608
            " WHERE v.series = ? AND v.path = ? ORDER BY v.last"
        )
        rows = [(row[0], row[1], entry_of(text, row[2:])) for row in self.db.execute(query, (series, path))]
        lasts = [row[0] for row in rows]
        found: list[Version] = []
        before: BrowseEntry | None = None
        for number, archive in self._of(series):
            at = bisect_left(lasts, number)
            entry = rows[at][2] if at < len(rows) and rows[at][1] <= number else None
            found += _version(archive, before, entry)
            before = entry
        return found

    def _of(self, series: int) -> list[tuple[int, Archive]]:
        """(number, archive) of those that are indexed and still listed, oldest first."""
        if series not in self._archives:
            query = (
                f"SELECT {COLUMNS} FROM archives WHERE series = ? AND number IS NOT NULL AND gone IS NULL"  # noqa: S608
                " ORDER BY start, key"
            )
            self._archives[series] = [(row[-1], archive_of(row)) for row in self.db.execute(query, (series,))]
        return self._archives[series]

    def _chosen(self) -> tuple[str, tuple[str, ...]]:
        return (f"s.host IN ({', '.join('?' * len(self._hosts))})" if self._hosts else "1"), self._hosts


class CatalogSearch:
    """Part of `Catalog`."""

    _store: Store

    def search(self, text: str, *, hosts: Sequence[str] = (), limit: int = 100) -> tuple[Hit, ...]:
        """Paths of indexed archives that match (see Pattern; upper and lower case are the same), the closest first.

        Args:
            hosts: only these; () is every host.

        Raises:
            BadInput: nothing to search for.
            Stop: the file cannot be read.
        """
        pattern, most = Pattern(text), max(1, min(limit, MAX_HITS))
        return self._store.read(lambda db: tuple(_search(db, pattern, hosts, most)))

    def history(self, host: str, path: str) -> tuple[Version, ...]:
        """How a path looked in every indexed archive of `host`, newest first; each with what changed against the archive
        of the same series before it. "gone" comes once, with the entry that it had.

        Raises:
            Stop: the file cannot be read.
        """
        return self._store.read(lambda db: _history(db, host, path.strip("/")))[:MAX_VERSIONS]


def _history(db: sqlite3.Connection, host: str, path: str) -> tuple[Version, ...]:
    found = find(db, path) if path else None
    if found is None:
        return ()
    reading = _Reading(db, (host,))
    versions = [each for series, _ in reading.holding(found) for each in reading.versions(series, found, path)]
    return tuple(sorted(versions, key=lambda version: version.archive.start, reverse=True))


def _version(archive: Archive, before: BrowseEntry | None, entry: BrowseEntry | None) -> list[Version]:
    if entry is None:
        return [] if before is None else [Version(archive=archive, entry=before, change="gone")]
    if before is None:
        return [Version(archive=archive, entry=entry, change="new")]
    return [Version(archive=archive, entry=entry, change="same" if before == entry else "changed")]


def _search(db: sqlite3.Connection, pattern: Pattern, hosts: Sequence[str], limit: int) -> Iterable[Hit]:
    reading, found = _Reading(db, hosts), 0
    most = max(limit, _SEEKS // max(1, reading.count))
    for path, text in itertools.islice(_candidates(db, pattern), most):
        for hit in _hits(reading, path, text):
            yield hit
            found += 1
            if found >= limit:
                return


def _hits(reading: _Reading, path: int, text: str) -> Iterable[Hit]:
    by_host: dict[str, list[Version]] = defaultdict(list)
    for series, host in reading.holding(path):
        by_host[host] += [each for each in reading.versions(series, path, text) if each.change != "gone"]
    for host, there in by_host.items():
        if there:
            newest = max(there, key=lambda version: version.archive.start)
            yield Hit(path=text, host=host, archives=len(there), newest=newest)


def _candidates(db: sqlite3.Connection, pattern: Pattern) -> Iterable[tuple[int, str]]:
    query = f"SELECT id FROM paths p0 WHERE {pattern.where} ORDER BY length(name), id LIMIT ?"  # noqa: S608 - fixed texts
    for (found,) in db.execute(query, (*pattern.values, _CANDIDATES)).fetchall():
        path = path_of(db, found)
        if pattern.fits(path.split("/")):
            yield found, path


def _glob(part: str, *, begin: bool, end: bool) -> re.Pattern[str]:
    """The pattern of one name. No star is tried twice, so that no pattern is slow, whatever the names are."""
    first, *rest = f"{'' if begin else '*'}{part}{'' if end else '*'}".split("*")
    body = _literal(first)
    if rest:
        body += "".join(f"(?>.*?{_literal(each)})" for each in rest[:-1]) + f".*{_literal(rest[-1])}"
    return re.compile(body, re.IGNORECASE | re.DOTALL)


def _literal(text: str) -> str:
    return "".join("." if letter == "?" else re.escape(letter) for letter in text)


def _where(chosen: Sequence[tuple[str, str]]) -> tuple[str, tuple[str, ...]]:
    """The condition on `paths p0` that its name, its parent's name and so on are so."""
    where = ""
    for depth in reversed(range(len(chosen))):
        above = f" AND EXISTS (SELECT 1 FROM paths p{depth + 1} WHERE p{depth + 1}.id = p{depth}.parent AND {where})"  # noqa: S608
        where = f"p{depth}.name {chosen[depth][1]}{above if where else ''}"
    return where, tuple(value for value, _ in chosen)


def _for_sql(part: str, *, begin: bool, end: bool) -> tuple[str, str]:
    """(value, operator) with which sqlite chooses names: LIKE knows the cases of ASCII only, GLOB is told both."""
    before, after = "" if begin else "*", "" if end else "*"
    if part.isascii():
        escaped = re.sub(r"([%_!])", r"!\1", part).replace("*", "%").replace("?", "_")
        return f"{before}{escaped}{after}".replace("*", "%"), "LIKE ? ESCAPE '!'"
    return f"{before}{''.join(map(_both_cases, part))}{after}", "GLOB ?"


def _both_cases(letter: str) -> str:
    if letter == "[":
        return "[[]"
    if not letter.isalpha():
        return letter
    forms = {form for form in (letter, letter.lower(), letter.upper()) if len(form) == 1}
    return f"[{''.join(sorted(forms))}]"
