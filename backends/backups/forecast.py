"""What is to be expected: how fast a repository grows, when its disk is full, how long a backup still takes. Pure.

Everything comes from measured history. Where there is too little of it nothing is said.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterable, Sequence

from backends.backups.catalog_model import Figures, SizePoint
from backends.backups.model import Progress

DAY = 86_400.0
MIN_POINTS = 3
MIN_SPAN_SECONDS = 0.8 * DAY
"""Sizes of less than a day say nothing about days."""
_POINTS = 32
"""Every pair of points is looked at; more points make it slower, hardly better."""
_RUNS = 10
"""Newest backups that an estimate is made from."""
_PACE_FROM = 0.02
"""Share of the work from which the speed of this very run says something."""
_ALONE = 2.0
"""With one backup to go by, the rest may take half or twice as long."""


def growth(points: Sequence[SizePoint]) -> float | None:
    """Bytes a day that a repository grows on its disk; negative when it shrinks.

    The median of the slopes between all points (Theil–Sen): one compaction or one huge model does not move it.
    """
    return _slope([(point.time, point.stored_bytes) for point in points if point.stored_bytes is not None])


def full_in_days(points: Sequence[SizePoint], free_bytes: int | None, reserve_bytes: int = 0) -> float | None:
    """In how many days the disk is full up to the reserve; None when that is not known, or it is not filling.

    Args:
        points: sizes of the repository, and the free space that was seen with them. What others write on the same disk
            shows in the latter; the faster of the two counts.
        free_bytes: what is free now, None when that is not known.
        reserve_bytes: what Borg leaves free.
    """
    if free_bytes is None:
        return None
    left = free_bytes - reserve_bytes
    if left <= 0:
        return 0.0
    filling = _slope([(point.time, -point.free_bytes) for point in points if point.free_bytes is not None])
    rate = max((each for each in (growth(points), filling) if each is not None), default=0.0)
    return left / rate if rate >= 1.0 else None


def eta(
    history: Sequence[Figures], progress: Progress, elapsed_seconds: float
) -> tuple[float, tuple[float, float]] | None:
    """How far a running backup is, and how long it still takes, by the earlier ones of the same set and repository.

    Args:
        history: figures of earlier backups, the newest first.
        progress: the counters of this one.
        elapsed_seconds: since it began.

    Returns:
        per cent (below 100 while it runs) and (soonest, latest) seconds to go; None without history, without counters, and
        when it already is larger than any before.
    """
    runs = [run for run in history if run.seconds and run.seconds > 0 and (run.original_bytes or run.files)][:_RUNS]
    shares = [(run, share) for run in runs if (share := _share(run, progress)) is not None]
    if not shares or min(share for _, share in shares) >= 1.0:
        return None
    done = [min(1.0, share) for _, share in shares]
    left = sorted(
        each
        for (run, _), share in zip(shares, done, strict=True)
        for each in _left(run.seconds or 0.0, share, max(0.0, elapsed_seconds))
    )
    spread = _ALONE if len(shares) == 1 else 1.0
    return min(99.0, 100.0 * statistics.median(done)), (left[0] / spread, left[-1] * spread)


def forecaster(
    history: Sequence[Figures],
) -> Callable[[Progress, float], tuple[float | None, tuple[float, float] | None]]:
    """`eta` of one job for whoever shows its progress: (progress, elapsed seconds) → (per cent, (soonest, latest))."""
    kept = tuple(history)

    def forecast(progress: Progress, elapsed_seconds: float) -> tuple[float | None, tuple[float, float] | None]:
        return eta(kept, progress, elapsed_seconds) or (None, None)

    return forecast


def _share(run: Figures, progress: Progress) -> float | None:
    """How much of what `run` had this one has done. Bytes and files both take time: the mean of the two."""
    pairs = ((progress.original_bytes, run.original_bytes), (progress.files, run.files))
    known = [done / whole for done, whole in pairs if done is not None and whole]
    return statistics.fmean(known) if known else None


def _left(seconds: float, share: float, elapsed: float) -> Iterable[float]:
    """Seconds to go if the rest takes as long as it did then, and if this run keeps its own pace."""
    yield seconds * (1.0 - share)
    if share >= _PACE_FROM:
        yield elapsed * (1.0 - share) / share


def _slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Median slope a day over every pair of points."""
    ordered = sorted(points)
    if len(ordered) < MIN_POINTS or ordered[-1][0] - ordered[0][0] < MIN_SPAN_SECONDS:
        return None
    step = (len(ordered) - 1) / (_POINTS - 1)
    if step > 1:
        ordered = [ordered[round(index * step)] for index in range(_POINTS)]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) * DAY for a, b in itertools.combinations(ordered, 2) if b[0] > a[0]]
    return statistics.median(slopes) if slopes else None
