"""Samples of a fleet over SSH: one connection and one probe a host, one watchdog for all.

Reference for every number here: "SSH transport: measured facts", §2, §5 and §7.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

from backends import text
from backends.clock import Clock, SystemClock, utc
from backends.config.schema import SshConfig
from backends.errors import AskOperator, BadInput, SwarmError
from backends.execution import Channels, Exec
from backends.inventory.host import Host
from backends.paths import cache_dir
from backends.sources.base import OfferedKey, Sink
from backends.sources.ssh_command import interactive_argv, resolver_for, wish_for
from backends.sources.ssh_host import Environment, HostLink
from backends.sources.ssh_timing import Timing
from backends.ssh import trust
from backends.ssh.channels import SshChannels
from backends.ssh.connect import Connector, Limits, Link
from backends.ssh.exec import SshExec
from backends.ssh.failures import ShownKey
from backends.ssh.hostkeys import HostKeys
from backends.ssh.identities import Identities
from backends.ssh.permits import DIALLING, Permits
from backends.ssh.session import Session
from backends.ssh.target import Target

TICK_SECONDS = 0.25
"""How often the watchdog looks at every host: about 2 µs each."""
STOP_SECONDS = 0.45
"""What is not closed after this goes on closing in the background; every thread is a daemon."""
CACHE = "ssh-config.json"
LOGIN_SECONDS = 20.0
"""For `true` over a login that is only tried; PAM may look for users over a network."""


class SshSource:
    """Implements `Source` and `KeyKeeper` of `backends.sources.base` over SSH.

    Args:
        hosts: those with source "ssh"; others are ignored.
        ssh: the `[ssh]` table.
        interval_seconds: between two samples of a host.
        clock: injected time.
        cache_file: where `ssh -G` answers are kept between starts; None: in the cache directory.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        ssh: SshConfig,
        *,
        interval_seconds: float = 1.0,
        clock: Clock | None = None,
        cache_file: Path | None = None,
    ):
        self._clock = clock or SystemClock()
        self._interval = interval_seconds
        self._cache_file = cache_file
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._nudge = threading.Event()
        self._sink: Sink | None = None
        self._attempts = 0
        self._watchdog: threading.Thread | None = None
        self._declared = {host.name: host for host in hosts if host.source == "ssh"}
        self._links: dict[str, HostLink] = {}
        self._identities = Identities()
        self._host_keys = HostKeys()
        permits, limits = _limits(ssh)
        self._connector = Connector(
            identities=self._identities,
            host_keys=self._host_keys,
            permits=permits,
            limits=limits,
            clock=self._clock,
        )
        self._use(ssh)

    def _use(self, ssh: SshConfig) -> None:
        """Take over the `[ssh]` table; open connections keep what they have."""
        self._ssh = ssh
        self._resolver = resolver_for(ssh, self._cache_file or _default_cache())
        self._connector.configure(*_limits(ssh))

    # Source

    def start(self, sink: Sink) -> None:
        """Begin connecting; returns at once."""
        self._sink = sink
        with self._lock:
            for host in self._declared.values():
                self._links[host.name] = self._new(host)
        self._watchdog = threading.Thread(target=self._watch, name="ssh-watchdog", daemon=True)
        self._watchdog.start()

    def stop(self) -> None:
        """End within a second, whatever the hosts do."""
        self._stopping.set()
        self._nudge.set()
        with self._lock:
            links = list(self._links.values())
            self._links = {}
        # a thousand threads that wake to end compete with this one, so it does not wait for all of them
        closer = threading.Thread(target=self._close, args=(links,), name="ssh-close", daemon=True)
        closer.start()
        closer.join(STOP_SECONDS)

    def _close(self, links: Sequence[HostLink]) -> None:
        # the jump hosts first: closing what runs through them then needs no sending
        for link in self._connector.jumps.links():
            link.kill("stopped")
        for host in links:
            host.stop()
        if self._watchdog:
            self._watchdog.join()
        self._identities.close()

    def hosts(self) -> Sequence[str]:
        """The names of the hosts."""
        return tuple(self._declared)

    def exec(self, host: str) -> Exec | None:
        """The way to run commands on `host`, also while it is down (then it says so); None for a foreign host."""
        if host not in self._declared:
            return None
        return SshExec(
            target=lambda: link.target if (link := self._links.get(host)) else None,
            session=lambda: link.session if (link := self._links.get(host)) else None,
            host=host,
        )

    def channels(self, host: str) -> Channels | None:
        """The way to hold programs on `host` with their streams; as `exec`."""
        if host not in self._declared:
            return None
        return SshChannels(session=lambda: link.session if (link := self._links.get(host)) else None, host=host)

    def poll(self, host: str) -> None:
        """Sample now, retry now."""
        if link := self._links.get(host):
            self._connector.jumps.forgive()
            self._resolver.reload()
            link.wake()
            self._nudge.set()

    def focus(self, host: str, watched: bool) -> None:
        """Somebody looks at this host."""
        if link := self._links.get(host):
            link.focus(watched)

    def set_interval(self, seconds: float) -> None:
        """Sample every `seconds` from now on."""
        self._interval = seconds
        for link in self._all():
            link.set_timing(self._timing())

    def update(self, hosts: Sequence[Host], ssh: SshConfig | None = None) -> None:
        """The configuration changed: add, remove and replace hosts; connections that are still right stay."""
        if ssh is not None and ssh != self._ssh:
            self._use(ssh)
        self._resolver.reload()
        wanted = {host.name: host for host in hosts if host.source == "ssh"}
        with self._lock:
            gone = [link for name, link in self._links.items() if not _same_way(link.host, wanted.get(name))]
            for link in gone:
                del self._links[link.name]
            self._declared = wanted
            if self._sink is not None and not self._stopping.is_set():
                for name, host in wanted.items():
                    self._links.setdefault(name, self._new(host)).host = host
        for link in gone:
            link.stop()
        self.set_interval(self._interval)
        self._nudge.set()

    # KeyKeeper

    def offered_keys(self) -> Sequence[OfferedKey]:
        """Keys that wait for a decision."""
        return [_offered(link.name, shown) for link in self._all() if (shown := link.shown)]

    def accept_key(self, host: str, fingerprint: str) -> None:
        """Trust the key that `host` shows and connect again; see `KeyKeeper`.

        Raises:
            BadInput: no such key is offered (any more), or it is revoked.
            AskOperator: known_hosts cannot be written.
        """
        link = self._links.get(host)
        shown = link.shown if link else None
        if shown is None or shown.fingerprint != fingerprint:
            offered = f"; it offers {shown.fingerprint}" if shown else ""
            raise BadInput(f"no key {fingerprint} is offered{offered}", host=host, action="accept a host key")
        if shown.revoked:
            raise BadInput(
                "this key is revoked", host=host, action="accept a host key", hint=f"look at {shown.known_place}"
            )
        _record(shown, self._clock)
        self._connector.jumps.forgive()
        for other in self._all():
            if other.shown and other.shown.blob == shown.blob and other.shown.target.key_name == shown.target.key_name:
                other.wake()
        self._nudge.set()

    # more

    def interactive_argv(self, host: str) -> list[str]:
        """argv of a plain interactive `ssh` to `host`. Raises BadInput for a foreign host or a bad ssh configuration."""
        return interactive_argv(self.target(host))

    def target(self, host: str) -> Target:
        """How `host` is reached. Raises BadInput for a foreign host or a bad ssh configuration."""
        declared = self._declared.get(host)
        if declared is None:
            raise BadInput(f"{host} is not reached over SSH", host=host, action="look up the way")
        return self._resolve(declared)

    def log_in(self, host: str) -> str:
        """Log in to `host` anew, beside the session that is open, and run `true` there (as root, where that is configured).

        Returns: which identity was accepted.

        Raises:
            RetryLater: unreachable, timed out.
            KeyRefused, LoginRefused: the host key, or every identity.
            AskOperator: the login works, but nothing can be run, or not as root.
        """
        target = self.target(host)
        link = self._connector.connect(target)
        session = Session(link)
        try:
            result = SshExec(lambda: target, lambda: session, host).run(["true"], timeout_seconds=LOGIN_SECONDS)
        finally:
            link.kill("the login was only tried")
        if result.exit_status != 0:
            said = text.decode(result.stderr, 200) or f"exit {result.exit_status}"
            raise AskOperator(f"let in, but cannot run a command: {said}", host=host, action="log in anew")
        return link.authentication

    def _all(self) -> list[HostLink]:
        with self._lock:
            return list(self._links.values())

    def _new(self, host: Host) -> HostLink:
        if self._sink is None:
            raise BadInput("the source was not started", host=host.name)
        environment = Environment(sink=self._sink, clock=self._clock, connector=self._connector, resolve=self._resolve)
        return HostLink(host, environment, self._timing())

    def _timing(self) -> Timing:
        return Timing(interval_seconds=self._interval, silence_seconds=self._ssh.silence_seconds)

    def _resolve(self, host: Host) -> Target:
        return self._resolver.resolve(wish_for(host, self._ssh))

    # the watchdog

    def _watch(self) -> None:
        tick = min(TICK_SECONDS, self._ssh.silence_seconds / 10)
        while not self._stopping.is_set():
            now = self._clock.monotonic()
            for link in self._all():
                link.tick(now)
                if self._attempts < DIALLING and link.due(now):
                    self._attempt(link)
            for jump in self._connector.jumps.links():
                self._look_after(jump)
            if not self._attempts:
                self._resolver.save()
            self._nudge.wait(tick)
            self._nudge.clear()

    def _attempt(self, link: HostLink) -> None:
        with self._lock:
            self._attempts += 1
        threading.Thread(target=self._one_attempt, args=(link,), name=f"ssh-connect:{link.name}", daemon=True).start()

    def _one_attempt(self, link: HostLink) -> None:
        try:
            link.attempt()
        finally:
            with self._lock:
                self._attempts -= 1

    def _look_after(self, jump: Link) -> None:
        silent = jump.transport.silent_seconds()
        if silent >= self._timing().dead_after:
            jump.kill(f"timeout (ssh): jump host {jump.target.name} did not answer for {silent:.0f} s")
        elif silent >= self._ssh.silence_seconds and not jump.transport.pings_open:
            jump.transport.ping()


