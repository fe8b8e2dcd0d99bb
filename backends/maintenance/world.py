"""What a run must know of the fleet to decide what comes next. Put together by the engine, judged by pure code."""

from __future__ import annotations

from collections.abc import Mapping

from backends.metrics.sample import Record


class HostView(Record, frozen=True, kw_only=True):
    """One host of the whole fleet, in a run or not."""

    up: bool
    """It answers and nobody else has taken it out of service."""
    why: str = ""
    """Why not, in a few words: "unreachable", "drained by alice: fan"."""
    domains: tuple[str, ...] = ()
    alerts: int = 0
    """Alerts of warning or worse that fire about the host itself, muted or not; those about its backups are not among them."""
    ill: bool = False
    """Its last health check was critical."""
    held_by: str = ""
    """Another run or job that has this host at the moment: "run r-20261126-1 of bob"; "" when free."""


class World(Record, frozen=True, kw_only=True):
    """The fleet at one moment."""

    now: float
    """Epoch seconds; a clock that was changed shows here and nowhere else: durations of steps are taken from it as well, and
    a step that seems to have taken a negative time has taken none."""
    hosts: Mapping[str, HostView] = {}
    """Every host of the inventory."""
    estimates: Mapping[str, float] = {}
    """Kind of host → p90 of what a whole host took, in seconds."""
