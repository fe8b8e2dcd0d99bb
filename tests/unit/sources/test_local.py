"""This machine as a host of the fleet: what it tells, when, and that it ends whatever hangs."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

import pytest

from backends.clock import Clock, ManualClock, SystemClock
from backends.metrics.sample import Filesystem, Gpu, GpuStatus, HostFacts, Sample
from backends.sources import local
from backends.sources.base import LinkInfo, StateChange
from backends.sources.local import MIN_INTERVAL_SECONDS, LocalSource
from backends.states import HostState
from tests.unit.hostkit.kit import eventually


class Heard:
    """A sink that keeps the order of what it is told."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.states: list[StateChange] = []
        self.samples: queue.Queue[Sample] = queue.Queue()

    def facts(self, host: str, facts: HostFacts) -> None:
        self.kinds.append("facts")

    def sample(self, host: str, sample: Sample) -> None:
        self.kinds.append("sample")
        self.samples.put(sample)

    def state(self, host: str, change: StateChange) -> None:
        self.kinds.append("state")
        self.states.append(change)

    def link(self, host: str, link: LinkInfo) -> None:
        self.kinds.append("link")

    def note(self, host: str, kind: str, text: str) -> None:
        self.kinds.append("note")

    def next(self) -> Sample:
        return self.samples.get(timeout=20)


class Scene:
    """A source that samples when it is asked to."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.source = LocalSource("me", 3600, clock or SystemClock())
        self.heard = Heard()

    def start(self) -> None:
        self.source.start(self.heard)


@pytest.fixture
def scene() -> Iterator[Scene]:
    one = Scene()
    yield one
    one.source.stop()


def test_it_tells_facts_link_and_state_before_the_first_sample(scene: Scene) -> None:
    scene.start()
    scene.heard.next()
    assert scene.heard.kinds[:4] == ["facts", "link", "state", "sample"]
    assert [change.state for change in scene.heard.states] == [HostState.UP]


def test_the_second_sample_comes_early_and_has_rates(scene: Scene) -> None:
    scene.start()
    assert scene.heard.next().interval_seconds is None
    second = scene.heard.next()  # after half a second, although the interval is an hour
    assert second.interval_seconds is not None
    assert second.cpu is not None and second.cpu.busy_percent is not None


def test_what_processes_use_is_known_soon_after_the_start(scene: Scene) -> None:
    scene.start()

    def known() -> bool:
        scene.source.poll("me")
        table = scene.heard.next().processes
        return table is not None and any(process.cpu_percent is not None for process in table.top)

    assert eventually(known, 20)


def test_a_poll_samples_now(scene: Scene) -> None:
    scene.start()
    scene.heard.next()
    before = scene.heard.next()
    scene.source.poll("me")
    assert scene.heard.next().time > before.time


def test_a_shorter_interval_begins_at_once(scene: Scene) -> None:
    scene.start()
    scene.source.set_interval(0.01)
    for _ in range(4):
        scene.heard.next()
    assert scene.source._interval == MIN_INTERVAL_SECONDS


def test_it_watches_one_host_and_runs_commands_on_it(scene: Scene) -> None:
    assert scene.source.hosts() == ("me",)
    assert scene.source.exec("other") is None
    way = scene.source.exec("me")
    assert way is not None
    assert way.run(["echo", "here"]).stdout == b"here\n"


def test_whoever_looks_gets_processes_more_often(scene: Scene) -> None:
    scene.source.focus("me", True)
    assert scene.source._table._cadence == local.FOCUS_PROCESS_SECONDS
    scene.source.focus("me", False)
    assert scene.source._table._cadence == local.PROCESS_SECONDS


def test_a_hung_gpu_driver_is_the_state_of_the_host_until_it_answers(scene: Scene) -> None:
    heard, gpu = scene.heard, scene.source._gpu
    for status in (None, GpuStatus(way="nvml"), GpuStatus(hung=True, reason="no answer"), GpuStatus(way="nvml")):
        gpu.status = status
        scene.source._tell_state(heard)
    assert [(change.state, change.reason) for change in heard.states] == [
        (HostState.UP, ""),
        (HostState.DRIVER_HUNG, "no answer"),
        (HostState.UP, ""),
    ]


def test_gpus_are_part_of_every_sample(scene: Scene) -> None:
    scene.source._gpu.status, scene.source._gpu.gpus = GpuStatus(way="nvml"), (Gpu(index=0, name="H100"),)
    sample = scene.source.sample()
    assert sample.gpu_status == GpuStatus(way="nvml")
    assert [gpu.name for gpu in sample.gpus] == ["H100"]


def test_a_dead_nfs_server_costs_the_filesystems_and_nothing_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def hang() -> tuple[Filesystem, ...]:
        gate.wait(30)
        return ()

    monkeypatch.setattr(scene.source._filesystems, "_read", hang)
    monkeypatch.setattr(scene.source._filesystems, "_deadline", 0.2)
    scene.start()
    missing: dict[str, str] = {}
    for _ in range(3):
        sample = scene.heard.next()
        missing = sample.missing
        threading.Event().wait(0.3)
        scene.source.poll("me")
    assert missing["filesystems"] == "no answer within 0.2 s"
    assert sample.filesystems == () and sample.memory is not None
    began = time.monotonic()
    scene.source.stop()
    assert time.monotonic() - began < 1
    gate.set()


def test_the_age_of_the_process_table_is_told() -> None:
    clock = ManualClock()
    scene = Scene(clock)
    scene.source._table.refresh()
    clock.advance(4)
    table = scene.source.sample().processes
    assert table is not None and table.age_seconds == 4.0


def test_a_wall_clock_that_jumps_changes_no_rate() -> None:
    clock = ManualClock()
    scene = Scene(clock)
    first = scene.source.sample()
    clock.advance(2)
    clock.step_wall(-86_400)
    second = scene.source.sample()
    assert (first.interval_seconds, second.interval_seconds) == (None, 2.0)
    assert second.time == first.time + 2 - 86_400


def test_it_ends_within_a_second_and_stays_quiet(scene: Scene) -> None:
    scene.start()
    scene.heard.next()
    began = time.monotonic()
    scene.source.stop()
    assert time.monotonic() - began < 1
    assert eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "local me"])
    count = len(scene.heard.kinds)
    scene.source.poll("me")
    threading.Event().wait(0.1)
    assert len(scene.heard.kinds) == count


def test_a_source_that_never_began_can_be_stopped() -> None:
    LocalSource("me").stop()