def _limits(ssh: SshConfig) -> tuple[Permits, Limits]:
    limits = Limits(connect_seconds=ssh.connect_timeout_seconds, auth_seconds=ssh.auth_timeout_seconds)
    return Permits(ssh.max_connecting, ssh.max_connecting_per_jump), limits


def _same_way(old: Host, new: Host | None) -> bool:
    """Whether a connection to `old` is one to `new`."""
    if new is None:
        return False
    ways = [(host.address, host.port, host.user, host.become, host.identity_files) for host in (old, new)]
    return ways[0] == ways[1]


def _offered(host: str, shown: ShownKey) -> OfferedKey:
    return OfferedKey(
        host=host,
        address=shown.target.place,
        kind=shown.kind,
        fingerprint=shown.fingerprint,
        changed=bool(shown.known_place) or shown.revoked,
        known_fingerprint=shown.known_fingerprint,
        known_place=shown.known_place,
    )


def _record(shown: ShownKey, clock: Clock) -> None:
    target = shown.target
    if not target.known_hosts_files:
        raise BadInput("no known_hosts file is configured", host=target.name, action="accept a host key")
    first, *others = target.known_hosts_files
    today = utc(clock.now())
    trust.record(
        first,
        target.key_name,
        shown.blob,
        hashed=target.hash_known_hosts,
        replace=bool(shown.known_place),
        today=today,
    )
    if shown.known_place:
        for file in others:
            trust.forget(file, target.key_name, today=today)


def _default_cache() -> Path | None:
    with contextlib.suppress(SwarmError):
        return cache_dir() / CACHE
    return None
