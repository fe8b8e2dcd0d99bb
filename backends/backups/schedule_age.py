"""When a set is due and overdue, from the times of its archives and nothing else. Pure.

Never from a repository's own times: a compaction would make them young again.
"""

from __future__ import annotations

from collections.abc import Iterable

from backends.backups.model import Archive
from backends.metrics.sample import Record

GRACE = 0.25
"""Share of the interval that a backup may be late before it is told."""
SKEW_SECONDS = 3600.0
"""An archive from further in the future was made under a wrong clock; it must not hide that backups have ended."""


class Age(Record, frozen=True, kw_only=True):
    """How old the newest complete archive of a set is against its schedule."""

    last: Archive | None = None
    """The newest complete archive whose time can be true."""
    seconds: float | None = None
    """Since it began; None when there is none."""
    due: float | None = None
    """When the next one is to be made (epoch seconds, may be past); None: only when somebody asks."""
    overdue: bool = False
    """Later than due by more than the grace. Never for a set that was not backed up yet: since when is not known."""


def age(every_seconds: float, archives: Iterable[Archive], now: float) -> Age:
    """Where a set stands.

    Args:
        every_seconds: its interval; 0: only when somebody asks.
        archives: of this set in one repository, in any order; checkpoints do not count.
        now: epoch seconds.
    """
    complete = [each for each in archives if ".checkpoint" not in each.name and each.start <= now + SKEW_SECONDS]
    last = max(complete, key=lambda archive: archive.start, default=None)
    seconds = None if last is None else max(0.0, now - last.start)
    if every_seconds <= 0:
        return Age(last=last, seconds=seconds)
    due = now if last is None else last.start + every_seconds
    overdue = last is not None and now > due + GRACE * every_seconds
    return Age(last=last, seconds=seconds, due=due, overdue=overdue)
