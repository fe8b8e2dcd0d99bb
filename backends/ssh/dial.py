"""Opens the byte stream to a host: name resolution, TCP, ProxyCommand or a channel through a jump host."""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import threading
import time
import warnings

import paramiko

from backends.errors import RetryLater
from backends.ssh import failures
from backends.ssh.hop import HopSocket
from backends.ssh.target import Target
from backends.ssh.transport import LinkTransport

USER_TIMEOUT_SECONDS = 15.0
"""The kernel gives up on unacknowledged data after this; the watchdog is usually faster."""


def dial(target: Target, deadline: float) -> socket.socket:
    """A connected TCP socket (or one end of a pair, with ProxyCommand) on which the peer has begun to speak.

    Waiting for the first byte here keeps stopped and dead hosts out of the bounded key exchange.

    Args:
        deadline: monotonic time by which this must be over.

    Raises:
        RetryLater: not resolvable, refused, unreachable, timed out.
    """
    started = time.monotonic()
    sock = _proxy(target) if target.proxy_command else _tcp(target, deadline, started)
    try:
        _await_banner(sock, target, deadline, started)
    except BaseException:
        sock.close()
        raise
    return sock


def dial_hop(target: Target, outer: LinkTransport, deadline: float) -> HopSocket:
    """A channel to `target` through the jump host behind `outer`. Raises RetryLater."""
    started = time.monotonic()
    hop = target.jump.name if target.jump else "?"
    try:
        channel = outer.open_hop(target.address, target.port, max(0.1, deadline - started))
    except paramiko.ChannelException as error:
        raise RetryLater(
            f"jump host {hop} cannot reach {target.place} ({error.text})",
            host=target.name,
            action="connect through the jump host",
            hint=f"on {hop}: nc -vz {target.address} {target.port}; its sshd needs AllowTcpForwarding yes",
        ) from error
    except paramiko.SSHException as error:
        if not outer.is_active():
            raise RetryLater(
                f"jump host {hop}: connection lost", host=target.name, action="connect through the jump host"
            ) from error
        raise failures.timed_out(target, "tcp", round(time.monotonic() - started)) from error
    spoken = threading.Event()
    channel.in_buffer.set_event(spoken)
    if not spoken.wait(max(0.1, deadline - time.monotonic())):
        outer.drop_channel(channel)
        raise failures.timed_out(target, "ssh", round(time.monotonic() - started))
    return HopSocket(channel)


def _tcp(target: Target, deadline: float, started: float) -> socket.socket:
    last: OSError | None = None
    try:
        infos = socket.getaddrinfo(target.address, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        known = error if isinstance(error, OSError) else socket.gaierror(str(error))
        raise failures.from_os(target, known) from error
    for number, (family, kind, protocol, _, address) in enumerate(infos):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(left / (len(infos) - number))
            sock.connect(address)
            tune(sock)
        except OSError as error:
            sock.close()
            last = error
            continue
        return sock
    if last is None or isinstance(last, TimeoutError):
        raise failures.timed_out(target, "tcp", round(time.monotonic() - started)) from last
    raise failures.from_os(target, last) from last


def tune(sock: socket.socket) -> None:
    """No Nagle delay; dead peers are noticed by the kernel too. What a platform lacks is left out."""
    for level, name, value in (
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", int(USER_TIMEOUT_SECONDS * 1000)),
    ):
        if hasattr(socket, name):
            with contextlib.suppress(OSError):
                sock.setsockopt(level, getattr(socket, name), value)


def _proxy(target: Target) -> socket.socket:
    """ProxyCommand as OpenSSH runs it, its standard input and output being one end of a socket pair."""
    ours, theirs = socket.socketpair()
    try:
        _Reaped(
            ["/bin/sh", "-c", f"exec {target.proxy_command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise failures.from_os(target, error) from error
    finally:
        theirs.close()
    return ours


class _Reaped(subprocess.Popen[bytes]):
    """A ProxyCommand ends by itself when its socket closes; the standard library reaps it at the next start."""

    def __del__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            super().__del__()


def _await_banner(sock: socket.socket, target: Target, deadline: float, started: float) -> None:
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    left = max(0.0, deadline - time.monotonic())
    if not poll.poll(left * 1000):
        raise failures.timed_out(target, "ssh", round(time.monotonic() - started))
    try:
        first = sock.recv(4, socket.MSG_PEEK)
    except OSError as error:
        raise failures.from_os(target, error) from error
    if not first:
        raise RetryLater(
            "the connection was closed before sshd spoke",
            host=target.name,
            action=f"connect to {target.place}",
            hint="sshd may be overloaded (MaxStartups) or refuse this address: journalctl -u ssh",
        )
