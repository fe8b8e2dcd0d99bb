"""When a filesystem is full if it goes on as in the last hour, and the rule about it. Pure."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

from backends.alerts.model import Truth
from backends.alerts.rules import Finding, Limit, Rule
from backends.alerts.subjects import Held, Subject, Trend, filesystem
from backends.alerts.thresholds import HOUR, MINUTE, nodata, short, waited
from backends.states import Severity
from backends.units import rate, size

MIN_POINTS, MIN_SPAN_SECONDS = 10, 30 * MINUTE
"""Fewer minutes say nothing about hours (Netdata looks at 50 of them)."""
_POINTS = 16
"""Every pair of points is looked at; more points cost more and say hardly more."""
SLOWEST = 1024.0
"""Bytes a second; what fills by less is noise."""
FAR_SECONDS = 90 * 86_400.0
"""What is further away is not filling."""
WARN, CRIT = Limit(8 * HOUR, 48 * HOUR), Limit(2 * HOUR, 24 * HOUR)
"""Less than `fire` fires, more than `clear` ends it (Netdata: out_of_disk_space_time)."""


def forecast(points: Sequence[tuple[float, float]]) -> Trend:
    """When nothing is available any more.

    Args:
        points: (epoch seconds, bytes available), one a minute, oldest first; at best of the last hour.

    Returns:
        By the median of the slopes between all points (Theil–Sen): one large file that comes or goes does not move it.
    """
    if len(points) < MIN_POINTS or points[-1][0] - points[0][0] < MIN_SPAN_SECONDS:
        return Trend(reason=f"fewer than {MIN_SPAN_SECONDS / MINUTE:.0f} minutes of samples")
    if points[-1][1] >= points[0][1]:
        return Trend()
    step = max(1.0, (len(points) - 1) / (_POINTS - 1))
    chosen = [points[min(len(points) - 1, round(index * step))] for index in range(min(len(points), _POINTS))]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(chosen, 2) if b[0] > a[0]]
    filling = -statistics.median(slopes) if slopes else 0.0
    if filling < SLOWEST:
        return Trend()
    left = max(0.0, points[-1][1]) / filling
    return Trend(full_in_seconds=left if left <= FAR_SECONDS else None, bytes_per_second=filling)


def _scan(subject: Subject) -> Sequence[str]:
    recent = subject.recent
    if recent is None or not recent.trends:
        return ()
    return [
        mount
        for mount, trend in recent.trends.items()
        if trend.full_in_seconds is not None and trend.full_in_seconds < WARN.fire
    ]


def _judge(subject: Subject, mount: str, held: Held) -> Finding:
    trend = subject.recent.trends.get(mount) if subject.recent is not None else None
    if trend is None or trend.reason:
        return nodata(trend.reason if trend is not None else "no forecast yet")
    left = trend.full_in_seconds
    if left is None:
        return Finding(Truth.FALSE, text=f"{mount} is not filling")
    severity = _level(left, held.level)
    one = filesystem(subject, mount)
    free = one.available_bytes if one is not None else None
    text = f"{mount} is full in {short(left)} if it goes on like this ({rate(trend.bytes_per_second)})"
    truth = Truth.TRUE if severity is not Severity.OK else Truth.FALSE
    return Finding(truth, severity, left, text, (f"{size(free)} free",))


def _level(left: float, held: Severity) -> Severity:
    if left < (CRIT.clear if held is Severity.CRITICAL else CRIT.fire):
        return Severity.CRITICAL
    if left < (WARN.clear if held.rank >= Severity.WARNING.rank else WARN.fire):
        return Severity.WARNING
    return Severity.OK


FORECAST_RULES: tuple[Rule, ...] = (
    Rule(
        id="disk.forecast",
        title="Filesystem fills up",
        times=waited(10 * MINUTE, 0),
        gate=lambda subject: bool(subject.recent is not None and subject.recent.trends),
        scan=_scan,
        judge=_judge,
        advice="Find what writes: lsof +L1; du -xh --max-depth=2 MOUNT | sort -h | tail.",
        source="Netdata: out_of_disk_space_time",
        warn=WARN,
        crit=CRIT,
        unit="s",
    ),
)
