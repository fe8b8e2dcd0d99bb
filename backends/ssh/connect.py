"""From a target to an open, authenticated link: dial, agree on keys, check the host key, log in."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from backends.clock import Clock
from backends.errors import SwarmError
from backends.metrics.sample import Record
from backends.ssh import failures, login
from backends.ssh.dial import dial, dial_hop
from backends.ssh.failures import KeyRefused, ShownKey
from backends.ssh.hostkeys import HostKeys, blob_kind, judge, preferred_kinds
from backends.ssh.identities import Identities, fingerprint
from backends.ssh.permits import Permits
from backends.ssh.target import Target
from backends.ssh.transport import LinkTransport

QUEUE_SECONDS = 60.0
"""Longest wait for a turn; sshd itself hangs up on who has not logged in after 120 s (LoginGraceTime)."""
REMEMBER_SECONDS = 1.0
"""A jump host's failure answers everybody who asks within this time."""


class Limits(Record, frozen=True, kw_only=True):
    """Deadlines of one attempt, in seconds."""

    connect_seconds: float = 8.0
    """TCP, banner and key exchange together."""
    auth_seconds: float = 10.0
    """All identities together."""


class Link:
    """An open connection to one host."""

    def __init__(self, target: Target, transport: LinkTransport, authentication: str, release: Callable[[], None]):
        self.target = target
        self.transport = transport
        self.authentication = authentication
        """Which identity was accepted."""
        # taking it out of a list is atomic: whoever kills first gives the jump host back, nobody else
        self._release = [release]

    @property
    def alive(self) -> bool:
        """Whether the connection is up, as far as is known here."""
        return self.transport.is_active() and not self.transport.why_killed

    def kill(self, why: str) -> None:
        """End it now without waiting."""
        self.transport.kill(why)
        with contextlib.suppress(IndexError):
            self._release.pop()()


class Connector:
    """Opens links; safe to use from many threads."""

    def __init__(self, *, identities: Identities, host_keys: HostKeys, permits: Permits, limits: Limits, clock: Clock):
        self._identities = identities
        self._host_keys = host_keys
        self._permits = permits
        self._limits = limits
        self._clock = clock
        self.jumps = JumpHosts(self.connect)

    def connect(self, target: Target) -> Link:
        """An authenticated link. Takes at most connect_seconds + auth_seconds for each hop.

        Raises:
            RetryLater: unreachable, refused, timed out, no common algorithm.
            KeyRefused: the host key is unknown, changed or revoked.
            LoginRefused: no identity was accepted.
        """
        hop = self.jumps.lease(target) if target.jump else None
        transport = None
        try:
            transport = self._agree(target, hop.transport if hop else None)
            self._check(target, transport)
            authentication = login.log_in(target, transport, self._identities, self._limits.auth_seconds)
        except BaseException:
            if transport:
                transport.kill("connecting failed")
            if hop:
                self.jumps.release(hop)
            raise
        return Link(target, transport, authentication, (lambda: self.jumps.release(hop)) if hop else _nothing)

    def configure(self, permits: Permits, limits: Limits) -> None:
        """Other limits from the next attempt on; open links and jump hosts stay."""
        self._permits, self._limits = permits, limits

    def warnings(self, target: Target) -> tuple[str, ...]:
        """Lines of the known_hosts files that could not be used."""
        return self._host_keys.warnings((*target.known_hosts_files, *target.system_known_hosts_files))

    def _agree(self, target: Target, outer: LinkTransport | None) -> LinkTransport:
        deadline = time.monotonic() + self._limits.connect_seconds
        sock: Any = dial_hop(target, outer, deadline) if outer else dial(target, deadline)
        with self._permits.held(target.jump.name if target.jump else "", time.monotonic() + QUEUE_SECONDS):
            # waiting for our own turn is not the host's fault
            deadline = time.monotonic() + self._limits.connect_seconds
            kinds = preferred_kinds(self._recorded(target))
            transport = LinkTransport(sock, key_kinds=kinds, name=target.name)
            transport.banner_timeout = max(1.0, deadline - time.monotonic())
            agreed = threading.Event()
            transport.start_client(event=agreed)
            over = agreed.wait(max(0.1, deadline - time.monotonic()))
        if not over:
            transport.kill("key exchange timed out")
            raise failures.timed_out(target, "ssh", self._limits.connect_seconds)
        if not transport.is_active():
            raise failures.protocol(target, transport.get_exception() or EOFError("connection closed by the host"))
        return transport

    def _recorded(self, target: Target) -> list[Any]:
        return self._host_keys.entries((*target.known_hosts_files, *target.system_known_hosts_files), target.key_name)

    def _check(self, target: Target, transport: LinkTransport) -> None:
        blob = shown_blob(transport)
        verdict = judge(self._recorded(target), target.key_name, blob, self._clock.now())
        if verdict.kind == "known":
            return
        cert = "-cert-v01@" in blob_kind(blob)
        blob = transport.get_remote_server_key().asbytes() if cert and verdict.kind != "revoked" else blob
        shown = ShownKey(
            target=target,
            kind=blob_kind(blob),
            blob=blob,
            fingerprint=fingerprint(blob),
            known_fingerprint=fingerprint(verdict.entry.blob) if verdict.entry else "",
            known_place=verdict.entry.place if verdict.entry else "",
            revoked=verdict.kind == "revoked",
        )
        transport.kill("host key refused")
        raise refused(shown, verdict.why)


