"""What a host says while it sends its files as a tar stream: told as Borg would tell it, and never lost.

Borg beside the engine only sees the stream, which is whole also when files in it are not.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from backends.backups.borg.events import Event, EventReader, LogMessage, Text
from backends.backups.model import Cause, JobState, Outcome

MOST_PROBLEMS, SHOWN = 50, 6
_LEVELS = ("WARNING", "ERROR", "CRITICAL")


class Sent:
    """Takes the stderr of a sending program, on the thread of its channel; judged after the stream has ended.

    Args:
        on_event: takes its sentences, for the log of the job.
    """

    def __init__(self, on_event: Callable[[Event], None]):
        self._on_event, self._reader = on_event, EventReader()
        self._problems: list[str] = []
        self._count = 0

    def feed(self, data: bytes) -> None:
        """The next piece."""
        self._take(self._reader.feed(data))

    def told(self, outcome: Outcome, host: str) -> Outcome:
        """The outcome of the archive, with what the host could not send whole."""
        self._take(self._reader.close())
        if not self._count or outcome.state not in (JobState.DONE, JobState.WARNING):
            return outcome
        cause = Cause(
            code="not-sent-whole",
            text=f"{host} could not send everything whole: {self._count} {'problem' if self._count == 1 else 'problems'}",
            evidence=tuple(self._problems[:SHOWN]),
            next_step="the archive is kept without these; look whether they may be missing, else exclude them from the set",
        )
        return msgspec.structs.replace(
            outcome,
            state=JobState.WARNING,
            cause=outcome.cause or cause,
            warnings=(*outcome.warnings, *self._problems),
        )

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, (LogMessage, Text)):  # the counters are those of Borg beside the engine
                self._on_event(event)
            if isinstance(event, LogMessage) and event.level in _LEVELS:
                self._count += 1
                if len(self._problems) < MOST_PROBLEMS:
                    self._problems.append(event.message)
