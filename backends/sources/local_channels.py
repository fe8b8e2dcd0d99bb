"""Programs held on this machine with their three streams: the `Channels` of the local source."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import IO

from backends.errors import SkipHost

PIECE_BYTES = 64 << 10
POLL_SECONDS = 0.2
GONE_SECONDS = 30.0
"""What a program gets to notice that its streams were closed, before it is killed."""


class LocalChannels:
    """Starts programs as the engine's own user."""

    def __init__(self, host: str):
        self._host = host

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self._host

    def open(
        self,
        command: str,
        *,
        on_out: Callable[[bytes], None],
        on_err: Callable[[bytes], None],
        on_end: Callable[[], None] | None = None,
        timeout_seconds: float = 30.0,
    ) -> LocalDuplex:
        """See `backends.execution.Channels.open`. Raises SkipHost when it cannot be started."""
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise SkipHost(
                f"cannot start a program: {error.strerror or error}", host=self._host, action="start a program"
            ) from error
        return LocalDuplex(process, on_out, on_err, on_end)


class LocalDuplex:
    """Implements `backends.execution.Duplex` over pipes."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        on_out: Callable[[bytes], None],
        on_err: Callable[[bytes], None],
        on_end: Callable[[], None] | None,
    ):
        assert process.stdin and process.stdout and process.stderr  # noqa: S101  # all three are pipes
        self._process, self._stdin, self._on_end = process, process.stdin, on_end
        self._sending = threading.Lock()
        self._closed = threading.Event()
        self.ended = threading.Event()
        os.set_blocking(self._stdin.fileno(), False)
        self._readers = [
            threading.Thread(target=self._read, args=(pipe, take), name=f"local channel {name}", daemon=True)
            for pipe, take, name in ((process.stdout, on_out, "out"), (process.stderr, on_err, "err"))
        ]
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._wait, name="local channel", daemon=True).start()

    @property
    def exit_status(self) -> int | None:
        """See `Duplex.exit_status`."""
        code = self._process.returncode
        return code if code is not None and code >= 0 else None

    def send(self, data: bytes, timeout_seconds: float) -> None:
        """See `Duplex.send`."""
        deadline = time.monotonic() + timeout_seconds
        left = memoryview(data)
        with self._sending:
            while left:
                if self._stdin.closed:
                    raise BrokenPipeError("its input was closed")
                try:
                    left = left[os.write(self._stdin.fileno(), left) :]
                    deadline = time.monotonic() + timeout_seconds
                except BlockingIOError:
                    self._await_room(deadline)

    def _await_room(self, deadline: float) -> None:
        """Wait until its input takes something again. Raises TimeoutError, BrokenPipeError."""
        while not select.select([], [self._stdin], [], POLL_SECONDS)[1]:
            if self._closed.is_set():
                raise BrokenPipeError("the channel was closed")
            if time.monotonic() > deadline:
                raise TimeoutError("its input is not taken")

    def end_input(self) -> None:
        """See `Duplex.end_input`."""
        with self._sending:  # never under the hands of a sender: the handle's number may be another file's at once
            self._stdin.close()

    def close(self) -> None:
        """Its streams end; what it does with that is its own affair, as it is over a network."""
        self._closed.set()
        self.end_input()

    def _read(self, pipe: IO[bytes], take: Callable[[bytes], None]) -> None:
        with pipe:
            while not self._closed.is_set():
                if not select.select([pipe], [], [], POLL_SECONDS)[0]:
                    if self._process.poll() is not None:
                        return  # what still holds its streams is not the program
                    continue
                data = os.read(pipe.fileno(), PIECE_BYTES)
                if not data:
                    return
                take(data)

    def _wait(self) -> None:
        for reader in self._readers:
            reader.join()
        if not self._closed.is_set():
            self._process.wait()
        self.end_input()
        self.ended.set()
        if self._on_end is not None:
            self._on_end()
        self._reap()

    def _reap(self) -> None:
        """After a close it may still run, as it may on a host; but here nobody else would collect it."""
        try:
            self._process.wait(GONE_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
