"""The part of the API that is about updates. Whatever reaches out to hosts runs beside the client's reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from backends.engine.handlers import SELECTOR_LENGTH, Name
from backends.engine.handlers import TABLE as TABLE
from backends.engine.methods import Params
from backends.engine.session import Session
from backends.updates.inventories import HostUpdates
from backends.updates.model import HistoryEntry, Plan, Repair, Selection
from backends.updates.repairs import RepairRun
from backends.updates.runs import Board
from backends.updates.service import View

if TYPE_CHECKING:
    from backends.engine.engine import Engine

Select = Annotated[str, Meta(max_length=SELECTOR_LENGTH)]
Id = Annotated[str, Meta(min_length=1, max_length=80)]
Package = Annotated[str, Meta(min_length=1, max_length=256)]
Packages = Annotated[tuple[Package, ...], Meta(min_length=1, max_length=1000)]


class ViewUpdates(Params, frozen=True):
    since: int | None = None
    select: Select = ""


class OfHost(Params, frozen=True):
    host: Name


class RefreshUpdates(Params, frozen=True):
    select: Select
    lists: bool = False
    wait_seconds: Annotated[float, Meta(ge=0, le=600)] = 0.0


class MakePlan(Params, frozen=True):
    select: Select
    selection: Selection = Selection()


class OfPlan(Params, frozen=True):
    plan: Id


class StartUpdate(Params, frozen=True):
    plan: Id
    hash: Annotated[str, Meta(min_length=12, max_length=64)]
    fetch_only: bool = False


class ListRuns(Params, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class OfRun(Params, frozen=True):
    run: Id


class OfRunHost(Params, frozen=True):
    run: Id
    host: Name


class CancelRun(Params, frozen=True):
    run: Id
    hosts: tuple[Name, ...] | None = None


class Hold(Params, frozen=True):
    select: Select
    packages: Packages
    hold: bool


class ListHistory(Params, frozen=True):
    host: Name
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class Rollback(Params, frozen=True):
    host: Name
    entry: Annotated[str, Meta(min_length=1, max_length=200)]
    packages: tuple[Package, ...] = ()


class RepairHost(Params, frozen=True):
    host: Name
    repair: Id


@TABLE.method("updates.view", ViewUpdates)
def view(engine: Engine, session: Session, params: ViewUpdates) -> View:
    return engine.updates.view(engine.select(params.select), params.since)


@TABLE.method("updates.host", OfHost)
def host(engine: Engine, session: Session, params: OfHost) -> HostUpdates:
    return engine.updates.details(engine.host(params.host).name)


@TABLE.method("updates.refresh", RefreshUpdates, slow=True)
def refresh(engine: Engine, session: Session, params: RefreshUpdates) -> dict[str, list[str]]:
    hosts = engine.select(params.select)
    if params.lists:
        engine.actions.refuse_when_read_only("renew package lists")
        engine.timeline.add("update", f"renew package lists of {len(hosts)} hosts", actor=session.actor)
    engine.updates.refresh(hosts, lists=params.lists, wait_seconds=params.wait_seconds)
    return {"hosts": hosts}


@TABLE.method("updates.plan", MakePlan, slow=True)
def make_plan(engine: Engine, session: Session, params: MakePlan) -> Plan:
    return engine.updates.make_plan(engine.select(params.select), params.selection, session.actor)


@TABLE.method("updates.get_plan", OfPlan)
def get_plan(engine: Engine, session: Session, params: OfPlan) -> Plan:
    return engine.updates.plans.of(params.plan)


@TABLE.method("updates.start", StartUpdate, slow=True)
def start(engine: Engine, session: Session, params: StartUpdate) -> Board:
    engine.actions.refuse_when_read_only("update hosts")
    made = engine.updates.plans.of(params.plan)
    engine.refuse_held([host.host for host in made.hosts if host.changes], "start an update")
    return engine.updates.start(params.plan, params.hash, session.actor, fetch_only=params.fetch_only)


@TABLE.method("updates.runs", ListRuns)
def runs(engine: Engine, session: Session, params: ListRuns) -> dict[str, object]:
    known = engine.updates.runs
    return {"runs": known.boards(params.limit) if known is not None else ()}


@TABLE.method("updates.run", OfRun)
def run(engine: Engine, session: Session, params: OfRun) -> Board:
    return engine.updates.known_runs().board(params.run)


@TABLE.method("updates.log", OfRunHost)
def log(engine: Engine, session: Session, params: OfRunHost) -> dict[str, str]:
    return {"text": engine.updates.known_runs().output(params.run, params.host)}


@TABLE.method("updates.cancel", CancelRun, slow=True)
def cancel(engine: Engine, session: Session, params: CancelRun) -> dict[str, object]:
    engine.actions.refuse_when_read_only("cancel an update")
    said = engine.updates.known_runs().cancel(params.run, params.hosts, session.actor)
    engine.timeline.add("update", f"cancel run {params.run}: {len(said)} hosts asked", actor=session.actor)
    return {"hosts": said}


@TABLE.method("updates.hold", Hold, slow=True)
def hold(engine: Engine, session: Session, params: Hold) -> dict[str, object]:
    engine.actions.refuse_when_read_only("hold packages")
    hosts = engine.select(params.select)
    return {"hosts": engine.updates.hold(hosts, params.packages, params.hold, session.actor)}


@TABLE.method("updates.history", ListHistory, slow=True)
def history(engine: Engine, session: Session, params: ListHistory) -> dict[str, tuple[HistoryEntry, ...]]:
    return {"entries": engine.updates.history(engine.host(params.host).name, params.limit)}


@TABLE.method("updates.rollback", Rollback, slow=True)
def rollback(engine: Engine, session: Session, params: Rollback) -> Plan:
    name = engine.host(params.host).name
    return engine.updates.rollback(name, params.entry, params.packages, session.actor)


@TABLE.method("updates.repairs", OfHost, slow=True)
def repairs(engine: Engine, session: Session, params: OfHost) -> dict[str, tuple[Repair, ...]]:
    return {"repairs": engine.updates.repairs(engine.host(params.host).name)}


@TABLE.method("updates.repair", RepairHost, slow=True)
def repair(engine: Engine, session: Session, params: RepairHost) -> RepairRun:
    engine.actions.refuse_when_read_only("repair a host")
    engine.refuse_held([params.host], "repair a host")
    return engine.updates.repair(engine.host(params.host).name, params.repair, session.actor)


@TABLE.method("updates.repaired", OfRun)
def repaired(engine: Engine, session: Session, params: OfRun) -> RepairRun:
    return engine.updates.repaired.of(params.run)
