"""A host in memory that a test speaks for: what it sends on its streams, what it takes, how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from backends.execution import ExecResult, OnOutput

GREETING = b"\nswarm-kit 1 borg\n"


class FakeDuplex:
    """One program. The test drives it through `out`, `err` and `end`."""

    def __init__(
        self, on_out: Callable[[bytes], None], on_err: Callable[[bytes], None], on_end: Callable[[], None] | None
    ):
        self.out, self.err, self._on_end = on_out, on_err, on_end
        self.ended = threading.Event()
        self.exit_status: int | None = None
        self.taken = bytearray()
        self.deaf = False
        """It takes nothing any more."""
        self.closed = threading.Event()

    def send(self, data: bytes, timeout_seconds: float) -> None:
        if self.closed.is_set() or self.ended.is_set():
            raise BrokenPipeError
        if self.deaf:
            raise TimeoutError
        self.taken += data

    def end_input(self) -> None:
        """Nothing to do: nobody reads on."""

    def close(self) -> None:
        self.closed.set()
        self.end(None)

    def end(self, status: int | None) -> None:
        if not self.ended.is_set():
            self.exit_status = status
            if self._on_end:
                self._on_end()
            self.ended.set()


class FakeHost:
    """Implements `Channels` and `Exec`. `act` is run on a thread of its own for each program that is started."""

    def __init__(self, act: Callable[[FakeDuplex], None]):
        self.host = "gpu01"
        self.programs: list[FakeDuplex] = []
        self._act = act

    def open(
        self,
        command: str,
        *,
        on_out: Callable[[bytes], None],
        on_err: Callable[[bytes], None],
        on_end: Callable[[], None] | None = None,
        timeout_seconds: float = 30.0,
    ) -> FakeDuplex:
        duplex = FakeDuplex(on_out, on_err, on_end)
        self.programs.append(duplex)
        threading.Thread(target=self._act, args=(duplex,), daemon=True).start()
        return duplex

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        return ExecResult(1, stdout=b"no such thing here")
