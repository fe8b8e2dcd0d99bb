"""The calls about backups: `EngineClient.backups`. Loaded when first used, since most subcommands never do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from backends.backups.model import Archive, Escrow, Job, Version
from backends.backups.mounts import Mounted
from backends.backups.views import (
    BackupView,
    Change,
    CompactPreview,
    DriftMatrix,
    DriftReport,
    HealPreview,
    Hit,
    Listing,
    LockReport,
    PrunePreview,
    RestorePlan,
    RestoreRequest,
)
from swarm_tui.rpc import Connection

SLOW_SECONDS = 660.0
"""Borg, hosts and disks take their time; the engine itself gives up earlier and says why."""
Level = Literal["quick", "archives", "data"]
KeyForm = Literal["text", "paper", "qr"]


class _Jobs(msgspec.Struct):
    jobs: tuple[Job, ...] = ()


class _Archives(msgspec.Struct):
    archives: tuple[Archive, ...] = ()


class _Pinned(msgspec.Struct):
    archive: Archive


class _Hits(msgspec.Struct):
    hits: tuple[Hit, ...] = ()


class _Versions(msgspec.Struct):
    versions: tuple[Version, ...] = ()


class _Changes(msgspec.Struct):
    changes: tuple[Change, ...] = ()


class _Text(msgspec.Struct):
    text: str = ""


class _Lines(msgspec.Struct):
    lines: tuple[str, ...] = ()


class _Reports(msgspec.Struct):
    reports: tuple[DriftReport, ...] = ()


class _Mounts(msgspec.Struct):
    mounts: tuple[Mounted, ...] = ()
    problem: str = ""


class _Nothing(msgspec.Struct):
    pass


class BackupCalls:
    """Backups of the fleet. Methods may be called from any thread and raise SwarmError."""

    def __init__(self, connection: Connection):
        self.call = connection.call

    # Looking ----------------------------------------------------------------------------------------------------

    def view(self, select: str = "", since: int | None = None) -> BackupView:
        """Everything at a glance; `sets` is None when nothing changed since a version."""
        params: dict[str, Any] = {"select": select} | ({} if since is None else {"since": since})
        return self.call("backups.view", params, BackupView)

    def job(self, job: str) -> Job:
        """One job now."""
        return self.call("backups.job", {"job": job}, Job)

    def log(self, job: str) -> str:
        """What Borg and the job said."""
        return self.call("backups.log", {"job": job}, _Text).text

    def archives(self, select: str = "", set_name: str = "", repository: str = "") -> tuple[Archive, ...]:
        """Archives, newest first."""
        params = {"select": select, "set": set_name, "repository": repository}
        return self.call("backups.archives", params, _Archives).archives

    def files(self, repository: str, archive: str, path: str = "", offset: int = 0, limit: int = 500) -> Listing:
        """A page of a directory of an archive."""
        params = {"repository": repository, "archive": archive, "path": path, "offset": offset, "limit": limit}
        return self.call("backups.files", params, Listing, SLOW_SECONDS)

    def search(self, text: str, select: str = "", limit: int = 100) -> tuple[Hit, ...]:
        """Paths that contain `text`."""
        return self.call("backups.search", {"text": text, "select": select, "limit": limit}, _Hits, 60.0).hits

    def history(self, host: str, path: str) -> tuple[Version, ...]:
        """One path over archives and repositories, newest first."""
        return self.call("backups.history", {"host": host, "path": path}, _Versions, 60.0).versions

    def diff(self, repository: str, a: str, b: str, path: str = "") -> tuple[Change, ...]:
        """What differs between two archives."""
        params = {"repository": repository, "a": a, "b": b, "path": path}
        return self.call("backups.diff", params, _Changes, SLOW_SECONDS).changes

    def file_diff(self, repository: str, a: str, b: str, path: str) -> str:
        """A unified diff of one file between two archives, secrets masked."""
        params = {"repository": repository, "a": a, "b": b, "path": path}
        return self.call("backups.file_diff", params, _Text, SLOW_SECONDS).text

    def lines(self, action: str, repository: str, set_name: str = "") -> tuple[str, ...]:
        """The exact Borg command lines of an action."""
        params = {"action": action, "repository": repository, "set": set_name}
        return self.call("backups.line", params, _Lines).lines

    def mount(self, repository: str, archive: str) -> Mounted:
        """An archive as a directory of the engine's machine."""
        return self.call("backups.mount", {"repository": repository, "archive": archive}, Mounted, SLOW_SECONDS)

    def mounts(self) -> tuple[tuple[Mounted, ...], str]:
        """What is mounted, and why nothing can be ("" when it can)."""
        answer = self.call("backups.mounts", {}, _Mounts)
        return answer.mounts, answer.problem

    def umount(self, directory: str) -> None:
        """Take one off."""
        self.call("backups.umount", {"directory": directory}, _Nothing, 60.0)

    def refresh(self) -> None:
        """Ask every repository anew what it holds."""
        self.call("backups.refresh", {}, _Nothing, SLOW_SECONDS)

    # Working ----------------------------------------------------------------------------------------------------

    def start(
        self,
        action: str,
        select: str = "",
        sets: Sequence[str] = (),
        repositories: Sequence[str] = (),
        level: Level = "quick",
    ) -> tuple[Job, ...]:
        """Queue jobs: "backup", "check", "drill" or "index"."""
        params = {
            "action": action,
            "select": select,
            "sets": list(sets),
            "repositories": list(repositories),
            "level": level,
        }
        return self.call("backups.start", params, _Jobs, SLOW_SECONDS).jobs

    def init(self, select: str = "", repositories: Sequence[str] = (), confirm: Sequence[str] = ()) -> tuple[Job, ...]:
        """Make repositories, or take them over; `confirm` names questions of Borg that are answered with yes."""
        params = {"select": select, "repositories": list(repositories), "confirm": list(confirm)}
        return self.call("backups.init", params, _Jobs, SLOW_SECONDS).jobs

    def cancel(self, job: str, force: bool = False) -> Job:
        """Ask a job to end; with `force` at once."""
        return self.call("backups.cancel", {"job": job, "force": force}, Job)

    def prune_preview(self, repository: str, set_name: str) -> PrunePreview:
        """What a prune would remove."""
        params = {"repository": repository, "set": set_name}
        return self.call("backups.prune_preview", params, PrunePreview, SLOW_SECONDS)

    def prune(self, repository: str, set_name: str, token: str) -> Job:
        """Remove exactly what a preview showed; it can be undone until the compaction."""
        params = {"repository": repository, "set": set_name, "token": token}
        return self.call("backups.prune", params, Job, SLOW_SECONDS)

    def undo(self, repository: str, lose: Sequence[str] = (), aside: bool = False) -> Job:
        """Bring back what was removed since the last compaction; `lose` names newer archives that may be lost for it."""
        params: dict[str, Any] = {"repository": repository}
        params |= ({"lose": list(lose)} if lose else {}) | ({"aside": True} if aside else {})
        return self.call("backups.undo", params, Job, SLOW_SECONDS)

    def compact_preview(self, repository: str) -> CompactPreview:
        """What a compaction makes final."""
        return self.call("backups.compact_preview", {"repository": repository}, CompactPreview, SLOW_SECONDS)

    def compact(self, repository: str, token: str, accept: Sequence[str] = ()) -> Job:
        """Free the space of what was pruned; `accept` names archives that nobody here removed."""
        params = {"repository": repository, "token": token, "accept": list(accept)}
        return self.call("backups.compact", params, Job, SLOW_SECONDS)

    def restore_plan(self, request: RestoreRequest) -> RestorePlan:
        """What a restore would do."""
        params = {"request": msgspec.to_builtins(request)}
        return self.call("backups.restore_plan", params, RestorePlan, SLOW_SECONDS)

    def restore(self, plan: str, approved: str) -> Job:
        """Carry out a restore plan whose hash is named."""
        return self.call("backups.restore", {"plan": plan, "hash": approved}, Job, 60.0)

    def restore_confirm(self, job: str) -> Job:
        """Keep what a restore with a timed rollback put into place."""
        return self.call("backups.restore_confirm", {"job": job}, Job, 120.0)

    def restore_undo(self, job: str) -> Job:
        """Put back what a restore replaced."""
        return self.call("backups.restore_undo", {"job": job}, Job, 120.0)

    def heal_plan(self, repository: str) -> HealPreview:
        """How a damaged repository would be healed."""
        return self.call("backups.heal_plan", {"repository": repository}, HealPreview, SLOW_SECONDS)

    def heal(self, plan: str, approved: str) -> Job:
        """Carry out a healing plan whose hash is named."""
        return self.call("backups.heal", {"plan": plan, "hash": approved}, Job, 60.0)

    def lock(self, repository: str) -> LockReport:
        """Who holds a repository, and whether that can still be true."""
        return self.call("backups.lock", {"repository": repository}, LockReport, 120.0)

    def break_lock(self, repository: str, token: str) -> None:
        """Break a lock whose holder is proven dead by the evidence that `token` names."""
        self.call("backups.break_lock", {"repository": repository, "token": token}, _Nothing, 120.0)

    def key_export(self, repository: str, form: KeyForm = "paper") -> str:
        """The key and the passphrase, to be kept elsewhere. Show it to nobody else."""
        return self.call("backups.key_export", {"repository": repository, "form": form}, _Text, 120.0).text

    def escrow(self, repository: str, note: str = "") -> Escrow:
        """Record that the key is kept elsewhere."""
        return self.call("backups.escrow", {"repository": repository, "note": note}, Escrow, 120.0)

    def release(self, repository: str) -> None:
        """End the freeze that an anomaly put on pruning."""
        self.call("backups.release", {"repository": repository}, _Nothing)

    # Drift ------------------------------------------------------------------------------------------------------

    def drift(self, select: str = "", against: str = "last") -> tuple[DriftReport, ...]:
        """How the configuration of hosts differs from "last", "pin" or another host."""
        params = {"select": select, "against": against}
        return self.call("backups.drift", params, _Reports, SLOW_SECONDS).reports

    def drift_diff(self, host: str, path: str, against: str = "last") -> str:
        """A unified diff of one file or fact, secrets masked."""
        params = {"host": host, "path": path, "against": against}
        return self.call("backups.drift_diff", params, _Text, SLOW_SECONDS).text

    def drift_matrix(self, select: str = "") -> DriftMatrix:
        """Hosts × facts."""
        return self.call("backups.drift_matrix", {"select": select}, DriftMatrix, SLOW_SECONDS)

    def pin(self, host: str, archive: str = "") -> Archive:
        """Make a configuration archive (default: the newest) the baseline of a host."""
        return self.call("backups.pin", {"host": host, "archive": archive}, _Pinned, SLOW_SECONDS).archive

    def restore_file(self, host: str, path: str, against: str = "last") -> RestorePlan:
        """A plan that puts one file back as it was."""
        params = {"host": host, "path": path, "against": against}
        return self.call("backups.restore_file", params, RestorePlan, SLOW_SECONDS)
