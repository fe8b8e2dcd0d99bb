"""What the API tells of schedules."""

from __future__ import annotations

from backends.metrics.sample import Record
from backends.schedule.book import Occurrence
from backends.schedule.window import Moment


class Going(Record, frozen=True, kw_only=True):
    """How far an occurrence is that goes on."""

    time: float = 0.0
    """Epoch seconds of the occurrence."""
    working: int = 0
    """Hosts that are at work."""
    waiting: int = 0
    """Hosts whose moment comes."""
    away: tuple[str, ...] = ()
    """Hosts that are begun as soon as they can be reached."""


class Came(Record, frozen=True, kw_only=True):
    """An occurrence that came."""

    occurrence: Occurrence
    going: Going | None = None
    """While it goes on and the engine knows of it."""


class ScheduleView(Record, frozen=True, kw_only=True):
    """One schedule."""

    name: str
    action: str
    cron: str
    timezone: str
    """As configured; "": that of the engine's machine."""
    hosts: str = ""
    """A selector; "": every host."""
    spread_seconds: float = 0.0
    enabled: bool = True
    built_in: bool = False
    """One of the defaults, as none is configured."""
    next: tuple[Moment, ...] = ()
    """Empty while it is switched off."""
    last: Occurrence | None = None
    """The newest one that came; None before the first."""
    going: Going | None = None
    """While that goes on."""
    recent: tuple[Came, ...] = ()
    """The newest ones that came, `last` first: one that somebody asked for may go on beside that of the plan."""
    problem: str = ""
    """Why it cannot do anything at the moment."""


class SchedulesView(Record, frozen=True, kw_only=True):
    """Result of every method about schedules."""

    schedules: tuple[ScheduleView, ...] = ()
    began: tuple[Occurrence, ...] = ()
    """By this very call; of `schedules.due` and `schedules.run`."""
