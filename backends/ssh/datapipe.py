"""Hands over what a channel receives in the transport's own thread: no second thread a host, nothing kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import paramiko
from paramiko.buffered_pipe import BufferedPipe

from backends.ssh.transport import LinkTransport

if TYPE_CHECKING:
    _Pipe = BufferedPipe[bytes]
else:  # generic only for the type checker
    _Pipe = BufferedPipe


class DataPipe(_Pipe):
    """A channel's input buffer that keeps nothing: each piece goes to `on_data` in the transport's thread.

    `on_end` is called once when the channel is closed (not yet at end of file: the exit status comes after it).
    """

    def __init__(
        self,
        channel: paramiko.Channel,
        *,
        on_data: Callable[[bytes], None],
        on_end: Callable[[], None] | None = None,
        read: Callable[[int], bytes],
    ):
        super().__init__()
        self._channel = channel
        self._on_data = on_data
        self._on_end = on_end
        self._read = read
        self._owed = 0
        self._piece = b""

    def feed(self, data: bytes) -> None:
        self._owed += len(data)
        self._piece = data
        self.pay()
        self._piece = b""
        self._on_data(data)

    def pay(self) -> None:
        """Give the peer its window back. Not while keys are renewed: the send would wait for its own thread."""
        transport = self._channel.get_transport()
        if transport.clear_to_send.is_set():
            self._read(self._owed)
        elif isinstance(transport, LinkTransport):
            transport.defer(self.pay)

    def read(self, nbytes: int, timeout: float | None = None) -> bytes:
        """Called back by the channel, only to count what was consumed."""
        owed, self._owed = self._owed, 0
        return self._piece if owed == len(self._piece) else bytes(owed)

    def close(self) -> None:
        super().close()
        if self._channel.closed:
            end, self._on_end = self._on_end, None
            if end:
                end()


def hook(
    channel: paramiko.Channel,
    *,
    on_out: Callable[[bytes], None],
    on_err: Callable[[bytes], None],
    on_end: Callable[[], None],
) -> None:
    """Hand over what `channel` receives in the transport's thread. Call before the command is requested."""
    channel.in_buffer = DataPipe(channel, on_data=on_out, on_end=on_end, read=channel.recv)
    channel.in_stderr_buffer = DataPipe(channel, on_data=on_err, read=channel.recv_stderr)
