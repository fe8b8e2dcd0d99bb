"""The folder of records of what is done to hosts: one file a record, replaced whole at every edge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from backends import decoding, paths
from backends.errors import BadInput, Stop
from backends.metrics.sample import Record

FORMAT = 1


class Chore(Record, frozen=True, kw_only=True):
    """What every record of such a thing holds."""

    format: int = FORMAT
    id: str
    batch: str
    """The same for all hosts that were asked for together."""
    host: str
    who: str
    created: float
    """Epoch seconds."""
    stage: str = "queued"
    """Where it stands; "failed" when it could not be brought to an end that is known. Each kind has its own others."""
    ended: float | None = None
    good: bool | None = None
    """How it ended; None: it goes on."""
    text: str = ""
    """Why it is refused or failed, what it waits for, what came of it."""


C = TypeVar("C", bound=Chore)


class Book(Generic[C]):
    """The folder of records. Calls may come from any thread; each record is written by its own."""

    def __init__(self, folder: Path, kind: type[C]):
        self._folder, self._kind = paths.private_dir(folder), kind

    def keep(self, chore: C) -> None:
        """Write `chore` durably. Raises Stop: what is not written down must not be begun."""
        file = self._file(chore.id)
        try:
            paths.write_atomic(file, msgspec.json.encode(chore))
        except OSError as error:
            raise Stop(
                f"it cannot be written down: {error.strerror}",
                host=chore.host,
                action=f"write {file}",
                hint="free some space there; nothing is begun that is not written down",
            ) from error

    def all(self) -> tuple[C, ...]:
        """Every record, the oldest first; a file that is not understood is passed over (see `damaged`)."""
        found = [chore for file in self._files() if (chore := self._read(file)) is not None]
        return tuple(sorted(found, key=lambda chore: chore.created))

    def damaged(self) -> tuple[str, ...]:
        """Names of files that are no records."""
        return tuple(file.name for file in self._files() if self._read(file) is None)

    def forget(self, chore_id: str) -> None:
        """Remove a record."""
        self._file(chore_id).unlink(missing_ok=True)

    def _files(self) -> Sequence[Path]:
        return sorted(self._folder.glob("*.json"))

    def _file(self, chore_id: str) -> Path:
        if not chore_id or not all(letter.isalnum() or letter in "-_" for letter in chore_id):
            raise BadInput(f"not an id: {chore_id[:80]!r}")
        return self._folder / f"{chore_id}.json"

    def _read(self, file: Path) -> C | None:
        try:
            chore = decoding.json(file.read_bytes(), type=self._kind)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return chore if chore.format == FORMAT and file.stem == chore.id else None
