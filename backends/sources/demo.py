"""The simulated fleet of `--demo`: a source whose hosts exist only as arithmetic, always shown under the label DEMO.

One thread feeds every host at its own moment of the interval, as spread polls of a real fleet would arrive.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from backends.clock import Clock
from backends.errors import BadInput, SkipHost
from backends.execution import Exec, ExecResult, OnOutput
from backends.inventory.host import Host
from backends.sources import demo_fleet, demo_motion
from backends.sources.base import LinkInfo, OfferedKey, Sink, StateChange
from backends.sources.demo_fleet import DOWN, DemoHost
from backends.states import HostState

LABEL = "DEMO"
_TICK_SECONDS = 0.02
"""Hosts that are due within one tick are fed together: fewer wake-ups, still spread."""
_STALE_PERIOD, _STALE_QUIET = 120.0, 45.0
_FLAP_PERIOD, _FLAP_DOWN = 180.0, 40.0


class DemoExec:
    """Answers every command with the truth: there is no such machine."""

    def __init__(self, host: str):
        self.host = host

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        raise SkipHost(
            "this host is simulated, nothing can run on it",
            host=self.host,
            action=f"run {argv[0] if argv else 'a command'}",
            hint="start without --demo to work with real hosts",
        )


class DemoSource:
    """A fleet of `count` simulated hosts; the same seed and the same clock give the same numbers."""

    def __init__(self, count: int, *, seed: int = 7, interval_seconds: float = 1.0, clock: Clock):
        self.fleet = demo_fleet.build(count)
        self._by_name = {host.name: host for host in self.fleet}
        self._seed = seed
        self._interval = interval_seconds
        self._clock = clock
        self._origin = clock.monotonic()
        self._accepted: set[str] = set()
        self._down: dict[str, bool] = {}
        self._fed: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="demo", daemon=True)
        self._sink: Sink | None = None

    def inventory(self) -> tuple[Host, ...]:
        """The hosts as an inventory would list them."""
        return tuple(demo_fleet.as_host(host) for host in self.fleet)

    def start(self, sink: Sink) -> None:
        self._sink = sink
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)

    def hosts(self) -> Sequence[str]:
        return [host.name for host in self.fleet]

    def exec(self, host: str) -> Exec | None:
        return DemoExec(host)

    def unreachable(self, host: str) -> str:
        """Why the host cannot be asked anything now; "" when it answers."""
        known = self._by_name.get(host)
        down = DOWN.get(known.story) if known is not None and host not in self._accepted else None
        if down is not None:
            return down[1]
        return "connection lost: no answer for 10 s" if self._down.get(host) else ""

    def poll(self, host: str) -> None:
        self._fed[host] = float("-inf")

    def focus(self, host: str, watched: bool) -> None:
        """Nothing to do: the process table is always fresh."""

    def set_interval(self, seconds: float) -> None:
        self._interval = seconds

    def offered_keys(self) -> Sequence[OfferedKey]:
        return [key for host in self.fleet if (key := self._offered(host)) is not None]

    def accept_key(self, host: str, fingerprint: str) -> None:
        known = self._by_name.get(host)
        key = self._offered(known) if known is not None else None
        if known is None or key is None or key.fingerprint != fingerprint:
            raise BadInput("the host offers no key with that fingerprint", host=host, action="accept the host key")
        self._accepted.add(host)
        if self._sink is not None:
            self.introduce(known, self._sink)

    def _offered(self, host: DemoHost) -> OfferedKey | None:
        if host.story not in ("key-unknown", "key-changed") or host.name in self._accepted:
            return None
        changed = host.story == "key-changed"
        return OfferedKey(
            host=host.name,
            address=f"{_address(host)}:22",
            kind="ssh-ed25519",
            fingerprint=f"SHA256:demo{host.index:04d}NdYiGqW4mC0ZQf2yTn7Jw5rH8uLx1bV6sKo",
            changed=changed,
            known_fingerprint="SHA256:demoOLD0NdYiGqW4mC0ZQf2yTn7Jw5rH8uLx1bV6sKo" if changed else "",
            known_place="~/.ssh/known_hosts:12" if changed else "",
        )

    def introduce(self, host: DemoHost, sink: Sink) -> None:
        """Tell the state, and for a host that answers its facts, its link and a first sample."""
        down = DOWN.get(host.story) if host.name not in self._accepted else None
        if down is not None:
            state, reason, hint = down
            retry = self._clock.now() + 30 if state is HostState.UNREACHABLE else None
            sink.state(host.name, StateChange(state=state, reason=reason, hint=hint, retry_at=retry))
            return
        sink.state(host.name, StateChange(state=HostState.UP))
        sink.facts(host.name, demo_fleet.facts(host, boot=0))
        sink.link(host.name, _link(host))
        self.feed(host, sink, first=True)

    def feed(self, host: DemoHost, sink: Sink, *, first: bool = False) -> None:
        """Give `sink` what `host` has to say now, if it says anything."""
        elapsed = self._clock.monotonic() - self._origin
        if self._silent(host, elapsed) or not self._reachable(host, elapsed, sink):
            return
        interval = None if first else self._interval
        sink.sample(host.name, demo_motion.sample(host, self._seed, elapsed, interval, self._clock.now()))

    def _silent(self, host: DemoHost, elapsed: float) -> bool:
        if host.story in DOWN:
            return host.name not in self._accepted
        return host.story == "stale" and elapsed % _STALE_PERIOD > _STALE_PERIOD - _STALE_QUIET

    def _reachable(self, host: DemoHost, elapsed: float, sink: Sink) -> bool:
        if host.story != "flapping":
            return True
        down = elapsed % _FLAP_PERIOD > _FLAP_PERIOD - _FLAP_DOWN
        if down != self._down.get(host.name, False):
            self._down[host.name] = down
            state = HostState.UNREACHABLE if down else HostState.UP
            sink.state(
                host.name, StateChange(state=state, reason="connection lost: no answer for 10 s" if down else "")
            )
        return not down

    def _loop(self) -> None:
        sink = self._sink
        assert sink is not None  # noqa: S101 - start() set it
        began = self._clock.monotonic()
        for index, host in enumerate(self.fleet):
            self.introduce(host, sink)
            self._fed[host.name] = began + index / max(1, len(self.fleet)) * self._interval
        while not self._clock.wait(self._stop, _TICK_SECONDS):
            self._feed_due(sink)

    def _feed_due(self, sink: Sink) -> None:
        now = self._clock.monotonic()
        for host in self.fleet:
            due = self._fed[host.name] + self._interval
            if now >= due:
                self._fed[host.name] = due if now - due < self._interval else now
                self.feed(host, sink)


def _address(host: DemoHost) -> str:
    return f"10.{host.index // 250}.{host.index // 25 % 10}.{host.index % 25 + 10}"


def _link(host: DemoHost) -> LinkInfo:
    return LinkInfo(
        user="root",
        address=f"{_address(host)}:22",
        cipher="aes128-gcm@openssh.com",
        key_exchange="curve25519-sha256",
        authentication="agent ED25519 (simulated)",
        round_trip_seconds=0.0004 + 0.0001 * (host.index % 7),
    )
