"""In which order a running Borg is ended, so that what it has is kept where that is possible. Pure: fed with time.

Measured (reference: §2): SIGINT writes a checkpoint and then *finishes the current file*, which may take an hour; SIGTERM ends
at once and loses what came after the last checkpoint. So: SIGINT, wait until the checkpoint is committed, SIGTERM.
"""

from __future__ import annotations

import signal
from typing import Literal

from backends.backups.runner import Cancel

CHECKPOINT_SECONDS = 30.0
"""Without a sign of work on the checkpoint for this long, none is coming."""
CHECKPOINT_MOST_SECONDS = 600.0
"""However much it works: big indexes are written in minutes."""
TERMINATE_SECONDS = 5.0
"""From SIGTERM to SIGKILL. Borg ends within about a second; it gives its locks back on the way."""
KILL_SECONDS = 5.0
"""After SIGKILL nothing more can be done."""

Stage = Literal["running", "interrupted", "terminated", "killed", "given-up"]
Send = Literal["INT", "TERM", "KILL", "give up"]


class Stages:
    """The stages of one run.

    Args:
        cancel: asked and forced by a person or a window's end.
        deadline: monotonic time after which it is ended without being asked; None: never.
    """

    def __init__(self, cancel: Cancel | None, deadline: float | None):
        self._cancel, self._deadline = cancel, deadline
        self._since = 0.0
        self._sign = 0.0
        self._commits = 0
        self._busy = 0
        self.stage: Stage = "running"
        self.timed_out = False

    @property
    def begun(self) -> bool:
        """Whether we have ended it, or are about to."""
        return self.stage != "running"

    @property
    def wanted(self) -> bool:
        """Somebody asked for the end."""
        return self._cancel is not None and self._cancel.asked.is_set()

    def next(self, now: float, commits: int, busy: int, broken: bool = False) -> Send | None:
        """What to send now; None: nothing yet.

        Args:
            now: monotonic time.
            commits: how often it has finished writing down what it has.
            busy: grows with every sign of work on that.
            broken: going on is of no use: end it without a checkpoint.
        """
        if self.stage == "running":
            return self._from_running(now, commits, busy, broken)
        if self.stage == "interrupted":
            return self._from_interrupted(now, commits, busy, broken)
        if self.stage == "terminated" and now - self._since >= TERMINATE_SECONDS:
            return self._to("killed", now, "KILL")
        if self.stage == "killed" and now - self._since >= KILL_SECONDS:
            return self._to("given-up", now, "give up")
        return None

    def _from_running(self, now: float, commits: int, busy: int, broken: bool) -> Send | None:
        if broken or self._forced:
            return self._to("terminated", now, "TERM")
        late = self._deadline is not None and now >= self._deadline
        if late or self.wanted:
            self.timed_out = late
            self._commits, self._busy, self._sign = commits, busy, now
            return self._to("interrupted", now, "INT")
        return None

    def _from_interrupted(self, now: float, commits: int, busy: int, broken: bool) -> Send | None:
        if busy != self._busy:
            self._busy, self._sign = busy, now
        over = now - self._sign >= CHECKPOINT_SECONDS or now - self._since >= CHECKPOINT_MOST_SECONDS
        if broken or self._forced or commits != self._commits or over:
            return self._to("terminated", now, "TERM")
        return None

    @property
    def _forced(self) -> bool:
        return self._cancel is not None and self._cancel.forced.is_set()

    def _to(self, stage: Stage, now: float, send: Send) -> Send:
        self.stage, self._since = stage, now
        return send


NUMBERS = {"INT": signal.SIGINT, "TERM": signal.SIGTERM, "KILL": signal.SIGKILL}
"""What is sent, as signal numbers."""
