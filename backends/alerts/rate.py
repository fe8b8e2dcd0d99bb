"""How fast one target may be told: a token bucket. What comes faster is told together, never dropped. Pure."""

from __future__ import annotations

from backends.metrics.sample import Record

PER_MINUTE, BURST = 10, 20
"""reference/alerts.md §3.13."""


class Bucket(Record, frozen=True, kw_only=True):
    """Tokens of one target. `time` is monotonic, so that a clock that is set changes nothing."""

    tokens: float = float(BURST)
    time: float
    per_minute: float = float(PER_MINUTE)
    burst: float = float(BURST)


def filled(bucket: Bucket, now: float) -> Bucket:
    """The bucket as it is `now`."""
    more = max(0.0, now - bucket.time) * bucket.per_minute / 60
    return Bucket(
        tokens=min(bucket.burst, bucket.tokens + more), time=now, per_minute=bucket.per_minute, burst=bucket.burst
    )


def taken(bucket: Bucket, now: float) -> Bucket | None:
    """The bucket without one token; None when there is none."""
    full = filled(bucket, now)
    if full.tokens < 1:
        return None
    return Bucket(tokens=full.tokens - 1, time=now, per_minute=full.per_minute, burst=full.burst)


def wait_seconds(bucket: Bucket, now: float) -> float:
    """Until there is a token."""
    return max(0.0, (1 - filled(bucket, now).tokens) * 60 / bucket.per_minute)


def together(bucket: Bucket, waiting: int, now: float) -> bool:
    """Whether all that waits must go as one digest: this is the last token, and there is more than one notice."""
    return waiting > 1 and filled(bucket, now).tokens < 2
