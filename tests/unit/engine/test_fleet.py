"""The fleet: versions, deltas, staleness, and what counts as news."""

from __future__ import annotations

import msgspec
import pytest

from backends.clock import ManualClock
from backends.engine.fleet import EncodedView, Fleet
from backends.engine.wire import FleetView
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts
from backends.sources.base import LinkInfo, StateChange
from backends.states import HostState, Severity
from tests.unit.engine.parts import Diary, sample


class Scene:
    def __init__(self, *names: str):
        self.clock = ManualClock()
        self.diary = Diary()
        self.fleet = Fleet(now=self.clock.now, monotonic=self.clock.monotonic, on_event=self.diary)
        self.fleet.set_hosts([Host(name=name, tags=("gpu",)) for name in names])

    def up(self, host: str) -> None:
        self.fleet.state(host, StateChange(state=HostState.UP))
        self.fleet.sample(host, sample(self.clock.now()))

    def state(self, host: str) -> HostState:
        entry = self.fleet.entry(host)
        assert entry is not None
        return entry.row.state


@pytest.fixture
def scene() -> Scene:
    return Scene("a", "b", "c")


def decoded(view: EncodedView) -> FleetView:
    return msgspec.json.decode(msgspec.json.encode(view), type=FleetView)


def test_the_first_view_is_the_whole_fleet(scene: Scene) -> None:
    view = decoded(scene.fleet.view())
    assert view.full
    assert [row.name for row in view.rows] == ["a", "b", "c"]
    assert {row.state for row in view.rows} == {HostState.CONNECTING}
    assert view.summary.total == 3


def test_a_delta_holds_only_what_changed_once_and_newest(scene: Scene) -> None:
    since = scene.fleet.view().version
    scene.up("b")
    scene.fleet.sample("b", sample(busy=99.0))
    view = decoded(scene.fleet.view(since))
    assert not view.full
    assert [(row.name, row.cpu_percent) for row in view.rows] == [("b", 99.0)]
    assert decoded(scene.fleet.view(view.version)).rows == ()


def test_a_removed_host_is_named_in_the_delta_and_a_new_one_comes_as_a_row(scene: Scene) -> None:
    scene.up("a")
    since = scene.fleet.view().version
    scene.fleet.set_hosts([Host(name="a", tags=("gpu",)), Host(name="d")])
    view = decoded(scene.fleet.view(since))
    assert set(view.removed) == {"b", "c"}
    assert [row.name for row in view.rows] == ["d"]
    assert scene.state("a") is HostState.UP  # untouched


def test_a_version_of_another_engine_gets_the_whole_fleet(scene: Scene) -> None:
    version = scene.fleet.view().version
    assert scene.fleet.view(version + 1_000_000).full
    assert scene.fleet.view(5).full
    assert scene.fleet.view(0).full


def test_a_later_engine_never_shares_versions_with_an_earlier_one() -> None:
    early = Scene("a")
    for _ in range(3000):
        early.fleet.sample("a", sample())
    late = Scene()
    late.clock.advance(2)
    fleet = Fleet(now=late.clock.now, monotonic=late.clock.monotonic, on_event=late.diary)
    fleet.set_hosts([Host(name="a")])
    assert fleet.view(early.fleet.view().version).full


def test_a_view_can_be_limited_to_some_hosts(scene: Scene) -> None:
    view = decoded(scene.fleet.view(None, frozenset({"c"})))
    assert [row.name for row in view.rows] == ["c"]
    assert view.summary.total == 1


def test_a_host_whose_samples_stop_becomes_stale_and_recovers(scene: Scene) -> None:
    scene.up("a")
    scene.clock.advance(2.0)
    scene.fleet.check_ages()
    assert scene.state("a") is HostState.UP
    scene.clock.advance(0.6)
    scene.fleet.check_ages()
    assert scene.state("a") is HostState.STALE
    scene.fleet.sample("a", sample(scene.clock.now()))
    assert scene.state("a") is HostState.UP
    assert scene.diary.texts("state") == ["up → stale: samples stopped", "stale → up"]


def test_a_slow_interval_gets_more_patience(scene: Scene) -> None:
    scene.fleet.interval_seconds = 60.0
    scene.up("a")
    scene.clock.advance(140)
    scene.fleet.check_ages()
    assert scene.state("a") is HostState.UP
    scene.clock.advance(20)
    scene.fleet.check_ages()
    assert scene.state("a") is HostState.STALE


def test_a_host_that_comes_up_and_never_samples_becomes_stale(scene: Scene) -> None:
    scene.fleet.state("a", StateChange(state=HostState.UP))
    scene.clock.advance(9)
    scene.fleet.check_ages()
    assert scene.state("a") is HostState.UP
    scene.clock.advance(2)
    scene.fleet.check_ages()
    assert scene.state("a") is HostState.STALE


