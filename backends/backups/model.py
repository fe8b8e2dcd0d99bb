"""What backups are made of, as plain frozen data: repositories, sets, archives, jobs and what came of them.

Units: bytes, seconds; times are epoch seconds (UTC). Paths inside archives are escaped (`backends.backups.names`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from backends.metrics.sample import Record
from backends.states import Severity

SetKind = Literal["config", "secrets", "data"]
CONFIG, SECRETS = "config", "secrets"
"""The names of the built-in sets."""


class Keep(Record, frozen=True, kw_only=True):
    """How many archives of each period stay."""

    hourly: int = 0
    daily: int = 7
    weekly: int = 4
    monthly: int = 6
    yearly: int = 0


class Dump(Record, frozen=True, kw_only=True):
    """A database, archived as what a command prints on the host."""

    name: str
    command: tuple[str, ...]


class BackupSet(Record, frozen=True, kw_only=True):
    """What is backed up together, its defaults filled in."""

    name: str
    kind: SetKind = "data"
    paths: tuple[str, ...] = ()
    """Absolute, as on the host (not escaped: they come from the configuration)."""
    exclude: tuple[str, ...] = ()
    """Borg patterns."""
    compression: str = "auto"
    one_file_system: bool = True
    keep: Keep = Keep()
    every_seconds: float = 86400.0
    """0: only when somebody asks."""
    before: tuple[tuple[str, ...], ...] = ()
    after: tuple[tuple[str, ...], ...] = ()
    hook_seconds: float = 300.0
    dumps: tuple[Dump, ...] = ()
    canaries: tuple[str, ...] = ()
    checkpoint_seconds: int = 300
    snapshot: Literal["auto", "none"] = "none"


class Repository(Record, frozen=True, kw_only=True):
    """One Borg repository: one host's data in one place, one passphrase, one writer at a time."""

    name: str
    """Of the place, as in the configuration: "vault"."""
    host: str
    """Whose data it keeps."""
    secrets: bool = False
    """It keeps that host's keys and password hashes, apart from everything else."""
    location: str
    """What Borg on the engine's machine is given: an absolute path, or ssh://USER@HOST[:PORT]/PATH."""
    passphrase_command: str = ""
    encryption: Literal["auto", "repokey", "repokey-blake2"] = "auto"
    reserve_bytes: int = 2 << 30
    quota_bytes: int = 0
    upload_kib_per_second: int = 0
    quiet_hours: str = ""
    transport: Literal["auto", "relay", "push", "tar"] = "auto"
    borg: str = "borg"
    """The program on the repository's machine."""

    @property
    def key(self) -> str:
        """Names it everywhere: "vault/gpu01", "vault/gpu01+secrets"."""
        return f"{self.name}/{self.host}{'+secrets' if self.secrets else ''}"

    @property
    def remote(self) -> bool:
        """Whether it is on another machine than the engine."""
        return self.location.startswith("ssh://")


class Transport(StrEnum):
    """How data get from a host into a repository."""

    LOCAL = "local"
    """Borg on the engine's machine reads this machine's files."""
    RELAY = "relay"
    """Borg on the host speaks to `borg serve` through the engine's one SSH channel; no secret is stored on the host."""
    PUSH = "push"
    """Borg on the host connects to the repository's machine with a key that ends after hours and lives in memory only."""
    TAR = "tar"
    """The host only sends a tar stream; Borg on the engine's machine packs it."""


class Task(Record, frozen=True, kw_only=True):
    """One backup that can be made: a set of one host into one repository."""

    set: BackupSet
    repository: Repository

    @property
    def host(self) -> str:
        return self.repository.host

    @property
    def key(self) -> str:
        """ "models vault/gpu01"."""
        return f"{self.set.name} {self.repository.key}"


class Archive(Record, frozen=True, kw_only=True):
    """One archive as the catalog keeps it."""

    id: str
    """Borg's, 64 hex digits."""
    repository: str
    """Key of the repository."""
    name: str
    """"models.20261126T020000Z"; checkpoints end in ".checkpoint"."""
    set: str
    """The part of the name before the dot; "" when it is not one of ours."""
    host: str
    start: float
    end: float | None = None
    files: int | None = None
    original_bytes: int | None = None
    compressed_bytes: int | None = None
    deduplicated_bytes: int | None = None
    """New bytes that it brought when it was made."""
    comment: str = ""
    indexed: bool = False
    """Its file list is in the catalog."""


def archive_name(set_name: str, stamp: str) -> str:
    """Name of a new archive; `stamp` like 20261126T020000Z. Set names have no dot, so the pattern "SET.*" is exact."""
    return f"{set_name}.{stamp}"


class JobKind(StrEnum):
    """What a job does."""

    INIT = "init"
    BACKUP = "backup"
    PRUNE = "prune"
    UNDO = "undo"
    COMPACT = "compact"
    CHECK = "check"
    HEAL = "heal"
    DRILL = "drill"
    RESTORE = "restore"
    INDEX = "index"


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    WAITING = "waiting"
    """For a lock that somebody holds (`text` says who)."""
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    WARNING = "warning"
    """Done, with something that must be known."""
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.DONE, JobState.WARNING, JobState.FAILED, JobState.CANCELLED})


