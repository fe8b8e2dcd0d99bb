"""Turns what goes wrong on the way to a host into the error tree, with the state that a person sees."""

from __future__ import annotations

import errno
import socket

from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.metrics.sample import Record
from backends.ssh.target import Target
from backends.states import HostState
from backends.text import clean


class ShownKey(Record, frozen=True, kw_only=True):
    """A host key that a host showed and that is not trusted (yet)."""

    target: Target
    """The host or jump host that showed it."""
    kind: str
    blob: bytes
    fingerprint: str
    known_fingerprint: str = ""
    """Of the key on record, when there is another one."""
    known_place: str = ""
    """file:line of the key on record."""
    revoked: bool = False
    """True: this very key is marked @revoked; it cannot be accepted."""


class KeyRefused(AskOperator):
    """The host key is unknown, changed or revoked."""

    def __init__(self, message: str, *, shown: ShownKey, host: str, hint: str):
        super().__init__(message, host=host, action="check the host key", hint=hint)
        self.shown = shown


class LoginRefused(AskOperator):
    """No identity was accepted."""


class ChannelRefused(RetryLater):
    """sshd opens no further channel (MaxSessions); the work is queued."""


def state_of(error: SwarmError) -> HostState:
    """The state that a host is in after `error` ended an attempt."""
    if isinstance(error, KeyRefused):
        changed = error.shown.known_place or error.shown.revoked
        return HostState.HOST_KEY_CHANGED if changed else HostState.HOST_KEY_UNKNOWN
    if isinstance(error, LoginRefused):
        return HostState.AUTH_FAILED
    if isinstance(error, SkipHost):
        return HostState.NO_PYTHON
    return HostState.UNREACHABLE


_BY_ERRNO = {
    errno.ECONNREFUSED: ("connection refused", "is sshd running there? ss -tlnp 'sport = :{port}'"),
    errno.EHOSTUNREACH: ("no route to host", "is it switched on and on this network? ping {address}"),
    errno.ENETUNREACH: ("network unreachable", "check this machine's routes: ip route get {address}"),
    errno.ECONNRESET: ("connection reset", "sshd's log on the host says why: journalctl -u ssh"),
    errno.ETIMEDOUT: ("timeout (tcp)", "is it switched on? ping {address}"),
}


def timed_out(target: Target, phase: str, seconds: float) -> RetryLater:
    """`phase` ("tcp", "ssh", "login") was not over in time."""
    hint = {
        "tcp": f"is it switched on, does a firewall drop port {target.port}? ping {target.address}",
        "ssh": "the port is open but sshd does not speak: it is overloaded, stopped or out of memory",
        "login": "sshd is slow to decide: check its DNS, LDAP and disks",
    }.get(phase, "the next try is automatic")
    return RetryLater(
        f"timeout ({phase}) after {seconds:g} s", host=target.name, action=f"connect to {target.place}", hint=hint
    )


def from_os(target: Target, error: OSError) -> RetryLater:
    """A system error while connecting."""
    if isinstance(error, socket.gaierror):
        return RetryLater(
            f"name does not resolve: {target.address}",
            host=target.name,
            action="look up its address",
            hint=f"set address for {target.name} in the configuration, or HostName in ~/.ssh/config",
        )
    text, hint = _BY_ERRNO.get(error.errno or 0, (error.strerror or str(error) or "connection failed", ""))
    return RetryLater(
        f"{text} ({target.place})",
        host=target.name,
        action="connect",
        hint=hint.format(address=target.address, port=target.port) or None,
    )


def protocol(target: Target, error: BaseException) -> RetryLater:
    """The peer does not speak SSH as expected."""
    text = clean(str(error) or type(error).__name__, 200)
    if "protocol banner" in text or "protocol version" in text:
        text = f"not an SSH server: {text}" if "version" in text else "the connection was closed before sshd spoke"
    return RetryLater(text, host=target.name, action=f"agree on encryption with {target.place}")


def via(target: Target, hop: Target, error: SwarmError) -> SwarmError:
    """The same failure, said of the host behind the jump host that failed."""
    message = f"jump host {hop.name}: {error.message}"
    if isinstance(error, KeyRefused):
        return KeyRefused(message, shown=error.shown, host=target.name, hint=error.hint or "")
    kind = type(error) if isinstance(error, LoginRefused | SkipHost) else RetryLater
    return kind(message, host=target.name, action=error.action, hint=error.hint)
