"""What is said about one host: states, facts, links and notes, each once and in words for a person."""

from __future__ import annotations

import threading

from backends.clock import Clock
from backends.metrics.sample import HostFacts, Sample
from backends.sources.base import LinkInfo, Sink, StateChange
from backends.ssh.connect import Link
from backends.states import HostState

DRIVER_HINT = "look for Xid lines: journalctl -k | grep -i xid; a reboot usually cures it"


class Voice:
    """Speaks for one host; remembers what it said."""

    def __init__(self, name: str, sink: Sink, clock: Clock):
        self._name = name
        self._sink = sink
        self._clock = clock
        self._lock = threading.RLock()
        """Two threads speak: the link's, and the watchdog's. What was said last must be what is remembered."""
        self._state = HostState.CONNECTING
        self._silent = False
        self._boot_id = ""
        self._was_up = False
        self._lost_at: float | None = None
        self.spoken = False
        """Whether any state was said yet."""

    def silence(self) -> None:
        """Say nothing from now on: the host is no longer watched."""
        self._silent = True

    def say(self, state: HostState, reason: str = "", hint: str = "", *, retry_at: float | None = None) -> None:
        """The host is in `state`."""
        with self._lock:
            if self._silent:
                return
            self._state, self.spoken = state, True
            self._sink.state(self._name, StateChange(state=state, reason=reason, hint=hint, retry_at=retry_at))

    def once(self, state: HostState, reason: str) -> None:
        """Like `say`, but only when the state is new."""
        with self._lock:
            if state is not self._state:
                self.say(state, reason)

    def note(self, kind: str, text: str) -> None:
        """A line for the timeline."""
        if not self._silent:
            self._sink.note(self._name, kind, text)

    def lost(self) -> None:
        """The connection is gone; how long, is noted when it is back."""
        if self._lost_at is None:
            self._lost_at = self._clock.monotonic()

    def sample(self, sample: Sample) -> bool:
        """A sample came; True when the host was not up before."""
        if self._silent:
            return False
        status = sample.gpu_status
        hung = status is not None and status.hung
        state = HostState.DRIVER_HUNG if hung else HostState.UP
        with self._lock:
            fresh = state is not self._state
            if fresh:
                reason = (status.reason if status else None) or "the GPU driver does not answer"
                self.say(state, reason if hung else "", DRIVER_HINT if hung else "")
        if fresh:
            self._back()
        self._sink.sample(self._name, sample)
        return fresh

    def facts(self, facts: HostFacts) -> None:
        """The kit (re)started; a new boot id proves a reboot."""
        before = self._boot_id
        if before and facts.boot_id and facts.boot_id != before:
            text = f"rebooted: boot id {before[:8]} → {facts.boot_id[:8]}, kernel {facts.kernel}"
            self.note("reboot", text)
        self._boot_id = facts.boot_id or before
        if not self._silent:
            self._sink.facts(self._name, facts)

    def link(self, link: Link, round_trip_seconds: float | None, warnings: tuple[str, ...]) -> None:
        """How the host is reached."""
        if self._silent:
            return
        transport, target = link.transport, link.target
        info = LinkInfo(
            user=target.user,
            address=target.place,
            via=target.via,
            cipher=transport.local_cipher,
            key_exchange=transport.key_exchange,
            authentication=link.authentication,
            round_trip_seconds=round_trip_seconds or transport.round_trip_seconds,
            warnings=(*target.warnings, *warnings),
        )
        self._sink.link(self._name, info)

    def _back(self) -> None:
        lost, self._lost_at = self._lost_at, None
        if self._was_up and lost is not None:
            self.note("reconnected", f"back after {self._clock.monotonic() - lost:.0f} s")
        self._was_up = True
