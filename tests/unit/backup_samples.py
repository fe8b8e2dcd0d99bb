"""Backups as the engine tells them, for tests of what shows them; and every call about them with its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

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
from backends.backups.mounts import Mounted
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
from swarm_tui.client import EngineClient

NOW = 1_800_000_000.0
KEY = "vault/gpu01"
ARCHIVE = Archive(
    id="a" * 64,
    repository=KEY,
    name="config.20270115T020000Z",
    set="config",
    host="gpu01",
    start=NOW - 3600,
    files=1200,
    original_bytes=5 << 20,
    deduplicated_bytes=15_000,
    indexed=True,
)
OLDER = msgspec.structs.replace(ARCHIVE, id="b" * 64, name="config.20270114T020000Z", start=NOW - 90_000)
PROOF = Proof(
    repository=KEY, set="config", archive=ARCHIVE.name, time=NOW - 86400, ok=True, files=12, bytes_per_second=41e6
)
CAUSE = Cause(
    code="lock-held",
    text="another Borg holds the repository",
    evidence=("vault, pid 4711, since 02:00 UTC",),
    next_step=f"swarm-tui backup lock {KEY}",
)
JOB = Job(
    id="20270115-080000-abcdef",
    kind=JobKind.BACKUP,
    host="gpu01",
    repository=KEY,
    set="models",
    transport=Transport.RELAY,
    state=JobState.RUNNING,
    who="anna",
    created=NOW,
    progress=Progress(phase="reading", files=12, original_bytes=1 << 30, bytes_per_second=5e7, percent=40.0),
    command="borg create …",
    trust="a stolen host could read its own repository while this runs",
)
DONE = msgspec.structs.replace(
    JOB, state=JobState.DONE, outcome=Outcome(state=JobState.DONE, notes=("12 files, 1 MB new",)), text="12 files"
)
FAILED = msgspec.structs.replace(
    JOB, state=JobState.FAILED, outcome=Outcome(state=JobState.FAILED, cause=CAUSE), text=CAUSE.text
)
FILE = BrowseEntry(path="etc/hosts", type="-", mode="-rw-r--r--", user="root", group="root", size=210, mtime=NOW)
FOLDER = BrowseEntry(path="etc/ssh", type="d", mode="drwxr-xr-x", user="root", group="root", children=7)
LISTING = Listing(archive=ARCHIVE, path="etc", entries=(FOLDER, FILE), total=2)
VERSION = Version(archive=ARCHIVE, entry=FILE, change="changed")
PRUNE = PrunePreview(
    set="config",
    repository=KEY,
    fates=(Fate(archive=ARCHIVE, keep=True, rule="daily #1"), Fate(archive=OLDER, keep=False)),
    token="t1",
    command="borg prune …",
)
COMPACT = CompactPreview(
    repository=KEY,
    vanishing=(Vanishing(archive=OLDER, by="prune job j1, anna", elsewhere=("offsite/gpu01",)),),
    token="t2",
)
REQUEST = RestoreRequest(repository=KEY, archive=ARCHIVE.name, paths=("etc/hosts",))
PLAN = RestorePlan(
    id="p1",
    hash="f" * 64,
    request=REQUEST,
    host="gpu01",
    directory="",
    files=1,
    bytes=210,
    there=1,
    examples=("etc/hosts",),
    validators=("sshd -t",),
    rollback_seconds=300.0,
    command="borg extract …",
)
HEAL = HealPreview(id="h1", hash="e" * 64, repository=KEY, lines=("borg check --repair …",), files=("srv/a: offsite",))
LOCK = LockReport(
    repository=KEY, holder="vault@1.4711-0", host="vault", pid=4711, dead=True, evidence=("gone",), token="t3"
)
ESCROW = Escrow(repository=KEY, fingerprint="0123456789abcdef", time=NOW, who="anna", note="safe")
REPORT = DriftReport(
    host="gpu01",
    against="the snapshot of yesterday",
    time=NOW,
    entries=(DriftEntry(path="etc/hosts", kind="content", before="1a", after="2b"),),
    same=1199,
)
MATRIX = DriftMatrix(hosts=("gpu01", "gpu02"), rows=(FactRow(fact="driver", values=("550", "535"), usual="550"),))
SET = SetStatus(
    set="config",
    kind="config",
    host="gpu01",
    repository=KEY,
    transport=Transport.TAR,
    last=ARCHIVE,
    archives=2,
    proof=PROOF,
    proof_stale=False,
)
REPOSITORY = RepositoryStatus(
    key=KEY,
    name="vault",
    host="gpu01",
    location="ssh://backup@vault/srv/borg/gpu01",
    made=True,
    archives=2,
    stored_bytes=1 << 30,
    free_bytes=9 << 30,
    full_in_days=23.0,
    escrow=ESCROW,
    check=Check(repository=KEY, level="quick", time=NOW - 100, ok=True),
)
CONCERN = Concern(
    code="overdue",
    severity=Severity.WARNING,
    host="gpu01",
    repository=KEY,
    set="config",
    text="no backup for 3 d",
    since=NOW,
    next_step="swarm-tui backup run gpu01",
)
VIEW = BackupView(version=7, sets=(SET,), repositories=(REPOSITORY,), jobs=(JOB,), borg="1.2.4")

MOUNTED = Mounted(directory="/run/mounts/a", repository=KEY, archive=ARCHIVE.name)

ANSWERS: dict[str, Any] = {
    "backups.view": VIEW,
    "backups.start": {"jobs": [JOB]},
    "backups.init": {"jobs": [JOB]},
    "backups.mount": MOUNTED,
    "backups.mounts": {"mounts": [MOUNTED], "problem": ""},
    "backups.umount": {},
    "backups.job": DONE,
    "backups.log": {"text": "reading"},
    "backups.cancel": JOB,
    "backups.archives": {"archives": [ARCHIVE, OLDER]},
    "backups.files": LISTING,
    "backups.search": {"hits": [Hit(path="etc/hosts", host="gpu01", archives=2, newest=VERSION)]},
    "backups.history": {"versions": [VERSION]},
    "backups.diff": {"changes": [Change(path="etc/hosts", kinds=("modified",), added_bytes=10, removed_bytes=4)]},
    "backups.file_diff": {"text": "-a\n+b"},
    "backups.line": {"lines": ["borg create …"]},
    "backups.refresh": {},
    "backups.prune_preview": PRUNE,
    "backups.prune": DONE,
    "backups.undo": DONE,
    "backups.compact_preview": COMPACT,
    "backups.compact": DONE,
    "backups.restore_plan": PLAN,
    "backups.restore": DONE,
    "backups.restore_confirm": DONE,
    "backups.restore_undo": DONE,
    "backups.restore_file": PLAN,
    "backups.heal_plan": HEAL,
    "backups.heal": DONE,
    "backups.lock": LOCK,
    "backups.break_lock": {},
    "backups.key_export": {"text": "BORG PAPER KEY"},
    "backups.escrow": ESCROW,
    "backups.release": {},
    "backups.drift": {"reports": [REPORT]},
    "backups.drift_diff": {"text": "-a\n+b"},
    "backups.drift_matrix": MATRIX,
    "backups.pin": {"archive": ARCHIVE},
}
"""Method → what an engine answers."""

Call = tuple[Callable[[EngineClient], Any], Any, dict[str, Any]]
_OF = {"repository": KEY}
CALLS: dict[str, Call] = {
    "backups.view": (lambda c: c.backups.view("tag:x", 3).version, 7, {"select": "tag:x", "since": 3}),
    "backups.start": (
        lambda c: c.backups.start("check", "gpu01", ["config"], ["vault"], "data"),
        (JOB,),
        {"action": "check", "select": "gpu01", "sets": ["config"], "repositories": ["vault"], "level": "data"},
    ),
    "backups.job": (lambda c: c.backups.job("j1"), DONE, {"job": "j1"}),
    "backups.log": (lambda c: c.backups.log("j1"), "reading", {"job": "j1"}),
    "backups.cancel": (lambda c: c.backups.cancel("j1", force=True), JOB, {"job": "j1", "force": True}),
    "backups.archives": (
        lambda c: c.backups.archives("gpu01", "config", KEY),
        (ARCHIVE, OLDER),
        {"select": "gpu01", "set": "config", **_OF},
    ),
    "backups.files": (
        lambda c: c.backups.files(KEY, "a", "etc", 5, 10),
        LISTING,
        {**_OF, "archive": "a", "path": "etc", "offset": 5, "limit": 10},
    ),
    "backups.search": (
        lambda c: c.backups.search("hosts", "gpu01", 5)[0].path,
        "etc/hosts",
        {"text": "hosts", "select": "gpu01", "limit": 5},
    ),
    "backups.history": (
        lambda c: c.backups.history("gpu01", "etc/hosts"),
        (VERSION,),
        {"host": "gpu01", "path": "etc/hosts"},
    ),
    "backups.diff": (
        lambda c: c.backups.diff(KEY, "a", "b", "etc")[0].kinds,
        ("modified",),
        {**_OF, "a": "a", "b": "b", "path": "etc"},
    ),
    "backups.file_diff": (
        lambda c: c.backups.file_diff(KEY, "a", "b", "etc/hosts"),
        "-a\n+b",
        {**_OF, "a": "a", "b": "b", "path": "etc/hosts"},
    ),
    "backups.line": (
        lambda c: c.backups.lines("backup", KEY, "config"),
        ("borg create …",),
        {"action": "backup", **_OF, "set": "config"},
    ),
    "backups.refresh": (lambda c: c.backups.refresh(), None, {}),
    "backups.prune_preview": (lambda c: c.backups.prune_preview(KEY, "config"), PRUNE, {**_OF, "set": "config"}),
    "backups.prune": (
        lambda c: c.backups.prune(KEY, "config", "t1"),
        DONE,
        {**_OF, "set": "config", "token": "t1"},
    ),
    "backups.init": (
        lambda c: c.backups.init("gpu01", ["vault"], ["BORG_RELOCATED_REPO_ACCESS_IS_OK"]),
        (JOB,),
        {"select": "gpu01", "repositories": ["vault"], "confirm": ["BORG_RELOCATED_REPO_ACCESS_IS_OK"]},
    ),
    "backups.mount": (lambda c: c.backups.mount(KEY, "a"), MOUNTED, {**_OF, "archive": "a"}),
    "backups.mounts": (lambda c: c.backups.mounts(), ((MOUNTED,), ""), {}),
    "backups.umount": (lambda c: c.backups.umount("/run/mounts/a"), None, {"directory": "/run/mounts/a"}),
    "backups.undo": (lambda c: c.backups.undo(KEY, ["x"], aside=True), DONE, {**_OF, "lose": ["x"], "aside": True}),
    "backups.compact_preview": (lambda c: c.backups.compact_preview(KEY), COMPACT, _OF),
    "backups.compact": (
        lambda c: c.backups.compact(KEY, "t2", ["x"]),
        DONE,
        {**_OF, "token": "t2", "accept": ["x"]},
    ),
    "backups.restore_plan": (
        lambda c: c.backups.restore_plan(REQUEST),
        PLAN,
        {"request": msgspec.json.decode(msgspec.json.encode(REQUEST))},
    ),
    "backups.restore": (lambda c: c.backups.restore("p1", "f" * 64), DONE, {"plan": "p1", "hash": "f" * 64}),
    "backups.restore_confirm": (lambda c: c.backups.restore_confirm("j1"), DONE, {"job": "j1"}),
    "backups.restore_undo": (lambda c: c.backups.restore_undo("j1"), DONE, {"job": "j1"}),
    "backups.restore_file": (
        lambda c: c.backups.restore_file("gpu01", "etc/hosts", "pin"),
        PLAN,
        {"host": "gpu01", "path": "etc/hosts", "against": "pin"},
    ),
    "backups.heal_plan": (lambda c: c.backups.heal_plan(KEY), HEAL, _OF),
    "backups.heal": (lambda c: c.backups.heal("h1", "e" * 64), DONE, {"plan": "h1", "hash": "e" * 64}),
    "backups.lock": (lambda c: c.backups.lock(KEY), LOCK, _OF),
    "backups.break_lock": (lambda c: c.backups.break_lock(KEY, "t3"), None, {**_OF, "token": "t3"}),
    "backups.key_export": (lambda c: c.backups.key_export(KEY, "qr"), "BORG PAPER KEY", {**_OF, "form": "qr"}),
    "backups.escrow": (lambda c: c.backups.escrow(KEY, "safe"), ESCROW, {**_OF, "note": "safe"}),
    "backups.release": (lambda c: c.backups.release(KEY), None, _OF),
    "backups.drift": (lambda c: c.backups.drift("gpu01", "pin"), (REPORT,), {"select": "gpu01", "against": "pin"}),
    "backups.drift_diff": (
        lambda c: c.backups.drift_diff("gpu01", "etc/hosts", "gpu02"),
        "-a\n+b",
        {"host": "gpu01", "path": "etc/hosts", "against": "gpu02"},
    ),
    "backups.drift_matrix": (lambda c: c.backups.drift_matrix("tag:x"), MATRIX, {"select": "tag:x"}),
    "backups.pin": (lambda c: c.backups.pin("gpu01", "a"), ARCHIVE, {"host": "gpu01", "archive": "a"}),
}
"""Method → (call, what it returns, the parameters that it sends)."""
