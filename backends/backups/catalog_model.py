"""What the catalog tells beside archives: changes of a listing, removals, sizes, figures. Times are epoch seconds (UTC)."""

from __future__ import annotations

from backends.backups.model import Archive
from backends.metrics.sample import Record


class Sync(Record, frozen=True, kw_only=True):
    """What a fresh listing of a repository changed."""

    added: tuple[Archive, ...] = ()
    """Not known before, or back again."""
    gone: tuple[Archive, ...] = ()
    """Known before and listed no more."""


class Removal(Record, frozen=True, kw_only=True):
    """That we removed an archive."""

    archive_id: str
    by: str
    """ "prune job 17, root"."""
    time: float


class Gone(Record, frozen=True, kw_only=True):
    """An archive that is listed no more and can still be brought back."""

    archive: Archive
    by: str
    """Who removed it; "" when nobody here did."""
    time: float
    """When it was removed, or first missed."""


class SizePoint(Record, frozen=True, kw_only=True):
    """How large a repository was."""

    time: float
    stored_bytes: int | None = None
    """What it takes on its disk."""
    original_bytes: int | None = None
    free_bytes: int | None = None
    """Left on its filesystem."""


class Figures(Record, frozen=True, kw_only=True):
    """One backup in numbers; what the learned bands and the estimates are made from. None: not known."""

    time: float
    archive: str = ""
    """Borg's id."""
    seconds: float | None = None
    """How long it took."""
    files: int | None = None
    original_bytes: int | None = None
    compressed_bytes: int | None = None
    deduplicated_bytes: int | None = None
    """New bytes."""
    added: int | None = None
    """Files …"""
    modified: int | None = None
    removed: int | None = None
    ratio: float | None = None
    """original / compressed, 1.0 for what cannot be compressed."""


class Indexed(Record, frozen=True, kw_only=True):
    """What indexing an archive came to."""

    complete: bool
    """False: it was stopped; nothing of it is seen."""
    entries: int = 0
    """Files, links and directories, with those directories that Borg did not list."""
    written: int = 0
    """Of these, not the same as in the archive of the series that was indexed before."""
    left_out: int = 0
    """Paths that are longer or deeper than any real one."""
    seconds: float = 0.0
