"""Roll-ups on disk: packing, folding, and staying below the size bound."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.clock import ManualClock
from backends.store.blob import EMPTY, Band, band, fold, means, pack, unpack
from backends.store.history import HOUR, MINUTE, History, HostRollUp
from backends.store.writer import Writer

NAMES = ("cpu.busy_percent", "memory.used_bytes")


class Scene:
    def __init__(self, directory: Path):
        self.writer = Writer(directory / "h.db", clock=ManualClock(), on_problem=lambda *told: pytest.fail(str(told)))
        self.writer.open()
        self.history = History(self.writer)

    def minute(self, time: int, *hosts: str, mean: float = 1.0) -> None:
        bands = [Band(mean, mean - 1, mean + 1), Band(2e9, 1e9, 3e9)]
        self.history.add(time, [HostRollUp(host, NAMES, bands) for host in hosts])

    def written(self) -> None:
        while self.writer.step():
            pass

    def times(self, host: str, level: int = MINUTE) -> list[int]:
        return [point.time for point in self.history.read(host, NAMES, 0, 1 << 40, level)]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one = Scene(tmp_path)
    yield one
    one.writer._close()


def same(one: Band, other: Band) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-6) or (a != a and b != b) for a, b in zip(one, other, strict=True))


numbers = st.floats(allow_nan=True, allow_infinity=False, width=32)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.builds(Band, numbers, numbers, numbers), max_size=40))
def test_packing_loses_nothing_that_a_32_bit_float_holds(bands: list[Band]) -> None:
    assert all(same(one, other) for one, other in zip(bands, unpack(pack(bands), len(bands)), strict=True))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 50))
def test_a_damaged_blob_is_a_gap(blob: bytes, count: int) -> None:
    assert len(unpack(blob, count)) == count


@given(st.lists(st.builds(Band, numbers, numbers, numbers), max_size=40))
def test_the_means_alone_are_those_of_the_bands(bands: list[Band]) -> None:
    alone, whole = means(pack(bands), len(bands)), unpack(pack(bands), len(bands))
    assert all(same(Band(*[one] * 3), Band(*[other.mean] * 3)) for one, other in zip(alone, whole, strict=True))


@given(st.binary(max_size=200), st.integers(0, 50))
def test_the_means_of_a_damaged_blob_are_gaps(blob: bytes, count: int) -> None:
    assert len(means(blob, count)) == count


def test_a_value_beyond_a_float_is_a_gap_and_no_error() -> None:
    (one,) = unpack(pack([Band(1e300, -1e300, math.inf)]), 1)
    assert all(part != part for part in one)


def test_bands_leave_gaps_out() -> None:
    assert band([1.0, None, 3.0, math.nan]) == Band(2.0, 1.0, 3.0)
    assert band([None]) is EMPTY
    assert fold([Band(1.0, 0.0, 5.0), EMPTY, Band(3.0, 2.0, 4.0)]) == Band(2.0, 0.0, 5.0)


def test_means_are_read_of_wanted_series_oldest_first_without_gaps(scene: Scene) -> None:
    scene.minute(120, "a", "b", mean=5.0)
    scene.minute(60, "a")
    scene.minute(180, "a", mean=math.nan)
    scene.history.add(240, [HostRollUp("a", ("gpu.0.power_watts",), [Band(300, 1, 500)])])
    scene.written()

    def asked(wanted: str, start: float = 0, end: float = 1 << 40) -> list[tuple[int, dict[str, float]]]:
        return scene.history.means("a", lambda name: name.startswith(wanted), start, end, MINUTE)

    assert asked("cpu") == [(60, {NAMES[0]: 1.0}), (120, {NAMES[0]: 5.0}), (180, {}), (240, {})]
    assert asked("", 100, 130) == [(120, {NAMES[0]: 5.0, NAMES[1]: 2e9})]
    assert asked("gpu", 200) == [(240, {"gpu.0.power_watts": 300.0})]
    assert scene.history.means("nobody", lambda name: True, 0, 1 << 40, MINUTE) == []


def test_what_was_kept_is_read_back_by_name(scene: Scene) -> None:
    scene.minute(60, "a", "b")
    scene.minute(120, "a", mean=5.0)
    scene.written()
    points = scene.history.read("a", ["cpu.busy_percent", "nope"], 0, 200, MINUTE)
    assert [(point.time, point.bands) for point in points] == [
        (60, {"cpu.busy_percent": Band(1.0, 0.0, 2.0)}),
        (120, {"cpu.busy_percent": Band(5.0, 4.0, 6.0)}),
    ]
    assert scene.times("b") == [60]
    assert scene.times("c") == []
    assert scene.history.names("a") == NAMES


def test_a_minute_that_is_kept_twice_counts_once(scene: Scene) -> None:
    scene.minute(60, "a")
    scene.minute(60, "a", mean=9.0)
    scene.written()
    (point,) = scene.history.read("a", NAMES, 0, 100, MINUTE)
    assert point.bands["cpu.busy_percent"].mean == 9.0


def test_only_whole_hours_that_are_not_folded_yet_are_folded(scene: Scene) -> None:
    for hour in range(3):
        for minute in range(0, 60, 10):
            scene.minute(hour * HOUR + minute * 60, "a", "b", mean=float(hour + 1))
    scene.history.catch_up(2 * HOUR)
    scene.written()
    assert scene.times("a", HOUR) == [0, HOUR]
    scene.history.catch_up(3 * HOUR)
    scene.written()
    assert scene.times("b", HOUR) == [0, HOUR, 2 * HOUR]
    means = [point.bands["cpu.busy_percent"].mean for point in scene.history.read("a", NAMES, 0, 1 << 40, HOUR)]
    assert means == [1.0, 2.0, 3.0]


def test_each_level_has_its_own_age(scene: Scene) -> None:
    day = 86_400
    for number in range(10):
        scene.minute(number * day, "a")
    scene.history.catch_up(10 * day)
    scene.history.prune(10 * day, minutes_days=2, hours_days=5, max_bytes=1 << 30)
    scene.written()
    assert scene.times("a") == [8 * day, 9 * day]
    assert scene.times("a", HOUR) == [number * day for number in range(5, 10)]


def test_the_file_stays_below_its_bound_and_keeps_the_newest(scene: Scene) -> None:
    names = tuple(f"s{number}" for number in range(100))
    for minute in range(200):
        bands = [Band(minute * 1.7 + number * 3.1, number * 0.37, minute + number * 9.9) for number in range(100)]
        scene.history.add(minute * 60, [HostRollUp(f"h{host}", names, bands) for host in range(20)])
    scene.written()
    bound = 1_000_000
    for _ in range(3):
        scene.history.prune(200 * 60, minutes_days=1, hours_days=1, max_bytes=bound)
        scene.written()
    times = [point.time for point in scene.history.read("h0", names, 0, 1 << 40, MINUTE)]
    assert times and times[-1] == 199 * 60 and times[0] > 0
    with sqlite3.connect(scene.writer.file) as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0] - db.execute("PRAGMA freelist_count").fetchone()[0]
    db.close()
    assert pages * 4096 <= bound


def test_a_minute_of_a_thousand_hosts_is_a_thousand_rows(scene: Scene) -> None:
    scene.minute(60, *(f"h{number}" for number in range(1000)))
    scene.written()
    with sqlite3.connect(scene.writer.file) as db:
        assert db.execute("SELECT count(*) FROM rollups").fetchone() == (1000,)
        assert db.execute("SELECT count(*) FROM layouts").fetchone() == (1,)
    db.close()
