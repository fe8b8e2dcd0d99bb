"""Windows: from each occurrence of a rule on, for so many seconds as really pass, whatever the clocks on the wall do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from backends.clock import utc
from backends.metrics.sample import Record
from backends.schedule.rule import Rule
from backends.schedule.zones import zone_of

SHOWN = 5


class Moment(Record, frozen=True, kw_only=True):
    """One occurrence, as it is shown."""

    time: float
    """Epoch seconds."""
    local: str
    """In the zone of the rule: "Sun 2026-10-25 02:30 CEST"."""
    utc: str
    """The same in UTC: "2026-10-25 00:30"."""
    change: str = ""
    """Where the clocks are changed since the occurrence before it, or within its window: "clocks go back 1h"; else ""."""


class Window(Record, frozen=True, kw_only=True):
    """When something may happen."""

    rule: Rule
    seconds: float
    """How long it is open."""

    def current(self, now: float) -> tuple[float, float] | None:
        """Start and end of the one that is open now; of several the one that ends last. None: none is."""
        found = self.rule.last(now - self.seconds, now)
        return None if found is None else (found[0], found[0] + self.seconds)

    def next(self, now: float) -> tuple[float, float] | None:
        """Start and end of the next one that opens after `now`."""
        start = self.rule.next(now)
        return None if start is None else (start, start + self.seconds)

    def shown(self, now: float, count: int = SHOWN) -> tuple[Moment, ...]:
        """The next ones."""
        return moments(self.rule, now, self.seconds, count)


def moments(rule: Rule, now: float, seconds: float = 0.0, count: int = SHOWN) -> tuple[Moment, ...]:
    """The next occurrences with a mark where the clocks change: since the one before (since `now` for the first), or within
    `seconds` after."""
    return tuple(_moments(rule, now, seconds, count))


def _moments(rule: Rule, now: float, seconds: float, count: int) -> Iterator[Moment]:
    before = now
    for time in islice(rule.after(now), count):
        yield Moment(
            time=time,
            local=local_text(time, rule.zone),
            utc=f"{utc(time):%Y-%m-%d %H:%M}",
            change=change(before, time + seconds, rule.zone),
        )
        before = time


def local_text(time: float, zone: str) -> str:
    """A moment as the clocks of a zone show it: "Sun 2026-10-25 02:30 CEST"."""
    return f"{utc(time).astimezone(zone_of(zone)):%a %Y-%m-%d %H:%M %Z}"


def change(start: float, end: float, zone: str) -> str:
    """What the clocks do between two moments: "clocks go forward 1h", or "" when nothing stays changed."""
    there = zone_of(zone)
    first, last = utc(start).astimezone(there).utcoffset(), utc(end).astimezone(there).utcoffset()
    if first is None or last is None or first == last:
        return ""
    minutes = int((last - first).total_seconds() // 60)
    size = f"{abs(minutes) // 60}h" if minutes % 60 == 0 else f"{abs(minutes)}min"
    return f"clocks go {'forward' if minutes > 0 else 'back'} {size}"
