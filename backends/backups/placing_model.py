"""What a host's placing program is told and says, as plain data (see `backends.backups.placing`)."""

from __future__ import annotations

from backends.metrics.sample import Record

Pair = tuple[str, str]


class Scratch(Record, frozen=True, kw_only=True):
    """Where a restore extracts to. Paths are real names of that host (not escaped: they go back to it, and to Borg)."""

    tree: str
    """What Borg or tar extracts into; 0700, on the filesystem of the destination."""
    ground: str
    """The real path of the destination; "/" for the original place."""
    state: str
    """The directory of the record, where stored programs are."""
    python: str
    free_bytes: int
    cleaned: tuple[str, ...] = ()
    """Runs whose left-over scratch directory was removed."""
    left: tuple[str, ...] = ()
    """Runs that were killed while they placed files: somebody must finish or undo them."""


class Counts(Record, frozen=True, kw_only=True):
    """What a placement did. Files are everything but directories."""

    placed: int = 0
    bytes: int = 0
    same: int = 0
    """Were there already, with the same bytes, owner, mode and time."""
    kept: int = 0
    """Not placed, since something else is there."""
    renamed: int = 0
    replaced: int = 0
    merged: int = 0
    """Directories that were there."""
    made: int = 0
    """Directories above that were not there."""
    failed: int = 0


class Placed(Record, frozen=True, kw_only=True):
    """The result of a placement. Paths are escaped."""

    counts: Counts
    examples: tuple[Pair, ...] = ()
    """(path, name of its copy or of the restored one), the first 50."""
    errors: tuple[Pair, ...] = ()
    """(path, why not), the first 50."""
    stopped: bool = False


class Undone(Record, frozen=True, kw_only=True):
    """What taking a restore back did."""

    removed: int = 0
    restored: int = 0
    stayed: int = 0
    """Were changed by somebody since the restore: they were left, or kept under another name."""
    failed: int = 0
    told: tuple[Pair, ...] = ()
    reloaded: tuple[str, ...] = ()
    by: str = ""


class Check(Record, frozen=True, kw_only=True):
    """A program that judges one restored file before it goes into place."""

    file: str
    """Relative to the scratch tree (real name)."""
    argv: tuple[str, ...]
    """"{file}" stands for it; "{root}" for a directory with the live files of `overlay` and the restored ones over them."""
    unproven: tuple[str, ...] = ()
    """Words of the program that mean that it could not judge at all."""
    overlay: str = ""


class Verdict(Record, frozen=True, kw_only=True):
    """What such a program said."""

    verdict: str
    """ "good", "bad", "absent" (no such program), "unproven" (it could not judge)."""
    said: str = ""


class Reloaded(Record, frozen=True, kw_only=True):
    """What a command that makes a service read its files said."""

    command: str
    status: int | None
    said: str = ""


class HostState(Record, frozen=True, kw_only=True):
    """Where a restore stands on its host."""

    run: str
    who: str = ""
    title: str = ""
    boot: str = ""
    unfinished: bool = False
    armed: float | None = None
    """Seconds until it is put back by itself; None: nothing is armed."""
    confirmed: bool = False
    undone: bool = False
    scratch: bool = False
