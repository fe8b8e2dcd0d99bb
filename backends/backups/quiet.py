"""When the limit of a transfer counts. Pure."""

from __future__ import annotations

from datetime import datetime


def within(hours: str, now: datetime) -> bool:
    """Whether `now` (local time of the engine's machine) is in `hours` ("08:00-20:00"; "22:00-06:00" goes over midnight).

    "" is always. The end does not belong to it; equal ends mean the whole day.
    """
    if not hours:
        return True
    start, _, end = hours.partition("-")
    clock = f"{now:%H:%M}"
    if start == end:
        return True
    return start <= clock < end if start < end else clock >= start or clock < end


def limit(kib_per_second: int, hours: str, now: datetime) -> int:
    """KiB a second that a transfer may take now; 0: no limit."""
    return kib_per_second if within(hours, now) else 0
