"""What the rules are shown of a host: its last real state, tries that failed, names of GPUs that fell off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from backends.alerts.subjects import Pending, Subject
from backends.clock import ManualClock
from backends.engine.gathering import Gathering, Slow
from backends.engine.remembered import Remembered
from backends.engine.wire import HostRow
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Sample
from backends.sources.base import StateChange
from backends.states import HostState
from tests.unit.engine.parts import gpu, sample

NOW = 1_800_000_000.0


class Scene:
    def __init__(self) -> None:
        self.sample: Sample | None = None
        self.asked: list[Sequence[str]] = []
        remembered = Remembered(None, ManualClock(), lambda host: False, lambda text: None)
        self.gathering = Gathering(self._glimpses, remembered, slow=self._slow)

    def _glimpses(self) -> list[tuple[str, HostRow, HostFacts | None, Sample | None]]:
        return [("a", HostRow(name="a", state=HostState.UP), None, self.sample)]

    def _slow(self, names: Sequence[str]) -> Mapping[str, Slow]:
        self.asked.append(names)
        return {"a": Slow(pending=Pending(security=3), concerns=())}

    def say(self, *states: HostState) -> None:
        for state in states:
            self.gathering.state("a", StateChange(state=state, reason=str(state)))

    @property
    def subject(self) -> Subject:
        subject, fleet = self.gathering.subjects(NOW, {}, ())
        assert fleet.host == ""
        return subject


def test_before_anything_came_it_is_being_tried() -> None:
    assert (Scene().subject.state, Scene().subject.misses) == (HostState.CONNECTING, 0)


def test_a_try_is_no_state_and_failed_ones_are_counted_until_it_answers() -> None:
    scene = Scene()
    scene.say(HostState.UP, HostState.CONNECTING, HostState.UNREACHABLE, HostState.CONNECTING, HostState.UNREACHABLE)
    assert (scene.subject.state, scene.subject.misses) == (HostState.UNREACHABLE, 2)
    scene.say(HostState.CONNECTING)
    assert scene.subject.reason == "unreachable"
    scene.say(HostState.UP)
    assert (scene.subject.state, scene.subject.misses) == (HostState.UP, 0)


def test_a_sample_proves_that_the_host_is_up_but_overrules_no_state() -> None:
    scene = Scene()
    scene.gathering.sample("a", sample(NOW))
    states = [scene.subject.state]
    scene.say(HostState.UNREACHABLE)
    scene.gathering.sample("a", sample(NOW + 1))
    states.append(scene.subject.state)
    assert states == [HostState.UP, HostState.UNREACHABLE]


def test_samples_become_means() -> None:
    scene = Scene()
    for second in range(5):
        scene.gathering.sample("a", sample(NOW + second, busy=90.0))
    assert scene.subject.recent is not None and scene.subject.recent.cpu_busy_percent == 90.0
    scene.gathering.forget()
    assert scene.subject.recent is None


def test_a_gpu_that_fell_off_the_bus_keeps_its_name() -> None:
    scene = Scene()
    both = [replace(gpu(at), uuid=f"GPU-{at}", bus_id=f"00000000:0{at}:00.0") for at in range(2)]
    scene.gathering.sample("a", replace(sample(NOW), gpus=tuple(both)))
    scene.gathering.sample("a", replace(sample(NOW + 1), gpus=(both[0],)))
    assert scene.subject.known_gpus == {"0000:00:00": "GPU-0", "0000:01:00": "GPU-1"}


def test_a_gpu_that_was_lost_before_a_reconnect_is_still_the_one_it_was() -> None:
    """Its driver tells no name of it any more, and the alert about it must not become another one."""
    scene = Scene()
    both = [replace(gpu(at), uuid=f"GPU-{at}", bus_id=f"00000000:0{at}:00.0") for at in range(2)]
    lost = replace(gpu(1), lost=True)
    scene.gathering.sample("a", replace(sample(NOW), gpus=tuple(both)))
    for second in (1, 2):
        scene.sample = replace(sample(NOW + second), gpus=(both[0], lost))
        scene.gathering.sample("a", scene.sample)
        found = scene.subject.sample
        assert found is not None
        assert [(each.uuid, each.lost) for each in found.gpus] == [("GPU-0", False), ("GPU-1", True)]
    scene.gathering.keep(["b"])
    after = scene.sample = replace(sample(NOW + 3), gpus=(both[0], lost))
    scene.gathering.sample("a", after)
    assert scene.subject.sample is after, "nobody knows any more"


def test_a_reboot_is_as_old_as_the_first_sample_after_it_says() -> None:
    """The one before it is of the boot before, and its uptime too."""
    scene = Scene()
    for boot, uptime in (("one", 500_000.0), ("two", 30.0)):
        scene.gathering.facts("a", HostFacts(boot_id=boot))
        assert scene.subject.boots == ()
        scene.gathering.sample("a", replace(sample(NOW), uptime_seconds=uptime))
    (found,) = scene.subject.boots
    assert (found.boot_id, found.noticed - found.time) == ("two", 30.0)


def test_what_changes_slowly_is_not_known_until_it_was_fetched() -> None:
    scene = Scene()
    assert scene.subject.pending is None and scene.subject.concerns is None
    scene.gathering.refresh([Host(name="a")])
    assert scene.subject.pending == Pending(security=3) and scene.subject.concerns == ()


def test_hosts_that_are_gone_are_forgotten() -> None:
    scene = Scene()
    scene.say(HostState.UP)
    scene.gathering.sample("a", sample(NOW))
    scene.gathering.keep(["b"])
    assert scene.subject.state is HostState.CONNECTING
    assert scene.subject.recent is None
