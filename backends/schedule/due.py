"""What is due now, what became of what was missed, and which hosts' moment has come. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import StrEnum

from backends.config.schema import BlackoutConfig
from backends.metrics.sample import Record
from backends.schedule.actions import Missed
from backends.schedule.blackout import blackout_at, blackout_text
from backends.schedule.rule import DAY
from backends.schedule.schedule import Schedule
from backends.schedule.window import local_text

LATE_SECONDS = 600.0
"""A change that is so late was missed; less is the time of a busy machine."""
SOON_SHARE = 0.5
"""A backup that is late by less than this share of its period is still made."""


class Verdict(StrEnum):
    RUN = "run"
    MISSED = "missed"
    """Too late; the next one comes soon enough."""
    ASK = "asks"
    """Too late to change hosts unasked."""
    BLACKOUT = "blackout"


class Due(Record, frozen=True, kw_only=True):
    """An occurrence that has come, and what is to become of it."""

    occurrence: float
    """Epoch seconds."""
    verdict: Verdict
    missed: int = 0
    """Earlier ones that came while nobody looked; they are not made up for one by one."""
    text: str = ""


def due(schedule: Schedule, since: float, now: float, blackouts: Sequence[BlackoutConfig] = ()) -> Due | None:
    """The newest occurrence in (since, now]; None when there is none.

    Args:
        schedule: an enabled one.
        since: epoch seconds of the last occurrence that was considered, or when the schedule was first seen.
        now: epoch seconds.
        blackouts: of the configuration.
    """
    found = schedule.rule.last(since, now)
    if found is None:
        return None
    occurrence, count = found
    verdict, text = _judged(schedule, occurrence, now, blackouts)
    return Due(occurrence=occurrence, verdict=verdict, missed=count - 1, text=text)


def _judged(
    schedule: Schedule, occurrence: float, now: float, blackouts: Sequence[BlackoutConfig]
) -> tuple[Verdict, str]:
    late, at = now - occurrence, local_text(occurrence, schedule.rule.zone)
    if schedule.action.changes:
        held = blackout_at(blackouts, occurrence, schedule.rule.zone) or blackout_at(blackouts, now, schedule.rule.zone)
        if held is not None:
            return Verdict.BLACKOUT, f"{at} was left out: {blackout_text(held)}"
    if schedule.action.missed is Missed.ASK and late > LATE_SECONDS:
        hint = f"swarm-tui schedule run {schedule.name} does it now"
        return Verdict.ASK, f"{at} was missed; it changes hosts, so it is not made up for by itself: {hint}"
    if schedule.action.missed is Missed.SOON and late > SOON_SHARE * schedule.rule.period(occurrence):
        return Verdict.MISSED, f"{at} was missed, and the next one is nearer than that"
    return Verdict.RUN, ""


def from_when(since: float, now: float, period: float) -> float:
    """`since`, unless it was written down under a clock that was wrong by days: then nothing would happen until the future.

    A clock that goes back by less repeats nothing.
    """
    return now if since > now + period + DAY else since


# The hosts of one occurrence ------------------------------------------------------------------------------------------


def jitter(name: str, host: str, spread_seconds: float) -> float:
    """A host's own moment after the time of a schedule, in seconds: the same for ever, on every machine."""
    return zlib.crc32(f"{name} {host}".encode()) / 2**32 * spread_seconds


class Turn(Record, frozen=True, kw_only=True):
    """Hosts of an occurrence that were not begun yet."""

    begin: tuple[str, ...] = ()
    """Whose moment has come and for whom there is room."""
    waiting: tuple[str, ...] = ()
    """Whose moment comes, or for whom there was no room."""
    away: tuple[str, ...] = ()
    """Whose moment has come, but they cannot be reached."""
    next: float | None = None
    """Epoch seconds of the next moment; None: nobody's is known."""


def turn(
    schedule: Schedule,
    occurrence: float,
    hosts: Iterable[str],
    begun: Collection[str],
    reachable: Callable[[str], bool],
    room: int,
    now: float,
    *,
    spread: bool = True,
) -> Turn:
    """Whose turn it is.

    Args:
        schedule: its name and spread place the hosts.
        occurrence: epoch seconds.
        hosts: all that it means.
        begun: those that were begun.
        reachable: whether a host can be asked now.
        room: how many may begin.
        now: epoch seconds.
        spread: False: all of them at once.
    """
    seconds = 0.0 if not spread else min(schedule.spread_seconds, 0.9 * schedule.rule.period(occurrence))
    moments = sorted((occurrence + jitter(schedule.name, host, seconds), host) for host in hosts if host not in begun)
    come = [host for at, host in moments if at <= now]
    ready = [host for host in come if reachable(host)]
    there = set(ready)
    later = [host for at, host in moments if at > now]
    return Turn(
        begin=tuple(ready[: max(0, room)]),
        waiting=(*ready[max(0, room) :], *later),
        away=tuple(host for host in come if host not in there),
        next=next((at for at, _ in moments if at > now), None),
    )


def expired(schedule: Schedule, occurrence: float, now: float) -> bool:
    """Whether hosts that could not be reached are given up: a backup as if it had been missed, a look never."""
    late = now - occurrence
    return schedule.action.missed is Missed.SOON and late > SOON_SHARE * schedule.rule.period(occurrence)
