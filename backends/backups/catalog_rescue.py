"""What can still be read of a damaged catalog goes into the new one: archives and small facts, row by row.

The file lists are most of the file and are read again from the repositories. Who removed what, escrow, proofs and notes are
nowhere else; and without the archives that were known, nobody would notice that one is missing.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from backends import decoding
from backends.backups.catalog_model import Figures, SizePoint
from backends.backups.model import Check, Escrow, Proof
from backends.store.database import connect

SHAPES: Mapping[str, type] = {
    "proof": Proof,
    "check": Check,
    "escrow": Escrow,
    "size": SizePoint,
    "figures": Figures,
}
"""Kind of a record → what its data are."""
_TABLES = ("archives", "removals", "records", "notes", "pins", "hashes")
_AS_NEW = frozenset({"number"})
"""Columns that speak of the index, which is empty."""
_SERIES = (
    "INSERT INTO series (repository, name, host) SELECT repository, set_name, min(host) FROM archives GROUP BY 1, 2",
    "UPDATE archives SET series ="
    " (SELECT s.id FROM series s WHERE s.repository = archives.repository AND s.name = archives.set_name)",
)


def rescue(into: sqlite3.Connection, damaged: Path) -> int:
    """Copy what can be read; how many rows. Never fails for what is damaged.

    Raises:
        sqlite3.Error: `into` cannot be written.
    """
    try:
        old = connect(damaged, read_only=True)
    except sqlite3.Error:
        return 0  # it was moved aside and is told; there is nothing to be had from it
    with contextlib.closing(old):
        found = sum(_table(into, old, table) for table in _TABLES)
    for statement in _SERIES:
        into.execute(statement)
    return found


def _table(into: sqlite3.Connection, old: sqlite3.Connection, table: str) -> int:
    wanted = _columns(into, table) - _AS_NEW
    columns = sorted(wanted & _readable_columns(old, table))
    if not columns:
        return 0
    named = ", ".join(f'"{column}"' for column in columns)
    query = f"INSERT OR IGNORE INTO {table} ({named}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - own names
    into.execute("BEGIN IMMEDIATE")
    found = 0
    for row in _rows(old, f"SELECT {named} FROM {table}"):  # noqa: S608 - own names
        if table != "records" or _sound(dict(zip(columns, row, strict=True))):
            found += into.execute(query, row).rowcount
    into.execute("COMMIT")
    return found


def _rows(old: sqlite3.Connection, query: str) -> Iterator[tuple[object, ...]]:
    """Rows up to the first that cannot be read."""
    with contextlib.suppress(sqlite3.Error):
        yield from old.execute(query)


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


def _readable_columns(old: sqlite3.Connection, table: str) -> set[str]:
    try:
        return _columns(old, table)
    except sqlite3.Error:
        return set()


def _sound(row: Mapping[str, object]) -> bool:
    """Whether a record can be decoded: one that cannot would be met again with every question."""
    shape, data = SHAPES.get(str(row.get("kind"))), row.get("data")
    if shape is None or not isinstance(data, bytes):
        return False
    try:
        decoding.json(data, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return True
