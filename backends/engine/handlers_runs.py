"""The part of the API that is about maintenance runs. Whatever may wait for hosts or for the disk runs beside the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from backends.engine.handlers import SELECTOR_LENGTH, Name
from backends.engine.handlers_triage import TABLE as TABLE
from backends.engine.methods import NoParams, Params
from backends.engine.run_names import named_run
from backends.engine.session import Session
from backends.maintenance.dry_run import DryRun
from backends.maintenance.model import Promote, RunState
from backends.maintenance.request import Request
from backends.maintenance.views import Held, NamedRun, RunList, RunView
from backends.text import clean

if TYPE_CHECKING:
    from backends.engine.engine import Engine

LONGEST_TEXT = 500
Run = Annotated[str, Meta(min_length=1, max_length=80)]
Hash = Annotated[str, Meta(min_length=12, max_length=64)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Word = Annotated[str, Meta(min_length=1, max_length=300)]
Words = Annotated[tuple[Word, ...], Meta(max_length=1000)]
Amount = Annotated[str, Meta(max_length=20)]
Moment = Annotated[float, Meta(ge=0, le=1e11)]


class Compose(Params, frozen=True):
    """The fields of `Request`; what is None is as the run of that name says, or the usual."""

    name: Annotated[str, Meta(max_length=80)] = ""
    select: Annotated[str, Meta(max_length=SELECTOR_LENGTH)] | None = None
    steps: Annotated[Words, Meta(min_length=1)] | None = None
    batches: Annotated[Words, Meta(min_length=1)] | None = None
    canary: bool | None = None
    canaries: Words | None = None
    soak_seconds: Annotated[float, Meta(ge=0, le=604_800)] | None = None
    promote: Promote | None = None
    max_unavailable: Amount | None = None
    max_unavailable_per_domain: Amount | None = None
    max_failed: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    window_start: Moment | None = None
    window_end: Moment | None = None
    timeouts: Annotated[dict[Word, Word], Meta(max_length=100)] | None = None
    approvals: Annotated[int, Meta(ge=0, le=9)] | None = None
    packages: Words | None = None
    exclude_packages: Words | None = None
    minimum_age_days: Annotated[float, Meta(ge=0, le=365)] | None = None


class Create(Params, frozen=True):
    hash: Hash


class OfPlan(Params, frozen=True):
    run: Run
    hash: Hash


class ListRuns(Params, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class ViewRun(Params, frozen=True):
    run: Run
    since: int | None = None


class OfRun(Params, frozen=True):
    run: Run


class Said(Params, frozen=True):
    run: Run
    text: Text = ""


class OfHost(Params, frozen=True):
    run: Run
    host: Name


class SaidOfHost(Params, frozen=True):
    run: Run
    host: Name
    text: Text = ""


class Answer(Params, frozen=True):
    run: Run
    host: Name
    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]


class Note(Params, frozen=True):
    run: Run
    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
    host: Name = ""


class Report(Params, frozen=True):
    run: Run
    format: Literal["markdown", "jsonl"] = "markdown"


def wanted(params: Compose, base: Request) -> Request:
    """`base` with what the client wants otherwise."""
    given = {name: value for name in Compose.__struct_fields__ if (value := getattr(params, name)) is not None}
    given.pop("name", None)
    if (select := given.pop("select", None)) is not None:
        given["selector"] = select
    if "window_end" in given or "window_start" in given:
        given["window"] = None
    return msgspec.structs.replace(base, **given)


@TABLE.method("runs.compose", Compose, slow=True)
def compose(engine: Engine, session: Session, params: Compose) -> DryRun:
    base = engine.maintenance.named(params.name) if params.name else Request()
    return engine.maintenance.compose(wanted(params, base), session.actor)


@TABLE.method("runs.create", Create, slow=True)
def create(engine: Engine, session: Session, params: Create) -> RunState:
    engine.actions.refuse_when_read_only("create a maintenance run")
    return engine.maintenance.create(params.hash, session.actor)


@TABLE.method("runs.start", OfPlan, slow=True)
def start(engine: Engine, session: Session, params: OfPlan) -> RunState:
    engine.actions.refuse_when_read_only("start a maintenance run")
    return engine.maintenance.start_run(params.run, params.hash, session.actor)


@TABLE.method("runs.list", ListRuns)
def listed(engine: Engine, session: Session, params: ListRuns) -> RunList:
    return engine.maintenance.list(params.limit)


@TABLE.method("runs.view", ViewRun)
def view(engine: Engine, session: Session, params: ViewRun) -> RunView:
    return engine.maintenance.view(params.run, params.since)


@TABLE.method("runs.pause", Said, slow=True)
def pause(engine: Engine, session: Session, params: Said) -> RunState:
    engine.actions.refuse_when_read_only("pause a run")
    return engine.maintenance.runner.pause(params.run, who=session.actor, text=_cleaned(params.text))


@TABLE.method("runs.resume", Said, slow=True)
def resume(engine: Engine, session: Session, params: Said) -> RunState:
    engine.actions.refuse_when_read_only("go on with a run")
    return engine.maintenance.runner.resume(params.run, who=session.actor, text=_cleaned(params.text))


@TABLE.method("runs.abort", Said, slow=True)
def abort(engine: Engine, session: Session, params: Said) -> RunState:
    engine.actions.refuse_when_read_only("abort a run")
    return engine.maintenance.runner.abort(params.run, who=session.actor, text=_cleaned(params.text))


@TABLE.method("runs.approve", OfPlan, slow=True)
def approve(engine: Engine, session: Session, params: OfPlan) -> RunState:
    engine.actions.refuse_when_read_only("approve a run")
    return engine.maintenance.approve(params.run, params.hash, session.actor)


@TABLE.method("runs.promote", OfRun, slow=True)
def promote(engine: Engine, session: Session, params: OfRun) -> RunState:
    engine.actions.refuse_when_read_only("go on after the canaries")
    return engine.maintenance.runner.promote(params.run, who=session.actor)


@TABLE.method("runs.skip", SaidOfHost, slow=True)
def skip(engine: Engine, session: Session, params: SaidOfHost) -> RunState:
    engine.actions.refuse_when_read_only("skip a host", params.host)
    return engine.maintenance.runner.skip(params.run, params.host, who=session.actor, text=_cleaned(params.text))


@TABLE.method("runs.retry", SaidOfHost, slow=True)
def retry(engine: Engine, session: Session, params: SaidOfHost) -> RunState:
    engine.actions.refuse_when_read_only("try a host again", params.host)
    return engine.maintenance.runner.retry(params.run, params.host, who=session.actor, text=_cleaned(params.text))


@TABLE.method("runs.answer", Answer, slow=True)
def answer(engine: Engine, session: Session, params: Answer) -> RunState:
    engine.actions.refuse_when_read_only("answer a question of a run", params.host)
    return engine.maintenance.runner.answer(params.run, params.host, _cleaned(params.text), who=session.actor)


@TABLE.method("runs.note", Note, slow=True)
def note(engine: Engine, session: Session, params: Note) -> RunState:
    engine.actions.refuse_when_read_only("write a note")
    return engine.maintenance.runner.note(params.run, _cleaned(params.text), who=session.actor, host=params.host)


@TABLE.method("runs.output", OfHost, slow=True)
def output(engine: Engine, session: Session, params: OfHost) -> dict[str, str]:
    return {"text": engine.maintenance.runner.output(params.run, params.host)}


@TABLE.method("runs.report", Report, slow=True)
def report(engine: Engine, session: Session, params: Report) -> dict[str, str]:
    return {"text": engine.maintenance.report(params.run, params.format)}


@TABLE.method("runs.names", NoParams)
def names(engine: Engine, session: Session, params: NoParams) -> dict[str, tuple[NamedRun, ...]]:
    return {"runs": tuple(named_run(run, engine.select) for run in engine.config.runs)}


@TABLE.method("runs.held", NoParams)
def held(engine: Engine, session: Session, params: NoParams) -> dict[str, tuple[Held, ...]]:
    return {"held": engine.maintenance.held()}


def _cleaned(text: str) -> str:
    return clean(text, LONGEST_TEXT)
