"""Days on which nothing that changes hosts begins by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from backends.clock import utc
from backends.config.schema import BlackoutConfig
from backends.errors import BadInput
from backends.schedule.zones import zone_of


def blackout_at(blackouts: Iterable[BlackoutConfig], time: float, zone: str) -> BlackoutConfig | None:
    """The blackout that holds at a moment, by the days of a zone. Raises BadInput for a day that does not exist."""
    day = utc(time).astimezone(zone_of(zone)).date()
    for each in blackouts:
        first, last = days(each)
        if first <= day <= last:
            return each
    return None


def days(blackout: BlackoutConfig) -> tuple[date, date]:
    """Its first and its last day. Raises BadInput: no such day, or the last before the first."""
    try:
        first, last = date.fromisoformat(blackout.from_), date.fromisoformat(blackout.to)
    except ValueError as error:
        raise BadInput(f"no such day: {blackout.from_} to {blackout.to}", hint='write "2026-12-20"') from error
    if last < first:
        raise BadInput(f"it ends ({blackout.to}) before it begins ({blackout.from_})", hint="exchange from and to")
    return first, last


def blackout_text(blackout: BlackoutConfig) -> str:
    """As in "blackout from 2026-12-20 to 2027-01-03 (end of the year)"."""
    why = f" ({blackout.why})" if blackout.why else ""
    return f"blackout from {blackout.from_} to {blackout.to}{why}"
