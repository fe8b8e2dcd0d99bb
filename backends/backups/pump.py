"""Moves bytes between pipes, callbacks and channels on own threads, at the pace of whoever takes them."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from typing import IO

from backends.backups.runner import Source
from backends.clock import Clock

PIECE_BYTES = 128 << 10
POLL_SECONDS = 0.5
GRACE_SECONDS = 0.2
"""After the writer's end, a pipe that says nothing for this long is held by a stranger (a kept ssh connection)."""
PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031
"""F_SETPIPE_SZ of Linux."""


class Drain:
    """Reads a pipe to its end on its own thread and hands over what comes; the pipe is closed afterwards.

    Args:
        pipe: what is read.
        take: gets each piece; may wait. What it raises ends the reading and is kept in `error`.
        name: of the thread.
        then: called on the thread at the end.
    """

    def __init__(
        self, pipe: IO[bytes], take: Callable[[bytes], None], name: str, then: Callable[[], None] | None = None
    ):
        self._pipe, self._take, self._then = pipe, take, then
        self._finishing = threading.Event()
        self.error: Exception | None = None
        self.ended = threading.Event()
        widen(pipe)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """The writer has ended: take what is there, and do not wait for more."""
        self._finishing.set()

    def wait(self, seconds: float) -> bool:
        """Whether everything was taken within `seconds`."""
        return self.ended.wait(seconds)

    def _run(self) -> None:
        try:
            while data := self._next():
                self._take(data)
        except Exception as error:  # noqa: BLE001 - kept for whoever waits; it must not end a thread unseen
            self.error = error
        finally:
            self._close()

    def _next(self) -> bytes:
        while True:
            late = self._finishing.is_set()
            if select.select([self._pipe], [], [], GRACE_SECONDS if late else POLL_SECONDS)[0]:
                return os.read(self._pipe.fileno(), PIECE_BYTES)
            if late:
                return b""

    def _close(self) -> None:
        try:
            if self._then is not None:
                self._then()
        except Exception as error:  # noqa: BLE001 - as above
            self.error = self.error or error
        finally:
            self._pipe.close()
            self.ended.set()


class Feed:
    """Writes what a source gives into a pipe on its own thread. The pipe is closed at the source's good end only.

    A source that raises leaves the pipe open: its end would be taken for the end of the data. `failed` is set then.
    Only one thread uses the pipe's handle at a time: a closed handle's number may be another file's a moment later.
    """

    def __init__(self, pipe: IO[bytes], source: Source, wake: threading.Event):
        self._pipe, self._source, self._wake = pipe, source, wake
        self._stop = threading.Event()
        self.error: Exception | None = None
        self.failed = threading.Event()
        widen(pipe)
        os.set_blocking(pipe.fileno(), False)
        self._thread = threading.Thread(target=self._run, name="borg stdin", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Whoever reads has ended. The thread ends with the source's next piece."""
        self._stop.set()
        if self.failed.is_set():  # its thread has left the pipe to us
            self._pipe.close()

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and (data := self._source()):
                write_all(self._pipe.fileno(), data, stop=self._stop)
        except BrokenPipeError:
            self._pipe.close()  # it has ended: its exit status says why
        except Exception as error:  # noqa: BLE001 - told by whoever waits
            self.error = error
            self.failed.set()
            self._wake.set()
            if self._stop.is_set():
                self._pipe.close()
        else:
            self._pipe.close()


class Stalled(TimeoutError):
    """Nothing was taken for too long."""


def write_all(
    handle: int, data: bytes, stall_seconds: float = float("inf"), stop: threading.Event | None = None
) -> None:
    """Write everything to a pipe that was made non-blocking; waits while it is not taken, until `stop` is set.

    Raises Stalled, OSError.
    """
    left, waited = memoryview(data), 0.0
    while left and not (stop is not None and stop.is_set()):
        try:
            left = left[os.write(handle, left) :]
            waited = 0.0
        except BlockingIOError:
            if waited >= stall_seconds:
                raise Stalled(f"nothing was taken for {stall_seconds:g} s") from None
            slice_seconds = min(POLL_SECONDS, stall_seconds)
            if not select.select([], [handle], [], slice_seconds)[1]:
                waited += slice_seconds


def widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold more, where the system allows that: fewer turns between the two ends."""
    with contextlib.suppress(OSError, ImportError):
        import fcntl

        fcntl.fcntl(pipe.fileno(), _SET_PIPE_SIZE, PIPE_BYTES)


class Bucket:
    """Limits a flow to so many bytes a second, with one second's worth of burst.

    Args:
        rate: bytes a second now; 0: no limit. Asked each time, since it may depend on the time of day.
        clock: injected time.
    """

    def __init__(self, rate: Callable[[], float], clock: Clock):
        self._rate, self._clock = rate, clock
        self._left = 0.0
        self._last = clock.monotonic()
        self._stop = threading.Event()

    def stop(self) -> None:
        """Nobody waits any more."""
        self._stop.set()

    def take(self, size: int) -> None:
        """Wait until `size` bytes may go."""
        rate = self._rate()
        if rate <= 0:
            return
        now = self._clock.monotonic()
        self._left = min(rate, self._left + (now - self._last) * rate) - size
        self._last = now
        if self._left < 0:
            self._clock.wait(self._stop, -self._left / rate)
