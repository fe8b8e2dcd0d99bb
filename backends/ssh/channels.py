"""Programs held on a host over its one connection, with their three streams: the `Channels` of a host behind SSH.

Unlike a command's (`exec`), the output here is bulk: it is taken on threads of the channel's own, and the peer's window grows only
with what was taken. So a slow taker slows the program down, not this process, and the connection stays free for others.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import paramiko
from paramiko.buffered_pipe import BufferedPipe

from backends.errors import RetryLater
from backends.ssh.session import Session

if TYPE_CHECKING:
    _Pipe = BufferedPipe[bytes]
else:  # generic only for the type checker
    _Pipe = BufferedPipe

PIECE_BYTES = 64 << 10
POLL_SECONDS = 1.0
"""How soon a thread that waits sees that the channel was let go."""
QUIET_POLLS, QUIET_SECONDS = 5, 15.0
"""After so many in vain the channel is quiet, as that of a kernel log is for hours, and looked at less often: a thousand of
them would wake two thousand threads each second."""
CLOSE_SECONDS = 2.0
"""For others to finish what they are sending, before a close is left to the end of the connection."""
FLOOD_BYTES = 8 << 20
"""The window is 2 MiB; a peer that sends this much beyond what was taken does not keep to it."""


class SshChannels:
    """Implements `backends.execution.Channels`. `session` gives the host's session now, or None while it is down."""

    def __init__(self, session: Callable[[], Session | None], host: str):
        self._session = session
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
    ) -> SshDuplex:
        """See `backends.execution.Channels.open`. Holds one of the work channels' places until it has ended."""
        session = self._session()
        if session is None or not session.link.alive:
            raise RetryLater("not connected", host=self._host, action="start a program")
        with contextlib.ExitStack() as stack:
            began = time.monotonic()
            stack.enter_context(session.work(timeout_seconds))
            left = max(1.0, timeout_seconds - (time.monotonic() - began))
            channel = session.hold(command, prepare=lambda channel: _bound(channel, session), timeout_seconds=left)
            return SshDuplex(channel, session, on_out, on_err, on_end, stack.pop_all())


class SshDuplex:
    """Implements `backends.execution.Duplex` over a channel."""

    def __init__(
        self,
        channel: paramiko.Channel,
        session: Session,
        on_out: Callable[[bytes], None],
        on_err: Callable[[bytes], None],
        on_end: Callable[[], None] | None,
        place: contextlib.ExitStack,
    ):
        self._channel, self._session = channel, session
        self._on_end, self._place = on_end, place
        self._sending = threading.Lock()
        self._closed = False
        self.ended = threading.Event()
        channel.settimeout(POLL_SECONDS)
        name = session.link.target.name
        self._readers = [
            threading.Thread(target=self._read, args=(read, take), name=f"{kind} of {name}", daemon=True)
            for read, take, kind in ((channel.recv, on_out, "stdout"), (channel.recv_stderr, on_err, "stderr"))
        ]
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._wait, name=f"channel of {name}", daemon=True).start()

    @property
    def exit_status(self) -> int | None:
        """See `Duplex.exit_status`."""
        status = self._channel.exit_status
        return status if status >= 0 else None

    def send(self, data: bytes, timeout_seconds: float) -> None:
        """See `Duplex.send`."""
        left = memoryview(data)
        with self._sending:
            deadline = time.monotonic() + timeout_seconds
            while left:
                if self._closed or self._channel.closed or self._channel.eof_sent:
                    raise BrokenPipeError("the channel is closed")
                try:
                    taken = self._channel.send(left)  # type: ignore[arg-type]  # any buffer will do
                except TimeoutError:
                    if time.monotonic() > deadline:
                        raise TimeoutError("its input is not taken") from None
                    continue
                except EOFError as error:
                    raise BrokenPipeError("the connection is lost") from error
                left = left[taken:]
                deadline = time.monotonic() + timeout_seconds

    def end_input(self) -> None:
        """See `Duplex.end_input`."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.shutdown_write()

    def close(self) -> None:
        """See `Duplex.close`. On a hung connection the watchdog's kill closes it."""
        self._closed = True
        wire = self._session.link.transport.wire
        deadline = time.monotonic() + CLOSE_SECONDS
        while not wire.free() and time.monotonic() < deadline and not self._channel.closed:
            time.sleep(0.01)  # somebody else is sending, as is usual on a busy connection
        self._session.link.transport.drop_channel(self._channel)

    def _read(self, read: Callable[[int], bytes], take: Callable[[bytes], None]) -> None:
        quiet = 0
        while not self._closed:
            try:
                data = read(PIECE_BYTES)
            except TimeoutError:
                quiet += 1
                if quiet >= QUIET_POLLS:
                    self._channel.settimeout(QUIET_SECONDS)
                continue
            except (OSError, EOFError):
                return
            if not data:
                return
            if quiet >= QUIET_POLLS:
                self._channel.settimeout(POLL_SECONDS)
            quiet = 0
            take(data)

    def _wait(self) -> None:
        for reader in self._readers:
            reader.join()
        while not (self._closed or self._channel.status_event.wait(POLL_SECONDS)):
            pass
        if not self._closed:
            self._session.link.transport.drop_channel(self._channel)
        self._place.close()
        self.ended.set()
        if self._on_end is not None:
            self._on_end()


class _Bounded(_Pipe):
    """A channel's input buffer that notices a peer which sends beyond its window."""

    def __init__(self, overflow: Callable[[], None]):
        super().__init__()
        self._overflow = overflow

    def feed(self, data: bytes) -> None:
        super().feed(data)
        if len(self) > FLOOD_BYTES:
            self._overflow()


def _bound(channel: paramiko.Channel, session: Session) -> None:
    def overflow() -> None:
        session.link.kill("the host sends more than it may")

    channel.in_buffer = _Bounded(overflow)
    channel.in_stderr_buffer = _Bounded(overflow)
