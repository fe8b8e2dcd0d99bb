"""Backups of a small fleet as the engine would report them, for every test of the Backups screens; nothing in it is random."""

from __future__ import annotations

from typing import Any

from backends.backups.model import (
    Archive,
    BrowseEntry,
    Cause,
    Check,
    Concern,
    Escrow,
    Job,
    JobKind,
    JobState,
    Outcome,
    Progress,
    Proof,
    Transport,
    Version,
)
from backends.backups.views import (
    BackupView,
    Change,
    CompactPreview,
    DriftEntry,
    DriftMatrix,
    DriftReport,
    FactRow,
    Fate,
    HealPreview,
    Hit,
    Listing,
    LockReport,
    PrunePreview,
    RepositoryStatus,
    RestorePlan,
    RestoreRequest,
    SetStatus,
    Vanishing,
)
from backends.states import Severity

NOW = 1_800_000_000.0
HOUR, DAY = 3600.0, 86_400.0
GIB = 1 << 30
TRUST = "A stolen host could add archives while the job runs, and read none: no secret is stored on it."


def archive(host: str = "gpu1", set_name: str = "models", age: float = 5 * HOUR, **fields: Any) -> Archive:
    """A complete archive of this age."""
    values: dict[str, Any] = {
        "id": f"{int(age):064x}",
        "repository": f"vault/{host}",
        "name": f"{set_name}.{int(NOW - age)}",
        "set": set_name,
        "host": host,
        "start": NOW - age,
        "end": NOW - age + 60.0,
        "files": 20_004,
        "original_bytes": 40 * GIB,
        "deduplicated_bytes": GIB,
        "indexed": True,
    }
    return Archive(**(values | fields))


def proof(host: str = "gpu1", set_name: str = "models", age: float = 6 * DAY, **fields: Any) -> Proof:
    """A drill that went well."""
    values: dict[str, Any] = {
        "repository": f"vault/{host}",
        "set": set_name,
        "archive": f"{set_name}.1",
        "time": NOW - age,
        "ok": True,
        "files": 20,
        "bytes": 80 << 20,
        "bytes_per_second": 41.0 * (1 << 20),
        "against_live": 14,
        "against_record": 6,
    }
    return Proof(**(values | fields))


def status(host: str, set_name: str = "models", **fields: Any) -> SetStatus:
    """A set that is in time and proven."""
    values: dict[str, Any] = {
        "set": set_name,
        "kind": set_name if set_name in ("config", "secrets") else "data",
        "host": host,
        "repository": f"vault/{host}",
        "transport": Transport.RELAY,
        "trust": TRUST,
        "last": archive(host, set_name),
        "archives": 12,
        "due": NOW + 19 * HOUR,
        "stored_bytes": 52 * GIB,
        "growth_bytes_per_day": 1.2 * GIB,
        "proof": proof(host, set_name),
        "proof_stale": False,
    }
    return SetStatus(**(values | fields))


PASSPHRASE = Cause(
    code="wrong-passphrase",
    text="the passphrase does not open the repository",
    evidence=("passphrase supplied in BORG_PASSPHRASE is incorrect",),
    next_step="put the right one back, then: swarm-tui backup check vault/gpu3",
)
NEVER: dict[str, Any] = {
    "last": None,
    "archives": 0,
    "due": NOW,
    "stored_bytes": None,
    "growth_bytes_per_day": None,
    "proof": None,
    "proof_stale": True,
}


def sets() -> tuple[SetStatus, ...]:
    """Good, running, late, never, broken, and one whose drill failed."""
    return (
        status("gpu1", "config"),
        status("gpu1", job="j1"),
        status("gpu2", last=archive("gpu2", age=30 * HOUR), due=NOW - 6 * HOUR, overdue=True),
        status("gpu2", "config", **NEVER),
        status("gpu3", problem=PASSPHRASE),
        status("web1", "config", proof=proof("web1", "config", ok=False, problems=("etc/fstab: other bytes",))),
        status("web1", proof=None, proof_stale=True),
    )


def job(number: int = 1, state: JobState = JobState.RUNNING, **fields: Any) -> Job:
    """A backup at work."""
    values: dict[str, Any] = {
        "id": f"j{number}",
        "kind": JobKind.BACKUP,
        "host": "gpu1",
        "repository": "vault/gpu1",
        "set": "models",
        "transport": Transport.RELAY,
        "state": state,
        "who": "anna",
        "created": NOW - 200.0,
        "started": NOW - 180.0,
        "progress": Progress(
            phase="reading",
            path="srv/models/opt.bin",
            files=36,
            original_bytes=17 * GIB,
            compressed_bytes=12 * GIB,
            deduplicated_bytes=GIB,
            bytes_per_second=81.0 * (1 << 20),
            percent=42.0,
            eta_seconds=(200.0, 320.0),
        ),
        "command": "borg create --json vault::models /srv/models",
        "trust": TRUST,
    }
    return Job(**(values | fields))


