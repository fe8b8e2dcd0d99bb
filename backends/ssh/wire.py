"""The packet layer under a connection: knows when the peer was last heard and can send without ever blocking.

Paramiko retries a blocked write for ever and starts a timer thread for each handshake. The watchdog must never wait for
a hung host, and deadlines are kept by the connecting thread, so both are replaced here through its public hook
(`packetizer_class`).
"""

from __future__ import annotations

import select
import threading
import time
from typing import Any

from paramiko.message import Message
from paramiko.packet import Packetizer


class Wire(Packetizer):
    """A packetizer for one connection."""

    def __init__(self, sock: Any):
        super().__init__(sock)
        self._sock = sock
        # re-entrant: a channel that is collected while a packet is being built sends its close from the same thread
        self._gate = threading.RLock()
        self.heard = time.monotonic()
        """Monotonic time of the last packet from the peer."""

    def start_handshake(self, timeout: float) -> None:
        """No timer thread: whoever connects keeps the deadline and closes the socket."""

    def read_message(self) -> tuple[int, Message]:
        result = super().read_message()
        self.heard = time.monotonic()
        return result

    def send_message(self, data: Any) -> None:
        with self._gate:
            super().send_message(data)

    def try_send(self, data: Any) -> bool:
        """Send one small packet if that is possible at once; False when somebody else is sending or buffers are full."""
        if not self._gate.acquire(blocking=False):
            return False
        try:
            if not self._writable():
                return False
            super().send_message(data)
            return True
        except (EOFError, OSError):
            return False
        finally:
            self._gate.release()

    def free(self) -> bool:
        """Whether a small packet could be sent at once right now."""
        if not self._gate.acquire(blocking=False):
            return False
        try:
            return self._writable()
        finally:
            self._gate.release()

    def _writable(self) -> bool:
        writable = getattr(self._sock, "writable", None)
        if writable is not None:  # a channel through a jump host
            return bool(writable())
        try:
            poll = select.poll()
            poll.register(self._sock.fileno(), select.POLLOUT)
            return any(events & select.POLLOUT for _, events in poll.poll(0))
        except (OSError, ValueError):
            return False
