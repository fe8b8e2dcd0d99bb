"""Recording and replay: what goes in comes out, at any place and speed, from whole and from cut-off files."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.clock import ManualClock
from backends.errors import AskOperator, BadInput
from backends.inventory.host import Host
from backends.metrics.sample import Cpu, HostFacts, Sample
from backends.sources import frames, recording
from backends.sources.base import LinkInfo, StateChange
from backends.sources.frames import Known
from backends.sources.recording import Recorder
from backends.sources.replay import ReplaySource
from backends.states import HostState

Told = tuple[str, str, object]


class Heard:
    """A sink that keeps what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def facts(self, host: str, facts: HostFacts) -> None:
        self.told.append(("facts", host, facts.kernel))

    def sample(self, host: str, sample: Sample) -> None:
        self.told.append(("sample", host, sample.cpu.busy_percent if sample.cpu else None))

    def state(self, host: str, change: StateChange) -> None:
        self.told.append(("state", host, change.state))

    def link(self, host: str, link: LinkInfo) -> None:
        self.told.append(("link", host, link.user))

    def note(self, host: str, kind: str, text: str) -> None:
        self.told.append(("note", host, kind))

    def samples(self) -> list[object]:
        return [value for kind, _, value in self.told if kind == "sample"]

    def take(self) -> list[Told]:
        told, self.told = self.told, []
        return told


TO_CLOSE: list[Callable[[], object]] = []
"""What a test opened; closed after it."""


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while TO_CLOSE:
        TO_CLOSE.pop()()


class Studio:
    """Records one host for a while: sample n has busy n, one a second."""

    def __init__(self, directory: Path):
        self.clock = ManualClock()
        self.start = self.clock.now()
        self.path = directory / "fleet.swarm"
        self.ended: list[str] = []
        known = [Known(host=Host(name="a", tags=("x",)), state=StateChange(state=HostState.UP))]
        self.recorder = Recorder(self.path, known, clock=self.clock, on_end=self.ended.append)
        TO_CLOSE.append(self.recorder._file.close)

    def seconds(self, count: int, first: int = 0) -> None:
        for number in range(first, first + count):
            self.clock.advance(1)
            self.recorder.sample("a", Sample(time=self.clock.now(), cpu=Cpu(busy_percent=float(number))))
            if self.recorder.due():
                self.recorder.flush()

    def finished(self) -> Path:
        self.recorder.finish()
        return self.path


class Player:
    def __init__(self, path: Path):
        self.clock = ManualClock(5e8)  # years away from the recorded time: only the recording counts
        self.jumps = 0
        self.source = ReplaySource(path, clock=self.clock, on_jump=self._jumped)
        TO_CLOSE.append(self.source.stop)
        self.heard = Heard()
        self.source._sink = self.heard  # without the thread: tests make the steps

    def _jumped(self) -> None:
        self.jumps += 1

    def play(self, seconds: float) -> list[object]:
        self.clock.advance(seconds)
        self.source.step()
        return self.heard.samples()


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_what_was_recorded_is_played_in_the_same_order_and_pace(studio: Studio) -> None:
    studio.recorder.facts("a", HostFacts(kernel="6.8"))
    studio.recorder.link("a", LinkInfo(user="root"))
    studio.seconds(30)
    studio.recorder.note("a", "reboot", "x")
    player = Player(studio.finished())
    assert player.source.label == "REPLAY fleet.swarm"
    assert [(host.name, host.tags) for host in player.source.inventory()] == [("a", ("x",))]
    assert player.play(5.0) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert player.heard.told[:2] == [("facts", "a", "6.8"), ("link", "a", "root")]
    assert player.play(100.0) == [float(number) for number in range(30)]
    assert player.heard.told[-1] == ("note", "a", "reboot")


def test_at_the_end_it_stands_still(studio: Studio) -> None:
    studio.seconds(12)
    player = Player(studio.finished())
    player.play(1000)
    at = player.source.position()
    assert at.position == at.end == studio.start + 12
    assert at.paused


def test_pause_and_speed(studio: Studio) -> None:
    studio.seconds(60)
    player = Player(studio.finished())
    player.source.control(speed=10.0)
    assert len(player.play(2.0)) == 20
    player.source.control(paused=True)
    assert len(player.play(100.0)) == 20
    assert player.source.now() == studio.start + 20
    player.source.control(paused=False, speed=1.0)
    assert len(player.play(3.0)) == 23


@pytest.mark.parametrize("speed", [0.0, -1.0, 1e6, float("nan")])
def test_an_impossible_speed_is_refused(studio: Studio, speed: float) -> None:
    studio.seconds(2)
    player = Player(studio.finished())
    with pytest.raises(BadInput):
        player.source.control(speed=speed)


