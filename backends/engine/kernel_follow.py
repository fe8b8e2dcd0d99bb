"""One program on one host that follows its kernel log, from its start to its end.

What it says comes on the channel's own threads, which may wait: whatever is not taken is not read, and that stops the host.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from backends.clock import Clock
from backends.errors import RetryLater, SwarmError
from backends.execution import Channels, Duplex
from backends.hostkit.answer import answer_line
from backends.hostkit.kernel_log import HEAD_LIMIT, Batch, KernelLogReader, Position
from backends.hostkit.travel import Launch
from backends.text import clean, decode

ACTION = "follow the kernel log"
OPEN_SECONDS = 15.0
"""For a channel, its turn included."""
SEND_SECONDS = 15.0
"""For the program itself, some kilobytes, to be taken."""
BYTES_PER_SECOND, BURST_BYTES = 64 << 10, 1 << 20
"""That are taken of one host: two hundred events a second. What a flood, or a host that lies, costs is bounded by it."""
EXACT_SECONDS = 3.0
"""The greeting was under way for a moment: a smaller difference of the clocks is none."""


class Follow:
    """Follows one log over one channel.

    Args:
        host: whose.
        position: where it was read last.
        clock: injected time.
        on_batch: takes each batch, on the channel's thread. What it raises ends the following.
        on_over: called when it has ended by itself, or must be ended: see `why`.
    """

    def __init__(
        self,
        host: str,
        position: Position,
        clock: Clock,
        on_batch: Callable[[Follow, Batch], None],
        on_over: Callable[[Follow], None],
    ):
        self.host, self.position = host, position
        self._clock = clock
        self._on_batch, self._on_over = on_batch, on_over
        self.first = not position.way
        """Nothing of this host was ever read."""
        self.began = clock.now()
        self.started = self.heard = clock.monotonic()
        """When the program last said where it is: every 15 s at least."""
        self.settled = False
        """It has read up to now once."""
        self.shift = 0.0
        """Seconds by which the host's clock is ahead of ours."""
        self.bug: Exception | None = None
        """What `on_batch` raised."""
        self._reader = KernelLogReader(position)
        self._head = bytearray()
        self._said = ""
        self._left = threading.Event()
        self._duplex: Duplex | None = None
        self._allowance, self._paced = float(BURST_BYTES), self.started

    @property
    def gap(self) -> str:
        """Why something may be missing."""
        return self._reader.gap

    @property
    def read_whole(self) -> bool:
        """It can only be read as a whole (what dmesg prints), and was."""
        return self._reader.position.way == "dmesg" and self._reader.ended == ""

    def start(self, channels: Channels, launch: Launch) -> None:
        """Start the program. Its stdin stays open: it goes on until that ends. Raises RetryLater, SkipHost."""
        self._duplex = channels.open(
            launch.command, on_out=self._out, on_err=self._err, on_end=self._end, timeout_seconds=OPEN_SECONDS
        )
        if self._left.is_set():
            self.leave()
            return
        try:
            self._duplex.send(launch.payload, SEND_SECONDS)
        except OSError as error:
            if not self._duplex.ended.wait(1.0):  # one that ended at once has said why
                self.leave()
                raise RetryLater("the host does not take the program", host=self.host, action=ACTION) from error

    def leave(self) -> None:
        """Let go of it: nothing is told any more. May wait for a busy connection."""
        self._left.set()
        if self._duplex is not None:
            with suppress(OSError, EOFError):
                self._duplex.close()

    def why(self) -> tuple[str, bool]:
        """Why it is over, and whether only a person can mend that."""
        reader = self._reader
        if reader.refused:
            return reader.refused, True
        if self.bug is not None:
            return f"internal error: {clean(repr(self.bug), 200)}", False
        if not reader.greeted:
            return self._never_began()
        return reader.ended or "the program on the host has ended", False

    def _never_began(self) -> tuple[str, bool]:
        if len(self._head) > HEAD_LIMIT:
            return "the login shell prints without an end", False
        try:
            answer_line(bytes(self._head) or self._said.encode(), host=self.host, action=ACTION)
        except RetryLater as error:
            return error.message, False
        except SwarmError as error:
            return error.message, True
        return "the program was cut short", False

    # on the channel's threads

    def _out(self, data: bytes) -> None:
        if self._left.is_set():
            return
        try:
            self._pace(len(data))
            self._read(data)
        except Exception as error:  # noqa: BLE001 - a channel's thread must not die of it; told by whoever asks why
            self.bug = error
            self._on_over(self)

    def _read(self, data: bytes) -> None:
        reader = self._reader
        greeted = reader.greeted
        batches = reader.feed(data)
        if not greeted:
            self._before(data)
        for batch in batches:
            self.heard = self._clock.monotonic()
            self._on_batch(self, batch)

    def _before(self, data: bytes) -> None:
        """The program has not spoken before this piece."""
        if not self._reader.greeted:
            self._head += data[: HEAD_LIMIT + 1]
            if len(self._head) > HEAD_LIMIT:
                self._on_over(self)
            return
        self._head.clear()
        if self._reader.host_time is not None:
            shift = self._reader.host_time - self._clock.now()
            self.shift = shift if abs(shift) >= EXACT_SECONDS else 0.0

    def _err(self, data: bytes) -> None:
        self._said = decode((self._said.encode() + data)[-400:], 400)

    def _end(self) -> None:
        if not self._left.is_set():
            self._on_over(self)

    def _pace(self, size: int) -> None:
        """Wait while the host sends more than it may."""
        now = self._clock.monotonic()
        earned = self._allowance + (now - self._paced) * BYTES_PER_SECOND
        self._allowance, self._paced = min(float(BURST_BYTES), earned) - size, now
        if self._allowance < 0:
            self._clock.wait(self._left, -self._allowance / BYTES_PER_SECOND)
