"""What happened around an alert: the engine's events of the whole fleet and what the host's own logs say was changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from backends.clock import Clock
from backends.engine.event_kinds import SHARED, timed
from backends.engine.timeline import Timeline
from backends.engine.wire import Event
from backends.errors import SwarmError
from backends.triage.changes import of_bundle
from backends.triage.model import Bundle
from backends.triage.timeline import AROUND_SECONDS, BATCH_SECONDS, Around, TimedEvent, around

MOST_BEFORE, MOST_AFTER = 2000, 500
"""Events of the host itself and of no host, before and after the alert; those nearest to it are read."""
MOST_SHARED = 20_000
"""Changes of all hosts in the day before; the newest are read. A thousand hosts that are patched and rebooted make 5,000."""


class Surroundings:
    """Answers for one alert; from any thread."""

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock,
        *,
        bundle: Callable[[str], Bundle | None],
        ill: Callable[[str], Iterable[str]],
        hosts: Callable[[], Iterable[str]],
    ):
        """
        Args:
            timeline: with the store behind it.
            clock: whose times the events have.
            bundle: host → its newest triage bundle; may raise SwarmError, and then the host's logs are left out.
            ill: rule → hosts on which it fires.
            hosts: the fleet.
        """
        self._timeline, self._clock = timeline, clock
        self._bundle, self._ill, self._hosts = bundle, ill, hosts

    def around(self, host: str, time: float, *, rule: str) -> Around:
        """Lanes around an alert of `host` that was first true at `time`, and its likely causes."""
        events = [*timed(self._events(host, time)), *self._changes(host, time)]
        return around(host, time, events, ill=self._ill(rule), fleet=self._hosts())

    def _events(self, host: str, time: float) -> list[Event]:
        """Of the host and of nobody, on both sides; of the others what they may have in common. Oldest first."""
        between, own = self._timeline.between, ("", host)
        end = min(time + AROUND_SECONDS, self._clock.now())
        found = between(time - BATCH_SECONDS, time, hosts=own, limit=MOST_BEFORE)
        found += between(time, end, hosts=own, newest=False, limit=MOST_AFTER) if end > time else []
        found += between(time - BATCH_SECONDS, time, kinds=SHARED, limit=MOST_SHARED)
        return sorted({event.id: event for event in found}.values(), key=lambda event: (event.time, event.id))

    def _changes(self, host: str, time: float) -> Iterator[TimedEvent]:
        """By the host's logs of packages, files and sudo: also what others did."""
        try:
            bundle = self._bundle(host)
        except SwarmError:  # the shelf tells by itself that it cannot be read
            return
        for change in of_bundle(bundle) if bundle is not None else ():
            if time - BATCH_SECONDS <= change.time <= time + AROUND_SECONDS:
                yield TimedEvent(time=change.time, host=host, kind=change.kind, text=change.text, ref=change.ref)
