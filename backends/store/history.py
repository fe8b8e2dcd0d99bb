"""Stored history: one-minute and one-hour roll-ups of every series, bounded by age and by size."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple

from backends.store.blob import EMPTY, Band, fold, means, pack, unpack
from backends.store.writer import Writer

MINUTE, HOUR = 60, 3600
Level = int
"""MINUTE or HOUR: the length of one roll-up in seconds."""
_SHRINK_TO = 0.9
"""A database over its bound is cut to this share of it, so that not every minute needs a cut."""
_VACUUM_PAGES = 2000


class HostRollUp(NamedTuple):
    """One host over one period."""

    host: str
    names: tuple[str, ...]
    bands: Sequence[Band]


class Point(NamedTuple):
    """One stored period of the asked series."""

    time: int
    bands: dict[str, Band]


class History:
    """Adds, finds, folds and prunes roll-ups through the writer."""

    def __init__(self, writer: Writer):
        self._writer = writer

    def add(self, time: int, items: Sequence[HostRollUp]) -> None:
        """Keep one minute of these hosts; packing happens on the writer's thread."""
        if items:
            self._writer.submit(lambda db: _insert(db, MINUTE, time, items), weight=len(items))

    def read(self, host: str, names: Sequence[str], start: float, end: float, level: Level) -> list[Point]:
        """Stored periods of `host` that begin in start…end, oldest first. Raises RetryLater."""
        wanted = frozenset(names)
        return self._writer.read(lambda db: _select(db, host, wanted, int(start), int(end), level))

    def means(
        self, host: str, wanted: Callable[[str], bool], start: float, end: float, level: Level
    ) -> list[tuple[int, dict[str, float]]]:
        """The means of every series that is `wanted` by its name, for reading much of it: (time, name → mean), oldest first.

        A period counts when it begins in start…end. What was not measured is left out. Raises RetryLater.
        """
        return self._writer.read(lambda db: _select_means(db, host, wanted, int(start), int(end), level))

    def names(self, host: str) -> tuple[str, ...]:
        """Series of the newest roll-up of `host`. Raises RetryLater."""
        return self._writer.read(lambda db: _newest_names(db, host))

    def catch_up(self, before: int) -> None:
        """Fold every hour before epoch second `before` that has minutes and comes after the newest folded hour."""
        self._writer.submit(lambda db: _catch_up(db, before))

    def prune(self, now: float, *, minutes_days: float, hours_days: float, max_bytes: int) -> None:
        """Throw away what is older than allowed and, when the file is still too large, the oldest minutes."""
        limits = ((MINUTE, int(now - minutes_days * 86_400)), (HOUR, int(now - hours_days * 86_400)))
        self._writer.submit(lambda db: _prune(db, limits, max_bytes))


def _insert(db: sqlite3.Connection, level: Level, time: int, items: Sequence[HostRollUp]) -> None:
    layouts: dict[tuple[str, ...], int] = {}
    rows = []
    for item in items:
        layout = layouts.get(item.names)
        if layout is None:
            layout = layouts[item.names] = _number(db, "layouts", "names", json.dumps(item.names))
        rows.append((level, time, _number(db, "hosts", "name", item.host), layout, pack(item.bands)))
    db.executemany("INSERT OR REPLACE INTO rollups (level, time, host, layout, data) VALUES (?,?,?,?,?)", rows)


def _number(db: sqlite3.Connection, table: str, column: str, value: str) -> int:
    found = db.execute(f"SELECT id FROM {table} WHERE {column} = ?", (value,)).fetchone()  # noqa: S608 - fixed names
    if found is not None:
        return int(found[0])
    cursor = db.execute(f"INSERT INTO {table} ({column}) VALUES (?)", (value,))  # noqa: S608 - fixed names
    return int(cursor.lastrowid or 0)


def _select(
    db: sqlite3.Connection, host: str, wanted: frozenset[str], start: int, end: int, level: Level
) -> list[Point]:
    query = (
        "SELECT r.time, l.names, r.data FROM rollups r JOIN hosts h ON h.id = r.host JOIN layouts l ON l.id = r.layout"
        " WHERE h.name = ? AND r.level = ? AND r.time BETWEEN ? AND ? ORDER BY r.time"
    )
    layouts: dict[str, list[str]] = {}
    points: list[Point] = []
    for time, text, blob in db.execute(query, (host, level, start, end)):
        if text not in layouts:
            layouts[text] = json.loads(text)
        bands = zip(layouts[text], unpack(blob, len(layouts[text])), strict=True)
        points.append(Point(time, {name: band for name, band in bands if name in wanted}))
    return points