class JumpHosts:
    """Links to jump hosts, shared by the hosts behind them and closed with the last of them."""

    def __init__(self, connect: Callable[[Target], Link]):
        self._connect = connect
        self._lock = threading.Lock()
        self._turns: dict[Target, threading.Lock] = {}
        self._links: dict[Target, Link] = {}
        self._users: dict[int, int] = {}
        self._failed: dict[Target, tuple[float, SwarmError]] = {}

    def lease(self, target: Target) -> Link:
        """The link to `target`'s last jump host; connects when nobody has. Give it back with `release`."""
        hop = target.jump
        if hop is None:
            raise ValueError(f"{target.name} has no jump host")
        with self._lock:
            turn = self._turns.setdefault(hop, threading.Lock())
        with turn:
            link = self._links.get(hop)
            if link is None or not link.alive:
                link = self._fresh(target, hop)
            with self._lock:
                self._users[id(link)] = self._users.get(id(link), 0) + 1
            return link

    def release(self, link: Link) -> None:
        """One host behind `link` is gone."""
        with self._lock:
            left = self._users.get(id(link), 1) - 1
            self._users[id(link)] = left
            if left > 0:
                return
            del self._users[id(link)]
            if self._links.get(link.target) is link:
                del self._links[link.target]
        link.kill("nobody needs this jump host any more")

    def links(self) -> list[Link]:
        """The open ones, for the watchdog."""
        with self._lock:
            return list(self._links.values())

    def _fresh(self, target: Target, hop: Target) -> Link:
        """One attempt serves all who wait: they get its failure instead of failing one after another."""
        failed = self._failed.get(hop)
        if failed and time.monotonic() - failed[0] < REMEMBER_SECONDS:
            raise failures.via(target, hop, failed[1])
        try:
            link = self._connect(hop)
        except SwarmError as error:
            self._failed[hop] = (time.monotonic(), error)
            raise failures.via(target, hop, error) from error
        self._failed.pop(hop, None)
        with self._lock:
            self._links[hop] = link
        return link

    def forgive(self) -> None:
        """Something changed (a key was accepted, the operator asks): do not repeat old failures."""
        self._failed.clear()


def shown_blob(transport: LinkTransport) -> bytes:
    """The host key or host certificate that was shown."""
    key = transport.get_remote_server_key()
    certificate = getattr(key, "public_blob", None)
    return bytes(certificate.key_blob) if certificate else key.asbytes()


def refused(shown: ShownKey, why: str) -> KeyRefused:
    """The error for a host key that is not trusted."""
    target = shown.target
    extra = f" (its certificate: {why})" if why else ""
    if shown.revoked:
        message = f"the host key is revoked: {shown.fingerprint}, {shown.known_place}"
        hint = "somebody marked this key as compromised; give the host a new key"
    elif shown.known_place:
        message = f"host key CHANGED: shows {shown.kind} {shown.fingerprint}, on record is {shown.known_fingerprint}"
        message += f" ({shown.known_place}){extra}"
        hint = f"was it reinstalled? compare with the host's console, then: swarm-tui hosts accept {target.name}"
    else:
        message = f"host key unknown: {shown.kind} {shown.fingerprint}{extra}"
        hint = f"compare the fingerprint with the host's console, then: swarm-tui hosts accept {target.name}"
    return KeyRefused(message, shown=shown, host=target.name, hint=hint)


def _nothing() -> None:
    """Nothing has to be given back."""
