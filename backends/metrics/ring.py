"""The last minutes of one host at full rate, in fixed memory: one array of 4-byte floats a series, all on one time axis."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

NAN = math.nan
FULL_RATE_POINTS = 900
"""15 minutes at 1 Hz."""
MAX_SERIES = 1024
"""More names than a 64-disk, 16-GPU host has; the rest of a host that invents names is not kept."""
DUPLICATE_SECONDS = 3.0
"""A point this much older than the newest is a duplicate; one older still means that the clock was set back."""
STANDS_FOR = 1.5
"""Intervals before it for which a point stands, where slots are finer than points: jitter must not look like a gap."""


class Ring:
    """Fixed-size history. One writer; readers on other threads may see a point half written, never a crash.

    A million points (1,000 hosts × 40 series × 900) would be 144 MB as floats in an array and ten times that as objects,
    so a column is only made for a series that ever had a value, and grows up to its size instead of starting there.
    """

    __slots__ = ("_columns", "_size", "_times", "_written")

    def __init__(self, size: int = FULL_RATE_POINTS):
        self._size = size
        self._times = array("d")
        self._columns: dict[str, array[float]] = {}
        self._written = 0

    def append(self, time: float, values: Mapping[str, float | None] | Iterable[tuple[str, float | None]]) -> None:
        """Add one moment. A time that is not after the newest is refused (a clock that was set back, a duplicate)."""
        if not math.isfinite(time):
            return
        if self._written and time <= self.newest_time():
            if self.newest_time() - time < DUPLICATE_SECONDS:
                return
            self.clear()  # the clock was set back for good: old times would shadow new points
        place = self._written % self._size
        if place == 0 and self._written:
            self._drop_dead()
        given = dict(values)
        for name, column in self._columns.items():
            value = given.pop(name, None)
            _put(column, place, NAN if value is None else value)
        for name, value in given.items():
            if value is not None and len(self._columns) < MAX_SERIES:
                column = self._columns[name] = array("f", [NAN]) * min(self._written, self._size)
                _put(column, place, value)
        _put(self._times, place, time)
        self._written += 1

    def _drop_dead(self) -> None:
        """Once a round: let go of series that had no value in it (a disk that was pulled out)."""
        alive = {name: column for name, column in self._columns.items() if any(value == value for value in column)}
        self._columns = alive

    def clear(self) -> None:
        """Forget everything."""
        self._times = array("d")
        self._columns = {}
        self._written = 0

    def __len__(self) -> int:
        return min(self._written, self._size)

    def newest_time(self) -> float:
        """Epoch seconds of the newest point; 0 without one."""
        return next(iter(self._newest_times(1)), 0.0)

    def _newest_times(self, count: int) -> list[float]:
        """The times of the newest `count` points, newest first; fewer while the writer clears."""
        times, written = self._times, self._written
        places = [(written - 1 - back) % self._size for back in range(min(count, written, self._size))]
        return [times[place] for place in places if place < len(times)]

    def names(self) -> tuple[str, ...]:
        """The series that have had a value."""
        return tuple(self._columns)

    def series(
        self, name: str, seconds: float, points: int, end: float | None = None
    ) -> tuple[float, float, tuple[float | None, ...]]:
        """(start, interval, values): the last `seconds`, as `points` evenly spaced means, None where there is nothing.

        Args:
            name: a series; an unknown one gives only gaps.
            seconds: how far back.
            points: how many values; each is the mean of the points that fall into its slot.
            end: epoch seconds of the right edge; None means the newest point.
        """
        points, seconds = max(1, points), max(seconds, 1e-3)
        stop = self.newest_time() if end is None else end
        start, step = stop - seconds, seconds / points
        sums, counts = [0.0] * points, [0] * points
        nearby: list[float | None] = [None] * points
        column = self._columns.get(name)
        reach = self.typical_step() * STANDS_FOR
        for time, value in self._window(column, start, stop) if column is not None else ():
            slot = min(points - 1, max(0, math.ceil((time - start) / step - 1e-9) - 1))
            sums[slot] += value
            counts[slot] += 1
            for earlier in range(max(0, math.ceil((time - reach - start) / step)), slot):
                nearby[earlier] = value
        values = [sums[slot] / counts[slot] if counts[slot] else nearby[slot] for slot in range(points)]
        return start, step, tuple(values)

    def bands(self, start: float, stop: float) -> Iterator[tuple[str, float, float, float]]:
        """(name, mean, minimum, maximum) of every series that has a value with start ≤ time < stop."""
        places = [place for place, time in enumerate(self._times) if start <= time < stop]
        if not places:
            return
        runs = _runs(places)
        for name, column in list(self._columns.items()):  # a copy: the writer may add a series meanwhile
            values = array("f")
            for begin, end in runs:
                values += column[begin:end]
            total = sum(values)
            if total != total:  # a gap makes the sum no number
                values = array("f", [value for value in values if value == value])
                total = sum(values)
            if values:
                yield name, total / len(values), min(values), max(values)

    def typical_step(self) -> float:
        """Seconds between the newest points: how long one point stands when there are more slots than points."""
        times = self._newest_times(9)
        gaps = sorted(later - earlier for later, earlier in pairwise(times))
        return gaps[len(gaps) // 2] if gaps else 0.0

    def _window(self, column: array[float], start: float, stop: float) -> Iterable[tuple[float, float]]:
        """(time, value) with start < time ≤ stop, newest first, gaps left out."""
        times, size, written = self._times, self._size, self._written
        for back in range(min(written, size)):
            place = (written - 1 - back) % size
            if place >= min(len(times), len(column)):  # the writer cleared meanwhile
                return
            time = times[place]
            if time <= start:
                return
            value = column[place]
            if time <= stop and value == value:
                yield time, value


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Rising places as slices: one, or two where the ring wraps."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs


def _put(column: array[float], place: int, value: float) -> None:
    if not -3e38 < value < 3e38:  # also what is not a number
        value = NAN
    if place < len(column):
        column[place] = value
    else:
        column.append(value)
