"""The events that a screen holds: fetched once, pushed from then on, older ones on demand."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from backends.engine.wire import Event
from backends.errors import SwarmError
from swarm_tui.bridge import Link
from swarm_tui.present import events
from swarm_tui.rpc import Notification

PAGE = 300
"""Events that one request brings."""


class _Answer(msgspec.Struct, frozen=True):
    events: tuple[Event, ...] = ()


class EventFeed:
    """Events of the fleet, or of one host, newest first. All methods run on the screen's loop."""

    def __init__(self, link: Link, changed: Callable[[], None], host: str = ""):
        self._link = link
        self._changed = changed
        self._host = host
        self._asking = False
        self._unlisten: Callable[[], None] | None = None
        self._connected_since = -1.0
        self.events: tuple[Event, ...] = ()
        self.loaded = False
        self.complete = False
        """No older events exist."""
        self.error = ""

    def start(self) -> None:
        """Listen for what the engine pushes and fetch what was before."""
        if self._unlisten is None:
            self._unlisten = self._link.listen(self._pushed)

    def stop(self) -> None:
        """Stop listening."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    def tick(self) -> None:
        """Fetch what is missing: everything at first, what was missed after the engine was lost."""
        status = self._link.status
        if status.connected and status.since != self._connected_since and not self._asking:
            self._connected_since = status.since
            newest = self.events[0].id if self.events else None
            self._ask({} if newest is None else {"since_id": newest}, older=newest is None)

    def older(self) -> None:
        """Fetch the page before the oldest that is known."""
        if self.events and not self.complete and len(self.events) < events.KEEP:
            self._ask({"before_id": self.events[-1].id}, older=True)

    def _ask(self, params: dict[str, object], *, older: bool) -> None:
        if self._asking:
            return
        self._asking = True
        if self._host:
            params["host"] = self._host
        params["limit"] = PAGE
        self._link.request("events.list", params, _Answer, lambda answer: self._got(answer, older=older), self._failed)

    def _got(self, answer: _Answer, *, older: bool) -> None:
        self._asking, self.loaded, self.error = False, True, ""
        self.complete = self.complete or (older and len(answer.events) < PAGE)
        self.events = events.merge(self.events, answer.events)
        self._changed()

    def _failed(self, error: SwarmError) -> None:
        self._asking, self.error = False, error.message
        self._connected_since = -1.0
        self._changed()

    def _pushed(self, notification: Notification) -> None:
        if notification.method != "event":
            return
        try:
            event = notification.read(Event)
        except msgspec.ValidationError:
            return  # A newer engine's event: the next fetch brings what can be read.
        if not self._host or event.host == self._host:
            self.events = events.merge(self.events, (event,))
            self._changed()
