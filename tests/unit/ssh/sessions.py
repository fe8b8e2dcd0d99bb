"""A session in memory whose command does what a test says."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace


class FakeSession:
    """Stands for `backends.ssh.session.Session` and for the one command that it runs."""

    def __init__(
        self,
        *,
        out: bytes = b"",
        err: bytes = b"",
        status: int | None = 0,
        signal: str | None = None,
        alive: bool = True,
        dies: bool = False,
        ends: bool = True,
        refuses_input: bool = False,
    ):
        self.link = SimpleNamespace(alive=alive)
        self.exit_status = status
        self.signal = signal
        self.ended = threading.Event()
        self.line = ""
        self.given = b""
        self.input_ended = False
        self.closed = False
        self._out, self._err, self._dies, self._ends, self._refuses = out, err, dies, ends, refuses_input

    @contextlib.contextmanager
    def work(self, timeout_seconds: float) -> Iterator[None]:
        yield

    def start_work(
        self, command: str, *, on_out: Callable[[bytes], None], on_err: Callable[[bytes], None], timeout_seconds: float
    ) -> FakeSession:
        self.line = command
        for handler, data in ((on_out, self._out), (on_err, self._err)):
            if data:
                handler(data)
        return self

    def send(self, data: bytes, timeout_seconds: float) -> None:
        if self._refuses:
            raise OSError("Socket is closed")
        self.given += data

    def end_input(self) -> None:
        self.input_ended = True
        self.link.alive = self.link.alive and not self._dies
        if self._ends:
            self.ended.set()

    def close(self) -> None:
        self.closed = True
