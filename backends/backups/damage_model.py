"""What is known about the damage of a repository, as plain frozen data. Paths are escaped."""

from __future__ import annotations

from backends.metrics.sample import Record


class Copy(Record, frozen=True, kw_only=True):
    """An intact copy of a file, read whole and hashed just now."""

    repository: str = ""
    """Key; "" for the live file."""
    archive: str = ""
    sha256: str

    @property
    def text(self) -> str:
        return f"{self.repository}::{self.archive}" if self.repository else "the live file"


class Damaged(Record, frozen=True, kw_only=True):
    """A file of an archive that cannot be brought back whole."""

    archive: str
    set: str
    path: str
    """Escaped."""
    size: int | None = None
    mtime: float | None = None
    zeros: bool = False
    """A repair put zeros in the place of what is lost."""
    copies: tuple[Copy, ...] = ()
    """The best one first: of another repository, then the live file."""


class Damage(Record, frozen=True, kw_only=True):
    """What is known about the damage of a repository."""

    repository: str
    time: float
    files: tuple[Damaged, ...] = ()
    unreadable: tuple[str, ...] = ()
    """Archives whose own file list is broken."""
    archives: int = 0
    """Looked at, newest first …"""
    of_archives: int = 0
    """… of so many."""
    read: int = 0
    """Files that were read and are good."""
    complete: bool = False
    """Nothing was left out."""
    text: str = ""
    """How far it looked, in one sentence."""
