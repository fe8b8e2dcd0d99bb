"""Which samples a window keeps, what counts as measured, and the statistics."""

from __future__ import annotations

import math

import pytest

from backends.checks import figures
from backends.checks.bottleneck import judge
from backends.checks.window import GpuWindow, Window, unbroken
from tests.unit.checks.windows import cpu, gpu, host, kinds, sample


def times(*seconds: float, interval: float | None = 1.0, up: float = 1e6) -> list[float]:
    window = [sample(0, time=second, interval_seconds=interval, uptime_seconds=up + second) for second in seconds]
    return [one.time for one in unbroken(window)]


def test_neighbours_stay_together() -> None:
    assert times(0, 4.5, 9, 24) == [0, 4.5, 9, 24]


def test_what_came_before_a_hole_says_nothing_about_now() -> None:
    assert times(0, 4.5, 60, 64.5) == [60, 64.5]
    assert times(0, 15.5) == [15.5]


def test_a_long_interval_makes_no_hole() -> None:
    assert times(0, 60, 120, interval=60.0) == [0, 60, 120]
    assert times(0, 60, 120, interval=None) == [120]
    assert times(0, 1700, interval=590.0) == [0, 1700]
    assert times(0, 1700, interval=610.0) == [1700], "nobody asks for so long an interval"


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 200.0])
def test_a_time_that_cannot_be_ends_the_window(wrong: float) -> None:
    assert times(wrong, 100.0, 104.5) == [100.0, 104.5]


def test_a_restart_begins_a_new_window() -> None:
    window = [sample(step, uptime_seconds=9e5 if step < 8 else 60.0 + step) for step in range(16)]
    assert len(unbroken(window)) == 8


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "no sample yet"), (1, "not enough samples yet (0 of 60 s)"), (14, "not enough samples yet (58 of 60 s)")],
)
def test_a_short_window_gives_one_verdict_that_says_so(count: int, text: str) -> None:
    (verdict,) = judge(host(count), None)
    assert (verdict.subject, verdict.kind, verdict.text) == ("host", "unknown", text)


def test_sixty_seconds_are_enough() -> None:
    assert kinds(host(15), "host") == ["ok"]


def test_three_samples_over_a_minute_are_too_few() -> None:
    window = [sample(step, time=1e9 + 30.0 * step, interval_seconds=30.0) for step in range(3)]
    assert judge(window, None)[0].text == "not enough samples yet (3 of 5)"


@pytest.mark.parametrize("wrong", [None, math.nan, -1.0, 1e19, math.inf])
def test_a_value_that_cannot_be_counts_as_missing(wrong: float | None) -> None:
    assert figures.number(wrong) is None
    assert GpuWindow(gpu(0), [gpu(0, power_watts=wrong)]).column("power_watts") == [None]
    assert Window(host(1, cpu=cpu(busy_percent=wrong)), None).column("cpu.busy_percent") == [None]


def test_a_percentage_has_an_end() -> None:
    assert figures.percent(100.4) == 100.4
    assert figures.percent(180.0) is None
    assert GpuWindow(gpu(0), [gpu(0, utilisation_percent=180.0)]).column("utilisation_percent") == [None]


def test_a_gpu_that_appears_later_has_no_value_before() -> None:
    assert GpuWindow(gpu(0), [None, gpu(0)]).column("power_watts") == [None, 640.0]


def test_three_quarters_of_the_samples_must_hold_a_value() -> None:
    assert figures.measured([1.0, 2.0, 3.0, None]) == [1.0, 2.0, 3.0]
    assert figures.measured([1.0, 2.0, None, None, 3.0]) is None
    assert figures.measured([None]) is None
    assert figures.measured([]) is None


def test_percentiles_lie_on_the_line_between_neighbours() -> None:
    assert figures.percentile([30.0, 10.0, 20.0], 0.5) == 20.0
    assert figures.percentile([10.0, 20.0], 0.25) == 12.5
    assert figures.percentile([7.0], 0.95) == 7.0


def test_falls_are_separate_stretches_below_the_limit() -> None:
    assert figures.falls([5, 5, 50, 5, 50, 50, 5], 10) == 3
    assert figures.falls([50, 60], 10) == 0
