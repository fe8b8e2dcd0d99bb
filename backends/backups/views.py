"""What the API tells about backups: plain frozen data that the console, subcommands and tests share."""

from __future__ import annotations

from typing import Literal

from backends.backups.model import Archive, BrowseEntry, Cause, Check, Concern, Escrow, Job, Proof, Transport, Version
from backends.metrics.sample import Record

Conflict = Literal["keep", "rename", "replace"]
"""What becomes of a file that is there: it stays, the restored one gets another name, or it is replaced and a copy of it
kept beside it (NAME.swarm-TIME)."""


class LockReport(Record, frozen=True, kw_only=True):
    """Who holds a repository, and whether that can still be true."""

    repository: str
    holder: str = ""
    """ "host@mac.PID-thread" as Borg writes it; "" when nobody does."""
    host: str = ""
    pid: int | None = None
    since: float | None = None
    dead: bool | None = None
    """True: proven that no such Borg runs there any more; None: it cannot be proven."""
    evidence: tuple[str, ...] = ()
    token: str = ""
    """Names exactly this evidence; breaking the lock repeats it."""


class RepositoryStatus(Record, frozen=True, kw_only=True):
    """One repository now, from what is known without asking it."""

    key: str
    name: str
    host: str
    location: str
    secrets: bool = False
    made: bool | None = None
    """Whether it exists; None: never seen yet."""
    encryption: str = ""
    archives: int = 0
    stored_bytes: int | None = None
    """What it takes on its disk."""
    original_bytes: int | None = None
    growth_bytes_per_day: float | None = None
    free_bytes: int | None = None
    """Left on its filesystem, without the reserve."""
    full_in_days: float | None = None
    escrow: Escrow | None = None
    """None: nobody is known to keep its key elsewhere."""
    key_changed: bool = False
    """The key is another one than the one in escrow."""
    check: Check | None = None
    """The last one of any level."""
    verified: Check | None = None
    """The last one of every byte."""
    pruned: int = 0
    """Archives that are pruned but can still be brought back (`backup undo`)."""
    compact_at: float | None = None
    """When the hold ends after which a compaction makes the prune final."""
    frozen: str = ""
    """Why nothing is pruned; "" when it may be."""
    problem: Cause | None = None


class SetStatus(Record, frozen=True, kw_only=True):
    """One set of one host in one repository."""

    set: str
    kind: Literal["config", "secrets", "data"]
    host: str
    repository: str
    """Key of the repository."""
    transport: Transport
    trust: str = ""
    """What a stolen host could do."""
    last: Archive | None = None
    """The newest complete archive."""
    archives: int = 0
    due: float | None = None
    """When the next one is to be made; None: only when somebody asks."""
    overdue: bool = False
    stored_bytes: int | None = None
    """Deduplicated bytes that its archives brought."""
    growth_bytes_per_day: float | None = None
    proof: Proof | None = None
    proof_stale: bool = True
    job: str = ""
    """Id of the job that works on it now."""
    problem: Cause | None = None
    """Why the last try failed."""


class BackupView(Record, frozen=True, kw_only=True):
    """Everything about backups at a glance."""

    version: int
    sets: tuple[SetStatus, ...] | None = None
    """None: nothing changed since the version that was asked for."""
    repositories: tuple[RepositoryStatus, ...] = ()
    jobs: tuple[Job, ...] = ()
    """In flight, and the newest ended ones; newest first."""
    concerns: tuple[Concern, ...] = ()
    borg: str = ""
    """Version of Borg beside the engine, with what is known against it; "" when there is none."""
    nothing: str = ""
    """Why this engine backs nothing up (a demo, a replay, no place for its state); "" when it does."""


class Listing(Record, frozen=True, kw_only=True):
    """A page of a directory of an archive."""

    archive: Archive
    path: str
    """Escaped; "" is the top."""
    entries: tuple[BrowseEntry, ...]
    """Directories first, then by name."""
    total: int
    offset: int = 0


class Hit(Record, frozen=True, kw_only=True):
    """A path that a search found."""

    path: str
    host: str
    archives: int
    """In how many archives it is."""
    newest: Version


class Change(Record, frozen=True, kw_only=True):
    """One path that differs between two archives."""

    path: str
    kinds: tuple[str, ...]
    """ "added", "removed", "modified", "mode", "owner", "link", …"""
    added_bytes: int | None = None
    removed_bytes: int | None = None
    before: str = ""
    after: str = ""
    """Mode or owner, when that is what changed."""


