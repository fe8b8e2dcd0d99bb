"""The simulated fleet: repeatable, plausible, every story in it, and honest about being simulated."""

from __future__ import annotations

import pytest

from backends.clock import ManualClock
from backends.errors import BadInput, SkipHost
from backends.metrics.sample import HostFacts, Sample
from backends.sources import demo_fleet, demo_motion
from backends.sources.base import LinkInfo, StateChange
from backends.sources.demo import DemoSource
from backends.sources.demo_fleet import DOWN, DemoHost
from backends.states import HostState


class Heard:
    """A sink that remembers the newest of everything."""

    def __init__(self) -> None:
        self.states: dict[str, list[StateChange]] = {}
        self.samples: dict[str, list[Sample]] = {}
        self.known: dict[str, HostFacts] = {}
        self.links: dict[str, LinkInfo] = {}

    def facts(self, host: str, facts: HostFacts) -> None:
        self.known[host] = facts

    def sample(self, host: str, sample: Sample) -> None:
        self.samples.setdefault(host, []).append(sample)

    def state(self, host: str, change: StateChange) -> None:
        self.states.setdefault(host, []).append(change)

    def link(self, host: str, link: LinkInfo) -> None:
        self.links[host] = link

    def note(self, host: str, kind: str, text: str) -> None:
        raise AssertionError("the demo has no notes")


def story(name: str) -> DemoHost:
    return next(host for host in demo_fleet.build(40) if host.story == name)


def at(host: DemoHost, time: float) -> Sample:
    return demo_motion.sample(host, 7, time, 1.0, 1e9 + time)


@pytest.mark.parametrize("count", [1, 7, 40, 41, 1000])
def test_a_fleet_has_the_asked_size_and_unique_names(count: int) -> None:
    hosts = demo_fleet.build(count)
    assert len(hosts) == len({host.name for host in hosts}) == count


def test_forty_hosts_hold_every_role_and_every_kind_of_trouble() -> None:
    hosts = demo_fleet.build(40)
    assert {host.role for host in hosts} == {"h100", "a100", "cpu", "login"}
    assert set(DOWN) <= {host.story for host in hosts}


def test_the_same_seed_and_time_give_the_same_numbers() -> None:
    host = story("training")
    assert at(host, 33.0) == at(host, 33.0)
    assert at(host, 33.0) != demo_motion.sample(host, 8, 33.0, 1.0, 1e9 + 33)


@pytest.mark.parametrize("host", demo_fleet.build(40), ids=lambda host: host.name)
def test_every_number_is_possible(host: DemoHost) -> None:
    for time in range(0, 400, 13):
        one = at(host, float(time))
        cpu, memory = one.cpu, one.memory
        assert cpu is not None and memory is not None
        assert all(core is not None and 0 <= core <= 100 for core in cpu.cores)
        assert memory.used_bytes is not None and memory.total_bytes is not None
        assert 0 <= memory.used_bytes <= memory.total_bytes
        for gpu in one.gpus:
            assert gpu.utilisation_percent is None or 0 <= gpu.utilisation_percent <= 100
            assert gpu.power_watts is None or 0 < gpu.power_watts <= (gpu.power_limit_watts or 0)
            assert gpu.memory_used_bytes is None or 0 <= gpu.memory_used_bytes <= (gpu.memory_total_bytes or 0)


def test_power_and_heat_follow_the_work() -> None:
    busy, idle = at(story("training"), 60.0).gpus[0], at(story("idle"), 60.0).gpus[0]
    assert (busy.power_watts or 0) > 3 * (idle.power_watts or 1e9)
    assert (busy.temperature_celsius or 0) > (idle.temperature_celsius or 1e9)


def test_a_checkpoint_drops_the_gpus_while_the_disk_writes() -> None:
    host = story("training")
    samples = [at(host, float(time)) for time in range(200)]
    low = [one for one in samples if (one.gpus[0].utilisation_percent or 0) < 20]
    assert 5 <= len(low) <= 30
    assert all((one.disks[0].write_bytes_per_second or 0) > 1e9 for one in low)


def test_a_starved_loader_saws_beside_one_full_core() -> None:
    samples = [at(story("data-loader"), float(time)) for time in range(60)]
    busy = sorted(one.gpus[0].utilisation_percent or 0 for one in samples)
    assert busy[3] <= 10 and busy[-4] >= 70
    assert all(one.cpu is not None and one.cpu.cores[0] == 100 and (one.cpu.busy_percent or 0) < 30 for one in samples)


