"""What `engine.info` says of engines that are not the usual one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backends.clock import ManualClock
from backends.engine import views
from backends.engine.engine import Engine
from backends.engine.feed import ReplayFeed
from backends.engine.options import EngineOptions
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.metrics.sample import Sample
from backends.sources.frames import Known
from backends.sources.recording import Recorder
from backends.sources.replay import Position
from backends.updates.demo import DemoUpdates

Make = Callable[..., Engine]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Builds engines that are not started, and ends them."""
    made: list[Engine] = []

    def build(**options: object) -> Engine:
        made.append(Engine(EngineOptions(**options), state=tmp_path))  # type: ignore[arg-type]  # tests name options
        return made[-1]

    yield build
    for engine in made:
        engine.stop()
        if engine.store is not None:
            engine.store._close()


def test_without_a_configuration_there_is_no_path_and_no_name(make: Make) -> None:
    info = views.info(make())
    assert (info.config_path, info.fleet_name, info.hosts, info.label) == ("", "", 1, "")
    assert info.version == views.program_version()


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        ("dgx.toml", "", "dgx"),
        ("config.toml", "", ""),
        ("dgx.toml", '[engine]\nfleet_name = "Basement"\n', "Basement"),
    ],
)
def test_the_fleet_is_called_as_configured_or_as_its_file(
    make: Make, tmp_path: Path, file: str, text: str, name: str
) -> None:
    (tmp_path / file).write_text(text)
    info = views.info(make(config_path=str(tmp_path / file)))
    assert (info.fleet_name, info.config_path) == (name, str(tmp_path / file))


def test_a_demo_says_so_and_stores_nothing(make: Make, tmp_path: Path) -> None:
    engine = make(demo=5)
    info = views.info(engine)
    assert (info.label, info.hosts, info.replay, info.config_path) == ("DEMO", 5, None, "")
    assert engine.store is None
    assert list(tmp_path.iterdir()) == []


def test_only_a_demo_has_simulated_updates(make: Make, tmp_path: Path) -> None:
    demo = make(demo=5).updates
    assert isinstance(demo, DemoUpdates)
    assert demo.known_runs().boards() == ()
    assert not isinstance(make(config_path="").updates, DemoUpdates)


def test_read_only_comes_from_the_command_line_or_the_configuration(make: Make, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("[engine]\nread_only = true\n")
    assert views.info(make(read_only=True)).read_only
    assert views.info(make(config_path=str(tmp_path / "x.toml"))).read_only
    assert not views.info(make(demo=1)).read_only


def test_a_replay_says_where_it_stands(make: Make, tmp_path: Path) -> None:
    clock, file = ManualClock(), tmp_path / "monday.swarm"
    recorder = Recorder(file, [Known(host=Host(name="old"))], clock=clock, on_end=pytest.fail)
    recorder.sample("old", Sample(time=clock.now()))
    clock.advance(10)
    recorder.finish()
    engine = make(replay=str(file))
    info = views.info(engine)
    assert info.label == "REPLAY monday.swarm"
    assert info.replay is not None
    assert (info.replay.start, info.replay.end, info.replay.speed) == (clock.now() - 10, clock.now(), 1.0)
    detail = views.detail(engine, "old")
    assert detail.now == engine.fleet.now() == info.replay.start  # the recorded time, not today's
    assert isinstance(engine.feed, ReplayFeed)
    engine.feed.source.stop()


def test_a_host_that_is_not_in_the_fleet_is_refused(make: Make) -> None:
    with pytest.raises(BadInput, match="no such host") as caught:
        views.detail(make(demo=1), "ghost")
    assert caught.value.host == "ghost"


def test_a_position_is_the_same_on_the_wire() -> None:
    at = Position(start=1.0, end=9.0, position=5.0, speed=2.0, paused=True)
    found = views.position(at)
    assert (found.start, found.end, found.position, found.speed, found.paused) == (1.0, 9.0, 5.0, 2.0, True)
