"""The timeline: every discrete event, newest in memory, all of them in the store when there is one, pushed to subscribers.

It works without a store (demo, replay, full disk), so that what went wrong with the store can itself be told.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from backends.clock import Clock
from backends.engine.wire import Event
from backends.errors import RetryLater
from backends.states import Severity
from backends.store.events import NO_ID, Events, StoredEvent
from backends.text import clean

KEPT_IN_MEMORY = 5000
MAX_TEXT = 500


class Timeline:
    """Adds events and answers `events.list`."""

    def __init__(self, clock: Clock, *, store: Events | None = None, push: Callable[[Event], None] | None = None):
        self._clock, self._store, self._push = clock, store, push
        self._lock = threading.Lock()
        self._recent: deque[Event] = deque(maxlen=KEPT_IN_MEMORY)
        self._next = _first_id(store, clock)
        """Ids rise by one over all runs of the engine."""

    def add(self, kind: str, text: str, *, host: str = "", actor: str = "", severity: Severity = Severity.OK) -> Event:
        """Put an event on the timeline. `text` is made one safe, short line."""
        with self._lock:
            event = Event(
                id=self._next,
                time=self._clock.now(),
                kind=clean(kind, 40),
                text=clean(text, MAX_TEXT),
                host=host,
                actor=clean(actor, 120),
                severity=severity,
            )
            self._next += 1
            self._recent.append(event)
        if self._store is not None:
            self._store.add(StoredEvent(**_fields(event)))
        if self._push is not None:
            self._push(event)
        return event

    def page(self, *, since_id: int = 0, before_id: int | None = None, host: str = "", limit: int = 200) -> list[Event]:
        """Events with since_id < id < before_id, newest first, at most `limit`; of one host when given."""
        with self._lock:
            recent = list(self._recent)
        below = before_id if before_id is not None else NO_ID
        found = [
            event for event in reversed(recent) if since_id < event.id < below and (not host or event.host == host)
        ][:limit]
        oldest = recent[0].id if recent else below
        if len(found) == limit or self._store is None or since_id >= oldest - 1:
            return found
        try:
            older = self._store.page(
                since_id=since_id, before_id=min(below, oldest), host=host, limit=limit - len(found)
            )
        except RetryLater:
            return found  # the store has told on the timeline why it cannot be read
        return found + [Event(**_fields(row)) for row in older]

    def between(
        self,
        start: float,
        end: float,
        *,
        hosts: Sequence[str] = (),
        kinds: Sequence[str] = (),
        newest: bool = True,
        limit: int = 1000,
    ) -> list[Event]:
        """Events with start ≤ time ≤ end, oldest first; of these hosts ("" is no host) and kinds, where any are given.

        Args:
            newest: where there are more than `limit`, keep the newest of them instead of the oldest.
        """
        with self._lock:
            recent = list(self._recent)
        found = [
            event
            for event in recent
            if start <= event.time <= end and (not hosts or event.host in hosts) and (not kinds or event.kind in kinds)
        ]
        found += self._older(start, end, hosts, kinds, recent[0].id if recent else NO_ID, newest, limit)
        found.sort(key=lambda event: (event.time, event.id))
        return found[-limit:] if newest else found[:limit]

    def _older(
        self,
        start: float,
        end: float,
        hosts: Sequence[str],
        kinds: Sequence[str],
        before_id: int,
        newest: bool,
        limit: int,
    ) -> list[Event]:
        """Those that memory has let go."""
        if self._store is None:
            return []
        try:
            rows = self._store.between(
                start, end, hosts=hosts, kinds=kinds, before_id=before_id, newest=newest, limit=limit
            )
        except RetryLater:
            return []  # the store has told on the timeline why it cannot be read
        return [Event(**_fields(row)) for row in rows]


def _first_id(store: Events | None, clock: Clock) -> int:
    """One after the newest stored id. When that cannot be read, the time: far above every id that was ever counted, so
    that nothing stored is overwritten when the store is back."""
    try:
        return store.last_id() + 1 if store is not None else 1
    except RetryLater:  # the writer has told why
        return int(clock.now())


def _fields(event: Event | StoredEvent) -> dict[str, Any]:
    return msgspec.structs.asdict(event)