def test_stories_show_where_they_should() -> None:
    assert at(story("lost-gpu"), 1.0).gpus[7].lost
    assert at(story("ecc"), 1.0).gpus[2].ecc_uncorrected_volatile
    assert (at(story("throttled"), 1.0).gpus[5].throttle_bits or 0) & 0x40
    status = at(story("driver-hung"), 1.0).gpu_status
    assert status is not None and status.hung


class Scene:
    def __init__(self, count: int = 40):
        self.clock = ManualClock()
        self.source = DemoSource(count, clock=self.clock)
        self.heard = Heard()

    def introduced(self) -> Scene:
        for host in self.source.fleet:
            self.source.introduce(host, self.heard)
        return self

    def play(self, host: DemoHost, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.source.feed(host, self.heard)


def test_hosts_that_answer_are_introduced_whole_and_the_others_say_why_not() -> None:
    scene = Scene().introduced()
    down = {host.name for host in scene.source.fleet if host.story in DOWN}
    assert {name for name, said in scene.heard.states.items() if said[-1].state is not HostState.UP} == down
    assert set(scene.heard.samples) == set(scene.heard.known) == set(scene.source.hosts()) - down
    assert all(said[-1].reason and said[-1].hint for name, said in scene.heard.states.items() if name in down)
    assert all(first.interval_seconds is None for (first,) in scene.heard.samples.values())


def test_the_quiet_host_stops_sampling_now_and_then() -> None:
    scene = Scene()
    scene.play(story("stale"), 120)
    assert 70 <= len(scene.heard.samples[story("stale").name]) <= 80


def test_the_flapping_host_goes_and_comes_back() -> None:
    scene = Scene()
    scene.play(story("flapping"), 400)
    states = [change.state for change in scene.heard.states[story("flapping").name]]
    assert states == [HostState.UNREACHABLE, HostState.UP] * 2


def test_an_unknown_key_can_be_accepted_once_with_the_right_fingerprint() -> None:
    scene = Scene().introduced()
    host = story("key-unknown")
    scene.source._sink = scene.heard
    (key,) = [key for key in scene.source.offered_keys() if key.host == host.name]
    with pytest.raises(BadInput):
        scene.source.accept_key(host.name, "SHA256:wrong")
    scene.source.accept_key(host.name, key.fingerprint)
    assert scene.heard.states[host.name][-1].state is HostState.UP
    assert host.name in scene.heard.samples
    with pytest.raises(BadInput):
        scene.source.accept_key(host.name, key.fingerprint)


def test_what_cannot_be_reached_says_why_until_its_key_is_accepted() -> None:
    scene = Scene().introduced()
    scene.source._sink = scene.heard
    assert scene.source.unreachable("dgx01") == ""
    assert "connection refused" in scene.source.unreachable(story("refused").name)
    host = story("key-unknown")
    assert scene.source.unreachable(host.name) == "host key is not in known_hosts"
    (key,) = [key for key in scene.source.offered_keys() if key.host == host.name]
    scene.source.accept_key(host.name, key.fingerprint)
    assert scene.source.unreachable(host.name) == ""


def test_the_flapping_host_cannot_be_asked_while_it_is_away() -> None:
    scene, host = Scene(), story("flapping")
    said = set()
    for _ in range(200):
        scene.play(host, 1)
        said.add(scene.source.unreachable(host.name))
    assert said == {"", "connection lost: no answer for 10 s"}


def test_a_changed_key_shows_both_fingerprints() -> None:
    changed = [key for key in Scene().source.offered_keys() if key.changed]
    assert changed and all(key.known_fingerprint and key.known_place for key in changed)


def test_no_command_pretends_to_run() -> None:
    way = Scene().source.exec("dgx01")
    assert way is not None
    with pytest.raises(SkipHost, match="simulated"):
        way.run(["uname"])


def test_the_thread_feeds_every_host_and_stops() -> None:
    scene = Scene(5)
    scene.source.start(scene.heard)
    for _ in range(2000):  # the clock is manual: the loop spins through virtual time
        if all(
            len(scene.heard.samples.get(host.name, ())) > 3 for host in scene.source.fleet if host.story not in DOWN
        ):
            break
        scene.clock.wait(scene.source._stop, 0.0)
        scene.source._thread.join(0.005)
    scene.source.stop()
    assert not scene.source._thread.is_alive()
