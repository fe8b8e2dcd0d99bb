"""What is said about the future: from history only, and nothing where there is none."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.catalog_model import Figures, SizePoint
from backends.backups.forecast import DAY, eta, forecaster, full_in_days, growth
from backends.backups.model import Progress

GIB = 1 << 30


def sizes(*stored: int | None, every: float = DAY, free: int | None = None) -> list[SizePoint]:
    return [SizePoint(time=index * every, stored_bytes=each, free_bytes=free) for index, each in enumerate(stored)]


def run(seconds: float, gib: float, files: int = 1000) -> Figures:
    return Figures(time=0, seconds=seconds, original_bytes=int(gib * GIB), files=files)


def done(gib: float, files: int) -> Progress:
    return Progress(original_bytes=int(gib * GIB), files=files)


# Repositories ------------------------------------------------------------------------------------------------------


def test_growth_is_what_it_grows_on_a_usual_day() -> None:
    assert growth(sizes(10, 20, 30, 40)) == pytest.approx(10)


def test_one_huge_model_or_one_compaction_does_not_move_it() -> None:
    steady = [index * 10 for index in range(30)]
    steady[15:] = [each + 100_000 for each in steady[15:]]
    jumped = growth(sizes(*steady))
    assert jumped is not None
    assert jumped < 4000, "the mean would be 3,458 a day from one day alone"
    spiked = [index * 10 for index in range(30)]
    spiked[15] = 10_000_000
    assert growth(sizes(*spiked)) == pytest.approx(10)


@pytest.mark.parametrize(
    "points",
    [[], sizes(1), sizes(1, 2), sizes(1, 2, 3, every=3600), sizes(None, None, None, 5), sizes(1, 2, 3, every=0)],
)
def test_too_little_history_says_nothing(points: list[SizePoint]) -> None:
    assert growth(points) is None
    assert full_in_days(points, 10**9) is None


def test_thousands_of_points_are_thinned_out_and_mean_the_same() -> None:
    dice = random.Random(1)
    points = sizes(*(index * 100 + dice.randrange(50) for index in range(2000)), every=3600)
    assert growth(points) == pytest.approx(2400, rel=0.01)


def test_a_disk_is_full_when_the_reserve_begins() -> None:
    assert full_in_days(sizes(0, GIB, 2 * GIB), 25 * GIB, 2 * GIB) == pytest.approx(23)
    assert full_in_days(sizes(0, GIB, 2 * GIB), 2 * GIB, 2 * GIB) == 0.0
    assert full_in_days(sizes(0, GIB, 2 * GIB), None) is None


def test_what_others_write_on_the_disk_counts_when_it_is_faster() -> None:
    points = [SizePoint(time=day * DAY, stored_bytes=day, free_bytes=(100 - 10 * day) * GIB) for day in range(4)]
    assert full_in_days(points, 70 * GIB) == pytest.approx(7)


def test_a_repository_that_does_not_grow_is_never_full() -> None:
    assert full_in_days(sizes(5, 5, 5, 5), 100) is None
    assert full_in_days(sizes(9, 8, 7, 6), 100) is None


points = st.lists(
    st.builds(
        SizePoint,
        time=st.floats(0, 1e9),
        stored_bytes=st.none() | st.integers(0, 1 << 62),
        free_bytes=st.none() | st.integers(0, 1 << 62),
    ),
    max_size=80,
)


@given(points, st.none() | st.integers(0, 1 << 62), st.integers(0, 1 << 40))
def test_a_forecast_is_never_negative_and_never_an_error(
    found: list[SizePoint], free: int | None, reserve: int
) -> None:
    days = full_in_days(found, free, reserve)
    assert days is None or (days >= 0 and math.isfinite(days))


# Jobs --------------------------------------------------------------------------------------------------------------


def test_half_of_what_it_was_before_is_half_the_way() -> None:
    history = [run(100, 10), run(120, 10), run(80, 10)]
    told = eta(history, done(5, 500), 50)
    assert told is not None
    percent, (low, high) = told
    assert percent == pytest.approx(50)
    assert (low, high) == pytest.approx((40, 60))


def test_a_slower_run_takes_longer_than_history_says() -> None:
    told = eta([run(100, 10), run(100, 10)], done(1, 100), 100)
    assert told is not None
    assert told[1] == pytest.approx((90, 900))


def test_with_one_backup_to_go_by_the_range_is_wide() -> None:
    told = eta([run(100, 10)], done(5, 500), 50)
    assert told is not None
    assert told[1] == pytest.approx((25, 100))


def test_at_the_beginning_only_history_counts() -> None:
    told = eta([run(100, 10), run(200, 10)], done(0.001, 0), 0.5)
    assert told is not None
    assert told[0] < 0.1
    assert told[1] == pytest.approx((100, 200), rel=0.01)


@pytest.mark.parametrize(
    ("history", "progress"),
    [
        ([], done(1, 1)),
        ([Figures(time=0)], done(1, 1)),
        ([run(0, 10)], done(1, 1)),
        ([run(10, 0, 0)], done(1, 1)),
        ([run(10, 10)], Progress()),
        ([run(10, 10)], done(11, 1100)),
    ],
)
def test_nothing_is_said_without_history_or_counters_or_beyond_all_history(
    history: list[Figures], progress: Progress
) -> None:
    assert eta(history, progress, 10) is None
    assert forecaster(history)(progress, 10) == (None, None)


def test_a_forecaster_remembers_the_history() -> None:
    history = [run(100, 10), run(100, 10)]
    told = forecaster(history)
    history.clear()
    percent, left = told(done(5, 500), 50)
    assert percent == pytest.approx(50)
    assert left == pytest.approx((50, 50))


counters = st.none() | st.integers(0, 1 << 62)
figures = st.builds(
    Figures, time=st.just(0.0), seconds=st.none() | st.floats(0, 1e7), original_bytes=counters, files=counters
)
progresses = st.builds(Progress, original_bytes=counters, files=counters)


@given(st.lists(figures, max_size=15), progresses, st.floats(0, 1e7))
def test_an_estimate_is_a_range_of_real_seconds_and_less_than_everything(
    history: list[Figures], progress: Progress, elapsed: float
) -> None:
    told = eta(history, progress, elapsed)
    if told is not None:
        percent, (low, high) = told
        assert 0 <= percent < 100
        assert 0 <= low <= high < math.inf
