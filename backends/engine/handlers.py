"""What each API method does: typed parameters in, plain results out. Everything interesting lives behind the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from backends.engine import feed as feeds
from backends.engine import views
from backends.engine.methods import NoParams, Params, Table, Then
from backends.engine.session import Session
from backends.engine.wire import API_VERSION, EngineInfo, ExecStarted, History, HostDetail, ReplayPosition
from backends.errors import BadInput
from backends.text import clean

if TYPE_CHECKING:
    from backends.engine.engine import Engine

TABLE = Table()
"""All methods of the API; `wire.METHODS` documents them, a test holds both together."""
SELECTOR_LENGTH = 65_536

Name = Annotated[str, Meta(max_length=253)]
Interval = Annotated[float, Meta(ge=0.2, le=3600.0)]
EventId = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
"""What the store can count up to."""


class Hello(Params, frozen=True):
    client: Annotated[str, Meta(max_length=200)] = ""
    api_version: int | None = None


class SetInterval(Params, frozen=True):
    seconds: Interval


class View(Params, frozen=True):
    since: int | None = None
    select: Annotated[str, Meta(max_length=SELECTOR_LENGTH)] | None = None


class Poll(Params, frozen=True):
    hosts: tuple[Name, ...] | None = None


class GetHost(Params, frozen=True):
    host: Name
    watch: bool = False


class Select(Params, frozen=True):
    select: Annotated[str, Meta(max_length=SELECTOR_LENGTH)]


class AcceptKey(Params, frozen=True):
    host: Name
    fingerprint: Annotated[str, Meta(max_length=200)]


class ListEvents(Params, frozen=True):
    since_id: EventId = 0
    before_id: EventId | None = None
    host: Name | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 200


class GetHistory(Params, frozen=True):
    host: Name
    series: Annotated[tuple[str, ...], Meta(max_length=1024)]
    seconds: Annotated[float, Meta(gt=0, le=400 * 86_400)]
    points: Annotated[int, Meta(ge=1, le=2000)] | None = None


class Signal(Params, frozen=True):
    host: Name
    pid: Annotated[int, Meta(ge=1)]
    start_ticks: Annotated[int, Meta(ge=0)]
    signal: Annotated[str, Meta(max_length=20)] = "TERM"


class Renice(Params, frozen=True):
    host: Name
    pid: Annotated[int, Meta(ge=1)]
    start_ticks: Annotated[int, Meta(ge=0)]
    nice: int


class StartExec(Params, frozen=True):
    select: Annotated[str, Meta(max_length=SELECTOR_LENGTH)]
    argv: Annotated[tuple[str, ...], Meta(min_length=1, max_length=4096)]
    timeout_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 60.0
    become: bool = True


class CancelExec(Params, frozen=True):
    id: int


class StartRecord(Params, frozen=True):
    path: Annotated[str, Meta(min_length=1, max_length=4096)]


class Seek(Params, frozen=True):
    position: float | None = None
    speed: float | None = None
    paused: bool | None = None


@TABLE.method("hello", Hello)
def hello(engine: Engine, session: Session, params: Hello) -> EngineInfo:
    if params.api_version not in (None, API_VERSION):
        raise BadInput(
            f"this engine speaks API {API_VERSION}, the client {params.api_version}",
            action="greet",
            hint="use the same version on both sides: swarm-tui engine stop, then start again",
        )
    session.client = clean(params.client, 100)
    return views.info(engine)


@TABLE.method("engine.info", NoParams)
def info(engine: Engine, session: Session, params: NoParams) -> EngineInfo:
    return views.info(engine)


@TABLE.method("engine.stop", NoParams)
def stop(engine: Engine, session: Session, params: NoParams) -> Then:
    engine.timeline.add("engine", "engine stopped on request", actor=session.actor)
    return Then({}, engine.request_stop)


@TABLE.method("engine.reload", NoParams, slow=True)
def reload(engine: Engine, session: Session, params: NoParams) -> EngineInfo:
    engine.reload(actor=session.actor)
    return views.info(engine)


@TABLE.method("engine.set_interval", SetInterval)
def set_interval(engine: Engine, session: Session, params: SetInterval) -> None:
    engine.set_interval(params.seconds)
    engine.timeline.add("action", f"sampling every {params.seconds:g} s", actor=session.actor)


@TABLE.method("fleet.view", View)
def view(engine: Engine, session: Session, params: View) -> object:
    only = frozenset(engine.select(params.select)) if params.select else None
    return engine.fleet.view(params.since, only)


@TABLE.method("fleet.poll", Poll)
def poll(engine: Engine, session: Session, params: Poll) -> None:
    engine.sources.poll(engine.fleet.names() if params.hosts is None else params.hosts)


@TABLE.method("host.get", GetHost)
def get_host(engine: Engine, session: Session, params: GetHost) -> HostDetail:
    if params.watch:
        engine.attention.look(engine.host(params.host).name)
    return views.detail(engine, params.host)


@TABLE.method("host.history", GetHistory)
def history(engine: Engine, session: Session, params: GetHistory) -> History:
    engine.host(params.host)
    return engine.archive.history(params.host, params.series, params.seconds, params.points)


@TABLE.method("host.signal", Signal, slow=True)
def signal(engine: Engine, session: Session, params: Signal) -> dict[str, str]:
    text = engine.actions.signal(params.host, params.pid, params.start_ticks, params.signal, actor=session.actor)
    return {"text": text}


@TABLE.method("host.renice", Renice, slow=True)
def renice(engine: Engine, session: Session, params: Renice) -> dict[str, str]:
    text = engine.actions.renice(params.host, params.pid, params.start_ticks, params.nice, actor=session.actor)
    return {"text": text}


@TABLE.method("hosts.select", Select)
def select(engine: Engine, session: Session, params: Select) -> dict[str, list[str]]:
    return {"hosts": engine.select(params.select)}


@TABLE.method("hosts.keys", NoParams)
def keys(engine: Engine, session: Session, params: NoParams) -> dict[str, object]:
    return {"keys": engine.sources.offered_keys()}


@TABLE.method("hosts.accept_key", AcceptKey, slow=True)
def accept_key(engine: Engine, session: Session, params: AcceptKey) -> None:
    engine.actions.accept_key(params.host, params.fingerprint, actor=session.actor)


@TABLE.method("events.list", ListEvents)
def list_events(engine: Engine, session: Session, params: ListEvents) -> dict[str, object]:
    page = engine.timeline.page(
        since_id=params.since_id, before_id=params.before_id, host=params.host or "", limit=params.limit
    )
    return {"events": page}


@TABLE.method("events.subscribe", NoParams)
def subscribe(engine: Engine, session: Session, params: NoParams) -> None:
    session.subscribed = True


@TABLE.method("exec.start", StartExec)
def start_exec(engine: Engine, session: Session, params: StartExec) -> Then:
    engine.actions.refuse_when_read_only("run a command on hosts")
    hosts = engine.select(params.select)
    run = engine.fanouts.prepare(
        hosts, params.argv, session, timeout_seconds=params.timeout_seconds, become=params.become
    )
    command = " ".join(params.argv)
    engine.timeline.add("exec", f"ran on {len(hosts)} hosts ({params.select}): {command}", actor=session.actor)
    return Then(ExecStarted(id=run.number, hosts=run.hosts), run.start)


@TABLE.method("exec.cancel", CancelExec)
def cancel_exec(engine: Engine, session: Session, params: CancelExec) -> None:
    engine.fanouts.cancel(params.id)
    engine.timeline.add("exec", f"cancelled exec {params.id}", actor=session.actor)


@TABLE.method("record.start", StartRecord)
def start_record(engine: Engine, session: Session, params: StartRecord) -> None:
    engine.recordings.start(params.path, actor=session.actor, wanted=lambda: not session.closed)


@TABLE.method("record.stop", NoParams, slow=True)
def stop_record(engine: Engine, session: Session, params: NoParams) -> dict[str, object]:
    return engine.recordings.stop(actor=session.actor)


@TABLE.method("replay.seek", Seek, slow=True)
def seek(engine: Engine, session: Session, params: Seek) -> ReplayPosition:
    if not isinstance(engine.feed, feeds.ReplayFeed):
        raise BadInput("this engine plays no recording", action="seek", hint="swarm-tui replay FILE")
    at = engine.feed.source.control(position=params.position, speed=params.speed, paused=params.paused)
    return views.position(at)
