"""The recorder: whatever sources tell at whatever pace, a file that can always be read, and never an error for a source."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.clock import ManualClock, SystemClock
from backends.errors import AskOperator
from backends.inventory.host import Host
from backends.metrics.sample import Filesystem, HostFacts, Sample
from backends.sources import frames, recording
from backends.sources.base import LinkInfo, StateChange
from backends.sources.frames import Frame, Known
from backends.sources.recording import FRAME_SECONDS, Recorder
from backends.states import HostState
from tests.unit.hostkit.kit import eventually

GPU01 = Known(host=Host(name="gpu01", tags=("a100",)), state=StateChange(state=HostState.UP))


class Scene:
    """One recording on a clock that stands still."""

    def __init__(self, directory: Path):
        self.clock = ManualClock()
        self.path = directory / "fleet.swarm"
        self.ended: list[str] = []
        self.recorder = Recorder(self.path, [GPU01], clock=self.clock, on_end=self.ended.append)

    def frames(self) -> list[Frame]:
        with self.path.open("rb") as file:
            return [frames.read_frame(file, mark, self.path) for mark in frames.read_marks(file, self.path)]

    def times(self) -> list[float]:
        return [frames.decode_entry(raw).time - 1_800_000_000.0 for one in self.frames() for raw in one.entries]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one = Scene(tmp_path)
    yield one
    one.recorder._file.close()


def test_everything_that_sources_tell_is_kept_in_order(scene: Scene) -> None:
    sink = scene.recorder
    sink.state("gpu01", StateChange(state=HostState.STALE))
    sink.facts("gpu01", HostFacts(kernel="6.8"))
    sink.link("gpu01", LinkInfo(user="root"))
    sink.sample("gpu01", Sample(time=5.0))
    sink.note("gpu01", "reboot", "rebooted")
    sink.finish()
    (only,) = scene.frames()
    entries = [frames.decode_entry(raw) for raw in only.entries]
    assert [entry.host for entry in entries] == ["gpu01"] * 5
    assert entries[0].state == StateChange(state=HostState.STALE)
    assert entries[1].facts == HostFacts(kernel="6.8")
    assert entries[2].link == LinkInfo(user="root")
    assert entries[3].sample == Sample(time=5.0)
    assert entries[4].note == ("reboot", "rebooted")


def test_each_frame_begins_with_what_was_known_then(scene: Scene) -> None:
    scene.recorder.state("gpu01", StateChange(state=HostState.UNREACHABLE))
    scene.recorder.facts("new", HostFacts(kernel="6.8"))
    scene.recorder.flush()
    scene.recorder.link("gpu01", LinkInfo(user="root"))
    scene.recorder.finish()
    first, second = scene.frames()
    assert first.known == (GPU01,)
    assert {known.host.name: known.state and known.state.state for known in second.known} == {
        "gpu01": HostState.UNREACHABLE,
        "new": None,
    }
    assert second.known[0].host.tags == ("a100",)
    assert second.known[0].link is None


def test_a_frame_is_due_after_its_time_or_its_size(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not scene.recorder.due()
    scene.clock.advance(FRAME_SECONDS)
    assert scene.recorder.due()
    scene.recorder.flush()
    assert not scene.recorder.due()
    monkeypatch.setattr(recording, "FRAME_BYTES", 1000)
    scene.recorder.note("gpu01", "k", "x" * 1000)
    assert scene.recorder.due()
    assert scene.recorder.frames == 1


def test_frames_follow_each_other_even_when_the_clock_is_set_back(scene: Scene) -> None:
    for step in (10.0, -3600.0, 10.0):
        scene.clock.step_wall(step)
        scene.recorder.note("gpu01", "k", "t")
        scene.recorder.flush()
    scene.recorder.finish()
    edges = [(one.start, one.end) for one in scene.frames()]
    assert all(start <= end for start, end in edges)
    assert [start for start, _ in edges[1:]] == [end for _, end in edges[:-1]]
    assert scene.times() == [10.0, -3590.0, -3580.0]


def test_a_number_that_no_recording_holds_costs_that_entry_alone(scene: Scene) -> None:
    """A host that says its disk has 2⁶⁹ bytes must not end the thread that reads it."""
    scene.recorder.sample("gpu01", Sample(time=1.0, filesystems=(Filesystem(mount="/", total_bytes=1 << 69),)))
    scene.recorder.sample("gpu01", Sample(time=2.0))
    scene.recorder.finish()
    (only,) = scene.frames()
    assert len(only.entries) == 1
    assert scene.recorder.dropped == 1


def test_an_existing_file_is_left_alone(scene: Scene) -> None:
    before = scene.path.read_bytes()
    with pytest.raises(AskOperator, match="exists") as caught:
        Recorder(scene.path, (), clock=scene.clock, on_end=scene.ended.append)
    assert caught.value.hint is not None
    assert scene.path.read_bytes() == before


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AskOperator, match="No such file or directory"):
        Recorder(tmp_path / "none" / "x", (), clock=ManualClock(), on_end=print)


def test_the_disk_that_fails_ends_it_once_with_its_reason(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> frames.Mark:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(frames, "write_frame", full)
    scene.recorder.flush()
    scene.recorder.flush()
    scene.recorder.finish()
    assert scene.ended == [f"{scene.path}: No space left on device"]
    assert scene.recorder.failed == scene.ended[0]
    scene.recorder.note("gpu01", "k", "too late")
    assert scene.recorder.dropped == 1


def test_its_thread_writes_frames_and_the_rest_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "FRAME_BYTES", 1)
    recorder = Recorder(tmp_path / "r", [GPU01], clock=SystemClock(), on_end=pytest.fail)
    recorder.start()
    recorder.note("gpu01", "k", "one")
    assert eventually(lambda: recorder.frames == 1)
    recorder.note("gpu01", "k", "two")
    recorder.stop()
    with (tmp_path / "r").open("rb") as file:
        marks = frames.read_marks(file, recorder.path)
        notes = [
            frames.decode_entry(raw).note
            for mark in marks
            for raw in frames.read_frame(file, mark, recorder.path).entries
        ]
    assert notes == [("k", "one"), ("k", "two")]


def test_many_sources_may_tell_at_once(scene: Scene) -> None:
    def tell(number: int) -> None:
        for _ in range(200):
            scene.recorder.state(f"h{number}", StateChange(state=HostState.UP))

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scene.recorder.flush()
    scene.recorder.finish()
    first, second = scene.frames()
    assert len(first.entries) == 800
    assert {known.host.name for known in second.known} == {"gpu01", "h0", "h1", "h2", "h3"}
