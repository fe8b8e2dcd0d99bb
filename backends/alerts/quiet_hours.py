"""Quiet hours: when warnings wait for a digest. Critical alerts never do."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from backends.clock import utc
from backends.errors import BadInput
from backends.metrics.sample import Record
from backends.states import Severity

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


class QuietHours(Record, frozen=True, kw_only=True):
    """From `start` to `end` of every day, local wall time "HH:MM"; over midnight when the end is earlier."""

    start: str
    end: str
    zone: str = "UTC"
    """IANA name; "": the zone of this machine."""


def checked(hours: QuietHours) -> QuietHours:
    """The same hours. Raises BadInput: no such time or zone."""
    for text in (hours.start, hours.end):
        _minute(text)
    _zone(hours.zone)
    return hours


def is_quiet(hours: QuietHours | None, now: float) -> bool:
    """Whether `now` (epoch seconds) lies in them; the same start and end mean never. Raises BadInput as `checked`."""
    if hours is None:
        return False
    start, end, local = _minute(hours.start), _minute(hours.end), utc(now).astimezone(_zone(hours.zone))
    minute = 60 * local.hour + local.minute
    return start <= minute < end if start <= end else minute >= start or minute < end


def holds(quiet: bool, severity: Severity) -> bool:
    """Whether something of this severity waits."""
    return quiet and severity is not Severity.CRITICAL


def _minute(text: str) -> int:
    match = _TIME.fullmatch(text)
    if not match:
        raise BadInput(f"not a time of day: {text[:20]!r}", action="read the quiet hours", hint='write "22:00"')
    return 60 * int(match[1]) + int(match[2])


def _zone(name: str) -> ZoneInfo | None:
    """None is what `astimezone` takes for the zone of this machine."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError) as error:
        raise BadInput(
            f"no such time zone: {name[:60]!r}", action="read the quiet hours", hint='write "Europe/Zurich" or "UTC"'
        ) from error