class Progress(Record, frozen=True, kw_only=True):
    """How far a job is."""

    phase: str = ""
    """"reading", "checking", "hooks", …"""
    path: str = ""
    """The file at hand, escaped."""
    files: int | None = None
    original_bytes: int | None = None
    compressed_bytes: int | None = None
    deduplicated_bytes: int | None = None
    bytes_per_second: float | None = None
    """Of original data, over the last seconds."""
    percent: float | None = None
    """None where nothing is known about the whole: never made up."""
    eta_seconds: tuple[float, float] | None = None
    """From … to, by this job's own history and its speed now."""


class Cause(Record, frozen=True, kw_only=True):
    """Why something failed or must be known: the cause, the evidence, and one safe next step."""

    code: str
    """Of our own: "wrong-passphrase", "lock-held", "no-space", …"""
    text: str
    """One sentence."""
    evidence: tuple[str, ...] = ()
    """What was seen: Borg's own words, the lock's holder, free space."""
    next_step: str = ""
    """One sentence with a command or a key."""


class Outcome(Record, frozen=True, kw_only=True):
    """What became of a job."""

    state: JobState
    archive: Archive | None = None
    cause: Cause | None = None
    """Set unless everything went well."""
    notes: tuple[str, ...] = ()
    """What was done, in sentences."""
    warnings: tuple[str, ...] = ()
    """Borg's warnings, bounded."""


class Job(Record, frozen=True, kw_only=True):
    """One piece of work on one repository, as the board shows it."""

    id: str
    kind: JobKind
    host: str
    repository: str
    """Key of the repository."""
    set: str = ""
    transport: Transport | None = None
    state: JobState = JobState.QUEUED
    who: str = ""
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    progress: Progress = Progress()
    outcome: Outcome | None = None
    text: str = ""
    """What it waits for, or does, in one sentence."""
    command: str = ""
    """The exact Borg command line, without secrets; "" before it is known."""
    trust: str = ""
    """What a stolen host could do with what this job gives it."""
    plan: str = ""
    """Id of the plan that it carries out (a restore)."""
    confirm_by: float | None = None
    """Of a restore with a timed rollback: until then it waits to be confirmed; afterwards the host puts the old files back.
    None: nothing waits."""
    version: int = 0


class Proof(Record, frozen=True, kw_only=True):
    """A restore drill's result: that a set can be brought back from a repository, with a date."""

    repository: str
    set: str
    archive: str
    """Name of the archive."""
    time: float
    ok: bool
    files: int = 0
    """Restored and compared."""
    bytes: int = 0
    bytes_per_second: float | None = None
    against_live: int = 0
    """Files whose bytes were compared with the host's, unchanged since the backup."""
    against_record: int = 0
    """Files that were compared with the hash recorded when the backup was made."""
    skipped: int = 0
    """Files of the sample that could be compared with nothing: changed since, and never recorded."""
    validated: tuple[str, ...] = ()
    """Configuration files that their own program accepted."""
    problems: tuple[str, ...] = ()


class Check(Record, frozen=True, kw_only=True):
    """One look at a repository's integrity."""

    repository: str
    level: Literal["quick", "archives", "data"]
    time: float
    ok: bool
    seconds: float = 0.0
    problems: tuple[str, ...] = ()


class Escrow(Record, frozen=True, kw_only=True):
    """That somebody keeps the key and the passphrase elsewhere."""

    repository: str
    fingerprint: str
    """sha256 of the exported key, first 16 digits; changes with the key."""
    time: float
    who: str
    note: str = ""
    """Where it is: "safe, 2nd floor"."""


class Concern(Record, frozen=True, kw_only=True):
    """A condition that somebody should know about; the alert rules read these."""

    code: str
    """"overdue", "proof-stale", "no-escrow", "anomaly", "vanished", "filling", "check-failed", "canary"."""
    severity: Severity
    host: str
    repository: str
    set: str = ""
    text: str
    since: float
    next_step: str = ""


class BorgResult(Record, frozen=True, kw_only=True):
    """What one Borg process left behind."""

    exit_status: int | None
    """None: ended by a signal, or the link was lost."""
    stdout: bytes = b""
    messages: tuple[Mapping[str, object], ...] = ()
    """The log messages (levelname, msgid, message …) of warning level and above, cleaned, the first 200."""
    text: str = ""
    """What was no JSON (usage errors, tracebacks), cleaned, the last 4,000 characters."""
    cancelled: bool = False
    """We ended it."""
    seconds: float = 0.0
    lost: str = ""
    """Why its end is not known: the link was lost, the peer vanished."""


class BrowseEntry(Record, frozen=True, kw_only=True):
    """One file, directory or link of an archive."""

    path: str
    """Escaped, without a leading slash, as Borg keeps it."""
    type: Literal["-", "d", "l", "p", "c", "b", "s", "h"]
    mode: str = ""
    """"-rw-r--r--"."""
    user: str = ""
    group: str = ""
    size: int | None = None
    mtime: float | None = None
    target: str = ""
    """Of a link, escaped."""
    healthy: bool = True
    children: int | None = None
    """Of a directory: how many entries it has; None where that is not known."""


class Version(Record, frozen=True, kw_only=True):
    """One file as one archive has it."""

    archive: Archive
    entry: BrowseEntry
    change: Literal["new", "same", "changed", "gone"]
    """Against the archive of the same series before it."""