def _select_means(
    db: sqlite3.Connection, host: str, wanted: Callable[[str], bool], start: int, end: int, level: Level
) -> list[tuple[int, dict[str, float]]]:
    query = (
        "SELECT time, layout, data FROM rollups"
        " WHERE level = ? AND host = (SELECT id FROM hosts WHERE name = ?) AND time BETWEEN ? AND ? ORDER BY time"
    )
    layouts: dict[int, tuple[int, list[tuple[int, str]]]] = {}
    found: list[tuple[int, dict[str, float]]] = []
    for time, layout, blob in db.execute(query, (level, host, start, end)):
        if layout not in layouts:
            layouts[layout] = _places(db, layout, wanted)
        count, places = layouts[layout]
        values = means(blob, count)
        found.append((time, {name: value for place, name in places if (value := values[place]) == value}))
    return found


def _places(db: sqlite3.Connection, layout: int, wanted: Callable[[str], bool]) -> tuple[int, list[tuple[int, str]]]:
    """How many series a layout has, and where the wanted ones stand in it."""
    text = db.execute("SELECT names FROM layouts WHERE id = ?", (layout,)).fetchone()
    names = json.loads(text[0]) if text is not None else []
    return len(names), [(place, name) for place, name in enumerate(names) if wanted(name)]


def _newest_names(db: sqlite3.Connection, host: str) -> tuple[str, ...]:
    query = (
        "SELECT l.names FROM rollups r JOIN hosts h ON h.id = r.host JOIN layouts l ON l.id = r.layout"
        " WHERE h.name = ? AND r.level = ? ORDER BY r.time DESC LIMIT 1"
    )
    found = db.execute(query, (host, MINUTE)).fetchone()
    return tuple(json.loads(found[0])) if found is not None else ()


def _catch_up(db: sqlite3.Connection, before: int) -> None:
    hosts = db.execute("SELECT name FROM hosts").fetchall()
    for hour in _unfolded(db, before):
        items = [item for (host,) in hosts if (item := _folded(db, host, hour)) is not None]
        _insert(db, HOUR, hour, items)


def _unfolded(db: sqlite3.Connection, before: int) -> list[int]:
    newest = db.execute("SELECT max(time) FROM rollups WHERE level = ?", (HOUR,)).fetchone()[0]
    begin = newest + HOUR if newest is not None else 0
    query = "SELECT DISTINCT time / ? FROM rollups WHERE level = ? AND time >= ? AND time < ? ORDER BY 1"
    return [int(hour) * HOUR for (hour,) in db.execute(query, (HOUR, MINUTE, begin, before))]


def _folded(db: sqlite3.Connection, host: str, hour: int) -> HostRollUp | None:
    query = (
        "SELECT l.names, r.data FROM rollups r JOIN hosts h ON h.id = r.host JOIN layouts l ON l.id = r.layout"
        " WHERE h.name = ? AND r.level = ? AND r.time BETWEEN ? AND ?"
    )
    series: dict[str, list[Band]] = {}
    for text, blob in db.execute(query, (host, MINUTE, hour, hour + HOUR - 1)):
        names = json.loads(text)
        for name, band in zip(names, unpack(blob, len(names)), strict=True):
            series.setdefault(name, []).append(band)
    if not series:
        return None
    return HostRollUp(host, tuple(series), [fold(bands) for bands in series.values()])


def _prune(db: sqlite3.Connection, limits: Sequence[tuple[Level, int]], max_bytes: int) -> None:
    for level, oldest in limits:
        db.execute("DELETE FROM rollups WHERE level = ? AND time < ?", (level, oldest))
    if _used_bytes(db) > max_bytes:
        _cut(db, int(max_bytes * _SHRINK_TO))
    db.execute("DELETE FROM layouts WHERE id NOT IN (SELECT DISTINCT layout FROM rollups)")
    db.execute("DELETE FROM hosts WHERE id NOT IN (SELECT DISTINCT host FROM rollups)")
    db.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()


def _cut(db: sqlite3.Connection, target: int) -> None:
    """Delete the oldest tenth, minutes before hours, until the live pages fit."""
    for level in (MINUTE, HOUR):
        for _ in range(60):
            low, high = db.execute("SELECT min(time), max(time) FROM rollups WHERE level = ?", (level,)).fetchone()
            if low is None or _used_bytes(db) <= target:
                break
            db.execute("DELETE FROM rollups WHERE level = ? AND time <= ?", (level, low + (high - low) // 10))


def _used_bytes(db: sqlite3.Connection) -> int:
    pages, free, size = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in _SIZES)
    return (pages - free) * size


_SIZES = ("page_count", "freelist_count", "page_size")

__all__ = ["EMPTY", "HOUR", "MINUTE", "Band", "History", "HostRollUp", "Point"]
