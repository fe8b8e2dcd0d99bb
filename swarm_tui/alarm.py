"""A toast when something critical begins to fire while the operator looks elsewhere; each event once, a storm as a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from backends.engine.wire import Event
from backends.states import Severity
from swarm_tui.rpc import Notification

KINDS = frozenset(("alert.fired", "alert.worse"))
PAUSE_SECONDS = 4.0
"""Between two toasts: as long as one stays."""


class Teller(Protocol):
    """What it needs of the console."""

    def monotonic(self) -> float:
        """The clock that pauses are taken with."""

    def say(self, text: str, severity: str = "information") -> None:
        """A toast."""


class Alarm:
    """Runs on the screen's loop.

    Args:
        watched: whether alerts are on the screen now.
        key: the key that leads to them.
    """

    def __init__(self, console: Teller, watched: Callable[[], bool], key: Callable[[], str]):
        self._console, self._watched, self._key = console, watched, key
        self._newest = 0
        self._waiting: list[Event] = []
        self._said = -1e9

    def heard(self, notification: Notification) -> None:
        """The engine said something unasked."""
        if notification.method != "event":
            return
        try:
            event = notification.read(Event)
        except msgspec.ValidationError:
            return  # A newer engine's event: the list of alerts shows what can be read.
        if event.kind not in KINDS or event.severity is not Severity.CRITICAL or event.id <= self._newest:
            return
        self._newest = event.id
        if not self._watched():
            self._waiting.append(event)
            self.tick()

    def tick(self) -> None:
        """Say what waits, once the last toast is gone."""
        now = self._console.monotonic()
        if not self._waiting or now - self._said < PAUSE_SECONDS:
            return
        waiting, self._waiting, self._said = self._waiting, [], now
        if self._watched():
            return
        first = waiting[0]
        where = f"{first.host}: " if first.host else ""
        what = f"{where}{first.text}" if len(waiting) == 1 else f"{len(waiting)} critical alerts"
        self._console.say(f"CRITICAL  {what}  ({self._key()} shows it)", "error")
