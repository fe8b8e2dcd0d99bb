"""From Borg's events to what a person is told: speed, per cent and the end, never made up."""

from __future__ import annotations

from backends.backups.borg.events import ArchiveProgress, FileStatus, MessageProgress, PercentProgress
from backends.backups.meter import Meter
from backends.backups.model import Progress
from backends.clock import ManualClock


def counters(count: int, path: str = "srv/a") -> ArchiveProgress:
    return ArchiveProgress(original_bytes=count, compressed_bytes=count // 2, deduplicated_bytes=1, files=3, path=path)


def test_speed_is_that_of_the_last_seconds() -> None:
    clock = ManualClock()
    meter = Meter(clock.monotonic)
    for second in range(60):
        meter.take(counters(second * 1000 if second < 40 else 39_000 + (second - 39) * 10))
        clock.advance(1)
    assert meter.progress.bytes_per_second == 10.0
    assert (meter.progress.files, meter.progress.path, meter.progress.phase) == (3, "srv/a", "reading")


def test_nothing_is_said_about_the_end_without_history() -> None:
    clock = ManualClock()
    meter = Meter(clock.monotonic)
    meter.take(counters(0))
    clock.advance(5)
    meter.take(counters(500))
    assert (meter.progress.percent, meter.progress.eta_seconds) == (None, None)
    assert meter.progress.bytes_per_second == 100.0


def test_with_history_the_forecast_is_asked() -> None:
    clock = ManualClock()
    asked: list[tuple[int | None, float]] = []

    def forecast(progress: Progress, elapsed: float) -> tuple[float | None, tuple[float, float] | None]:
        asked.append((progress.original_bytes, elapsed))
        return 25.0, (30.0, 60.0)

    meter = Meter(clock.monotonic, forecast)
    clock.advance(10)
    meter.take(counters(250))
    assert asked == [(250, 10.0)]
    assert (meter.progress.percent, meter.progress.eta_seconds) == (25.0, (30.0, 60.0))


def test_steps_are_counted_before_they_are_done() -> None:
    clock = ManualClock()
    meter = Meter(clock.monotonic)
    meter.take(PercentProgress(msgid="check.verify_data", current=1, total=4))
    assert (meter.progress.percent, meter.progress.phase) == (0.0, "checking every byte")
    clock.advance(30)
    meter.take(PercentProgress(msgid="check.verify_data", current=4, total=4))
    assert meter.progress.percent == 75.0
    assert meter.progress.eta_seconds == (10.0, 10.0)


def test_a_shrinking_counter_gives_no_negative_speed() -> None:
    clock = ManualClock()
    meter = Meter(clock.monotonic)
    meter.take(counters(500))
    clock.advance(1)
    meter.take(counters(100))
    assert (meter.progress.bytes_per_second or 0) >= 0


def test_ends_and_file_names_are_no_progress() -> None:
    meter = Meter(ManualClock().monotonic)
    assert not meter.take(ArchiveProgress(finished=True))
    assert not meter.take(FileStatus(status="A", path="srv/a"))
    assert not meter.take(PercentProgress(msgid="prune", finished=True))


def test_phases_have_words() -> None:
    meter = Meter(ManualClock().monotonic)
    meter.take(MessageProgress(msgid="cache.commit", message="Saving"))
    assert meter.progress.phase == "saving the cache"
    meter.phase("hooks")
    assert meter.progress.phase == "hooks"
