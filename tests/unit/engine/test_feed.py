"""What an engine watches: the configured fleet, the simulated one or a recording, and how a changed file is noticed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.clock import ManualClock, SystemClock
from backends.config.schema import Config, SshConfig
from backends.engine import feed as feeds
from backends.engine.feed import POLL_SECONDS, ConfiguredFeed, DemoFeed, ReplayFeed, choose, make_local, make_ssh
from backends.engine.fleet import Fleet
from backends.engine.log import Log
from backends.engine.watch import Sources
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.metrics.sample import Sample
from backends.sources.frames import Known
from backends.sources.local import LocalSource
from backends.sources.recording import Recorder
from backends.sources.ssh import SshSource
from tests.unit.engine.parts import Diary, FakeSource

CLOCK = ManualClock()


class ScriptedClock(ManualClock):
    """Each wait carries out the next step of a script; after the last one it stops the loop."""

    def __init__(self, stop: threading.Event, *steps: Callable[[threading.Event], object]):
        super().__init__()
        self._stop, self._steps = stop, list(steps)
        self.waited: list[float] = []

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waited.append(seconds)
        if self._steps:
            self._steps.pop(0)(event)
        else:
            self._stop.set()
        return event.is_set()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text('[ssh]\nconfig_file = "none"\n[hosts.a]\n')
    return path


def recording(path: Path) -> Path:
    recorder = Recorder(path, [Known(host=Host(name="old", tags=("x",)))], clock=ManualClock(), on_end=pytest.fail)
    recorder.sample("old", Sample(time=CLOCK.now()))
    recorder.finish()
    return path


def chosen(demo: int = 0, replay: str = "", config: str = "") -> ConfiguredFeed | DemoFeed | ReplayFeed:
    return choose(demo, replay, config, CLOCK, on_jump=lambda: None)


def sink() -> Fleet:
    return Fleet(now=CLOCK.now, monotonic=CLOCK.monotonic, on_event=Diary())


# which one


def test_without_options_it_is_the_configured_fleet(file: Path) -> None:
    feed = chosen(config=str(file))
    config, hosts = feed.config()
    assert (feed.label, [host.name for host in hosts]) == ("", ["a"])
    assert config.ssh.config_file == "none"


def test_a_demo_has_its_label_and_as_many_hosts_as_asked_for() -> None:
    feed = chosen(demo=12)
    assert (feed.label, len(feed.config()[1])) == ("DEMO", 12)


def test_a_replay_names_its_file_and_its_hosts(tmp_path: Path) -> None:
    feed = chosen(replay=str(recording(tmp_path / "monday.swarm")))
    assert isinstance(feed, ReplayFeed)
    assert feed.label == "REPLAY monday.swarm"
    assert [(host.name, host.tags) for host in feed.config()[1]] == [("old", ("x",))]
    feed.source.stop()


def test_a_recording_may_lie_in_the_home_directory() -> None:
    recording(Path.home() / "x.swarm")
    feed = chosen(replay="~/x.swarm")
    assert isinstance(feed, ReplayFeed)
    feed.source.stop()


def test_a_demo_of_a_recording_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="exclude each other"):
        chosen(demo=3, replay="x")


@pytest.mark.parametrize("path", ["/not/there.swarm", "~no-such-user/x"])
def test_a_recording_that_is_not_there_is_told(path: str) -> None:
    with pytest.raises(BadInput, match="cannot read"):
        chosen(replay=path)


def test_a_wrong_configuration_is_told_when_it_is_read(file: Path) -> None:
    file.write_text("[hosts.a]\nprot = 22\n")
    with pytest.raises(BadInput, match="port"):
        chosen(config=str(file)).config()


# watching


@pytest.mark.parametrize("kind", ["demo", "replay"])
def test_a_demo_and_a_replay_watch_their_own_hosts(kind: str, tmp_path: Path) -> None:
    feed = chosen(demo=2) if kind == "demo" else chosen(replay=str(recording(tmp_path / "r")))
    sources, fleet = Sources(Log(CLOCK)), sink()
    config, hosts = feed.config()
    fleet.set_hosts(hosts)
    feed.apply(config, hosts, sources, fleet)
    assert {sources.of(host.name) for host in hosts} == {feed.source}  # type: ignore[union-attr]  # both have one
    sources.stop()


def test_the_configured_fleet_gets_its_sources_and_keeps_them_when_it_changes(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[FakeSource] = []

    def local(clock: object, name: str, interval_seconds: float) -> FakeSource:
        made.append(FakeSource(name))
        return made[-1]

    monkeypatch.setattr(feeds, "make_local", local)
    feed = chosen(config=str(file))
    sources, hosts = Sources(Log(CLOCK)), [Host(name="me", source="local")]
    feed.apply(Config(), hosts, sources, sink())
    feed.apply(Config(), [*hosts, Host(name="me2", source="local")], sources, sink())
    assert [source.names for source in made] == [["me"], ["me2"]]
    assert sources.of("me") is made[0]


def test_sources_are_made_with_the_engines_clock_and_interval() -> None:
    clock = SystemClock()
    local, ssh = make_local(clock, "me", 2.0), make_ssh(clock, [Host(name="a")], SshConfig(config_file="none"), 2.0)
    assert isinstance(local, LocalSource) and isinstance(ssh, SshSource)
    assert (list(local.hosts()), list(ssh.hosts())) == (["me"], ["a"])
    ssh.stop()


# following


def follow(file: Path, *steps: Callable[[threading.Event], object]) -> tuple[int, ScriptedClock]:
    """How often a change was reported while the script ran."""
    stop, asked, count = threading.Event(), threading.Event(), 0
    clock = ScriptedClock(stop, *steps)
    feed = ConfiguredFeed(str(file), clock)
    feed.config()

    def changed() -> None:
        nonlocal count
        count += 1

    feed.follow(stop, asked, changed)
    return count, clock


def ask(asked: threading.Event) -> None:
    """Somebody asks for a reading."""
    asked.set()


def quiet(asked: threading.Event) -> None:
    """Nothing happens in this round."""


def test_nothing_is_reported_while_nothing_changes(file: Path) -> None:
    count, clock = follow(file, quiet, quiet, quiet)
    assert count == 0
    assert set(clock.waited) == {POLL_SECONDS}


def test_a_changed_file_is_reported_once(file: Path) -> None:
    count, _ = follow(file, quiet, lambda asked: file.write_text("[hosts.b]\n[hosts.c]\n"), quiet, quiet)
    assert count == 1


def test_a_file_that_vanishes_and_comes_back_is_two_changes(file: Path) -> None:
    text = file.read_text()
    count, _ = follow(file, lambda asked: file.unlink(), quiet, lambda asked: file.write_text(text), quiet)
    assert count == 2


def test_whoever_asks_gets_a_reading_though_nothing_changed(file: Path) -> None:
    count, _ = follow(file, ask, quiet, quiet)
    assert count == 1


def test_a_file_that_changes_again_while_it_is_read_is_read_again(file: Path) -> None:
    stop, asked, seen = threading.Event(), threading.Event(), []
    clock = ScriptedClock(stop, lambda event: file.write_text("[hosts.b]\n"), quiet, quiet)
    feed = ConfiguredFeed(str(file), clock)
    feed.config()

    def changed() -> None:
        seen.append(file.read_text())
        if len(seen) == 1:
            file.write_text("[hosts.changed-meanwhile]\n")

    feed.follow(stop, asked, changed)
    assert seen == ["[hosts.b]\n", "[hosts.changed-meanwhile]\n"]


def test_an_inventory_that_the_configuration_names_is_followed_too(file: Path, tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("[gpu]\nb\n")
    file.write_text('[ssh]\nconfig_file = "none"\n[inventory]\nansible = ["hosts.ini"]\n')
    count, _ = follow(file, quiet, lambda asked: inventory.write_text("[gpu]\nb\nc\n"), quiet)
    assert count == 1


def test_the_end_is_no_change(file: Path) -> None:
    stop, asked = threading.Event(), threading.Event()

    def end(event: threading.Event) -> None:
        event.set()
        stop.set()

    clock = ScriptedClock(stop, end)
    feed = ConfiguredFeed(str(file), clock)
    feed.config()
    feed.follow(stop, asked, lambda: pytest.fail("reported at the end"))
