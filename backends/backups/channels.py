"""Programs of the kit that are talked with while they run: how one is begun, greeted, and read without growing.

A host may send anything before our program speaks (a login shell's words) and anything instead of it, so its first line is
looked for within a bound, and what it sends is taken into a buffer that makes it wait when it is full.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from backends.errors import RetryLater, SwarmError
from backends.execution import Channels, Duplex
from backends.hostkit.answer import refusal
from backends.hostkit.travel import MAGIC, Launch
from backends.text import decode

NOISE_BYTES = 64 << 10
"""What a login shell may print before the program's first line."""
LINE_BYTES = 4096
"""Of the first line itself."""
SEND_SECONDS = 30.0
"""For the program itself, some kilobytes, to be taken."""


def begin(
    channels: Channels,
    launch: Launch,
    *,
    on_out: Callable[[bytes], None],
    on_err: Callable[[bytes], None],
    on_end: Callable[[], None] | None = None,
    then: bytes = b"",
) -> Duplex:
    """Start a program of the kit on a host; `then` follows the program on its stdin.

    Raises:
        RetryLater: not connected, no channel free, or the host does not take the program.
        SkipHost: programs cannot be held there.
    """
    duplex = channels.open(launch.command, on_out=on_out, on_err=on_err, on_end=on_end)
    try:
        duplex.send(launch.payload + then, SEND_SECONDS)
    except OSError as error:
        # a program that ended at once has said why: its end is judged by whoever reads it
        if not duplex.ended.wait(1.0):
            duplex.close()
            raise RetryLater(
                "the host does not take the program", host=channels.host, action="start a program there"
            ) from error
    return duplex


class Greeting:
    """Finds the line with which the program begins its stdout; what comes before it is a login shell's."""

    def __init__(self, word: str, host: str, action: str):
        self._word, self._host, self._action = word, host, action
        self._seen = bytearray()
        self.done = False
        """The line was seen: everything from here on is the program's."""

    def feed(self, data: bytes) -> bytes:
        """What the program itself sent of `data`; b"" until its first line is there.

        Raises:
            SkipHost, AskOperator: it cannot run (no python3, no sudo).
            RetryLater: something else speaks, without an end.
        """
        if self.done:
            return data
        self._seen += data
        place = self._seen.find(MAGIC)
        if place < 0:
            self._bound(NOISE_BYTES)
            return b""
        end = self._seen.find(b"\n", place)
        if end < 0:
            self._bound(NOISE_BYTES + LINE_BYTES)
            return b""
        word = self._seen[place + len(MAGIC) : end].decode("utf-8", "replace")
        if word != self._word:
            raise refusal(word, host=self._host, action=self._action)
        rest = bytes(self._seen[end + 1 :])
        self._seen.clear()
        self.done = True
        return rest

    def missing(self, stderr: str = "") -> SwarmError:
        """The error for a program that ended without its first line."""
        said = decode(bytes(self._seen[-300:]), 300).strip() or stderr.strip()
        text = f"the program did not begin; the host said: {said}" if said else "the program did not begin"
        return RetryLater(text, host=self._host, action=self._action, hint="log in there and look")

    def _bound(self, limit: int) -> None:
        if len(self._seen) > limit:
            raise RetryLater(
                "the login shell prints without an end",
                host=self._host,
                action=self._action,
                hint="look at its start-up files (.bashrc, /etc/profile.d)",
            )


class Spool:
    """A bounded buffer between the thread that receives and the one that uses; a full one makes the sender wait."""

    def __init__(self, limit_bytes: int):
        self._limit = limit_bytes
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, data: bytes) -> None:
        """Add a piece; waits while it is full. What comes after `close` is thrown away."""
        with self._changed:
            while self._size >= self._limit and not self._closed:
                self._changed.wait(1.0)
            if not self._closed:
                self._pieces.append(data)
                self._size += len(data)
                self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more will come; with `error`, what is there must not be taken for the whole."""
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
                self._changed.notify_all()

    def close(self) -> None:
        """Nobody takes anything any more."""
        with self._changed:
            self._closed = True
            self._pieces.clear()
            self._size = 0
            self._changed.notify_all()

    def take(self, timeout_seconds: float) -> bytes:
        """The next piece; b"" at a good end. Raises TimeoutError, or the error that `end` was given."""
        with self._changed:
            if not self._changed.wait_for(self._ready, timeout_seconds):
                raise TimeoutError(f"nothing came for {timeout_seconds:g} s")
            if self._pieces:
                data = self._pieces.popleft()
                self._size -= len(data)
                self._changed.notify_all()
                return data
            if self._error is not None:
                raise self._error
            return b""

    def _ready(self) -> bool:
        return bool(self._pieces) or self._ended or self._closed


def let_go(duplex: Duplex | None) -> None:
    """Close a channel that may be gone already."""
    if duplex is not None:
        with suppress(OSError, EOFError):
            duplex.close()


__all__ = ["Channels", "Duplex", "Greeting", "Spool", "begin", "let_go"]
