"""Which source watches which host, and how that changes when the configuration does. Good connections are never dropped
for a host that did not change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from backends.config.schema import SshConfig
from backends.engine.log import Log
from backends.errors import BadInput, SkipHost
from backends.execution import Channels, Exec
from backends.inventory.host import Host
from backends.sources.base import OfferedKey, Sink, Source

STOP_SECONDS = 0.6
"""What all sources together get to end; the threads are daemons and die with the process after that."""


class Updatable(Source, Protocol):
    """A source whose hosts can change while it runs."""

    def update(self, hosts: Sequence[Host], ssh: SshConfig | None = None) -> None:
        """Watch exactly these hosts from now on, with these settings; unchanged ones keep their connection."""


MakeSsh = Callable[[Sequence[Host], SshConfig, float], Updatable]
MakeLocal = Callable[[str, float], Source]


class Sources:
    """All running sources as one."""

    def __init__(self, log: Log):
        self._log = log
        self._lock = threading.RLock()
        self._by_host: dict[str, Source] = {}
        self._running: list[Source] = []

    def add(self, source: Source, sink: Sink) -> None:
        """Start `source` and route its hosts to it."""
        with self._lock:
            self._running.append(source)
            self.route(source)
        source.start(sink)

    def route(self, source: Source) -> None:
        """Take over the list of hosts that `source` watches now."""
        with self._lock:
            kept = {name: other for name, other in self._by_host.items() if other is not source}
            self._by_host = kept | dict.fromkeys(source.hosts(), source)

    def remove(self, source: Source) -> None:
        """Stop `source`, without waiting for it here."""
        with self._lock:
            self._running = [other for other in self._running if other is not source]
            self._by_host = {name: other for name, other in self._by_host.items() if other is not source}
        threading.Thread(target=self._end, args=(source,), name="source stop", daemon=True).start()

    def exec(self, host: str) -> Exec:
        """The way to run commands on `host`.

        Raises:
            BadInput: no such host.
            SkipHost: its source cannot run commands.
        """
        way = self.of(host).exec(host)
        if way is None:
            raise SkipHost("commands cannot be run here: this is a recording", host=host, action="run a command")
        return way

    def channels(self, host: str) -> Channels:
        """The way to hold programs on `host` with their streams.

        Raises:
            BadInput: no such host.
            SkipHost: its source cannot (a recording, a simulated host).
        """
        source = self.of(host)
        way: Channels | None = source.channels(host) if hasattr(source, "channels") else None
        if way is None:
            raise SkipHost("programs cannot be held here: this host is not real", host=host, action="start a program")
        return way

    def of(self, host: str) -> Source:
        """The source that watches `host`. Raises BadInput."""
        with self._lock:
            source = self._by_host.get(host)
        if source is None:
            raise BadInput("no such host in the fleet", host=host, hint="swarm-tui hosts list shows the names")
        return source

    def poll(self, hosts: Iterable[str]) -> None:
        for host in hosts:
            self.of(host).poll(host)

    def focus(self, host: str, watched: bool) -> None:
        """Tell the host's source that somebody looks at it, or no longer does; a host that is gone needs nothing."""
        with self._lock:
            source = self._by_host.get(host)
        if source is not None:
            source.focus(host, watched)

    def set_interval(self, seconds: float) -> None:
        with self._lock:
            running = list(self._running)
        for source in running:
            source.set_interval(seconds)

    def offered_keys(self) -> list[OfferedKey]:
        """Host keys that wait for a decision, of every source that meets any."""
        with self._lock:
            running = list(self._running)
        return [key for source in running if hasattr(source, "offered_keys") for key in source.offered_keys()]

    def accept_key(self, host: str, fingerprint: str) -> None:
        """Raises BadInput: no such host, or it offers no such key."""
        source = self.of(host)
        if not hasattr(source, "accept_key"):
            raise BadInput("this host is not reached over SSH", host=host, action="accept the host key")
        source.accept_key(host, fingerprint)

    def log_in(self, host: str) -> str:
        """Log in to `host` anew, beside what is open there; how it was let in.

        Raises:
            BadInput: no such host.
            SkipHost: it is not reached over SSH.
            SwarmError: the login failed.
        """
        source = self.of(host)
        if not hasattr(source, "log_in"):
            raise SkipHost("this host is not reached over SSH", host=host, action="log in anew")
        answer: str = source.log_in(host)
        return answer

    def stop(self) -> None:
        """End all sources side by side, within a bound."""
        with self._lock:
            running, self._running = self._running, []
        threads = [threading.Thread(target=self._end, args=(source,), daemon=True) for source in running]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(STOP_SECONDS)

    def _end(self, source: Source) -> None:
        try:
            source.stop()
        except Exception as error:  # noqa: BLE001 - one source's failure to end must not keep the others
            self._log.failure("source-stop-failed", error)


class Watch:
    """Keeps local and SSH sources in step with the inventory."""

    def __init__(self, sources: Sources, sink: Sink, *, ssh: MakeSsh, local: MakeLocal):
        self._sources, self._sink = sources, sink
        self._make_ssh, self._make_local = ssh, local
        self._locals: dict[str, Source] = {}
        self._ssh: Updatable | None = None

    def update(self, hosts: Sequence[Host], ssh_config: SshConfig, interval_seconds: float) -> None:
        """Watch exactly `hosts`; the interval is for sources that begin now."""
        self._update_locals({host.name for host in hosts if host.source == "local"}, interval_seconds)
        behind_ssh = [host for host in hosts if host.source == "ssh"]
        if self._ssh is not None:
            self._ssh.update(behind_ssh, ssh_config)
            self._sources.route(self._ssh)
        elif behind_ssh:
            self._ssh = self._make_ssh(behind_ssh, ssh_config, interval_seconds)
            self._sources.add(self._ssh, self._sink)

    def _update_locals(self, wanted: set[str], interval_seconds: float) -> None:
        for name in [name for name in self._locals if name not in wanted]:
            self._sources.remove(self._locals.pop(name))
        for name in sorted(wanted - self._locals.keys()):
            source = self._locals[name] = self._make_local(name, interval_seconds)
            self._sources.add(source, self._sink)
