"""The part of the API that is about what a host needs after a change: services restarted, a gate, a reboot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from backends.engine.handlers import Name
from backends.engine.handlers_updates import TABLE as TABLE
from backends.engine.handlers_updates import OfHost, Select
from backends.engine.methods import Params
from backends.engine.session import Session
from backends.text import clean
from backends.updates.aftercare import HostGate
from backends.updates.reboot import SOAK_SECONDS
from backends.updates.reboots import RebootRecord
from backends.updates.restart import RestartRecord, Services

if TYPE_CHECKING:
    from backends.engine.engine import Engine

LONGEST_REASON = 300
LONGEST_SOAK_SECONDS = 7200.0


class RestartServices(Params, frozen=True):
    select: Select
    units: Annotated[tuple[Name, ...], Meta(max_length=90)] = ()


class Reboot(Params, frozen=True):
    select: Select
    override: Annotated[str, Meta(max_length=LONGEST_REASON)] = ""
    soak_seconds: Annotated[float, Meta(ge=0, le=LONGEST_SOAK_SECONDS)] = SOAK_SECONDS


class Newest(Params, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


@TABLE.method("updates.services", OfHost, slow=True)
def services(engine: Engine, session: Session, params: OfHost) -> Services:
    return engine.updates.aftercare.services(engine.host(params.host).name)


@TABLE.method("updates.restart", RestartServices, slow=True)
def restart(engine: Engine, session: Session, params: RestartServices) -> dict[str, tuple[RestartRecord, ...]]:
    engine.actions.refuse_when_read_only("restart services")
    hosts = engine.select(params.select)
    engine.refuse_held(hosts, "restart services")
    return {"restarts": engine.updates.aftercare.restart(hosts, params.units, session.actor)}


@TABLE.method("updates.restarts", Newest)
def restarts(engine: Engine, session: Session, params: Newest) -> dict[str, tuple[RestartRecord, ...]]:
    return {"restarts": engine.updates.aftercare.restarts(params.limit)}


@TABLE.method("updates.gate", OfHost, slow=True)
def gate(engine: Engine, session: Session, params: OfHost) -> HostGate:
    return engine.updates.aftercare.gate(engine.host(params.host).name)


@TABLE.method("updates.reboot", Reboot, slow=True)
def reboot(engine: Engine, session: Session, params: Reboot) -> dict[str, tuple[RebootRecord, ...]]:
    engine.actions.refuse_when_read_only("reboot")
    hosts = engine.select(params.select)
    engine.refuse_held(hosts, "reboot")
    override = clean(params.override, LONGEST_REASON)
    begun = engine.updates.aftercare.reboot(hosts, session.actor, override=override, soak_seconds=params.soak_seconds)
    return {"reboots": begun}


@TABLE.method("updates.reboots", Newest)
def reboots(engine: Engine, session: Session, params: Newest) -> dict[str, tuple[RebootRecord, ...]]:
    return {"reboots": engine.updates.aftercare.reboots(params.limit)}
