"""Ten a minute and twenty at once; what is more goes together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.alerts.rate import BURST, PER_MINUTE, Bucket, filled, taken, together, wait_seconds


def emptied(now: float = 0.0) -> Bucket:
    bucket: Bucket | None = Bucket(time=now)
    for _ in range(BURST):
        assert bucket is not None
        bucket = taken(bucket, now)
    assert bucket is not None
    return bucket


def test_a_burst_goes_at_once_and_then_one_each_six_seconds() -> None:
    bucket = emptied()
    assert taken(bucket, 0.0) is None
    assert wait_seconds(bucket, 0.0) == 6.0
    assert taken(bucket, 5.9) is None
    assert taken(bucket, 6.0) is not None


def test_it_never_holds_more_than_a_burst() -> None:
    assert filled(emptied(), 1e9).tokens == BURST


def test_a_clock_that_goes_back_gives_nothing() -> None:
    assert filled(emptied(100.0), 50.0).tokens == 0


def test_the_last_token_is_for_all_that_waits() -> None:
    bucket = Bucket(tokens=2.5, time=0.0)
    assert not together(bucket, 50, 0.0)
    bucket = taken(bucket, 0.0) or bucket
    assert together(bucket, 2, 0.0)
    assert not together(bucket, 1, 0.0)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_in_no_stretch_of_time_are_more_told_than_allowed(pauses: list[float]) -> None:
    bucket, now, told = Bucket(time=0.0), 0.0, 0
    for pause in pauses:
        now += pause
        while (after := taken(bucket, now)) is not None:
            bucket, told = after, told + 1
    assert told <= BURST + now * PER_MINUTE / 60 + 1e-6
