"""What the hand-over of a shift is made of, as plain frozen data. Times are epoch seconds (UTC), durations seconds."""

from __future__ import annotations

from backends.alerts.deadman import Pulse
from backends.alerts.model import Edge, Mute, Silence
from backends.alerts.target_health import TargetState
from backends.alerts.views import AlertRow, DeliveryRow
from backends.metrics.sample import Record


class Out(Record, frozen=True, kw_only=True):
    """A host that does no work: not reached, drained, in maintenance."""

    host: str
    state: str
    """One or two words: "unreachable", "drained"."""
    since: float | None = None
    text: str = ""
    """Why."""


class Work(Record, frozen=True, kw_only=True):
    """Something that goes on."""

    text: str
    """A phrase: "update 7f: 3 hosts to go"."""
    who: str = ""
    since: float | None = None


class Due(Record, frozen=True, kw_only=True):
    """Something that begins by itself."""

    time: float
    text: str
    """ "backup of models to vault"."""


class Facts(Record, frozen=True, kw_only=True):
    """What a hand-over is made of."""

    now: float
    seconds: float
    """That the shift lasted."""
    by: str = ""
    """Who hands over."""
    hosts: int = 0
    alerts: tuple[AlertRow, ...] = ()
    """All that are held."""
    edges: tuple[Edge, ...] = ()
    """Of the shift, in any order."""
    silences: tuple[Silence, ...] = ()
    mutes: tuple[Mute, ...] = ()
    targets: tuple[TargetState, ...] = ()
    deliveries: tuple[DeliveryRow, ...] = ()
    """That wait, are retried or were given up."""
    pulse: Pulse = Pulse()
    out: tuple[Out, ...] = ()
    work: tuple[Work, ...] = ()
    due: tuple[Due, ...] = ()
    """Until the end of the next shift."""
    problems: tuple[str, ...] = ()
    """What is wrong with the engine itself, and what could not be read for this."""

    @property
    def start(self) -> float:
        """When the shift began."""
        return self.now - self.seconds

    @property
    def shift(self) -> tuple[Edge, ...]:
        """Its edges, oldest first."""
        return tuple(
            sorted((each for each in self.edges if self.start <= each.time <= self.now), key=lambda each: each.time)
        )
