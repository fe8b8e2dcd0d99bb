"""What was: the last minutes of every host at full rate in memory, and roll-ups of everything before in the store.

Minutes are rolled up from the rings shortly after they end, a few hosts at a time, so that a large fleet costs no burst.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence

from backends.clock import Clock
from backends.config.schema import EngineConfig
from backends.engine.wire import History as HistoryAnswer
from backends.engine.wire import Series
from backends.metrics.ring import FULL_RATE_POINTS, Ring
from backends.metrics.sample import Sample
from backends.metrics.series import flatten, unit_of
from backends.store.blob import Band
from backends.store.history import HOUR, MINUTE, History, HostRollUp, Level

RING_SECONDS = 900.0
"""What the rings are asked for; older numbers come from the store."""
HOURS_FROM_SECONDS = 3 * 86_400.0
"""Spans longer than this are drawn from hours, not minutes."""
DEFAULT_POINTS = 120
LATE_SECONDS = 5.0
"""After the end of a minute before it is rolled up: samples that were under way still count."""
PRUNE_SECONDS = 600.0
_SLICE, _PAUSE_SECONDS = 20, 0.02
"""Hosts rolled up in one go, and the pause after them."""
_EDGE_INTERVALS = 2.5
"""The newest sample is the right edge of a chart until it is so many intervals old."""


class Archive:
    """Takes every sample in and answers `host.history`. `now` is the clock of the data (a replay's is not ours)."""

    def __init__(self, *, now: Callable[[], float], store: History | None = None, limits: EngineConfig | None = None):
        self._now, self._store = now, store
        self.limits = limits or EngineConfig()
        self._rings: dict[str, Ring] = {}
        self._rolled = math.floor(now() / MINUTE) * MINUTE
        self._pruned = 0.0

    # -- taking in ----------------------------------------------------------------------------------------------

    def sample(self, host: str, sample: Sample) -> None:
        """Remember one sample; called on its source's thread, one thread a host."""
        ring = self._rings.get(host)
        if ring is None:
            ring = self._rings.setdefault(host, Ring(FULL_RATE_POINTS))
        ring.append(sample.time, [(name, value) for name, _, value in flatten(sample)])

    def keep(self, hosts: Iterable[str]) -> None:
        """Forget the rings of every other host."""
        wanted = set(hosts)
        for name in [name for name in self._rings if name not in wanted]:
            self._rings.pop(name, None)

    def clear(self) -> None:
        """Forget all rings, as when a replay jumps."""
        for ring in list(self._rings.values()):
            ring.clear()

    # -- answering ----------------------------------------------------------------------------------------------

    def names(self, host: str) -> tuple[str, ...]:
        """Series that can be asked for."""
        ring = self._rings.get(host)
        return ring.names() if ring is not None else ()

    def history(self, host: str, names: Sequence[str], seconds: float, points: int | None) -> HistoryAnswer:
        """The last `seconds` of these series as evenly spaced means, the newest at the right edge.

        Raises:
            RetryLater: the span reaches into the store and that cannot be read.
        """
        end = self._edge(host)
        if seconds <= RING_SECONDS or self._store is None:
            return self._recent(host, names, seconds, points or DEFAULT_POINTS, end)
        return self._stored(self._store, host, names, seconds, points or DEFAULT_POINTS, end)

    def _edge(self, host: str) -> float:
        now, ring = self._now(), self._rings.get(host)
        newest = ring.newest_time() if ring is not None else 0.0
        step = ring.typical_step() if ring is not None else 0.0
        return newest if 0 <= now - newest < max(_EDGE_INTERVALS * step, 1.0) else now

    def _recent(self, host: str, names: Sequence[str], seconds: float, points: int, end: float) -> HistoryAnswer:
        ring = self._rings.get(host) or Ring(1)
        series = [
            Series(name=name, unit=unit_of(name), points=ring.series(name, seconds, points, end)[2]) for name in names
        ]
        return HistoryAnswer(host=host, start=end - seconds, interval_seconds=seconds / points, series=tuple(series))

    def _stored(
        self, store: History, host: str, names: Sequence[str], seconds: float, points: int, end: float
    ) -> HistoryAnswer:
        level: Level = HOUR if seconds > HOURS_FROM_SECONDS else MINUTE
        points = max(1, min(points, int(seconds // level)))
        step, start = seconds / points, end - seconds
        slots: dict[str, list[list[float]]] = {name: [[] for _ in range(points)] for name in names}
        for moment in store.read(host, names, start - level, end, level):
            place = int((moment.time + level / 2 - start) // step)
            if 0 <= place < points:
                for name, band in moment.bands.items():
                    if band.mean == band.mean:  # not a gap
                        slots[name][place].append(band.mean)
        series = [self._joined(host, name, slots[name], start, step) for name in names]
        return HistoryAnswer(host=host, start=start, interval_seconds=step, series=tuple(series))

    def _joined(self, host: str, name: str, slots: list[list[float]], start: float, step: float) -> Series:
        """Stored values, and from the ring what is too new to be stored."""
        values: list[float | None] = [sum(slot) / len(slot) if slot else None for slot in slots]
        ring = self._rings.get(host)
        if ring is not None:
            for place in range(len(values) - 1, -1, -1):
                edge = start + (place + 1) * step
                if values[place] is not None or edge < self._now() - RING_SECONDS:
                    break
                values[place] = ring.series(name, step, 1, edge)[2][0]
        return Series(name=name, unit=unit_of(name), points=tuple(values))

    # -- rolling up ---------------------------------------------------------------------------------------------

    def loop(self, clock: Clock, stop: threading.Event) -> None:
        """Roll up, fold and prune until `stop`; the body of an own thread."""
        if self._store is None:
            return
        self._store.catch_up(self._hour())
        while not clock.wait(stop, 1.0):
            self.step(lambda: clock.wait(stop, _PAUSE_SECONDS))

    def step(self, pause: Callable[[], object] = lambda: None) -> None:
        """Do what is due."""
        store, now = self._store, self._now()
        if store is None:
            return
        minute = math.floor((now - LATE_SECONDS) / MINUTE) * MINUTE
        if minute > self._rolled:
            self._rolled = minute
            self._roll_up(store, minute - MINUTE, pause)
            if minute % HOUR == 0:
                store.catch_up(minute)
        elif minute < self._rolled - MINUTE:
            self._rolled = minute  # the wall clock was set back
        if not self._pruned <= now < self._pruned + PRUNE_SECONDS:
            self._pruned = now
            store.prune(
                now,
                minutes_days=self.limits.history_minutes_days,
                hours_days=self.limits.history_hours_days,
                max_bytes=self.limits.history_max_bytes,
            )

    def _roll_up(self, store: History, minute: int, pause: Callable[[], object]) -> None:
        rings = list(self._rings.items())
        for begin in range(0, len(rings), _SLICE):
            items = [_rolled(host, ring, minute) for host, ring in rings[begin : begin + _SLICE]]
            store.add(minute, [item for item in items if item.names])
            pause()

    def _hour(self) -> int:
        return math.floor(self._now() / HOUR) * HOUR


def _rolled(host: str, ring: Ring, minute: int) -> HostRollUp:
    found = sorted(ring.bands(minute, minute + MINUTE))
    return HostRollUp(host, tuple(item[0] for item in found), [Band(*item[1:]) for item in found])
