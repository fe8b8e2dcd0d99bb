"""The one recording of an engine: begun, ended, given up, and always told who did it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.clock import Clock, ManualClock, SystemClock
from backends.engine.archive import Archive
from backends.engine.fleet import Fleet
from backends.engine.intake import Intake
from backends.engine.log import Log
from backends.engine.recordings import Recordings
from backends.engine.timeline import Timeline
from backends.engine.verdicts import Verdicts
from backends.errors import AskOperator, BadInput
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts
from backends.sources import frames
from backends.sources.base import StateChange
from backends.sources.replay import Recording
from backends.states import HostState, Severity
from tests.unit.engine.parts import Diary, sample
from tests.unit.hostkit.kit import eventually


class Scene:
    """An intake of one host, and its recordings."""

    def __init__(self, directory: Path, clock: Clock):
        self.path = directory / "fleet.swarm"
        fleet = Fleet(now=clock.now, monotonic=clock.monotonic, on_event=Diary())
        fleet.set_hosts([Host(name="a", tags=("x",))])
        self.intake = Intake(fleet, Archive(now=clock.now), Verdicts(lambda *_: ()), Log(clock))
        self.timeline = Timeline(clock)
        self.recordings = Recordings(self.intake, fleet, self.timeline, clock)

    def told(self) -> list[tuple[str, str]]:
        return [(event.text, event.actor) for event in reversed(self.timeline.page()) if event.kind == "record"]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one = Scene(tmp_path, SystemClock())
    yield one
    one.recordings.close()


def test_without_one_there_is_nothing_to_stop_or_to_wait_for(scene: Scene) -> None:
    assert (scene.recordings.path, scene.recordings.in_flight()) == ("", [])
    with pytest.raises(BadInput, match="no recording"):
        scene.recordings.stop(actor="anna")
    scene.recordings.check()
    scene.recordings.close()


def test_it_begins_with_what_is_known_and_holds_what_comes(scene: Scene) -> None:
    scene.intake.state("a", StateChange(state=HostState.UP))
    scene.intake.facts("a", HostFacts(kernel="6.8"))
    scene.recordings.start(str(scene.path), actor="anna")
    assert scene.recordings.in_flight() == [f"recording to {scene.path}"]
    scene.intake.sample("a", sample())
    assert scene.recordings.stop(actor="eve") == {"path": str(scene.path), "frames": 1}
    scene.intake.sample("a", sample())  # no longer recorded
    recording = Recording(scene.path)
    (known,) = recording.first.known
    assert (known.host.tags, known.facts) == (("x",), HostFacts(kernel="6.8"))
    assert known.state is not None and known.state.state is HostState.UP
    assert [frames.decode_entry(raw).host for raw in recording.first.entries] == ["a"]
    recording.close()
    assert scene.told() == [(f"recording to {scene.path}", "anna"), (f"recorded {scene.path}, 1 frames", "eve")]


def test_there_is_one_at_a_time(scene: Scene) -> None:
    scene.recordings.start(str(scene.path), actor="anna")
    with pytest.raises(BadInput, match="being written") as caught:
        scene.recordings.start(str(scene.path.with_name("other")), actor="eve")
    assert caught.value.hint == "stop it first"
    assert scene.recordings.path == str(scene.path)
    assert not scene.path.with_name("other").exists()


@pytest.mark.parametrize("path", ["fleet.swarm", "", "./x", "~no-such-user/x", "/tmp/\0x"])
def test_a_path_that_is_not_absolute_is_refused(scene: Scene, path: str) -> None:
    with pytest.raises(BadInput, match="absolute"):
        scene.recordings.start(path, actor="anna")
    assert scene.told() == []


def test_the_home_directory_may_be_named_by_its_sign(scene: Scene) -> None:
    scene.recordings.start("~/fleet.swarm", actor="anna")
    assert scene.recordings.path == str(Path.home() / "fleet.swarm")


def test_a_file_that_is_there_already_is_refused_and_nothing_begins(scene: Scene) -> None:
    scene.path.write_text("mine")
    with pytest.raises(AskOperator, match="exists"):
        scene.recordings.start(str(scene.path), actor="anna")
    assert (scene.recordings.path, scene.path.read_text(), scene.told()) == ("", "mine", [])


def test_a_disk_that_fails_ends_it_with_a_warning_and_another_may_begin(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> frames.Mark:
        raise OSError(errno.ENOSPC, "No space left on device")

    scene.recordings.start(str(scene.path), actor="anna")
    recorder = scene.intake.recorder
    assert recorder is not None
    monkeypatch.setattr(frames, "write_frame", full)
    recorder.flush()
    assert scene.recordings.in_flight() == []
    (event,) = [event for event in scene.timeline.page() if event.severity is Severity.WARNING]
    assert event.text == f"the recording ended: {scene.path}: No space left on device"
    monkeypatch.undo()
    scene.recordings.start(str(scene.path.with_name("second")), actor="anna")
    assert scene.recordings.path.endswith("second")
    recorder.stop()


def test_entries_that_were_left_out_are_told(scene: Scene) -> None:
    scene.recordings.start(str(scene.path), actor="anna")
    assert scene.intake.recorder is not None
    scene.intake.recorder.dropped = 3
    scene.recordings.stop(actor="anna")
    assert scene.told()[-1][0].endswith("1 frames, 3 entries lost")


def test_it_ends_with_the_client_that_asked_for_it(scene: Scene) -> None:
    there = True
    scene.recordings.start(str(scene.path), actor="anna", wanted=lambda: there)
    scene.recordings.check()
    assert scene.recordings.path
    there = False
    scene.recordings.check()
    assert scene.recordings.path == ""
    assert scene.told()[-1] == (f"recorded {scene.path}, 1 frames", "its client is gone")
    Recording(scene.path).close()


def test_the_end_of_the_engine_leaves_a_whole_file(scene: Scene) -> None:
    scene.recordings.start(str(scene.path), actor="anna")
    scene.intake.sample("a", sample())
    scene.recordings.close()
    recording = Recording(scene.path)
    assert len(recording.first.entries) == 1
    recording.close()


def test_a_replayed_clock_is_not_needed_to_record(tmp_path: Path) -> None:
    """A manual clock's waits return at once: the recorder's thread still ends when it is told to."""
    scene = Scene(tmp_path, ManualClock())
    scene.recordings.start(str(scene.path), actor="anna")
    recorder = scene.intake.recorder
    assert recorder is not None
    assert eventually(lambda: recorder.frames > 1)
    scene.recordings.stop(actor="anna")
    assert scene.recordings.path == ""