def test_seeking_forward_and_back_shows_what_was_known_there(studio: Studio) -> None:
    studio.seconds(100)
    studio.recorder.state("a", StateChange(state=HostState.UNREACHABLE))
    studio.seconds(100, first=100)
    player = Player(studio.finished())
    player.source.control(position=studio.start + 150)
    assert player.heard.samples()[-1] == 149.0
    assert ("state", "a", HostState.UNREACHABLE) in player.heard.take()
    player.source.control(position=studio.start + 50)
    assert player.heard.samples()[-1] == 49.0
    assert ("state", "a", HostState.UNREACHABLE) not in player.heard.take()
    assert player.jumps == 2
    assert player.play(2.0) == [50.0, 51.0]


def test_a_seek_plays_the_minute_before_it_so_that_graphs_are_not_empty(studio: Studio) -> None:
    studio.seconds(300)
    player = Player(studio.finished())
    player.source.control(position=studio.start + 200)
    played = player.heard.samples()
    assert 60 <= len(played) <= 75
    assert played[-1] == 199.0


def test_the_shown_time_never_runs_ahead_of_what_was_told(studio: Studio) -> None:
    studio.seconds(300)
    player = Player(studio.finished())
    player.source.control(speed=100.0)
    player.play(1.0)
    player.clock.advance(0.5)  # fifty recorded seconds that nobody was told about yet
    assert player.source.now() == studio.start + 100
    player.source.step()
    assert player.source.now() == studio.start + 150


def test_a_seek_beyond_the_ends_stops_there(studio: Studio) -> None:
    studio.seconds(20)
    player = Player(studio.finished())
    assert player.source.control(position=0.0).position == studio.start
    assert player.source.control(position=1e12).position == studio.start + 20


def test_a_recording_that_was_cut_off_plays_up_to_the_cut(studio: Studio) -> None:
    studio.seconds(60)
    whole = studio.finished().read_bytes()
    marks = studio.recorder._marks
    studio.path.write_bytes(whole[: marks[3].offset + 30])
    player = Player(studio.path)
    assert player.source.position().end == marks[2].end
    assert len(player.play(1000)) == 30


def test_a_damaged_frame_costs_its_stretch_only(studio: Studio) -> None:
    studio.seconds(60)
    data = bytearray(studio.finished().read_bytes())
    data[studio.recorder._marks[2].offset + 60] ^= 0xFF
    studio.path.write_bytes(data)
    player = Player(studio.path)
    for _ in range(30):
        player.play(2.5)
    assert [float(number) for number in range(60) if not 20 <= number < 30] == player.heard.samples()
    assert ("note", "", "replay") in player.heard.told


@pytest.mark.parametrize("data", [b"", b"text", frames.MAGIC, frames.MAGIC + b"F" * 100])
def test_what_is_no_recording_is_refused_with_its_name(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(BadInput, match="x"):
        ReplaySource(path, clock=ManualClock())


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read"):
        ReplaySource(tmp_path / "none", clock=ManualClock())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_file_damaged_anywhere_plays_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    studio = Studio(tmp_path_factory.mktemp("r"))
    studio.seconds(25)
    raw = bytearray(studio.finished().read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    studio.path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        player = Player(studio.path)
    except BadInput:
        TO_CLOSE.pop()()
        return
    for _ in range(5):
        player.play(10)
    player.source.control(position=studio.start + 12)
    TO_CLOSE.pop()()
    TO_CLOSE.pop()()


def test_an_existing_file_is_never_overwritten(studio: Studio) -> None:
    with pytest.raises(AskOperator, match="exists"):
        Recorder(studio.path, (), clock=studio.clock, on_end=studio.ended.append)


def test_a_full_disk_ends_the_recording_once_and_keeps_what_was_written(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.seconds(25)

    def full(*_: object) -> frames.Mark:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(frames, "write_frame", full)
    studio.seconds(25, first=25)
    studio.recorder.finish()
    assert len(studio.ended) == 1 and "No space" in studio.ended[0]
    monkeypatch.undo()
    assert len(Player(studio.path).play(1000)) == 20


def test_a_disk_that_is_too_slow_costs_entries_not_memory(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_WAITING_BYTES", 500)
    for _ in range(100):
        studio.recorder.note("a", "k", "x" * 50)
    assert 80 < studio.recorder.dropped < 100


def test_recordings_are_small(studio: Studio) -> None:
    studio.seconds(600)
    assert studio.finished().stat().st_size < 600 * 40
