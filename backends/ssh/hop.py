"""A channel through a jump host, as the socket of the connection that runs inside it."""

from __future__ import annotations

import contextlib

import paramiko

from backends.ssh.wire import Wire


class HopSocket:
    """Socket-like; closing it never waits and never fails, even when the jump host is hung or gone."""

    def __init__(self, channel: paramiko.Channel):
        self._channel = channel
        self.recv = channel.recv
        self.send = channel.send
        self.settimeout = channel.settimeout

    @property
    def _closed(self) -> bool:
        return self._channel.closed

    def close(self) -> None:
        """Close the channel, if that needs no waiting; else it goes with the jump host's connection."""
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            if self._free():
                self._channel.close()

    def shutdown(self, how: int) -> None:
        """End of file for our own reader, at once; nothing is sent."""
        self._channel.in_buffer.close()

    def writable(self) -> bool:
        """Whether a small packet could be sent without waiting."""
        return self._channel.send_ready() and self._free()

    def _free(self) -> bool:
        wire = self._channel.get_transport().packetizer
        return wire.free() if isinstance(wire, Wire) else True
