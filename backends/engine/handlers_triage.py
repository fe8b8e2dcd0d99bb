"""The part of the API that is about triage. It changes nothing on hosts, so it is there with --read-only as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from backends.engine.handlers import Name
from backends.engine.handlers_backups import TABLE as TABLE
from backends.engine.handlers_updates import Select
from backends.engine.methods import Params
from backends.engine.session import Session
from backends.text import clean
from backends.triage.model import Bundle
from backends.triage.views import Compared, Kept, Round

if TYPE_CHECKING:
    from backends.engine.engine import Engine

LONGEST_REASON = 200
Number = Annotated[int, Meta(ge=1, le=(1 << 53) - 1)]


class AskHosts(Params, frozen=True):
    select: Select
    reason: Annotated[str, Meta(max_length=LONGEST_REASON)] = "asked"


class OfRound(Params, frozen=True):
    id: Number


class OfBundle(Params, frozen=True):
    number: Number


class ListBundles(Params, frozen=True):
    host: Name = ""
    limit: Annotated[int, Meta(ge=1, le=2000)] = 100


class Difference(Params, frozen=True):
    number: Number
    against: Name = "peer"


@TABLE.method("triage.start", AskHosts)
def start(engine: Engine, session: Session, params: AskHosts) -> Round:
    hosts = engine.select(params.select)
    return engine.duty.triages.start(hosts, clean(params.reason, LONGEST_REASON), session.actor)


@TABLE.method("triage.round", OfRound)
def round_(engine: Engine, session: Session, params: OfRound) -> Round:
    return engine.duty.triages.round(params.id)


@TABLE.method("triage.run", AskHosts, slow=True)
def run(engine: Engine, session: Session, params: AskHosts) -> Round:
    hosts = engine.select(params.select)
    return engine.duty.triages.wait(hosts, clean(params.reason, LONGEST_REASON), session.actor)


@TABLE.method("triage.get", OfBundle)
def get(engine: Engine, session: Session, params: OfBundle) -> Bundle:
    return engine.duty.triages.get(params.number)


@TABLE.method("triage.list", ListBundles)
def list_(engine: Engine, session: Session, params: ListBundles) -> dict[str, tuple[Kept, ...]]:
    return {"bundles": engine.duty.triages.list(params.host, params.limit)}


@TABLE.method("triage.difference", Difference, slow=True)
def difference(engine: Engine, session: Session, params: Difference) -> Compared:
    return engine.duty.triages.difference(params.number, params.against, session.actor)
