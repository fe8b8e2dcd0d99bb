"""The intake: everything reaches everybody, and one odd sample hurts nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.clock import ManualClock
from backends.engine.archive import Archive
from backends.engine.fleet import Fleet
from backends.engine.intake import Intake
from backends.engine.log import Log
from backends.engine.recordings import Recordings
from backends.engine.timeline import Timeline
from backends.engine.verdicts import Verdicts
from backends.errors import AskOperator, BadInput
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Sample
from backends.sources.base import LinkInfo, StateChange
from backends.sources.replay import Recording
from backends.states import HostState
from tests.unit.engine.parts import Diary, sample


class Scene:
    def __init__(self, directory: Path):
        self.directory = directory
        self.clock = ManualClock()
        self.diary = Diary()
        self.fleet = Fleet(now=self.clock.now, monotonic=self.clock.monotonic, on_event=self.diary)
        self.fleet.set_hosts([Host(name="a")])
        self.archive = Archive(now=self.clock.now)
        self.intake = Intake(self.fleet, self.archive, Verdicts(lambda *_: ()), Log(self.clock, directory / "log"))
        self.timeline = Timeline(self.clock)
        self.recordings = Recordings(self.intake, self.fleet, self.timeline, self.clock)

    def tell_everything(self) -> None:
        self.intake.state("a", StateChange(state=HostState.UP))
        self.intake.facts("a", HostFacts(kernel="6.8"))
        self.intake.link("a", LinkInfo(user="root"))
        self.intake.sample("a", sample(self.clock.now()))
        self.intake.note("a", "reconnected", "back")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_fleet_and_archive_get_what_sources_tell(scene: Scene) -> None:
    scene.tell_everything()
    entry = scene.fleet.entry("a")
    assert entry is not None and entry.facts is not None and entry.link is not None
    assert entry.row.cpu_percent == 50.0
    assert "cpu.busy_percent" in scene.archive.names("a")
    assert scene.diary.texts("reconnected") == ["back"]


def test_a_sample_that_breaks_something_is_logged_and_swallowed_here(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(host: str, one: Sample) -> None:
        raise ZeroDivisionError("odd sample")

    monkeypatch.setattr(scene.archive, "sample", broken)
    scene.intake.sample("a", sample())
    assert "ZeroDivisionError" in (scene.directory / "log").read_text()


def test_a_recording_begins_with_what_is_known_and_holds_what_follows(scene: Scene) -> None:
    scene.tell_everything()
    path = scene.directory / "film"
    scene.recordings.start(str(path), actor="eve")
    assert scene.recordings.in_flight() == [f"recording to {path}"]
    scene.tell_everything()
    answer = scene.recordings.stop(actor="eve")
    assert answer["path"] == str(path)
    film = Recording(path)
    (known,) = film.first.known
    assert (known.host.name, known.facts, known.link) == ("a", HostFacts(kernel="6.8"), LinkInfo(user="root"))
    assert sum(len(film.frame(index).entries) for index in range(len(film.marks))) >= 5
    film.close()
    assert [event.actor for event in scene.timeline.page()] == ["eve", "eve"]


def test_one_recording_at_a_time_with_an_absolute_new_path(scene: Scene) -> None:
    with pytest.raises(BadInput, match="absolute"):
        scene.recordings.start("film", actor="eve")
    with pytest.raises(BadInput, match="no recording"):
        scene.recordings.stop(actor="eve")
    (scene.directory / "there").write_text("mine")
    with pytest.raises(AskOperator, match="exists"):
        scene.recordings.start(str(scene.directory / "there"), actor="eve")
    scene.recordings.start(str(scene.directory / "one"), actor="eve")
    with pytest.raises(BadInput, match="is being written"):
        scene.recordings.start(str(scene.directory / "two"), actor="eve")
    scene.recordings.close()