def test_a_wall_clock_that_jumps_makes_nobody_stale(scene: Scene) -> None:
    scene.up("a")
    scene.clock.step_wall(-86_400)
    scene.fleet.check_ages()
    scene.clock.step_wall(2 * 86_400)
    scene.fleet.check_ages()
    assert scene.state("a") is HostState.UP


def test_a_host_that_is_down_is_not_called_stale(scene: Scene) -> None:
    scene.up("a")
    scene.fleet.state("a", StateChange(state=HostState.UNREACHABLE, reason="timeout"))
    scene.clock.advance(60)
    scene.fleet.check_ages()
    assert scene.state("a") is HostState.UNREACHABLE


def test_a_hung_driver_is_a_state_of_its_own_and_ends_with_it(scene: Scene) -> None:
    scene.up("a")
    scene.fleet.sample("a", sample(hung=True))
    entry = scene.fleet.entry("a")
    assert entry is not None
    assert (entry.row.state, entry.row.severity) == (HostState.DRIVER_HUNG, Severity.CRITICAL)
    assert {cell.flag for cell in entry.row.gpus} == {"hung"}
    scene.fleet.sample("a", sample())
    assert scene.state("a") is HostState.UP


def test_a_sample_proves_that_a_connecting_host_is_up(scene: Scene) -> None:
    scene.fleet.sample("a", sample())
    assert scene.state("a") is HostState.UP


def test_since_moves_only_when_the_state_does(scene: Scene) -> None:
    scene.up("a")
    before = scene.fleet.entry("a")
    scene.clock.advance(1)
    scene.fleet.sample("a", sample())
    after = scene.fleet.entry("a")
    assert before is not None and after is not None
    assert before.row.since == after.row.since
    assert before.row.version < after.row.version


def test_coming_up_at_the_start_is_no_news_but_going_down_is(scene: Scene) -> None:
    scene.up("a")
    assert scene.diary.events == []
    scene.fleet.state("b", StateChange(state=HostState.AUTH_FAILED, reason="no key was accepted"))
    assert scene.diary.events == [("b", "state", "auth-failed: no key was accepted", Severity.CRITICAL)]


def test_tries_to_connect_are_no_news_their_outcome_is(scene: Scene) -> None:
    scene.up("a")
    for state in (HostState.CONNECTING, HostState.UNREACHABLE, HostState.CONNECTING, HostState.UNREACHABLE):
        scene.fleet.state("a", StateChange(state=state, reason="no route" if state is HostState.UNREACHABLE else ""))
    for state in (HostState.CONNECTING, HostState.UP, HostState.CONNECTING, HostState.UP):
        scene.fleet.state("a", StateChange(state=state))
    assert scene.diary.texts("state") == ["up → unreachable: no route", "unreachable → up"]


def test_a_new_boot_id_is_a_reboot_and_a_new_kernel_is_told(scene: Scene) -> None:
    scene.fleet.facts("a", HostFacts(boot_id="1", kernel="6.1"))
    scene.fleet.facts("a", HostFacts(boot_id="2", kernel="6.2"))
    scene.fleet.facts("a", HostFacts(boot_id="2", kernel="6.3"))
    assert scene.diary.texts("reboot") == ["rebooted (new boot id), kernel 6.1 → 6.2"]
    assert scene.diary.texts("facts-changed") == ["kernel 6.2 → 6.3"]


def test_what_is_told_about_a_foreign_host_is_dropped(scene: Scene) -> None:
    since = scene.fleet.view().version
    scene.fleet.sample("ghost", sample())
    scene.fleet.state("ghost", StateChange(state=HostState.UP))
    scene.fleet.facts("ghost", HostFacts())
    scene.fleet.link("ghost", LinkInfo())
    scene.fleet.set_verdict("ghost", "x")
    assert scene.fleet.view(since).rows == []
    assert scene.fleet.entry("ghost") is None


def test_the_same_verdict_is_no_change(scene: Scene) -> None:
    scene.fleet.set_verdict("a", "storage")
    since = scene.fleet.view().version
    scene.fleet.set_verdict("a", "storage")
    assert decoded(scene.fleet.view(since)).rows == ()


def test_many_removals_end_in_a_full_view_instead_of_a_wrong_delta() -> None:
    scene = Scene()
    since = scene.fleet.view().version
    scene.fleet.set_hosts([Host(name=f"h{number}") for number in range(5000)])
    scene.fleet.set_hosts([])
    assert scene.fleet.view(since).full


def test_the_summary_counts_states_and_the_worst(scene: Scene) -> None:
    scene.up("a")
    scene.fleet.state("b", StateChange(state=HostState.AUTH_FAILED))
    summary = scene.fleet.view().summary
    assert (summary.total, summary.up, summary.gpus) == (3, 1, 2)
    assert summary.by_state == {"up": 1, "auth-failed": 1, "connecting": 1}
    assert summary.worst is Severity.CRITICAL
    assert summary.gpu_percent == 80.0
