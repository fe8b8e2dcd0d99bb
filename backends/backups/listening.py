"""What is done with Borg's stderr while it runs, wherever it runs: decoded, passed on at a bearable rate, the gist kept."""

from __future__ import annotations

from collections.abc import Mapping

from backends.backups.borg.events import (
    ArchiveProgress,
    Event,
    EventReader,
    LogMessage,
    MessageProgress,
    PercentProgress,
    Question,
    Text,
)
from backends.backups.runner import OnEvent
from backends.clock import Clock

PROGRESS_SECONDS = 0.1
"""Between two progress events that are passed on; `check --verify-data` alone writes thousands."""
MESSAGES = 200
TEXT_CHARACTERS = 4000
QUIET = frozenset({"", "NOTSET", "DEBUG", "INFO"})
"""Levels that are not kept."""
COMMITTED = "cache.commit"


class Listener:
    """Hears one run. `feed` and `close` are called on one thread; what is kept is read afterwards."""

    def __init__(self, on_event: OnEvent | None, clock: Clock):
        self._on_event, self._clock = on_event, clock
        self._reader = EventReader()
        self._held: dict[tuple[type, bool], Event] = {}
        self._passed = float("-inf")
        self._messages: list[Mapping[str, object]] = []
        self._text = ""
        self.commits = 0
        """How often Borg has finished writing down what it has: after an interrupt, its checkpoint is there."""
        self.busy = 0
        """Grows with every sign of work on that."""

    @property
    def messages(self) -> tuple[Mapping[str, object], ...]:
        """The first warnings, errors and questions, as `BorgResult` has them."""
        return tuple(self._messages)

    @property
    def text(self) -> str:
        """The last of what was no event."""
        return self._text.strip()

    def feed(self, data: bytes) -> None:
        """More of Borg's stderr."""
        for event in self._reader.feed(data):
            self.hear(event)

    def close(self) -> None:
        """It has ended: pass on what was held back."""
        for event in self._reader.close():
            self.hear(event)
        self._release()

    def hear(self, event: Event) -> None:
        """One event: kept, counted, passed on."""
        self._keep(event)
        if isinstance(event, ArchiveProgress | PercentProgress | MessageProgress):
            self._progress(event)
        else:
            self._release()
            self._pass(event)

    def _progress(self, event: ArchiveProgress | PercentProgress | MessageProgress) -> None:
        """Too early for another one: the newest of its kind waits, so that the last is never lost."""
        now = self._clock.monotonic()
        key = (type(event), event.finished)
        self._held.pop(key, None)
        self._held[key] = event
        if now - self._passed >= PROGRESS_SECONDS:
            self._passed = now
            self._release()

    def _release(self) -> None:
        held, self._held = self._held, {}
        for event in held.values():
            self._pass(event)

    def _pass(self, event: Event) -> None:
        if self._on_event is not None:
            self._on_event(event)

    def _keep(self, event: Event) -> None:
        if isinstance(event, MessageProgress) and event.msgid.startswith("cache."):
            self.busy += 1
            self.commits += event.msgid == COMMITTED and event.finished
        elif isinstance(event, Text):
            self._text = f"{self._text}\n{event.text}"[-TEXT_CHARACTERS:]
        elif isinstance(event, LogMessage) and event.level not in QUIET:
            self._note("log_message", event.level, event.msgid, event.message, event.name)
        elif isinstance(event, Question):
            self._note(event.kind, "WARNING", event.msgid, event.message, "")

    def _note(self, kind: str, level: str, msgid: str, message: str, name: str) -> None:
        if len(self._messages) < MESSAGES:
            said = {"type": kind, "levelname": level, "msgid": msgid, "message": message, "name": name}
            self._messages.append(said)
