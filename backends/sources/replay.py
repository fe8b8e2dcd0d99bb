"""Plays a recording as if its hosts were live: with speed, pause and seek, on a clock of its own.

The fleet takes its time from `ReplaySource.now`, so ages, staleness and histories are those of the recorded moment, and
a paused replay does not grow stale.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import msgspec

from backends.clock import Clock
from backends.errors import BadInput
from backends.execution import Exec
from backends.inventory.host import Host
from backends.metrics.sample import Record
from backends.sources import frames
from backends.sources.base import Sink, StateChange
from backends.sources.frames import Entry, Frame, Known
from backends.states import HostState

TICK_SECONDS = 0.05
MAX_SPEED = 120.0
WARM_UP_SECONDS = 60.0
"""How much before a seek's target is played at once, so that graphs are not empty after a jump."""


class Position(Record, frozen=True, kw_only=True):
    """Where the replay stands; the API's ReplayPosition has the same fields."""

    start: float
    end: float
    position: float
    speed: float
    paused: bool


class Recording:
    """An open recording: its frames by time, one decoded at a time."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise BadInput(f"cannot read {path}: {error.strerror}", action="open the recording") from error
        try:
            self.marks = frames.read_marks(self._file, path)
            self.first = self.frame(0)
        except BaseException:
            self._file.close()
            raise
        self.start, self.end = self.marks[0].start, self.marks[-1].end

    def frame(self, index: int) -> Frame:
        """Frame number `index`. Raises BadInput when it is damaged."""
        return frames.read_frame(self._file, self.marks[index], self.path)

    def index_at(self, time: float) -> int:
        """The frame in which `time` lies."""
        return max(0, bisect_right([mark.start for mark in self.marks], time) - 1)

    def close(self) -> None:
        self._file.close()


class ReplaySource:
    """A source that tells what a recording holds. `on_jump` is called before a seek is played."""

    def __init__(self, path: Path, *, clock: Clock, on_jump: Callable[[], None] = lambda: None):
        self._recording = Recording(path)
        self._clock, self._on_jump = clock, on_jump
        self.label = f"REPLAY {path.name}"
        self._lock = threading.RLock()
        self._sink: Sink | None = None
        self._position = self._shown = self._recording.start
        self._anchor = clock.monotonic()
        self._speed, self._paused = 1.0, False
        self._frame_index = 0
        self._frame = self._recording.first
        self._next = 0
        self._known = {item.host.name: item.host for item in self._recording.first.known}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="replay", daemon=True)

    def inventory(self) -> tuple[Host, ...]:
        """The recorded hosts."""
        return tuple(self._known.values())

    def now(self) -> float:
        """The recorded time that is being shown, in epoch seconds: what was told up to, not where the clock already is.

        At 120 times the pace they are seconds apart, and nobody must look stale for it.
        """
        return self._shown

    def position(self) -> Position:
        """Where the replay stands."""
        with self._lock:
            return Position(
                start=self._recording.start,
                end=self._recording.end,
                position=self._target(),
                speed=self._speed,
                paused=self._paused or self._target() >= self._recording.end,
            )

    def control(
        self, *, position: float | None = None, speed: float | None = None, paused: bool | None = None
    ) -> Position:
        """Change where and how fast it plays.

        Raises:
            BadInput: the speed is not above 0 and at most 120.
        """
        if speed is not None and not 0 < speed <= MAX_SPEED:
            raise BadInput(f"the speed must be above 0 and at most {MAX_SPEED:g}", action="replay")
        with self._lock:
            self._settle()
            if speed is not None:
                self._speed = speed
            if paused is not None:
                self._paused = paused
            if position is not None:
                self._jump(min(max(position, self._recording.start), self._recording.end))
        return self.position()

    # -- the Source protocol ------------------------------------------------------------------------------------

    def start(self, sink: Sink) -> None:
        self._sink = sink
        with self._lock:
            self._settle()
            self._introduce(self._frame)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)
        with self._lock:
            self._recording.close()

    def hosts(self) -> Sequence[str]:
        return list(self._known)

    def exec(self, host: str) -> Exec | None:
        return None

    def poll(self, host: str) -> None:
        """Nothing to do: the past cannot be asked."""

    def focus(self, host: str, watched: bool) -> None:
        """Nothing to do: the past cannot be asked."""

    def set_interval(self, seconds: float) -> None:
        """Nothing to do: the recording has its own interval."""

    # -- playing ------------------------------------------------------------------------------------------------

    def _target(self) -> float:
        if self._paused:
            return self._position
        passed = (self._clock.monotonic() - self._anchor) * self._speed
        return min(self._position + passed, self._recording.end)

    def _settle(self) -> None:
        """Take the time that has passed into the position, before anything changes how it passes."""
        self._position, self._anchor = self._target(), self._clock.monotonic()

    def _loop(self) -> None:
        while not self._clock.wait(self._stop, TICK_SECONDS):
            self.step()

    def step(self) -> None:
        """Tell everything up to the present position."""
        with self._lock:
            if self._stop.is_set() or self._sink is None:
                return
            self._shown = self._target()
            try:
                self._play(self._shown)
            except BadInput as error:
                self._skip(error)

    def _play(self, until: float) -> None:
        while True:
            entries = self._frame.entries
            while self._next < len(entries):
                entry = _decoded(entries[self._next])
                if entry is not None and entry.time > until:
                    return
                self._next += 1
                if entry is not None:
                    self._tell(entry)
            if self._frame_index + 1 >= len(self._recording.marks):
                return
            if self._recording.marks[self._frame_index + 1].start > until:
                return
            self._open(self._frame_index + 1)

    def _open(self, index: int) -> None:
        self._frame_index, self._next = index, 0
        self._frame = self._recording.frame(index)

    def _skip(self, error: BadInput) -> None:
        """A damaged frame costs its stretch of time, not the replay."""
        if self._sink is not None:
            self._sink.note("", "replay", error.message)
        self._frame = Frame(0.0, 0.0, (), ())

    def _jump(self, position: float) -> None:
        self._position, self._anchor, self._shown = position, self._clock.monotonic(), position
        begin = self._recording.index_at(max(self._recording.start, position - WARM_UP_SECONDS))
        self._on_jump()
        try:
            self._open(begin)
            self._introduce(self._frame)
            if self._sink is not None:
                self._play(position)
        except BadInput as error:
            self._skip(error)

    def _introduce(self, frame: Frame) -> None:
        for item in frame.known:
            self._tell_known(item)

    def _tell_known(self, item: Known) -> None:
        sink, name = self._sink, item.host.name
        if sink is None:
            return
        sink.state(name, item.state or StateChange(state=HostState.CONNECTING))
        if item.facts is not None:
            sink.facts(name, item.facts)
        if item.link is not None:
            sink.link(name, item.link)

    def _tell(self, entry: Entry) -> None:
        sink = self._sink
        if sink is None:
            return
        if entry.sample is not None:
            sink.sample(entry.host, entry.sample)
        elif entry.state is not None:
            sink.state(entry.host, entry.state)
        elif entry.facts is not None:
            sink.facts(entry.host, entry.facts)
        elif entry.link is not None:
            sink.link(entry.host, entry.link)
        elif entry.note is not None:
            sink.note(entry.host, *entry.note)


def _decoded(raw: msgspec.Raw) -> Entry | None:
    """The entry, or None for one that this version cannot read."""
    try:
        return frames.decode_entry(raw)
    except msgspec.MsgspecError:
        return None
