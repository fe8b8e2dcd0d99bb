"""The part of the API that is about backups. Whatever runs Borg or reaches out to hosts runs beside the client's reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from backends.backups.views import RestoreRequest
from backends.engine.handlers import SELECTOR_LENGTH, Name
from backends.engine.handlers_reboot import TABLE as TABLE
from backends.engine.methods import NoParams, Params
from backends.engine.session import Session

if TYPE_CHECKING:
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
    )
    from backends.engine.engine import Engine

NOTHING = "A demo and a replay have no data; an engine that can keep no state (see its log) backs nothing up either."
Select = Annotated[str, Meta(max_length=SELECTOR_LENGTH)]
Key = Annotated[str, Meta(min_length=1, max_length=400)]
Id = Annotated[str, Meta(min_length=1, max_length=400)]
Text = Annotated[str, Meta(max_length=4000)]
PathText = Annotated[str, Meta(max_length=20000)]
Names = Annotated[tuple[Annotated[str, Meta(max_length=80)], ...], Meta(max_length=200)]
Action = Literal["backup", "check", "drill", "index"]


class ViewBackups(Params, frozen=True):
    since: int | None = None
    select: Select = ""


class StartBackups(Params, frozen=True):
    action: Action
    select: Select = ""
    sets: Names = ()
    repositories: Names = ()
    level: Literal["quick", "archives", "data"] = "quick"


class InitRepositories(Params, frozen=True):
    select: Select = ""
    repositories: Names = ()
    confirm: Annotated[tuple[Annotated[str, Meta(max_length=80)], ...], Meta(max_length=2)] = ()


class OfJob(Params, frozen=True):
    job: Id


class CancelJob(Params, frozen=True):
    job: Id
    force: bool = False


class ListArchives(Params, frozen=True):
    select: Select = ""
    set: Annotated[str, Meta(max_length=80)] = ""
    repository: Annotated[str, Meta(max_length=400)] = ""


class ListFiles(Params, frozen=True):
    repository: Key
    archive: Id
    path: PathText = ""
    offset: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=5000)] = 500


class SearchFiles(Params, frozen=True):
    text: Annotated[str, Meta(min_length=1, max_length=1000)]
    select: Select = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class OfPath(Params, frozen=True):
    host: Name
    path: Annotated[str, Meta(min_length=1, max_length=20000)]


class DiffArchives(Params, frozen=True):
    repository: Key
    a: Id
    b: Id
    path: PathText = ""


class DiffFile(Params, frozen=True):
    repository: Key
    a: Id
    b: Id
    path: Annotated[str, Meta(min_length=1, max_length=20000)]


class OfSeries(Params, frozen=True):
    repository: Key
    set: Id


class PruneSeries(Params, frozen=True):
    repository: Key
    set: Id
    token: Id


class OfRepository(Params, frozen=True):
    repository: Key


class UndoRemovals(Params, frozen=True):
    repository: Key
    lose: Annotated[tuple[Id, ...], Meta(max_length=1000)] = ()
    aside: bool = False


class MountArchive(Params, frozen=True):
    repository: Key
    archive: Id


class OfMount(Params, frozen=True):
    directory: Annotated[str, Meta(min_length=1, max_length=4096)]


class CompactRepository(Params, frozen=True):
    repository: Key
    token: Id
    accept: Annotated[tuple[Id, ...], Meta(max_length=10000)] = ()


class PlanRestore(Params, frozen=True):
    request: RestoreRequest


class ApprovedPlan(Params, frozen=True):
    plan: Id
    hash: Annotated[str, Meta(min_length=12, max_length=64)]


class BreakLock(Params, frozen=True):
    repository: Key
    token: Id


class ExportKey(Params, frozen=True):
    repository: Key
    form: Literal["text", "paper", "qr"] = "paper"


class RecordEscrow(Params, frozen=True):
    repository: Key
    note: Text = ""


class ShowLines(Params, frozen=True):
    action: Annotated[str, Meta(min_length=1, max_length=40)]
    repository: Key
    set: Annotated[str, Meta(max_length=80)] = ""


class AskDrift(Params, frozen=True):
    select: Select = ""
    against: Annotated[str, Meta(min_length=1, max_length=200)] = "last"


class DriftText(Params, frozen=True):
    host: Name
    path: Annotated[str, Meta(min_length=1, max_length=20000)]
    against: Annotated[str, Meta(min_length=1, max_length=200)] = "last"


class OfSelection(Params, frozen=True):
    select: Select = ""


class PinBaseline(Params, frozen=True):
    host: Name
    archive: Annotated[str, Meta(max_length=400)] = ""


# Looking ---------------------------------------------------------------------------------------------------------


@TABLE.method("backups.view", ViewBackups)
def view(engine: Engine, session: Session, params: ViewBackups) -> BackupView | dict[str, object]:
    if not engine.has_backups:
        return {"version": 0, "sets": (), "nothing": NOTHING}
    return engine.backups.view(engine.select(params.select), params.since)


@TABLE.method("backups.job", OfJob)
def job(engine: Engine, session: Session, params: OfJob) -> Job:
    return engine.backups.board.job(params.job)


@TABLE.method("backups.log", OfJob)
def log(engine: Engine, session: Session, params: OfJob) -> dict[str, str]:
    return {"text": engine.backups.board.log(params.job)}


@TABLE.method("backups.archives", ListArchives)
def archives(engine: Engine, session: Session, params: ListArchives) -> dict[str, tuple[Archive, ...]]:
    hosts = engine.select(params.select)
    return {"archives": engine.backups.looking.archives(hosts, params.set, params.repository)}


@TABLE.method("backups.files", ListFiles, slow=True)
def files(engine: Engine, session: Session, params: ListFiles) -> Listing:
    return engine.backups.looking.files(
        params.repository, params.archive, params.path, params.offset, params.limit, session.actor
    )


@TABLE.method("backups.search", SearchFiles, slow=True)
def search(engine: Engine, session: Session, params: SearchFiles) -> dict[str, tuple[Hit, ...]]:
    return {"hits": engine.backups.looking.search(params.text, engine.select(params.select), params.limit)}


@TABLE.method("backups.history", OfPath, slow=True)
def history(engine: Engine, session: Session, params: OfPath) -> dict[str, tuple[Version, ...]]:
    return {"versions": engine.backups.looking.history(engine.host(params.host).name, params.path)}


@TABLE.method("backups.diff", DiffArchives, slow=True)
def diff(engine: Engine, session: Session, params: DiffArchives) -> dict[str, tuple[Change, ...]]:
    return {"changes": engine.backups.looking.diff(params.repository, params.a, params.b, params.path)}


@TABLE.method("backups.file_diff", DiffFile, slow=True)
def file_diff(engine: Engine, session: Session, params: DiffFile) -> dict[str, str]:
    return {"text": engine.backups.looking.file_diff(params.repository, params.a, params.b, params.path)}


@TABLE.method("backups.line", ShowLines)
def line(engine: Engine, session: Session, params: ShowLines) -> dict[str, tuple[str, ...]]:
    return {"lines": engine.backups.lines(params.action, params.repository, params.set)}


# Working ---------------------------------------------------------------------------------------------------------


@TABLE.method("backups.start", StartBackups, slow=True)
def start(engine: Engine, session: Session, params: StartBackups) -> dict[str, tuple[Job, ...]]:
    if params.action == "backup":
        engine.actions.refuse_when_read_only(f"start {params.action}")
    jobs = engine.backups.start(
        params.action, engine.select(params.select), params.sets, params.repositories, params.level, session.actor
    )
    return {"jobs": jobs}


@TABLE.method("backups.init", InitRepositories, slow=True)
def init(engine: Engine, session: Session, params: InitRepositories) -> dict[str, tuple[Job, ...]]:
    engine.actions.refuse_when_read_only("make repositories")
    hosts = engine.select(params.select)
    return {"jobs": engine.backups.init(hosts, params.repositories, params.confirm, session.actor)}


@TABLE.method("backups.cancel", CancelJob)
def cancel(engine: Engine, session: Session, params: CancelJob) -> Job:
    return engine.backups.cancel(params.job, session.actor, force=params.force)


@TABLE.method("backups.prune_preview", OfSeries, slow=True)
def prune_preview(engine: Engine, session: Session, params: OfSeries) -> PrunePreview:
    return engine.backups.keeping.prune_preview(params.repository, params.set)


@TABLE.method("backups.prune", PruneSeries, slow=True)
def prune(engine: Engine, session: Session, params: PruneSeries) -> Job:
    engine.actions.refuse_when_read_only("prune")
    return engine.backups.keeping.prune(params.repository, params.set, params.token, session.actor)


@TABLE.method("backups.undo", UndoRemovals, slow=True)
def undo(engine: Engine, session: Session, params: UndoRemovals) -> Job:
    engine.actions.refuse_when_read_only("undo a prune")
    return engine.backups.keeping.undo(params.repository, session.actor, lose=params.lose, aside=params.aside)


@TABLE.method("backups.compact_preview", OfRepository, slow=True)
def compact_preview(engine: Engine, session: Session, params: OfRepository) -> CompactPreview:
    return engine.backups.keeping.compact_preview(params.repository)


@TABLE.method("backups.compact", CompactRepository, slow=True)
def compact(engine: Engine, session: Session, params: CompactRepository) -> Job:
    engine.actions.refuse_when_read_only("compact")
    return engine.backups.keeping.compact(params.repository, params.token, params.accept, session.actor)


@TABLE.method("backups.restore_plan", PlanRestore, slow=True)
def restore_plan(engine: Engine, session: Session, params: PlanRestore) -> RestorePlan:
    return engine.backups.restoring.plan(params.request)


@TABLE.method("backups.restore", ApprovedPlan, slow=True)
def restore(engine: Engine, session: Session, params: ApprovedPlan) -> Job:
    engine.actions.refuse_when_read_only("restore")
    engine.refuse_held([engine.backups.restoring.target(params.plan)], "restore")
    return engine.backups.restoring.start(params.plan, params.hash, session.actor)


@TABLE.method("backups.restore_confirm", OfJob, slow=True)
def restore_confirm(engine: Engine, session: Session, params: OfJob) -> Job:
    engine.actions.refuse_when_read_only("confirm a restore")
    return engine.backups.settled(params.job, session.actor, keep=True)


@TABLE.method("backups.restore_undo", OfJob, slow=True)
def restore_undo(engine: Engine, session: Session, params: OfJob) -> Job:
    engine.actions.refuse_when_read_only("undo a restore")
    return engine.backups.settled(params.job, session.actor, keep=False)


@TABLE.method("backups.heal_plan", OfRepository, slow=True)
def heal_plan(engine: Engine, session: Session, params: OfRepository) -> HealPreview:
    return engine.backups.keeping.heal_plan(params.repository)


@TABLE.method("backups.heal", ApprovedPlan, slow=True)
def heal(engine: Engine, session: Session, params: ApprovedPlan) -> Job:
    engine.actions.refuse_when_read_only("heal a repository")
    return engine.backups.keeping.heal(params.plan, params.hash, session.actor)


@TABLE.method("backups.lock", OfRepository, slow=True)
def lock(engine: Engine, session: Session, params: OfRepository) -> LockReport:
    return engine.backups.keeping.lock(params.repository)


@TABLE.method("backups.break_lock", BreakLock, slow=True)
def break_lock(engine: Engine, session: Session, params: BreakLock) -> None:
    engine.actions.refuse_when_read_only("break a lock")
    engine.backups.keeping.break_lock(params.repository, params.token, session.actor)


@TABLE.method("backups.key_export", ExportKey, slow=True)
def key_export(engine: Engine, session: Session, params: ExportKey) -> dict[str, str]:
    engine.actions.refuse_when_read_only("show a key")
    return {"text": engine.backups.keeping.key_export(params.repository, params.form, session.actor)}


@TABLE.method("backups.escrow", RecordEscrow, slow=True)
def escrow(engine: Engine, session: Session, params: RecordEscrow) -> Escrow:
    engine.actions.refuse_when_read_only("record an escrow")
    return engine.backups.keeping.escrow(params.repository, params.note, session.actor)


@TABLE.method("backups.release", OfRepository)
def release(engine: Engine, session: Session, params: OfRepository) -> None:
    engine.actions.refuse_when_read_only("release a repository")
    engine.backups.keeping.release(params.repository, session.actor)


@TABLE.method("backups.mount", MountArchive, slow=True)
def mount(engine: Engine, session: Session, params: MountArchive) -> Mounted:
    return engine.backups.looking.mount(params.repository, params.archive)


@TABLE.method("backups.mounts", NoParams)
def mounts(engine: Engine, session: Session, params: NoParams) -> dict[str, object]:
    known = engine.backups.depot.mounts
    return {"mounts": known.mounted(), "problem": known.problem()}


@TABLE.method("backups.umount", OfMount, slow=True)
def umount(engine: Engine, session: Session, params: OfMount) -> None:
    engine.backups.depot.mounts.umount(params.directory)


# Drift -----------------------------------------------------------------------------------------------------------


@TABLE.method("backups.drift", AskDrift, slow=True)
def drift(engine: Engine, session: Session, params: AskDrift) -> dict[str, tuple[DriftReport, ...]]:
    return {"reports": engine.backups.drifting.reports(engine.select(params.select), params.against)}


@TABLE.method("backups.drift_diff", DriftText, slow=True)
def drift_diff(engine: Engine, session: Session, params: DriftText) -> dict[str, str]:
    name = engine.host(params.host).name
    return {"text": engine.backups.drifting.text(name, params.path, params.against)}


@TABLE.method("backups.drift_matrix", OfSelection, slow=True)
def drift_matrix(engine: Engine, session: Session, params: OfSelection) -> DriftMatrix:
    return engine.backups.drifting.matrix(engine.select(params.select))


@TABLE.method("backups.pin", PinBaseline, slow=True)
def pin(engine: Engine, session: Session, params: PinBaseline) -> dict[str, Archive]:
    engine.actions.refuse_when_read_only("pin a baseline")
    archive = engine.backups.drifting.pin(engine.host(params.host).name, params.archive)
    engine.timeline.add("backup", f"{archive.name} is the baseline", host=archive.host, actor=session.actor)
    return {"archive": archive}


@TABLE.method("backups.restore_file", DriftText, slow=True)
def restore_file(engine: Engine, session: Session, params: DriftText) -> RestorePlan:
    name = engine.host(params.host).name
    backups = engine.backups
    return backups.restoring.plan(backups.drifting.request(name, params.path, params.against))


@TABLE.method("backups.refresh", NoParams, slow=True)
def refresh(engine: Engine, session: Session, params: NoParams) -> None:
    engine.backups.refresh()
