"""One connected client: a reader thread, a writer thread and a bounded queue between the engine and the client.

The engine never waits for a client. One that stops reading fills its queue, is disconnected, and nobody else notices;
since views are pulled it loses nothing that it could not ask for again.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from backends.engine import rpc
from backends.engine.log import Log
from backends.engine.wire import MAX_REQUEST_BYTES

MAX_QUEUED_BYTES = 64 << 20
"""What may wait for one client. Several full views of a large fleet fit; a stopped terminal does not grow the engine."""
_CHUNK = 1 << 16


class Link(Protocol):
    """A connected pair of byte streams."""

    def read(self) -> bytes:
        """The next bytes; b"" at the end. Raises OSError."""

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises OSError."""

    def close(self) -> None:
        """End both directions and wake whoever reads or writes; may be called twice."""


class SocketLink:
    """A link over a connected socket."""

    def __init__(self, connection: socket.socket):
        self._socket = connection

    def read(self) -> bytes:
        return self._socket.recv(_CHUNK)

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # already gone: that is what was wanted
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class PipeLink:
    """A link over two file descriptors (stdin and stdout)."""

    def __init__(self, reading: int, writing: int):
        self._reading, self._writing = reading, writing

    def read(self) -> bytes:
        return os.read(self._reading, _CHUNK)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._writing, view) :]

    def close(self) -> None:
        """Nothing to wake: the process ends with its stdin."""


class Session:
    """One client, as far as bytes go. `on_line` gets each request line; `on_end` is called once, when it is over."""

    def __init__(
        self,
        link: Link,
        *,
        number: int,
        user: str,
        log: Log,
        on_line: Callable[[Session, bytes], None],
        on_end: Callable[[Session], None],
        max_queued_bytes: int = MAX_QUEUED_BYTES,
    ):
        self.number = number
        self.user = user
        self.client = ""
        """Where the person sits, as the client told it ("10.0.0.7", from SSH_CONNECTION)."""
        self.subscribed = False
        self._link, self._log = link, log
        self._on_line, self._on_end = on_line, on_end
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._limit = max_queued_bytes
        self._changed = threading.Condition()
        self._finishing = False
        self._pending = 0
        self._closed = threading.Event()

    @property
    def actor(self) -> str:
        """Who acts through this client, for the audit."""
        return f"{self.user} from {self.client}" if self.client else self.user

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def start(self) -> None:
        """Begin reading and writing in own threads."""
        threading.Thread(target=self._write_loop, name=f"client {self.number} writer", daemon=True).start()
        threading.Thread(target=self._read_loop, name=f"client {self.number} reader", daemon=True).start()

    def send(self, line: bytes) -> None:
        """Queue one line; never blocks. A client whose queue is full is disconnected."""
        with self._changed:
            if self._closed.is_set():
                return
            full = self._queued + len(line) > self._limit and bool(self._queue)
            if not full:
                self._queue.append(line)
                self._queued += len(line)
                self._changed.notify_all()
        if full:
            self._log.event("client-too-slow", client=self.number, queued_bytes=self._queued)
            self.close()

    def notify(self, method: str, params: object) -> None:
        """Push a notification."""
        self.send(rpc.notification(method, params))

    def pending(self, change: int) -> None:
        """Count an answer that is still being worked on (+1) or is given (−1): a client that only reads waits for it."""
        with self._changed:
            self._pending += change
            self._changed.notify_all()

    def close(self) -> None:
        """Disconnect now; what is queued is lost."""
        with self._changed:
            if self._closed.is_set():
                return
            self._closed.set()
            self._changed.notify_all()
        self._link.close()
        self._on_end(self)

    def drain(self, seconds: float) -> None:
        """Give queued answers a moment to leave, then disconnect."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._queued or self._pending) or self._closed.is_set(), seconds)
        self.close()

    def _read_loop(self) -> None:
        held = bytearray()
        try:
            while data := self._link.read():
                held += data
                if not self._split(held):
                    break
        except OSError as error:
            self._lost(error)
        self._half_closed()

    def _split(self, held: bytearray) -> bool:
        """Hand over every whole line in `held`; False when a line is too long."""
        end = held.find(b"\n")
        while end >= 0 and not self._closed.is_set():
            line = bytes(held[:end]).strip()
            del held[: end + 1]
            if line:
                self._on_line(self, line)
            end = held.find(b"\n")
        if len(held) <= MAX_REQUEST_BYTES:
            return True
        body = rpc.ErrorBody(rpc.INVALID_REQUEST, f"a request may be {MAX_REQUEST_BYTES} bytes long at most")
        self.send(rpc.error(None, body))
        return False

    def _half_closed(self) -> None:
        """The client sends no more; it may still read what it asked for."""
        with self._changed:
            self._finishing = True
            self._changed.notify_all()

    def _write_loop(self) -> None:
        try:
            while (data := self._next()) is not None:
                self._link.write(data)
                with self._changed:
                    self._queued -= len(data)
                    self._changed.notify_all()
        except OSError as error:
            self._lost(error)
        self.close()

    def _lost(self, error: OSError) -> None:
        if not self._closed.is_set():  # our own close makes the other thread's call fail too
            self._log.event("client-lost", client=self.number, error=str(error))

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(self._ready)
            if self._closed.is_set() or not self._queue:
                return None
            return self._queue.popleft()

    def _ready(self) -> bool:
        over = self._finishing and not self._pending
        return bool(self._queue) or over or self._closed.is_set()