def ended(number: int = 2, state: JobState = JobState.DONE, **fields: Any) -> Job:
    """A job at its end."""
    outcome = fields.pop("outcome", Outcome(state=state, archive=archive(), notes=("1 of 20,004 files was new",)))
    values: dict[str, Any] = {"ended": NOW - 100.0, "outcome": outcome, "created": NOW - 900.0, "started": NOW - 890.0}
    return job(number, state, **(values | fields))


FAILED = ended(3, JobState.FAILED, repository="vault/gpu3", outcome=Outcome(state=JobState.FAILED, cause=PASSPHRASE))
WAITING = job(4, JobState.WAITING, kind=JobKind.CHECK, set="", text="vault/gpu1 is held by j1", progress=Progress())
RESTORED = ended(
    5,
    kind=JobKind.RESTORE,
    confirm_by=NOW + 90.0,
    outcome=Outcome(state=JobState.DONE, notes=("1 file restored, sshd -t accepted it",)),
)


def place(host: str, **fields: Any) -> RepositoryStatus:
    """A repository in good order."""
    values: dict[str, Any] = {
        "key": f"vault/{host}",
        "name": "vault",
        "host": host,
        "location": f"ssh://backup@vault/srv/borg/{host}",
        "made": True,
        "encryption": "repokey-blake2",
        "archives": 24,
        "stored_bytes": 60 * GIB,
        "original_bytes": 900 * GIB,
        "growth_bytes_per_day": 2.0 * GIB,
        "free_bytes": 400 * GIB,
        "full_in_days": 200.0,
        "escrow": Escrow(
            repository=f"vault/{host}",
            fingerprint="0123456789abcdef",
            time=NOW - 40 * DAY,
            who="anna",
            note="safe, 2nd floor",
        ),
        "check": Check(repository=f"vault/{host}", level="quick", time=NOW - DAY, ok=True),
        "verified": Check(repository=f"vault/{host}", level="data", time=NOW - 20 * DAY, ok=True),
    }
    return RepositoryStatus(**(values | fields))


def repositories() -> tuple[RepositoryStatus, ...]:
    """Good with a prune on hold, filling and frozen, damaged, and one that is not made yet."""
    broken = Check(repository="vault/gpu3", level="data", time=NOW - HOUR, ok=False, problems=("segment 7: bad crc",))
    new: dict[str, Any] = dict.fromkeys(("stored_bytes", "free_bytes", "full_in_days", "escrow", "check", "verified"))
    return (
        place("gpu1", pruned=3, compact_at=NOW + 6 * DAY),
        place("gpu2", full_in_days=23.0, frozen="62 % of the files changed at once", key_changed=True),
        place("gpu3", check=broken),
        place("web1", made=False, archives=0, **new),
    )


def concerns() -> tuple[Concern, ...]:
    """One critical, one to know about."""
    return (
        Concern(
            code="no-escrow",
            severity=Severity.WARNING,
            host="web1",
            repository="vault/web1",
            text="nobody is known to keep the key elsewhere",
            since=NOW - 9 * DAY,
            next_step="swarm-tui backup key vault/web1",
        ),
        Concern(
            code="anomaly",
            severity=Severity.CRITICAL,
            host="gpu2",
            repository="vault/gpu2",
            set="models",
            text="62 % of the files changed at once (usually 0 to 3 %)",
            since=NOW - HOUR,
            next_step="look at what changed, then F ends the freeze",
        ),
    )


def view(**fields: Any) -> BackupView:
    """As `backups.view` answers."""
    values: dict[str, Any] = {
        "version": 1,
        "sets": sets(),
        "repositories": repositories(),
        "jobs": (job(), WAITING, ended(), FAILED),
        "concerns": concerns(),
        "borg": "1.4.5",
    }
    return BackupView(**(values | fields))


ARCHIVES = (archive(age=5 * HOUR), archive(age=29 * HOUR), archive(age=53 * HOUR, indexed=False))


def entry(path: str, kind: str = "-", **fields: Any) -> BrowseEntry:
    """Something in an archive."""
    values: dict[str, Any] = {
        "type": kind,
        "mode": "drwxr-xr-x" if kind == "d" else "-rw-r--r--",
        "user": "root",
        "group": "root",
        "size": None if kind == "d" else 2048,
        "mtime": NOW - 3 * DAY,
        "children": 3 if kind == "d" else None,
    }
    return BrowseEntry(path=path, **(values | fields))


TREE: dict[str, tuple[BrowseEntry, ...]] = {
    "": (entry("etc", "d"), entry("srv", "d"), entry("latest", "l", target="srv/v12"), entry("a\\x0ab", healthy=False)),
    "etc": (entry("etc/ssh", "d"), entry("etc/fstab"), entry("etc/hosts")),
    "etc/ssh": (entry("etc/ssh/sshd_config"),),
    "srv": tuple(entry(f"srv/shard-{number:04}.bin") for number in range(1200)),
}


