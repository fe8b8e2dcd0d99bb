"""When each host's health is looked at. Every host has its own moment of the period, made of its name: never all at once.

Times in here are monotonic seconds, but for the place within the hour: that follows the wall clock, so that it stays the
same over restarts of the engine.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

FIRST_SECONDS, FIRST_SPREAD = 5.0, 100.0
"""The first full look comes so long after a host is connected, and within so much more: an engine that has just started is
busy enough, and whoever opens the matrix should not wait for an hour."""
FULL_A_SECOND, LIGHT_A_SECOND = 2.0, 5.0
"""First looks of a large fleet that are begun."""
LIGHT_SPREAD = 10.0
"""A host that has just come (back) gets its first light look within so long, later ones over their whole period."""
LONGEST_LIGHT = 600.0
"""A host that does not answer is asked less and less often, at least this often."""


class Due(NamedTuple):
    """Hosts whose turn it is."""

    full: tuple[str, ...]
    light: tuple[str, ...]


@dataclass
class _Plan:
    full: float | None
    light: float
    connected: bool = True
    failures: int = 0


class Turns:
    """The plan of a fleet. Used by one thread at a time, but for `next_full`."""

    def __init__(self) -> None:
        self._plans: dict[str, _Plan] = {}

    def due(
        self,
        connected: Iterable[str],
        now: float,
        wall: float,
        every: float,
        light: float,
        scheduled: Collection[str] = (),
    ) -> Due:
        """Whose turn it is, and when theirs is next.

        Args:
            connected: hosts that can be asked.
            now: monotonic seconds.
            wall: epoch seconds.
            every: seconds between two full looks; 0: none are planned.
            light: seconds between two light looks.
            scheduled: hosts whose full looks somebody else plans; only the first one, and that after a reboot, are begun here.
        """
        there = list(connected)
        spread = max(FIRST_SPREAD, len(there) / FULL_A_SECOND)
        soon = max(LIGHT_SPREAD, len(there) / LIGHT_A_SECOND)
        for host in there:
            self._meet(host, now, math.inf if host in scheduled else every, light, spread, soon)
        self._miss(set(there))
        full = tuple(host for host in there if (at := self._plans[host].full) is not None and at <= now)
        lights = tuple(host for host in there if self._plans[host].light <= now)
        for host in full:
            self._plans[host].full = self._after(host, now, wall, math.inf if host in scheduled else every)
        for host in lights:
            self._plans[host].light = now + _slower(light, self._plans[host].failures)
        return Due(full, lights)

    def _after(self, host: str, now: float, wall: float, every: float) -> float | None:
        if every == math.inf:
            return math.inf
        return now + until_slot(host, wall, every) if every else None

    def _meet(self, host: str, now: float, every: float, light: float, spread: float, soon: float) -> None:
        plan = self._plans.get(host)
        if plan is None:
            first = now + FIRST_SECONDS + share(host) * spread if every else None
            self._plans[host] = _Plan(first, now + share(host, "light") * min(light, soon))
            return
        if not every:
            plan.full = None
        elif plan.full is None or plan.full > now + 1.5 * every:  # the period was changed
            plan.full = now + FIRST_SECONDS + share(host) * spread
        plan.light = min(plan.light, now + _slower(light, plan.failures))
        if not plan.connected:
            plan.connected, plan.failures = True, 0
            plan.light = now + share(host, "light") * min(light, soon)

    def _miss(self, there: set[str]) -> None:
        for host, plan in self._plans.items():
            if host not in there:
                plan.connected = False

    def soon(self, host: str, now: float) -> None:
        """A full look now: it was rebooted."""
        if host in self._plans and self._plans[host].full is not None:
            self._plans[host].full = now

    def taken(self, host: str) -> None:
        """A schedule looks at it now: the first look is not needed any more."""
        if host in self._plans and self._plans[host].full is not None:
            self._plans[host].full = math.inf

    def answered(self, host: str, good: bool) -> None:
        """How its light look went."""
        if host in self._plans:
            self._plans[host].failures = 0 if good else self._plans[host].failures + 1

    def next_full(self, host: str) -> float | None:
        """Monotonic seconds of its next full look; None: none is planned here, or it is not connected."""
        plan = self._plans.get(host)
        known = plan is not None and plan.connected and plan.full != math.inf
        return plan.full if known and plan is not None else None

    def keep(self, hosts: Iterable[str]) -> None:
        """Forget every other host."""
        wanted = set(hosts)
        for name in [name for name in self._plans if name not in wanted]:
            del self._plans[name]


def share(host: str, what: str = "full") -> float:
    """0 … 1 by the host's name, the same for ever."""
    return zlib.crc32(f"{what} {host}".encode()) / 0xFFFFFFFF


def until_slot(host: str, wall: float, every: float) -> float:
    """Seconds to the host's own place in the first period that leaves at least half of one: 0.5 … 1.5 periods."""
    earliest = wall + every / 2
    return every / 2 + (share(host) * every - earliest) % every


def _slower(seconds: float, failures: int) -> float:
    return max(seconds, min(LONGEST_LIGHT, seconds * 2.0 ** min(failures, 16)))
