"""What a judge looks at: the newest samples of one host without a hole, and their columns, each made once on demand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from backends.checks.figures import MOST, MOST_PERCENT, Column, measured, number
from backends.metrics.sample import Gpu, HostFacts, Sample

WINDOW_SECONDS = 60.0
"""A verdict needs a window this long (reference: monitoring §5)."""
LEAST_SAMPLES = 5
"""… and this many looks in it (sichek sees a hang five times before it says so)."""
HOLE_SECONDS = 15.0
"""Samples further apart than this and than three intervals are no neighbours."""
LONGEST_INTERVAL = 600.0


def unbroken(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """The newest samples up to the last hole, restart or step of the clock; what came before says nothing about now."""
    kept: list[Sample] = []
    for sample in reversed(samples):
        if not math.isfinite(sample.time) or (kept and not _follows(sample, kept[-1])):
            break
        kept.append(sample)
    return tuple(reversed(kept))


def _follows(earlier: Sample, later: Sample) -> bool:
    interval = number(later.interval_seconds, LONGEST_INTERVAL) or 0.0
    up, was_up = number(later.uptime_seconds), number(earlier.uptime_seconds)
    restarted = up is not None and was_up is not None and up < was_up
    return 0 < later.time - earlier.time <= max(HOLE_SECONDS, 3 * interval) and not restarted


def _most(name: str) -> float:
    return MOST_PERCENT if name.endswith("percent") else MOST


class GpuWindow:
    """One GPU over the window."""

    __slots__ = ("_busy", "_columns", "_seen", "_values", "index", "newest")

    def __init__(self, newest: Gpu, seen: list[Gpu | None]):
        self.index, self.newest = newest.index, newest
        self._seen = seen
        self._columns: dict[str, Column] = {}
        self._values: dict[str, list[float] | None] = {}
        self._busy: dict[tuple[str, float], list[float]] = {}

    def column(self, field: str) -> Column:
        """A value of `field` for each sample."""
        column = self._columns.get(field)
        if column is None:
            most = _most(field)  # `number` spelled out: this runs some thousand times a window
            read = [None if gpu is None else getattr(gpu, field) for gpu in self._seen]
            column = [value if value is not None and 0 <= value <= most else None for value in read]
            self._columns[field] = column
        return column

    def values(self, field: str) -> list[float] | None:
        """The measured values of `field`; None when too few samples have one."""
        if field not in self._values:
            self._values[field] = measured(self.column(field))
        return self._values[field]

    def latest(self, field: str) -> float | None:
        """The newest value, for what hardly ever changes (limits, sizes)."""
        return number(getattr(self.newest, field), _most(field))

    def while_busy(self, field: str, busy_percent: float) -> list[float]:
        """The values of `field` in samples in which the GPU was at least that busy; may be empty."""
        found = self._busy.get((field, busy_percent))
        if found is None:
            pairs = zip(self.column("utilisation_percent"), self.column(field), strict=True)
            found = [value for busy, value in pairs if busy is not None and busy >= busy_percent and value is not None]
            self._busy[field, busy_percent] = found
        return found

    def bits(self) -> list[int] | None:
        """The clocks event reasons of each sample that has them; None when too few have."""
        known = self.values("throttle_bits")
        return [int(mask) for mask in known] if known is not None else None


class Window:
    """One host over the window. At least one sample; times and gaps are already checked."""

    def __init__(self, samples: Sequence[Sample], facts: HostFacts | None):
        self.samples = samples
        self.newest = samples[-1]
        self.seconds = samples[-1].time - samples[0].time
        self.facts = facts
        self._columns: dict[str, Column] = {}
        self._values: dict[str, list[float] | None] = {}
        self._parts: dict[str, list[Any]] = {}
        self._hottest: Column | None = None
        by_index = [{gpu.index: gpu for gpu in sample.gpus} for sample in samples]
        self.gpus = {
            index: GpuWindow(newest, [gpus.get(index) for gpus in by_index]) for index, newest in by_index[-1].items()
        }

    @property
    def complete(self) -> bool:
        """Whether it is long enough to judge."""
        return self.seconds >= WINDOW_SECONDS and len(self.samples) >= LEAST_SAMPLES

    def column(self, path: str) -> Column:
        """A value for each sample of a field of the host, as "memory.pressure.some_avg60_percent"."""
        column = self._columns.get(path)
        if column is None:
            group, _, field = path.rpartition(".")
            most = _most(path)
            read = [None if part is None else getattr(part, field) for part in self._part(group)]
            column = [value if value is not None and 0 <= value <= most else None for value in read]
            self._columns[path] = column
        return column

    def _part(self, path: str) -> list[Any]:
        """The record at `path` in each sample, None where it is missing."""
        part = self._parts.get(path)
        if part is None:
            above, _, name = path.rpartition(".")
            parents = self._part(above) if above else self.samples
            part = self._parts[path] = [None if parent is None else getattr(parent, name) for parent in parents]
        return part

    def values(self, path: str) -> list[float] | None:
        """The measured values; None when too few samples have one."""
        if path not in self._values:
            self._values[path] = measured(self.column(path))
        return self._values[path]

    def hottest_core(self) -> Column:
        """Busy per cent of the busiest core in each sample."""
        if self._hottest is None:
            self._hottest = [_hottest(sample) for sample in self.samples]
        return self._hottest

    @property
    def span(self) -> str:
        """How long it is, for a sentence: "68 s"."""
        return f"{self.seconds:.0f} s"


def _hottest(sample: Sample) -> float | None:
    cores = sample.cpu.cores if sample.cpu is not None else ()
    return max((core for core in cores if core is not None and 0 <= core <= MOST_PERCENT), default=None)