def listing(path: str, offset: int = 0, limit: int = 500, of: Archive = ARCHIVES[0]) -> Listing:
    """A page of the tree."""
    found = TREE.get(path, ())
    return Listing(archive=of, path=path, entries=found[offset : offset + limit], total=len(found), offset=offset)


VERSIONS = (
    Version(archive=ARCHIVES[0], entry=entry("etc/fstab", size=4096), change="changed"),
    Version(archive=ARCHIVES[1], entry=entry("etc/fstab"), change="same"),
    Version(archive=ARCHIVES[2], entry=entry("etc/fstab"), change="new"),
)
HITS = (Hit(path="etc/fstab", host="gpu1", archives=3, newest=VERSIONS[0]),)
CHANGES = (
    Change(path="etc/fstab", kinds=("modified",), added_bytes=120, removed_bytes=4),
    Change(path="etc/new", kinds=("added",), added_bytes=10),
    Change(path="etc/old", kinds=("removed",), removed_bytes=99),
    Change(path="etc/shadow", kinds=("mode",), before="-rw-r-----", after="-rw-rw-rw-"),
)
DIFF = "--- etc/fstab\n+++ etc/fstab\n@@ -1,2 +1,2 @@\n same\n-old\n+[/x] new"
PRUNE = PrunePreview(
    set="models",
    repository="vault/gpu1",
    fates=(
        Fate(archive=ARCHIVES[0], keep=True, rule="daily #1"),
        Fate(archive=ARCHIVES[1], keep=False),
        Fate(archive=ARCHIVES[2], keep=False),
    ),
    token="t0",
    command="borg prune --list --glob-archives 'models.*' --keep-daily 1",
)
COMPACT = CompactPreview(
    repository="vault/gpu1",
    vanishing=(
        Vanishing(archive=ARCHIVES[1], by="prune j9, anna", elsewhere=("attic/gpu1",)),
        Vanishing(archive=ARCHIVES[2], by=""),
    ),
    refused="1 archive was removed by nobody here",
    token="t1",
    command="borg compact --threshold 10",
)
CLEAN_COMPACT = CompactPreview(repository="vault/gpu1", vanishing=COMPACT.vanishing[:1], token="t2")
HEAL = HealPreview(
    id="h1",
    hash="f" * 64,
    repository="vault/gpu3",
    lines=("copy the repository", "put zeros in the place of what is lost: borg check --repair vault"),
    files=("/etc/fstab: intact in attic/gpu3",),
)
DEAD = LockReport(
    repository="vault/gpu1",
    holder="vault@52:54.2217-0",
    host="vault",
    pid=2217,
    since=NOW - 2 * HOUR,
    dead=True,
    evidence=("no process 2217 runs on vault",),
    token="t3",
)
REQUEST = RestoreRequest(repository="vault/gpu1", archive=ARCHIVES[0].name, paths=("etc/fstab",))


def plan(request: RestoreRequest = REQUEST, **fields: Any) -> RestorePlan:
    """What a restore would do."""
    values: dict[str, Any] = {
        "id": "r1",
        "hash": "e" * 64,
        "request": request,
        "host": request.host or "gpu1",
        "directory": request.directory,
        "files": 3,
        "bytes": 6144,
        "there": 2,
        "same": 1,
        "examples": ("etc/fstab",),
        "free_bytes": 9 * GIB,
        "command": "borg extract vault::models etc/fstab",
    }
    return RestorePlan(**(values | fields))


NETPLAN = plan(
    validators=("netplan generate --root-dir …",), rollback_seconds=120.0, warnings=("this may cut the network",)
)
REPORTS = (
    DriftReport(host="gpu2", against="the snapshot of 2027-01-14 03:00 UTC", time=NOW - 4.0, entries=(), same=812),
    DriftReport(
        host="gpu1",
        against="the snapshot of 2027-01-14 03:00 UTC",
        time=NOW - 4.0,
        entries=(
            DriftEntry(path="etc/fstab", kind="content", before="1.2K", after="1.3K"),
            DriftEntry(path="etc/shadow", kind="mode", before="0640", after="0666", secret=True),
            DriftEntry(path="fact:packages", kind="content"),
            DriftEntry(path="etc/logo.png", kind="added", text=False),
        ),
        same=808,
    ),
    DriftReport(host="web1", against="", time=NOW - 4.0, entries=(), problem="not connected: timeout"),
)
MATRIX = DriftMatrix(
    hosts=tuple(f"gpu{number}" for number in range(1, 13)),
    rows=(
        FactRow(fact="driver", values=("550.127.05",) * 11 + ("535.216.01",), usual="550.127.05"),
        FactRow(fact="mig", values=("",) + ("off",) * 11, usual="off"),
        FactRow(fact="kernel", values=("6.8.0-49",) * 12, usual="6.8.0-49"),
    ),
)
