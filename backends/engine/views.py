"""Puts together what `engine.info` and `host.get` answer."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from backends.engine import feed as feeds
from backends.engine.server import user_name
from backends.engine.wire import API_VERSION, EngineInfo, HostDetail, ReplayPosition
from backends.errors import BadInput
from backends.sources.replay import Position

if TYPE_CHECKING:
    from backends.engine.engine import Engine


def info(engine: Engine) -> EngineInfo:
    """Who the engine is and what it does."""
    feed = engine.feed
    settings = feed.settings if isinstance(feed, feeds.ConfiguredFeed) else None
    path = str(settings.path) if settings is not None and settings.path.exists() else ""
    name = settings.path.stem if path and settings is not None and settings.path.stem != "config" else ""
    return EngineInfo(
        api_version=API_VERSION,
        version=program_version(),
        pid=os.getpid(),
        started=engine.started,
        label=engine.label,
        config_path=path,
        config_error=engine.config_error,
        fleet_name=engine.config.engine.fleet_name or name,
        user=user_name(os.getuid()),
        read_only=engine.read_only,
        hosts=len(engine.hosts),
        interval_seconds=engine.interval_seconds,
        in_flight=engine.in_flight(),
        replay=position(feed.source.position()) if isinstance(feed, feeds.ReplayFeed) else None,
        recording=engine.recordings.path,
    )


def detail(engine: Engine, host: str) -> HostDetail:
    """Everything known about one host. Raises BadInput."""
    entry = engine.fleet.entry(host)
    if entry is None:
        raise BadInput("no such host in the fleet", host=host, hint="swarm-tui hosts list shows the names")
    offered = next((key for key in engine.sources.offered_keys() if key.host == host), None)
    return HostDetail(
        row=entry.row,
        now=engine.fleet.now(),
        facts=entry.facts,
        sample=entry.sample,
        link=entry.link,
        verdicts=engine.verdicts.of(host, entry.facts),
        offered_key=offered,
        parents=entry.host.parents,
        series=engine.archive.names(host),
    )


def position(at: Position) -> ReplayPosition:
    """A replay's position as the API gives it."""
    return ReplayPosition(start=at.start, end=at.end, position=at.position, speed=at.speed, paused=at.paused)


def program_version() -> str:
    """The installed version; "0" when run from a tree that is not installed."""
    try:
        return version("swarm-tui")
    except PackageNotFoundError:
        return "0"
