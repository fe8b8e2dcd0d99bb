"""Whether the targets take what they are sent; and when each of them is tested. Pure.

A target that fails for ten minutes is an alert of its own, told through the others (reference/alerts.md §3.13).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from backends.alerts.model import Notice, NoticeKind, Reading, Truth
from backends.alerts.routing import DELIVERY_RULE
from backends.metrics.sample import Record
from backends.states import Severity
from backends.text import clean

FAILING_SECONDS = 600.0
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class TargetState(Record, frozen=True, kw_only=True):
    """How one target does. Times are epoch seconds."""

    name: str
    place: str = ""
    """Scheme and machine; "" while its URL is not known."""
    last_ok: float | None = None
    last_failed: float | None = None
    failing_since: float | None = None
    """Of the first failure after the last success."""
    reason: str = ""
    """Of the last failure."""
    seconds: float = 0.0
    """That the last attempt took."""
    waiting: int = 0
    dead: int = 0
    tokens: float = 0.0
    """Notices that it may be sent at once."""


def observed(state: TargetState, ok: bool, reason: str, seconds: float, now: float) -> TargetState:
    """The state after one attempt."""
    if ok:
        return replace(state, last_ok=now, failing_since=None, reason=reason, seconds=seconds)
    since = now if state.failing_since is None else min(state.failing_since, now)
    return replace(state, last_failed=now, failing_since=since, reason=reason, seconds=seconds)


def readings(states: Iterable[TargetState], now: float, own_host: str = "") -> list[Reading]:
    """One for each target: TRUE when it fails for ten minutes, NODATA while nothing was ever sent to it.

    The rule's `for` should be 0: the ten minutes are counted here.

    Args:
        own_host: the name of the engine's machine.
    """
    return [_reading(state, now, own_host) for state in states]


def _reading(state: TargetState, now: float, own_host: str) -> Reading:
    if state.failing_since is None:
        truth = Truth.NODATA if state.last_ok is None else Truth.FALSE
        return Reading(rule=DELIVERY_RULE, host=own_host, object=state.name, truth=truth, time=now)
    failing = now - state.failing_since
    if failing < FAILING_SECONDS:  # not yet; but neither is it well again, when it was not
        return Reading(rule=DELIVERY_RULE, host=own_host, object=state.name, truth=Truth.NODATA, time=now)
    place = f" ({state.place})" if state.place else ""
    return Reading(
        rule=DELIVERY_RULE,
        host=own_host,
        object=state.name,
        truth=Truth.TRUE,
        severity=Severity.CRITICAL,
        value=failing,
        text=f"alerts target {state.name}{place} takes nothing for {failing / 60:.0f} min: {clean(state.reason, 200)}",
        evidence=(f"{state.waiting} notices wait for it, {state.dead} were given up",),
        advice=f"swarm-tui alerts test {state.name}",
        time=now,
    )


def is_test_due(day: str, hour: int, now: datetime, last: float | None) -> bool:
    """Whether a target is to be tested `now` (aware, local time of the engine's machine).

    One that was missed is made up for within the week; a target that was never tested waits for the next hour of tests.

    Args:
        last: when it was last tested, epoch seconds (`Outbox.last_test`).
    """
    if day not in WEEKDAYS:
        return False
    slot = _slot(WEEKDAYS.index(day), hour, now)
    if last is None:
        return now < slot + timedelta(hours=1)
    return datetime.fromtimestamp(last, tz=now.tzinfo) < slot


def _slot(weekday: int, hour: int, now: datetime) -> datetime:
    """The newest hour of tests that has begun."""
    day = now - timedelta(days=(now.weekday() - weekday) % 7)
    slot = day.replace(hour=hour, minute=0, second=0, microsecond=0)
    return slot if slot <= now else slot - timedelta(days=7)


def notice_of_test(name: str, now: datetime, *, by: str = "") -> Notice:
    """A notice that shows that a target works: through the real path, to it alone. Its key holds for one week, or for one
    moment when somebody (`by`) asks for it.
    """
    year, week, _ = now.isocalendar()
    key = f"test/{name}/{now.timestamp():.3f}" if by else f"test/{name}/{year}-W{week:02}"
    who = f"asked for by {clean(by, 80)}" if by else "it is sent every week"
    return Notice(
        key=key,
        kind=NoticeKind.TEST,
        time=now.timestamp(),
        severity=Severity.OK,
        title=f"this is a test of the alerts target {name}",
        lines=(f"Nothing has to be done: {who}.",),
        only=(name,),
    )
