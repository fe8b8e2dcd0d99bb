"""What several samples tell: means, shares, slowdowns, kills, forecasts; bounded, and begun anew after a gap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.alerts.forecast_rules import forecast
from backends.alerts.subjects import Recent
from backends.alerts.trail import MOST_THINGS, Trail
from backends.metrics.sample import Cpu, Filesystem, Gpu, Memory, Nic, Sample
from backends.metrics.throttle import HW_POWER_BRAKE, SW_POWER_CAP

START = 1_800_000_000.0
GIB = 1 << 30


def play(samples: Iterable[Sample]) -> Recent:
    trail, found = Trail(), Recent()
    for sample in samples:
        found = trail.add(sample)
    return found


def every(seconds: float, count: int, make) -> list[Sample]:  # type: ignore[no-untyped-def]
    return [make(START + seconds * index, index) for index in range(count)]


def test_one_idle_second_is_not_an_idle_minute() -> None:
    def busy(time: float, index: int) -> Sample:
        return Sample(time=time, cpu=Cpu(busy_percent=0.0 if index == 59 else 100.0, iowait_percent=None))

    found = play(every(1, 60, busy))
    assert found.cpu_busy_percent == pytest.approx(98.33, abs=0.1)
    assert found.iowait_percent is None


def test_a_minute_without_values_is_not_known() -> None:
    samples = [Sample(time=START, cpu=Cpu(busy_percent=50.0)), Sample(time=START + 61)]
    assert play(samples).cpu_busy_percent is None


def test_an_older_sample_changes_nothing() -> None:
    trail = Trail()
    before = trail.add(Sample(time=START, cpu=Cpu(busy_percent=50.0)))
    assert trail.add(Sample(time=START - 5, cpu=Cpu(busy_percent=0.0))) is before


def packets(drops: int, errors: int = 0, minutes: int = 11, a_second: float = 100.0) -> Recent:
    def nics(time: float, index: int) -> Sample:
        counts: dict[str, Any] = {"rx_drops": drops * index, "tx_drops": 0, "rx_errors": errors * index, "tx_errors": 0}
        nic = Nic(name="eth0", rx_packets_per_second=a_second, tx_packets_per_second=0.0, **counts)
        return Sample(time=time, interval_seconds=60.0, nics=(nic,))

    return play(every(60, minutes, nics))


def test_dropped_packets_are_a_share_of_ten_minutes() -> None:
    assert packets(drops=120).drops_percent["eth0"] == pytest.approx(100 * 120 / 6120)
    assert packets(drops=0, errors=60).errors_percent["eth0"] == pytest.approx(100 * 60 / 6060)


def test_shorter_or_hardly_any_traffic_makes_no_share() -> None:
    assert packets(drops=120, minutes=10).drops_percent == {}
    assert packets(drops=1, a_second=0.1).drops_percent == {}


def test_counters_that_begin_anew_make_no_share() -> None:
    def nics(time: float, index: int) -> Sample:
        nic = Nic(name="eth0", rx_packets_per_second=100.0, rx_drops=1000 if index < 5 else index, rx_errors=0)
        return Sample(time=time, interval_seconds=60.0, nics=(nic,))

    assert play(every(60, 14, nics)).drops_percent == {}


def test_interfaces_that_come_and_go_are_forgotten() -> None:
    trail = Trail()
    for index in range(50):
        nics = tuple(Nic(name=f"veth{index}-{each}", rx_drops=0, rx_packets_per_second=9.0) for each in range(200))
        trail.add(Sample(time=START + 60 * index, interval_seconds=60.0, nics=nics))
    assert len(trail._counts) <= MOST_THINGS
    assert len(trail._packets) <= MOST_THINGS


def slowed(minutes: int, share: float) -> Recent:
    def gpus(time: float, index: int) -> Sample:
        bad = (index % 10) < share * 10
        return Sample(time=time, gpus=(Gpu(index=0, uuid="G", throttle_bits=HW_POWER_BRAKE if bad else SW_POWER_CAP),))

    return play(every(60, minutes + 1, gpus))


def test_slowdowns_are_counted_a_minute() -> None:
    assert slowed(30, 0.6).slowed["G"] == pytest.approx((0.6, 0.6))
    assert slowed(10, 0.5).slowed["G"][1] == pytest.approx(5 / 30)
    assert slowed(30, 0.0).slowed == {}
    assert slowed(30, 0.0).slowed_from == START


def test_kills_are_seen_by_the_counter_and_forgotten_after_half_an_hour() -> None:
    def killed(counts: list[int], step: float) -> tuple[float, ...]:
        return play([Sample(time=START + step * index, memory=Memory(oom_kills=count)) for index, count in enumerate(counts)]).oom_times  # fmt: skip

    assert killed([5, 5], 1) == ()
    assert killed([5, 7], 1) == (START + 1, START + 1)
    assert killed([5, 0, 1], 1) == (START + 2,)
    assert len(killed([0, 1 << 40], 1)) <= 100
    assert killed([5, 6, *[6] * 31], 60) == ()


def test_a_gap_begins_everything_anew() -> None:
    trail = Trail()
    for index in range(12):
        trail.add(Sample(time=START + 60 * index, filesystems=(Filesystem(mount="/", available_bytes=GIB),)))
    found = trail.add(Sample(time=START + 7200))
    assert (found.slowed_from, found.trends) == (START + 7200, {})


def filling(a_minute: float, minutes: int = 60, left: float = 100 * GIB) -> list[tuple[float, float]]:
    return [(START + 60 * index, left - a_minute * index) for index in range(minutes)]


def test_a_filesystem_that_fills_is_full_when_its_slope_says_so() -> None:
    found = forecast(filling(GIB))
    assert found.full_in_seconds == pytest.approx((100 - 59) * 60)
    assert found.bytes_per_second == pytest.approx(GIB / 60)


def test_one_large_file_does_not_move_the_forecast() -> None:
    points = [(time, left - (20 * GIB if index > 40 else 0)) for index, (time, left) in enumerate(filling(GIB / 60))]
    found = forecast(points)
    assert found.full_in_seconds is not None
    assert found.bytes_per_second < 3 * GIB / 3600


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (filling(GIB, minutes=9), True),
        ([(time * 0 + index, left) for index, (time, left) in enumerate(filling(GIB))], True),
        (filling(-GIB), False),
        (filling(10_000.0), False),
        ([], True),
    ],
    ids=["few points", "short", "emptying", "noise", "none"],
)
def test_what_says_nothing_about_hours_is_no_forecast(points: list[tuple[float, float]], reason: bool) -> None:
    found = forecast(points)
    assert found.full_in_seconds is None
    assert bool(found.reason) is reason


def test_a_trail_makes_forecasts_each_minute() -> None:
    def disks(time: float, index: int) -> Sample:
        filesystem = Filesystem(mount="/data", available_bytes=int(100 * GIB - GIB * index))
        return Sample(time=time, filesystems=(filesystem, Filesystem(mount="/iso", available_bytes=0, read_only=True)))

    found = play(every(60, 45, disks))
    assert list(found.trends) == ["/data"]
    assert found.trends["/data"].full_in_seconds == pytest.approx((100 - 44) * 60)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e5),
            st.one_of(st.none(), st.floats(0, 100)),
            st.one_of(st.none(), st.integers(0, 10**6)),
            st.one_of(st.none(), st.integers(0, 1 << 60)),
            st.one_of(st.none(), st.integers(-1, 1 << 20)),
        ),
        max_size=40,
    )
)
@settings(max_examples=50, deadline=None)
def test_no_sample_upsets_it(rows: list[tuple[float, float | None, int | None, int | None, int | None]]) -> None:
    trail = Trail()
    for time, busy, count, free, bits in rows:
        found = trail.add(
            Sample(
                time=START + time,
                interval_seconds=1.0,
                cpu=Cpu(busy_percent=busy),
                memory=Memory(oom_kills=count),
                nics=(Nic(name="a", rx_drops=count, rx_packets_per_second=busy),),
                filesystems=(Filesystem(mount="/", available_bytes=free),),
                gpus=(Gpu(index=0, throttle_bits=bits),),
            )
        )
        assert found.cpu_busy_percent is None or 0 <= found.cpu_busy_percent <= 100
        assert all(0 <= share <= 100 for share in found.drops_percent.values())
