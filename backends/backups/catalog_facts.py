"""The catalog's small facts: proofs, checks, escrow, sizes, figures, notes and hashes of files."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from typing import TypeVar

import msgspec

from backends import decoding
from backends.backups.catalog_archives import key_of
from backends.backups.catalog_model import Figures, SizePoint
from backends.backups.catalog_store import Store
from backends.backups.model import Archive, Check, Escrow, Proof
from backends.errors import BadInput, Stop

KEEP = {"proof": 100, "check": 200, "escrow": 20, "size": 2000, "figures": 400}
"""How many records of a kind stay: of each set of a repository, or of each level of check."""
MAX_NOTE = 20_000
_DAY = 86_400.0
T = TypeVar("T")


class CatalogFacts:
    """Part of `Catalog`. Every method raises Stop when the disk refuses."""

    _store: Store

    def add_proof(self, proof: Proof) -> None:
        """Keep the result of a drill."""
        self._keep("proof", proof.repository, proof.set, proof.time, proof)

    def proof(self, repository: str, set: str) -> Proof | None:
        """The newest result for a set, good or bad."""
        return next(iter(self._records(Proof, "proof", repository, set, limit=1)), None)

    def proofs(self, repository: str) -> tuple[Proof, ...]:
        """Every kept result of a repository, newest first."""
        return self._records(Proof, "proof", repository)

    def add_check(self, check: Check) -> None:
        """Keep the result of a check."""
        self._keep("check", check.repository, check.level, check.time, check)

    def last_check(self, repository: str, levels: Collection[str] = ()) -> Check | None:
        """The newest check, or the newest of these levels."""
        found = (self._records(Check, "check", repository, level, limit=1) for level in levels or ("",))
        return max((each[0] for each in found if each), key=lambda check: check.time, default=None)

    def set_escrow(self, escrow: Escrow) -> None:
        """Keep that somebody has the key elsewhere."""
        self._keep("escrow", escrow.repository, "", escrow.time, escrow)

    def escrow(self, repository: str) -> Escrow | None:
        """The newest record of escrow."""
        return next(iter(self._records(Escrow, "escrow", repository, limit=1)), None)

    def add_size(
        self,
        repository: str,
        time: float,
        stored_bytes: int | None,
        original_bytes: int | None = None,
        free_bytes: int | None = None,
    ) -> None:
        """Keep how large a repository is."""
        point = SizePoint(time=time, stored_bytes=stored_bytes, original_bytes=original_bytes, free_bytes=free_bytes)
        self._keep("size", repository, "", time, point)

    def sizes(self, repository: str, days: float = 90) -> tuple[SizePoint, ...]:
        """How large it was over the last days, oldest first."""
        since = self._store.clock.now() - days * _DAY
        return self._records(SizePoint, "size", repository, since=since)[::-1]

    def observe(self, repository: str, set: str, figures: Figures) -> None:
        """Keep the figures of one backup."""
        self._keep("figures", repository, set, figures.time, figures)

    def figures(self, repository: str, set: str, limit: int = 60) -> tuple[Figures, ...]:
        """The figures of the newest backups, newest first."""
        return self._records(Figures, "figures", repository, set, limit=limit)

    def set_note(self, repository: str, key: str, value: str) -> None:
        """Keep a small fact of a repository; "" takes it away. Raises BadInput: it is not small."""
        if len(value) > MAX_NOTE:
            raise BadInput(f"the note {key!r} is longer than {MAX_NOTE} characters")
        query = "INSERT OR REPLACE INTO notes (repository, name, value) VALUES (?, ?, ?)"
        if value:
            self._store.write(lambda db: db.execute(query, (repository, key, value)))
        else:
            query = "DELETE FROM notes WHERE repository = ? AND name = ?"
            self._store.write(lambda db: db.execute(query, (repository, key)))

    def note(self, repository: str, key: str) -> str:
        """A small fact of a repository; "" when there is none."""
        query = "SELECT value FROM notes WHERE repository = ? AND name = ?"
        row = self._store.read(lambda db: db.execute(query, (repository, key)).fetchone())
        return "" if row is None else str(row[0])

    def record_hashes(self, archive: Archive, hashes: Mapping[str, tuple[int, float | None, str]]) -> None:
        """Keep (size, mtime, sha256) of files as they were backed up: escaped path → these. Raises BadInput."""
        rows = [(path, *found) for path, found in hashes.items()]
        self._store.write(lambda db: _put_hashes(db, archive, rows))

    def hashes(self, archive: Archive) -> dict[str, tuple[int, float | None, str]]:
        """What `record_hashes` kept for this archive."""
        query = (
            "SELECT path, size, mtime, sha256 FROM hashes"
            " WHERE archive = (SELECT key FROM archives WHERE repository = ? AND id = ?)"
        )
        rows = self._store.read(lambda db: db.execute(query, (archive.repository, archive.id)).fetchall())
        return {path: (size, mtime, sha256) for path, size, mtime, sha256 in rows}

    def _keep(self, kind: str, repository: str, name: str, time: float, record: object) -> None:
        data = msgspec.json.encode(record)
        self._store.write(lambda db: _insert(db, (kind, repository, name), time, data))

    def _records(
        self, shape: type[T], kind: str, repository: str, name: str = "", *, since: float = 0.0, limit: int = 10_000
    ) -> tuple[T, ...]:
        named = " AND name = ?" if name else ""
        query = (
            f"SELECT data FROM records WHERE kind = ? AND repository = ?{named} AND time >= ?"  # noqa: S608 - fixed texts
            " ORDER BY time DESC, id DESC LIMIT ?"
        )
        values = (kind, repository, *((name,) if name else ()), since, limit)
        rows = self._store.read(lambda db: db.execute(query, values).fetchall())
        try:
            return tuple(decoding.json(data, type=shape) for (data,) in rows)
        except msgspec.MsgspecError as error:
            raise Stop(
                f"the catalog holds a {kind} that cannot be read: {error}",
                action=f"read {self._store.file}",
                hint="move the file away: what is known of archives is read again from the repositories",
            ) from error


def _insert(db: sqlite3.Connection, owner: tuple[str, str, str], time: float, data: bytes) -> None:
    db.execute("INSERT INTO records (kind, repository, name, time, data) VALUES (?, ?, ?, ?, ?)", (*owner, time, data))
    db.execute(
        "DELETE FROM records WHERE id IN (SELECT id FROM records WHERE kind = ? AND repository = ? AND name = ?"
        " ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?)",
        (*owner, KEEP[owner[0]]),
    )


def _put_hashes(db: sqlite3.Connection, archive: Archive, rows: list[tuple[str, int, float | None, str]]) -> None:
    key = key_of(db, archive)[0]
    query = "INSERT OR REPLACE INTO hashes (archive, path, size, mtime, sha256) VALUES (?, ?, ?, ?, ?)"
    db.executemany(query, [(key, *row) for row in rows])
