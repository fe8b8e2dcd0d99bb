"""Records what the sources tell, for `record` and `replay`: a sink beside the fleet that writes frames to a file.

Sources only append to a bounded buffer; compressing and writing happen on an own thread. A disk that is too slow or full
costs the recording, never a sample of the live view.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import msgspec

from backends.clock import Clock
from backends.errors import AskOperator
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Sample
from backends.sources import frames
from backends.sources.base import LinkInfo, StateChange
from backends.sources.frames import Entry, Frame, Known, Mark

FRAME_SECONDS = 10.0
FRAME_BYTES = 16 << 20
"""A frame is closed after this time or size, whichever is first: this is also the step of a seek."""
MAX_WAITING_BYTES = 64 << 20
"""What may wait for a slow disk; beyond that samples are left out of the recording and counted."""

OnEnd = Callable[[str], None]
"""Called when the recording ends by itself, with the reason."""


class Recorder:
    """Writes one recording. It is a sink: give it everything that the fleet gets."""

    def __init__(self, path: Path, known: Iterable[Known], *, clock: Clock, on_end: OnEnd):
        self.path = path
        self._clock, self._on_end = clock, on_end
        self._lock = threading.Lock()
        self._known = {item.host.name: item for item in known}
        self._began = self._known_at_start()
        self._entries: list[msgspec.Raw] = []
        self._bytes = 0
        self._start = clock.now()
        self._marks: list[Mark] = []
        self.dropped = 0
        """Entries that were left out: the disk was too slow, or the host sent numbers that no recording holds."""
        self.failed = ""
        """Why the recording ended by itself; "" while it goes on."""
        self._file = _create(path)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="recorder", daemon=True)

    @property
    def frames(self) -> int:
        """Frames written so far."""
        return len(self._marks)

    def start(self) -> None:
        """Begin writing in an own thread."""
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """Write what waits and the index, and close the file; what does not fit into `seconds` is recovered on replay."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    # -- the Sink protocol --------------------------------------------------------------------------------------

    def facts(self, host: str, facts: HostFacts) -> None:
        self._know(host, facts=facts)
        self._add(Entry(self._clock.now(), host, facts=facts))

    def sample(self, host: str, sample: Sample) -> None:
        self._add(Entry(self._clock.now(), host, sample=sample))

    def state(self, host: str, change: StateChange) -> None:
        self._know(host, state=change)
        self._add(Entry(self._clock.now(), host, state=change))

    def link(self, host: str, link: LinkInfo) -> None:
        self._know(host, link=link)
        self._add(Entry(self._clock.now(), host, link=link))

    def note(self, host: str, kind: str, text: str) -> None:
        self._add(Entry(self._clock.now(), host, note=(kind, text)))

    # -- buffering ----------------------------------------------------------------------------------------------

    def _know(
        self,
        host: str,
        *,
        facts: HostFacts | None = None,
        state: StateChange | None = None,
        link: LinkInfo | None = None,
    ) -> None:
        with self._lock:
            old = self._known.get(host) or Known(host=Host(name=host))
            self._known[host] = Known(
                host=old.host, facts=facts or old.facts, state=state or old.state, link=link or old.link
            )

    def _add(self, entry: Entry) -> None:
        raw = _encoded(entry)
        with self._lock:
            if raw is None or self.failed or self._bytes + len(raw) > MAX_WAITING_BYTES:
                self.dropped += 1
                return
            self._entries.append(raw)
            self._bytes += len(raw)

    def _known_at_start(self) -> tuple[Known, ...]:
        return tuple(self._known.values())

    # -- writing ------------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while not self._clock.wait(self._stop, 0.5) and not self.failed:
            if self.due():
                self.flush()
        self.finish()

    def due(self) -> bool:
        """Whether the frame that is being filled should be closed."""
        with self._lock:
            return self._bytes >= FRAME_BYTES or self._clock.now() - self._start >= FRAME_SECONDS

    def flush(self) -> None:
        """Close the frame that is being filled and write it."""
        frame = self._take()
        try:
            self._marks.append(frames.write_frame(self._file, frame))
        except OSError as error:
            self._fail(f"{self.path}: {error.strerror}")

    def finish(self) -> None:
        """Write the last frame and the index, and close."""
        if not self.failed:
            self.flush()
        try:
            if not self.failed:
                frames.write_index(self._file, self._marks)
        except OSError as error:
            self._fail(f"{self.path}: {error.strerror}")
        finally:
            _close(self._file)

    def _take(self) -> Frame:
        now = self._clock.now()
        with self._lock:
            entries, self._entries, self._bytes = self._entries, [], 0
            frame = Frame(self._start, max(now, self._start), self._began, tuple(entries))
            self._start, self._began = frame.end, self._known_at_start()
        return frame

    def _fail(self, reason: str) -> None:
        if not self.failed:
            self.failed = reason
            self._on_end(reason)


def _encoded(entry: Entry) -> msgspec.Raw | None:
    """None for an integer beyond 64 bits, which a host can send and a recording cannot hold. A sink never raises."""
    try:
        return frames.encode_entry(entry)
    except OverflowError:
        return None


def _create(path: Path) -> IO[bytes]:
    try:
        file = path.open("xb")
        file.write(frames.MAGIC)
        file.flush()
    except FileExistsError as error:
        raise AskOperator(f"{path} exists", action="record", hint="choose another name or remove it") from error
    except OSError as error:
        raise AskOperator(f"cannot write {path}: {error.strerror}", action="record") from error
    return file


def _close(file: IO[bytes]) -> None:
    try:
        file.close()
    except OSError:
        return  # a full disk may refuse the last buffer too; the reason was told with the frame before
