"""The part of the API that is about health checks. They change nothing on hosts, but for the tests that load the hardware."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from backends.checks.health_active import Test
from backends.checks.health_views import CheckRow, DifferenceView, HealthView, HostChecks
from backends.engine.handlers import Name
from backends.engine.handlers_backups import TABLE as TABLE
from backends.engine.handlers_updates import OfHost, Select
from backends.engine.methods import NoParams, Params
from backends.engine.session import Session
from backends.text import clean

if TYPE_CHECKING:
    from backends.engine.engine import Engine

LONGEST_NOTE = 300
Check = Annotated[str, Meta(min_length=1, max_length=80)]
Thing = Annotated[str, Meta(max_length=300)]
Note = Annotated[str, Meta(max_length=LONGEST_NOTE)]


class ViewChecks(Params, frozen=True):
    since: int | None = None
    select: Select = ""


class RunChecks(Params, frozen=True):
    select: Select
    slow: bool = True


class OfFinding(Params, frozen=True):
    host: Name
    check: Check
    object: Thing = ""
    note: Note = ""


class CompareChecks(Params, frozen=True):
    host: Name
    before: float | None = None
    rebooted: bool = False


class ActiveCheck(Params, frozen=True):
    host: Name
    test: Test
    drained: Name
    """The host's name once more: somebody says that nothing else runs there."""


@TABLE.method("checks.view", ViewChecks)
def view(engine: Engine, session: Session, params: ViewChecks) -> HealthView:
    return engine.duty.health.view(params.since, engine.select(params.select))


@TABLE.method("checks.host", OfHost)
def host(engine: Engine, session: Session, params: OfHost) -> HostChecks:
    return engine.duty.health.details(engine.host(params.host).name)


@TABLE.method("checks.catalogue", NoParams)
def catalogue(engine: Engine, session: Session, params: NoParams) -> dict[str, tuple[CheckRow, ...]]:
    return {"checks": engine.duty.health.catalogue()}


@TABLE.method("checks.run", RunChecks)
def run(engine: Engine, session: Session, params: RunChecks) -> dict[str, tuple[str, ...]]:
    return {"hosts": engine.duty.health.run(engine.select(params.select), params.slow, session.actor)}


@TABLE.method("checks.ack", OfFinding)
def ack(engine: Engine, session: Session, params: OfFinding) -> None:
    engine.actions.refuse_when_read_only("acknowledge a finding", params.host)
    name = engine.host(params.host).name
    engine.duty.health.ack(name, params.check, params.object, session.actor, clean(params.note, LONGEST_NOTE))


@TABLE.method("checks.clear", OfFinding)
def clear(engine: Engine, session: Session, params: OfFinding) -> None:
    engine.actions.refuse_when_read_only("settle a finding", params.host)
    name = engine.host(params.host).name
    engine.duty.health.clear(name, params.check, params.object, session.actor, clean(params.note, LONGEST_NOTE))


@TABLE.method("checks.difference", CompareChecks)
def difference(engine: Engine, session: Session, params: CompareChecks) -> DifferenceView:
    name = engine.host(params.host).name
    return engine.duty.health.difference(name, params.before, rebooted=params.rebooted)


@TABLE.method("checks.active", ActiveCheck)
def active(engine: Engine, session: Session, params: ActiveCheck) -> None:
    engine.actions.refuse_when_read_only("load the hardware", params.host)
    engine.duty.health.active(engine.host(params.host).name, params.test, params.drained, session.actor)
