"""How bytes travel to an engine: through its unix socket, or through the pipes of a command such as `ssh`."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

from backends.engine.wire import MAX_LINE_BYTES
from backends.errors import AskOperator
from backends.text import decode

SEND_SECONDS = 5.0
"""An engine that takes nothing for this long is given up."""


class Wire(Protocol):
    """Bytes there and lines back."""

    def send(self, data: bytes) -> None:
        """All of it, or OSError."""

    def read_line(self) -> bytes:
        """One line; b"" at the end."""

    def close(self) -> None:
        """End it; a blocked `read_line` returns."""

    def finish(self) -> None:
        """Release what is left; only the reader may, when it has ended."""

    def last_words(self) -> str:
        """Why it ended, where the other side told; "" otherwise."""


class SocketWire:
    """A unix socket."""

    def __init__(self, path: Path, timeout_seconds: float):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout_seconds)
            self._socket.connect(str(path))
            _check_peer(self._socket, path)
            self._socket.settimeout(None)
            pause = struct.pack("ll", int(SEND_SECONDS), 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, pause)
            self._lines = self._socket.makefile("rb", buffering=1 << 16)
        except BaseException:
            self._socket.close()
            raise

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read_line(self) -> bytes:
        return self._lines.readline(MAX_LINE_BYTES + 1)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the other side was first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def finish(self) -> None:
        """Release the buffer; only the reader may, when it has ended."""
        self._lines.close()

    def last_words(self) -> str:
        return ""


class ProcessWire:
    """The pipes of a command; it ends with the connection."""

    def __init__(self, argv: Sequence[str]):
        self._process = subprocess.Popen(
            list(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=False
        )
        self._words = b""
        self._listener = threading.Thread(target=self._listen, name="attach-stderr", daemon=True)
        self._listener.start()

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 — for the type checker; PIPE was asked for
        return self._process.stdin

    def _listen(self) -> None:
        stream = self._process.stderr
        while stream is not None and (chunk := os.read(stream.fileno(), 4096)):
            self._words = (self._words + chunk)[-4096:]

    def send(self, data: bytes) -> None:
        self._input.write(data)
        self._input.flush()

    def read_line(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 — for the type checker; PIPE was asked for
        return self._process.stdout.readline(MAX_LINE_BYTES + 1)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def finish(self) -> None:
        """Release the pipes; only the reader may, when it has ended."""
        self.close()
        self._listener.join(1.0)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):  # what was still to be written has nowhere to go
                if stream is not None:
                    stream.close()

    def last_words(self) -> str:
        self._listener.join(0.5)
        return decode(self._words.strip().rsplit(b"\n", 1)[-1], 300)


def _check_peer(connection: socket.socket, path: Path) -> None:
    """Only an engine of this user (or root's) is trusted with commands."""
    if not hasattr(socket, "SO_PEERCRED"):
        return
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid = struct.unpack("3i", packed)[1]
    if uid not in (0, os.getuid()):
        raise AskOperator(f"the engine behind {path} belongs to user {uid}", hint=f"look who made it: ls -l {path}")
