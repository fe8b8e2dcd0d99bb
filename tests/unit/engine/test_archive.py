"""History: recent numbers from memory, older ones from the store, nothing in between lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.clock import ManualClock
from backends.config.schema import EngineConfig
from backends.engine.archive import Archive
from backends.store.history import HOUR, MINUTE, History
from backends.store.writer import Writer
from tests.unit.engine.parts import sample

BUSY = "cpu.busy_percent"


class Scene:
    def __init__(self, directory: Path, *, stored: bool = True):
        self.clock = ManualClock(1_800_000_000.0)  # a whole hour
        self.writer = Writer(directory / "h.db", clock=self.clock, on_problem=lambda *_: None)
        self.writer.open()
        self.history = History(self.writer)
        self.archive = Archive(now=self.clock.now, store=self.history if stored else None)

    def live(self, seconds: int, busy: float, host: str = "a", step: float = 1.0) -> None:
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            self.archive.sample(host, sample(self.clock.now(), busy))
            self.archive.step()
        while self.writer.step():
            pass


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one = Scene(tmp_path)
    yield one
    one.writer._close()


def test_the_last_minutes_come_from_memory_at_full_rate(scene: Scene) -> None:
    scene.live(5, 10.0)
    scene.live(5, 30.0)
    answer = scene.archive.history("a", [BUSY], 10, 10)
    assert answer.series[0].points == (10.0,) * 5 + (30.0,) * 5
    assert answer.series[0].unit == "percent"
    assert answer.interval_seconds == 1.0


def test_a_host_never_seen_has_gaps_not_zeros(scene: Scene) -> None:
    answer = scene.archive.history("b", [BUSY, "nope"], 60, 4)
    assert [series.points for series in answer.series] == [(None,) * 4] * 2


def test_after_the_samples_stopped_the_right_edge_moves_on(scene: Scene) -> None:
    scene.live(10, 50.0)
    scene.clock.advance(5)
    assert scene.archive.history("a", [BUSY], 10, 10).series[0].points[-4:] == (None,) * 4


def test_an_hour_joins_the_store_and_the_newest_minute(scene: Scene) -> None:
    scene.live(1800, 20.0, step=5.0)
    scene.live(1790, 60.0, step=5.0)
    points = scene.archive.history("a", [BUSY], 3600, 60).series[0].points
    assert len(points) == 60
    assert points[5] == pytest.approx(20.0) and points[55] == pytest.approx(60.0)
    assert points[-1] == pytest.approx(60.0)
    assert points.count(None) <= 1  # only before the start


def test_history_outlives_the_engine(scene: Scene) -> None:
    scene.live(1800, 20.0, step=5.0)
    again = Archive(now=scene.clock.now, store=scene.history)
    points = again.history("a", [BUSY], 3600, 60).series[0].points
    assert [point for point in points if point is not None] == pytest.approx([20.0] * 29, abs=0.01)


def test_hours_are_folded_from_minutes(scene: Scene) -> None:
    scene.live(HOUR // 2, 20.0, step=10.0)
    scene.live(HOUR // 2 + 120, 40.0, step=10.0)
    (moment,) = scene.history.read("a", [BUSY], 1_799_990_000, scene.clock.now(), HOUR)
    band = moment.bands[BUSY]
    assert (band.mean, band.low, band.high) == pytest.approx((30.0, 20.0, 40.0), abs=0.4)
    days = scene.archive.history("a", [BUSY], 10 * 86_400, 240).series[0].points
    assert [round(point) for point in days if point is not None] == [30]


def test_a_wall_clock_that_jumps_back_does_not_stop_the_roll_ups(scene: Scene) -> None:
    scene.live(180, 20.0)
    scene.clock.step_wall(-7200)
    scene.live(180, 70.0)
    moments = scene.history.read("a", [BUSY], 0, scene.clock.now() + 10_000, MINUTE)
    assert {round(moment.bands[BUSY].mean) for moment in moments} == {20, 70}


def test_old_minutes_are_thrown_away(scene: Scene) -> None:
    scene.archive.limits = EngineConfig(history_minutes_days=1 / 24)
    scene.live(600, 20.0, step=5.0)
    scene.clock.advance(2 * HOUR)
    scene.live(700, 30.0, step=5.0)
    moments = scene.history.read("a", [BUSY], 0, scene.clock.now(), MINUTE)
    assert {round(moment.bands[BUSY].mean) for moment in moments} == {30}


def test_without_a_store_long_spans_come_from_memory(tmp_path: Path) -> None:
    scene = Scene(tmp_path, stored=False)
    scene.live(60, 20.0)
    points = scene.archive.history("a", [BUSY], 3600, 60).series[0].points
    assert points[-1] == pytest.approx(20.0)
    scene.writer._close()


def test_hosts_that_left_are_forgotten_and_a_jump_forgets_all(scene: Scene) -> None:
    scene.live(5, 20.0, "a")
    scene.live(5, 20.0, "b")
    scene.archive.keep(["b"])
    assert scene.archive.names("a") == ()
    assert BUSY in scene.archive.names("b")
    scene.archive.clear()
    assert scene.archive.names("b") == ()
