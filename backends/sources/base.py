"""Where samples come from, and where they go.

A source owns its threads and connections for some hosts and tells a `Sink` what it learns. It never blocks the sink's
caller and never lets one host delay another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backends.execution import Channels, Exec
from backends.metrics.sample import HostFacts, Record, Sample
from backends.states import HostState


class StateChange(Record, frozen=True, kw_only=True):
    """The way to a host changed."""

    state: HostState
    reason: str = ""
    """One sentence for a person: "timeout (ssh) after 5 s", "host key changed"."""
    hint: str = ""
    """The next step, as a command or a key where there is one."""
    retry_at: float | None = None
    """Epoch seconds of the next try, when one is planned."""


class OfferedKey(Record, frozen=True, kw_only=True):
    """A host key that a host showed and that waits for the operator's decision."""

    host: str
    address: str
    """host:port that was connected to."""
    kind: str
    """"ssh-ed25519", …"""
    fingerprint: str
    """"SHA256:…" as ssh-keygen shows it."""
    changed: bool = False
    """True: another key is on record. This may be an attack."""
    known_fingerprint: str = ""
    """The recorded key's fingerprint, when changed."""
    known_place: str = ""
    """File and line of the recorded key."""


class LinkInfo(Record, frozen=True, kw_only=True):
    """How a host is reached, for the Host screen and `hosts list`."""

    user: str = ""
    address: str = ""
    via: tuple[str, ...] = ()
    """Jump hosts, first hop first."""
    cipher: str = ""
    key_exchange: str = ""
    authentication: str = ""
    """Which identity let us in ("agent ED25519 SHA256:…", "key ~/.ssh/id_ed25519")."""
    round_trip_seconds: float | None = None
    warnings: tuple[str, ...] = ()
    """Options of ~/.ssh/config that are not honoured, and the like."""


class Sink(Protocol):
    """Receives what sources learn. Every method is quick, thread-safe and never raises."""

    def facts(self, host: str, facts: HostFacts) -> None:
        """The kit (re)started on the host."""

    def sample(self, host: str, sample: Sample) -> None:
        """A new sample."""

    def state(self, host: str, change: StateChange) -> None:
        """The way to the host changed."""

    def link(self, host: str, link: LinkInfo) -> None:
        """How the host is reached was learned or changed."""

    def note(self, host: str, kind: str, text: str) -> None:
        """A discrete event for the timeline: kind as "reconnected", "reboot", "probe-error"."""


class Source(Protocol):
    """Watches some hosts."""

    def start(self, sink: Sink) -> None:
        """Begin in own threads and return at once."""

    def stop(self) -> None:
        """End within a second, whatever the hosts do."""

    def hosts(self) -> Sequence[str]:
        """The names of the hosts that it watches."""

    def exec(self, host: str) -> Exec | None:
        """The way to run commands on `host`; None when this source cannot (a replay)."""

    def poll(self, host: str) -> None:
        """Sample now and retry now if the host is down (key R)."""

    def focus(self, host: str, watched: bool) -> None:
        """Somebody looks at this host: read its processes more often."""

    def set_interval(self, seconds: float) -> None:
        """Change the sampling interval of all hosts."""


class Holder(Protocol):
    """A source that can hold programs on its hosts with their streams open (SSH and this machine can)."""

    def channels(self, host: str) -> Channels | None:
        """The way to hold programs on `host`, also while it is down (then it says so); None for a foreign host."""


class KeyKeeper(Protocol):
    """A source that meets host keys (only SSH does)."""

    def offered_keys(self) -> Sequence[OfferedKey]:
        """Keys that wait for a decision."""

    def accept_key(self, host: str, fingerprint: str) -> None:
        """Trust the offered key, write it to known_hosts and connect again.

        Raises:
            BadInput: the host offers no key with that fingerprint (any more).
        """


__all__ = ["Holder", "KeyKeeper", "LinkInfo", "OfferedKey", "Sink", "Source", "StateChange"]
