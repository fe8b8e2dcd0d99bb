"""When something is due: a rule in cron's words and a zone, as moments in epoch seconds. Pure but for the tables of zones.

Occurrences are computed on local wall times and put into the zone afterwards, since that is what the person meant: a time that
the clocks skip becomes the first minute after, one that comes twice is taken the first time. Only a rule for every hour
follows time as it passes: whoever writes `*` there wants no hour left out. All arithmetic is on epoch seconds, as two
times of one zone cannot be subtracted across a change of the clocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from backends.clock import utc
from backends.errors import BadInput
from backends.metrics.sample import Record
from backends.schedule.zones import zone_of
from backends.text import clean

FIELDS = 5
HINT = '"0 2 * * *" is every day at two: minute, hour, day of the month, month, day of the week'
MOST = 1000
"""Missed occurrences that are counted."""
DAY = 86400.0
_LOOKS_BACK = (2 * 3600.0, 2 * DAY, 40 * DAY, 400 * DAY, 9 * 366 * DAY)
"""The last occurrence is looked for in longer and longer pasts: a rule for each minute has half a million of them a year."""
_EVERY_HOUR = ("*", "*/1")
_RISKY_HOURS = (1, 2)
"""Most zones change their clocks between one and three in the morning."""
_NO_TIME = re.compile(r"day-of-month|day-of-week|month|hour|minute|second")


class Rule(Record, frozen=True, kw_only=True):
    """A rule that was found right; see `parse`."""

    cron: str
    zone: str = ""
    """IANA name; "": that of this machine."""

    def after(self, time: float) -> Iterator[float]:
        """Occurrences later than `time`, in order, each once; ends where there are no more."""
        zone, last = zone_of(self.zone), time
        for found in _times(self.cron, zone, time):
            if found > last:
                last = found
                yield found

    def next(self, time: float) -> float | None:
        """The first occurrence later than `time`."""
        return next(self.after(time), None)

    def last(self, after: float, until: float) -> tuple[float, int] | None:
        """The last occurrence in (after, until], and how many there are (at most MOST); None when there is none."""
        for seconds in _LOOKS_BACK:
            start, found = max(after, until - seconds), None
            for found in self._between(start, until):  # noqa: B007 - the last one is wanted
                pass
            if found is not None:
                return found, sum(1 for _ in islice(self._between(after, until), MOST))
            if start == after:
                return None
        return None

    def _between(self, after: float, until: float) -> Iterator[float]:
        for time in self.after(after):
            if time > until:
                return
            yield time

    def period(self, time: float) -> float:
        """Seconds from the occurrence at `time` to the next one; a year where there is none."""
        following = self.next(time)
        return 366 * DAY if following is None else following - time


def parse(cron: str, zone: str = "") -> Rule:
    """The rule. Raises BadInput: not five fields, a field that is wrong, a time that never comes, no such zone."""
    text = " ".join(cron.split())
    zone_of(zone)
    if len(text.split(" ")) != FIELDS:
        count = len(text.split(" ")) if text else 0
        raise _wrong(cron, f"{count} fields, expected {FIELDS}")
    try:
        CronSim(text, datetime(2026, 1, 1))  # noqa: DTZ001 - a wall time: the zone comes afterwards
    except (CronSimError, ValueError, IndexError, TypeError, AssertionError) as error:
        raise _wrong(cron, _said(str(error))) from error
    rule = Rule(cron=text, zone=zone)
    if rule.next(0.0) is None:
        raise _wrong(cron, "such a day never comes")
    return rule


def _wrong(cron: str, why: str) -> BadInput:
    return BadInput(f'not a cron rule: "{clean(cron, 60)}": {why}', action="read a schedule", hint=HINT)


def _said(message: str) -> str:
    """cronsim names the field that it cannot read."""
    field = _NO_TIME.search(message)
    return f"the {field[0].replace('-', ' ')} cannot be read" if field else "it cannot be read"


def _times(cron: str, zone: ZoneInfo, time: float) -> Iterator[float]:
    local = utc(time).astimezone(zone)
    if cron.split(" ")[1] in _EVERY_HOUR:
        yield from (found.timestamp() for found in CronSim(cron, local))
        return
    for wall in CronSim(cron, local.replace(tzinfo=None)):
        yield moment(wall, zone)


def moment(wall: datetime, zone: ZoneInfo) -> float:
    """A wall time in epoch seconds: the first one where it comes twice, the first minute after where it is skipped."""
    while True:
        time = wall.replace(tzinfo=zone, fold=0).timestamp()
        if datetime.fromtimestamp(time, UTC).astimezone(zone).replace(tzinfo=None, fold=0) == wall.replace(fold=0):
            return time
        wall += timedelta(minutes=1)


@lru_cache(maxsize=1024)
def risky(rule: Rule, now: float) -> bool:
    """Whether it names hours in which clocks are changed, in a zone where they are."""
    hours = CronSim(rule.cron, datetime(2026, 1, 1)).hours  # noqa: DTZ001 - only its hours are wanted
    zone = zone_of(rule.zone)
    offsets = {utc(now + month * 30 * DAY).astimezone(zone).utcoffset() for month in range(13)}
    return len(offsets) > 1 and len(hours) < 24 and any(hour in hours for hour in _RISKY_HOURS)
