"""A repository is append-only and keeps a reserve free, except while we free room: written down first, and always put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from backends import decoding
from backends.backups.borg.dialect import Dialect
from backends.backups.catalog import Catalog
from backends.backups.model import Repository
from backends.backups.onsite import Look, Onsite
from backends.backups.space import SLACK_BYTES, room
from backends.errors import SwarmError
from backends.metrics.sample import Record

_NOTE = "loosened"


class _Loosened(Record, frozen=True, kw_only=True):
    append_only: bool = False
    """It was switched off."""
    reserve: int | None = None
    """What to put back, bytes; None: it was not touched."""


class Guard:
    """Loosens and tightens. Methods raise as `Onsite`, and Stop when the disk of the catalog refuses."""

    def __init__(self, onsite: Onsite, catalog: Catalog):
        self._onsite, self._catalog = onsite, catalog

    @contextmanager
    def loosened(
        self, repository: Repository, dialect: Dialect, look: Look, *, compacting: bool
    ) -> Iterator[list[str]]:
        """While this is entered, the reserve may be used where the disk is full (Borg needs room even to remove something),
        and a compaction may free what was removed. Gives a list that holds at the end what could not be put back yet.
        """
        now, warnings = room(look), list[str]()
        tight = now.reserve > 0 and now.free < SLACK_BYTES + look.other_bytes
        note = _Loosened(append_only=compacting, reserve=now.reserve if tight else None)
        if not compacting and not tight:
            yield warnings
            return
        self._catalog.set_note(repository.key, _NOTE, msgspec.json.encode(note).decode())
        try:
            if note.reserve is not None:
                self._onsite.configure(repository, dialect, "additional_free_space", "0")
            if note.append_only:
                self._onsite.configure(repository, dialect, "append_only", "0")
            yield warnings
        finally:
            try:
                self.tighten(repository, dialect)
            except SwarmError as error:
                warnings.append(f"append-only and the reserve are put back at the next look only: {error.message}")

    def tighten(self, repository: Repository, dialect: Dialect) -> bool:
        """Put back what is loosened, if anything is; called at every look too, for an engine may end in the middle."""
        text = self._catalog.note(repository.key, _NOTE)
        if not text:
            return False
        note = decoding.json(text, type=_Loosened)
        if note.append_only:
            self._onsite.configure(repository, dialect, "append_only", "1")
        if note.reserve is not None:
            self._onsite.configure(repository, dialect, "additional_free_space", str(note.reserve))
        self._catalog.set_note(repository.key, _NOTE, "")
        return True
