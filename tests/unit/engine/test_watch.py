"""Sources: routing, what a reload keeps, and stopping within a bound."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from backends.clock import ManualClock
from backends.config.schema import SshConfig
from backends.engine.fleet import Fleet
from backends.engine.log import Log
from backends.engine.watch import Sources, Watch
from backends.errors import BadInput, SkipHost
from backends.inventory.host import Host
from backends.sources.base import OfferedKey
from tests.unit.engine.parts import Diary, FakeExec, FakeSource


class FakeSsh(FakeSource):
    def __init__(self, hosts: Sequence[Host], config: SshConfig, interval_seconds: float):
        super().__init__(*(host.name for host in hosts))
        self.config, self.interval = config, interval_seconds
        self.updates = 0

    def update(self, hosts: Sequence[Host], ssh: SshConfig | None = None) -> None:
        self.names = [host.name for host in hosts]
        self.config = ssh or self.config
        self.updates += 1


class Scene:
    def __init__(self) -> None:
        clock = ManualClock()
        self.sources = Sources(Log(clock))
        self.made: list[FakeSource] = []
        sink = Fleet(now=clock.now, monotonic=clock.monotonic, on_event=Diary())
        self.watch = Watch(self.sources, sink, ssh=self._ssh, local=self._local)

    def _ssh(self, hosts: Sequence[Host], config: SshConfig, interval: float) -> FakeSsh:
        source = FakeSsh(hosts, config, interval)
        self.made.append(source)
        return source

    def _local(self, name: str, interval: float) -> FakeSource:
        source = FakeSource(name)
        self.made.append(source)
        return source


def hosts(*names: str) -> list[Host]:
    return [Host(name=name, source="local" if name.startswith("me") else "ssh") for name in names]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_hosts_go_to_the_source_of_their_kind(scene: Scene) -> None:
    scene.watch.update(hosts("me", "a", "b"), SshConfig(), 2.0)
    assert [source.names for source in scene.made] == [["me"], ["a", "b"]]
    assert scene.sources.of("b") is scene.made[1]
    assert scene.made[1].interval == 2.0


def test_a_reload_updates_the_running_source_and_keeps_its_connections(scene: Scene) -> None:
    scene.watch.update(hosts("me", "a", "b"), SshConfig(), 1.0)
    scene.watch.update(hosts("me", "b", "c"), SshConfig(user="root"), 1.0)
    assert len(scene.made) == 2  # nothing was made anew
    assert not any(source.stopped for source in scene.made)
    assert scene.sources.of("c") is scene.made[1]
    with pytest.raises(BadInput):
        scene.sources.of("a")


def test_a_local_host_that_left_is_stopped(scene: Scene) -> None:
    scene.watch.update(hosts("me"), SshConfig(), 1.0)
    scene.watch.update(hosts("a"), SshConfig(), 1.0)
    deadline = time.monotonic() + 5
    while not scene.made[0].stopped:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def test_a_fleet_without_ssh_hosts_makes_no_ssh_source(scene: Scene) -> None:
    scene.watch.update(hosts("me"), SshConfig(), 1.0)
    assert len(scene.made) == 1


def test_an_unknown_host_is_named(scene: Scene) -> None:
    with pytest.raises(BadInput) as caught:
        scene.sources.exec("nobody")
    assert caught.value.host == "nobody"


def test_a_source_that_runs_nothing_says_so(scene: Scene) -> None:
    scene.watch.update(hosts("a", "b"), SshConfig(), 1.0)
    scene.made[0].execs["b"] = FakeExec("b")
    assert scene.sources.exec("b").host == "b"
    with pytest.raises(SkipHost, match="recording"):
        scene.sources.exec("a")


def test_keys_are_gathered_and_accepted_where_they_were_offered(scene: Scene) -> None:
    scene.watch.update(hosts("me", "a"), SshConfig(), 1.0)
    scene.made[1].keys = [OfferedKey(host="a", address="a:22", kind="ssh-ed25519", fingerprint="SHA256:x")]
    assert [key.host for key in scene.sources.offered_keys()] == ["a"]
    scene.sources.accept_key("a", "SHA256:x")
    assert scene.made[1].accepted == [("a", "SHA256:x")]


def test_stopping_waits_for_no_source_that_hangs() -> None:
    gate = threading.Event()
    scene = Scene()
    for number in range(5):
        scene.sources.add(
            FakeSource(f"h{number}", on_stop=lambda: gate.wait(10)),
            Fleet(now=time.time, monotonic=time.monotonic, on_event=Diary()),
        )
    began = time.monotonic()
    threading.Timer(0.2, gate.set).start()
    scene.sources.stop()
    assert time.monotonic() - began < 2


def test_a_source_that_fails_to_stop_does_not_keep_the_others(scene: Scene) -> None:
    def fail() -> None:
        raise RuntimeError("stuck")

    sink = Fleet(now=time.time, monotonic=time.monotonic, on_event=Diary())
    bad, good = FakeSource("x", on_stop=fail), FakeSource("y")
    scene.sources.add(bad, sink)
    scene.sources.add(good, sink)
    scene.sources.stop()
    assert good.stopped


def test_a_new_login_is_tried_where_there_is_one(scene: Scene) -> None:
    scene.watch.update(hosts("a", "me"), SshConfig(), 1.0)
    behind_ssh = next(source for source in scene.made if isinstance(source, FakeSsh))
    behind_ssh.log_in = lambda host: f"key of {host}"  # type: ignore[attr-defined]
    assert scene.sources.log_in("a") == "key of a"
    with pytest.raises(SkipHost, match="not reached over SSH"):
        scene.sources.log_in("me")
    with pytest.raises(BadInput):
        scene.sources.log_in("nobody")
