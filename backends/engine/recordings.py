"""Starts and ends the one recording that an engine may write at a time, and steers the one that it may play."""

from __future__ import annotations

import threading
from collections.abc import Callable

from backends import paths
from backends.clock import Clock
from backends.engine.fleet import Fleet
from backends.engine.intake import Intake
from backends.engine.timeline import Timeline
from backends.errors import BadInput
from backends.sources.frames import Known
from backends.sources.recording import Recorder
from backends.states import Severity

CLOSE_SECONDS = 0.6
"""At the engine's end; a frame that is not written by then is lost, the file stays readable."""


class Recordings:
    """The recording being written, if any."""

    def __init__(self, intake: Intake, fleet: Fleet, timeline: Timeline, clock: Clock):
        self._intake, self._fleet, self._timeline, self._clock = intake, fleet, timeline, clock
        self._lock = threading.Lock()
        self._wanted: Callable[[], bool] = _always

    @property
    def path(self) -> str:
        """Where the recording is written; "" when none is."""
        recorder = self._intake.recorder
        return str(recorder.path) if recorder is not None and not recorder.failed else ""

    def in_flight(self) -> list[str]:
        """One phrase, when one is being written."""
        return [f"recording to {self.path}"] if self.path else []

    def start(self, path: str, *, actor: str, wanted: Callable[[], bool] | None = None) -> None:
        """Begin to record, for as long as `wanted` says so: a recording ends with the client that asked for it.

        Raises:
            BadInput: one is being written already, or the path is not absolute.
            AskOperator: the file exists or cannot be written.
        """
        file = paths.expanded(path)
        if not file.is_absolute() or "\0" in path:
            raise BadInput(f"the path must be absolute, not {path}", action="record")
        with self._lock:
            if self.path:
                raise BadInput(f"a recording is being written to {self.path}", action="record", hint="stop it first")
            recorder = Recorder(file, self._known(), clock=self._clock, on_end=self._ended)
            recorder.start()
            self._intake.recorder, self._wanted = recorder, wanted or _always
        self._timeline.add("record", f"recording to {file}", actor=actor)

    def stop(self, *, actor: str) -> dict[str, object]:
        """End the recording; where it is and how many frames it has. Raises BadInput when none is written."""
        recorder = self._take()
        if recorder is None:
            raise BadInput("no recording is being written", action="stop the recording")
        return self._finish(recorder, actor)

    def _take(self) -> Recorder | None:
        with self._lock:
            recorder, self._intake.recorder = self._intake.recorder, None
        return recorder

    def _finish(self, recorder: Recorder, actor: str) -> dict[str, object]:
        recorder.stop()
        lost = f", {recorder.dropped} entries lost" if recorder.dropped else ""
        self._timeline.add("record", f"recorded {recorder.path}, {recorder.frames} frames{lost}", actor=actor)
        return {"path": str(recorder.path), "frames": recorder.frames}

    def check(self) -> None:
        """End a recording that nobody waits for any more, so that it cannot fill the disk unseen."""
        if self.path and not self._wanted() and (recorder := self._take()) is not None:
            self._finish(recorder, "its client is gone")

    def close(self) -> None:
        """End the recording with the engine."""
        recorder = self._intake.recorder
        if recorder is not None:
            recorder.stop(CLOSE_SECONDS)

    def _known(self) -> list[Known]:
        entries = [self._fleet.entry(name) for name in self._fleet.names()]
        return [
            Known(host=entry.host, facts=entry.facts, state=entry.change, link=entry.link)
            for entry in entries
            if entry is not None
        ]

    def _ended(self, reason: str) -> None:
        self._timeline.add("record", f"the recording ended: {reason}", severity=Severity.WARNING)


def _always() -> bool:
    return True
