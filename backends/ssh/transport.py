"""One encrypted connection: paramiko's Transport, tuned by what was measured (reference: SSH transport, §1–§7).

curve25519 and aes128-gcm first, slow key exchanges last; idle poll of 30 s instead of 0.1 s; data is handed over in the
transport's own thread; pings never block; the end of the connection is reported at once.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import paramiko
from paramiko.common import (
    MSG_CHANNEL_OPEN_SUCCESS,
    MSG_CHANNEL_REQUEST,
    MSG_NEWKEYS,
    MSG_REQUEST_FAILURE,
    MSG_REQUEST_SUCCESS,
    cMSG_CHANNEL_CLOSE,
    cMSG_CHANNEL_REQUEST,
    cMSG_GLOBAL_REQUEST,
)
from paramiko.message import Message

from backends.ssh.wire import Wire

IDLE_POLL_SECONDS = 30.0
"""How often an idle transport thread wakes; 0.1 s (the library's) costs 0.3 core at 1,000 hosts (reference: §2)."""
LOG = "swarm-tui.ssh"

_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
_KEX = (
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "mlkem768x25519-sha256",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group16-sha512",
)
_MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
_KEX_NAMES = {
    "KexCurve25519": "curve25519-sha256",
    "KexMLKEM768X25519": "mlkem768x25519-sha256",
}
_PING = "keepalive@openssh.com"


def quiet_library_log() -> None:
    """The library logs every lost host with a traceback; what matters is reported as a state instead."""
    for name in (LOG, "paramiko"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)


quiet_library_log()


class LinkTransport(paramiko.Transport):
    """A connection to one host. `ended` is called once, in the transport's thread, when it is over."""

    active: bool
    _active_check_timeout = IDLE_POLL_SECONDS
    _preferred_ciphers = _CIPHERS
    _preferred_macs = _MACS
    _preferred_kex = tuple(name for name in _KEX if name in paramiko.Transport._kex_info)  # type: ignore[attr-defined]

    def __init__(self, sock: Any, *, key_kinds: tuple[str, ...] = (), name: str = ""):
        self._key_kinds = key_kinds
        super().__init__(sock, packetizer_class=Wire)
        self.name = f"ssh:{name}"
        self.set_log_channel(LOG)
        self.ended: Callable[[], None] | None = None
        self.round_trip_seconds: float | None = None
        """Of the last answered ping."""
        self.why_killed = ""
        """Said by whoever ended the connection on purpose; "" when the peer did."""
        self.key_exchange = ""
        """The agreed key exchange; known once keys are agreed on."""
        self._asked: deque[float | None] = deque()
        self._asking = threading.Lock()
        self._forsaken: set[int] = set()
        self._opening = threading.local()
        self._deferred: set[Callable[[], None]] = set()
        handlers = cast("dict[int, Callable[[Message], None]]", self._handler_table)  # type: ignore[attr-defined]
        self._handlers = handlers
        for kind, own in (
            (MSG_REQUEST_SUCCESS, self._answered),
            (MSG_REQUEST_FAILURE, self._answered),
            (MSG_CHANNEL_OPEN_SUCCESS, self._opened),
            (MSG_NEWKEYS, self._keys_renewed),
        ):
            handlers[kind] = _before(own, handlers[kind])
        table: dict[int, Callable[..., None]] = dict(self._channel_handler_table)  # type: ignore[has-type]
        table[MSG_CHANNEL_REQUEST] = _note_signal(table[MSG_CHANNEL_REQUEST])
        self._channel_handler_table = table

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Host key kinds that are on record come first, so that a host with several shows one that can be checked."""
        rest = [kind for kind in super().preferred_keys if kind not in self._key_kinds]
        return (*self._key_kinds, *rest)

    @property
    def wire(self) -> Wire:
        """The packet layer."""
        return cast("Wire", self.packetizer)

    def silent_seconds(self) -> float:
        """Since the last packet of any kind came from the peer."""
        return time.monotonic() - self.wire.heard

    def run(self) -> None:
        try:
            super().run()
        finally:
            ended, self.ended = self.ended, None
            if ended:
                ended()

    def ping(self) -> bool:
        """Ask the peer for a sign of life without waiting; False when that is not possible right now."""
        if not (self.active and self.clear_to_send.is_set() and self._asking.acquire(blocking=False)):
            return False
        try:
            message = Message()
            message.add_byte(cMSG_GLOBAL_REQUEST)
            message.add_string(_PING)
            message.add_boolean(True)
            self._asked.append(time.monotonic())
            if self.wire.try_send(message):
                return True
            self._asked.pop()
            return False
        finally:
            self._asking.release()

    @property
    def pings_open(self) -> int:
        """Pings that were not answered yet."""
        return len(self._asked)

    def global_request(self, kind: str, data: Any = None, wait: bool = True) -> Message | None:
        if not wait:
            return super().global_request(kind, data, wait)
        with self._asking:  # answers carry no id: they come in the order of the questions
            self._asked.append(None)
            return super().global_request(kind, data, wait)

    def open_command(self, timeout_seconds: float) -> paramiko.Channel:
        """A session channel. Raises paramiko.SSHException (ChannelException when sshd refuses it)."""
        return self._open("session", None, timeout_seconds)

    def open_hop(self, address: str, port: int, timeout_seconds: float) -> paramiko.Channel:
        """A channel to another machine, as a socket (direct-tcpip). Raises paramiko.SSHException."""
        return self._open("direct-tcpip", (address, port), timeout_seconds)

    def request_exec(self, channel: paramiko.Channel, command: str, timeout_seconds: float) -> bool:
        """Run `command` in `channel`; False when the answer did not come in time or the request was refused.

        The library's own call would wait for the answer without end.
        """
        message = Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string("exec")
        message.add_boolean(True)
        message.add_string(command)
        channel.event.clear()
        channel.event_ready = False
        if channel.closed:  # the connection was lost since it was opened: nobody would answer
            return False
        self._send_user_message(message)  # type: ignore[attr-defined]
        channel.event.wait(timeout_seconds)
        return channel.event_ready

    def drop_channel(self, channel: paramiko.Channel) -> None:
        """Close `channel` if that needs no waiting; on a hung connection the watchdog's kill closes it."""
        if self.wire.free():
            channel.close()

    def kill(self, why: str) -> None:
        """End the connection now, from any thread, without waiting; its thread cleans up."""
        if self.active and not self.why_killed:
            self.why_killed = why
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def defer(self, task: Callable[[], None]) -> None:
        """Run `task` in this connection's thread once the keys are renewed. Called in that thread."""
        self._deferred.add(task)

    def _open(self, kind: str, dest: tuple[str, int] | None, timeout_seconds: float) -> paramiko.Channel:
        try:
            return self.open_channel(
                kind, dest_addr=dest, src_addr=("127.0.0.1", 0) if dest else None, timeout=timeout_seconds
            )
        except paramiko.ChannelException:
            raise
        except paramiko.SSHException:
            # a late success would leave a channel open on the far side that nobody here knows
            self._forsaken.add(self._opening.chanid)
            self._unlink_channel(self._opening.chanid)  # type: ignore[attr-defined]
            raise

    def _next_channel(self) -> int:
        self._opening.chanid = chanid = super()._next_channel()  # type: ignore[misc]
        return int(chanid)

    def _answered(self, message: Message) -> bool:
        asked = self._asked.popleft() if self._asked else None
        if asked is None:
            return True
        self.round_trip_seconds = time.monotonic() - asked
        return False

    def _opened(self, message: Message) -> bool:
        place = message.packet.tell()
        chanid, remote = message.get_int(), message.get_int()
        message.packet.seek(place)
        if chanid not in self._forsaken:
            return True
        self._forsaken.discard(chanid)
        close = Message()
        close.add_byte(cMSG_CHANNEL_CLOSE)
        close.add_int(remote)
        self._send_message(close)  # type: ignore[attr-defined]
        return False

    def _keys_renewed(self, message: Message) -> bool:
        engine = self.kex_engine
        self.key_exchange = str(getattr(engine, "name", "")) or _KEX_NAMES.get(type(engine).__name__, "")
        self._parse_newkeys(message)  # type: ignore[attr-defined]
        tasks, self._deferred = self._deferred, set()
        for task in tasks:
            task()
        return False


def _before(own: Callable[[Message], bool], then: Callable[[Message], None]) -> Callable[[Message], None]:
    """`own` sees a message first; `then` only what it returns True for."""

    def handle(message: Message) -> None:
        if own(message):
            then(message)

    return handle


def _note_signal(then: Callable[..., None]) -> Callable[..., None]:
    """The library drops exit-signal; note it on the channel as `exit_signal`."""

    def handle(channel: paramiko.Channel, message: Message) -> None:
        place = message.packet.tell()
        if message.get_text() == "exit-signal":
            message.get_boolean()
            channel.exit_signal = message.get_text()[:16]  # type: ignore[attr-defined]
        message.packet.seek(place)
        then(channel, message)

    return handle
