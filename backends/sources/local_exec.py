"""Commands on this machine: the `Exec` of the local source. argv lists, bounded output, a deadline."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence

from backends.errors import BadInput, RetryLater, SkipHost
from backends.execution import ExecResult, OnOutput, Stream

CHUNK = 65536


class LocalExec:
    """Runs commands as the engine's own user; `become` is not used here."""

    def __init__(self, host: str):
        self._host = host

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self._host

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
        """Run `argv` and wait for it. See `backends.execution.Exec`.

        Raises:
            RetryLater: it did not end in time; it and its children were killed.
            SkipHost: there is no such program here, or it cannot be started.
            BadInput: an empty argv or a NUL.
        """
        if not argv or any("\0" in word for word in argv):
            raise BadInput("an empty command or a NUL byte cannot be run", host=self._host, action="run a command")
        began = time.monotonic()
        process = self._start(argv)
        kept = _Kept(limit_bytes, on_output)
        try:
            finished = _converse(process, stdin, kept, began + timeout_seconds)
            if finished:
                process.wait(max(0.1, began + timeout_seconds - time.monotonic()))
        except subprocess.TimeoutExpired:
            finished = False
        finally:
            _end(process)
        if not finished:
            raise RetryLater(
                f"not finished after {timeout_seconds:g} s",
                host=self._host,
                action=f"run {argv[0]}",
                hint="give it more time (--timeout)",
            )
        return kept.result(process.returncode, time.monotonic() - began)

    def _start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            reason = error.strerror or str(error)
            raise SkipHost(
                f"cannot start {argv[0]!r}: {reason}", host=self._host, action="run a command", hint="is it installed?"
            ) from error


class _Kept:
    """The output so far, bounded."""

    def __init__(self, limit: int, on_output: OnOutput | None):
        self._limit = limit
        self._on_output = on_output
        self._parts: dict[Stream, bytearray] = {"out": bytearray(), "err": bytearray()}
        self._truncated = False

    def add(self, stream: Stream, data: bytes) -> None:
        part = self._parts[stream]
        room = self._limit - len(part)
        if len(data) > room:
            self._truncated = True
        part += data[: max(0, room)]
        if self._on_output is not None:
            self._on_output(stream, data)

    def result(self, code: int, seconds: float) -> ExecResult:
        return ExecResult(
            exit_status=code if code >= 0 else None,
            stdout=bytes(self._parts["out"]),
            stderr=bytes(self._parts["err"]),
            signal=_signal_name(-code) if code < 0 else None,
            truncated=self._truncated,
            duration_seconds=seconds,
        )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def _converse(process: subprocess.Popen[bytes], stdin: bytes, kept: _Kept, deadline: float) -> bool:
    """Feed stdin and collect output until both streams end; False when the deadline came first."""
    assert process.stdin and process.stdout and process.stderr  # noqa: S101  # all three are pipes
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, "out")
        selector.register(process.stderr, selectors.EVENT_READ, "err")
        left = memoryview(stdin)
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE, "in")
        while selector.get_map():
            wait = deadline - time.monotonic()
            if wait <= 0:
                return False
            for key, _ in selector.select(wait):
                if key.data == "in":
                    left = _write(process, left)
                    if not left:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                data = os.read(key.fd, CHUNK)
                if data:
                    kept.add(key.data, data)
                else:
                    selector.unregister(key.fileobj)
    return True


def _write(process: subprocess.Popen[bytes], left: memoryview) -> memoryview:
    """Write what fits; nothing is left for a program that does not read."""
    assert process.stdin  # noqa: S101  # a pipe
    try:
        return left[os.write(process.stdin.fileno(), left[:CHUNK]) :] if left else left
    except BlockingIOError:
        return left
    except OSError:
        return left[:0]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the program's process group and close the pipes."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: nothing more can be done
            process.wait(1.0)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None and not pipe.closed:
            with contextlib.suppress(OSError):  # unwritten input of a program that has ended
                pipe.close()