class Fate(Record, frozen=True, kw_only=True):
    """What a prune would do with an archive."""

    archive: Archive
    keep: bool
    rule: str = ""
    """ "daily #1"."""


class PrunePreview(Record, frozen=True, kw_only=True):
    """What pruning a set would remove. Nothing is freed before the compaction."""

    set: str
    repository: str
    fates: tuple[Fate, ...]
    frozen: str = ""
    token: str = ""
    """Names exactly this; the prune repeats it."""
    command: str = ""


class Vanishing(Record, frozen=True, kw_only=True):
    """An archive that a compaction makes impossible to bring back."""

    archive: Archive
    by: str
    """Who removed it: "prune job …, root", or "" when nobody here did."""
    elsewhere: tuple[str, ...] = ()
    """Keys of repositories that hold an archive of the same set and time."""


class CompactPreview(Record, frozen=True, kw_only=True):
    """What a compaction makes final."""

    repository: str
    vanishing: tuple[Vanishing, ...]
    refused: str = ""
    """Why it must not be done now: archives were removed by nobody here, the hold has not ended …"""
    token: str = ""
    command: str = ""


class RestoreRequest(Record, frozen=True, kw_only=True):
    """What is to be brought back, and where to."""

    repository: str
    archive: str
    """Its name."""
    paths: tuple[str, ...] = ()
    """Escaped, without a leading slash; () is everything."""
    host: str = ""
    """Where to; "": the host that it came from."""
    directory: str = ""
    """"": the original place."""
    conflict: Conflict = "rename"


class RestorePlan(Record, frozen=True, kw_only=True):
    """What a restore would do; nothing was changed yet."""

    id: str
    hash: str
    request: RestoreRequest
    host: str
    directory: str
    files: int
    bytes: int
    there: int = 0
    """Files that exist at the place already …"""
    same: int = 0
    """… and of these, those with the same size and time."""
    examples: tuple[str, ...] = ()
    """The first paths that are there and differ."""
    free_bytes: int | None = None
    transport: Transport = Transport.RELAY
    validators: tuple[str, ...] = ()
    """Commands that must accept the restored files before they go into place."""
    rollback_seconds: float | None = None
    """The files are put back by themselves after this time unless the restore is confirmed (network and access files)."""
    warnings: tuple[str, ...] = ()
    command: str = ""
    roots: tuple[str, ...] = ()
    """The topmost paths that go into place, each with everything below; escaped."""
    checked: tuple[str, ...] = ()
    """Paths of the archive that have a validator; escaped."""
    effects: tuple[str, ...] = ()
    """One path for each service that must read its files again before they take effect; escaped."""
    refused: str = ""
    """Why it must not be done; "" when it may."""


class HealPreview(Record, frozen=True, kw_only=True):
    """How a damaged repository would be healed; nothing was changed yet."""

    id: str
    hash: str
    repository: str
    lines: tuple[str, ...] = ()
    """The steps, with the exact Borg lines."""
    files: tuple[str, ...] = ()
    """Damaged files and where an intact copy of each is."""
    problem: str = ""
    """What cannot be healed; "" when everything can."""


class DriftEntry(Record, frozen=True, kw_only=True):
    """One file or fact that differs."""

    path: str
    """Escaped; facts as "fact:packages"."""
    kind: Literal["added", "removed", "content", "mode", "owner", "link", "type"]
    before: str = ""
    after: str = ""
    """Modes, owners, sizes or hashes, short."""
    secret: bool = False
    text: bool = True
    """Whether a unified diff can be shown."""


class DriftReport(Record, frozen=True, kw_only=True):
    """How a host's configuration differs from something."""

    host: str
    against: str
    """ "the snapshot of 2026-11-25 02:00 UTC", "the pinned baseline …", "gpu02 now"."""
    time: float
    entries: tuple[DriftEntry, ...]
    same: int = 0
    """Files and facts that are equal."""
    problem: str = ""
    """Why it could not be compared."""


class FactRow(Record, frozen=True, kw_only=True):
    """One fact over hosts: which have the same, and who stands apart."""

    fact: str
    values: tuple[str, ...]
    """One short value a host (driver version, first words, or a hash), in the order of the hosts; "" where absent."""
    usual: str
    """The value of most."""


class DriftMatrix(Record, frozen=True, kw_only=True):
    """Hosts × facts, only facts that are not the same everywhere first."""

    hosts: tuple[str, ...]
    rows: tuple[FactRow, ...]
    problems: tuple[str, ...] = ()
    """Hosts that gave nothing to compare, and why; their values are "?"."""
