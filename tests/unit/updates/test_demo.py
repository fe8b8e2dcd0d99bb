"""The simulated fleet of `--demo`: the product's own service over hosts in memory; every story plays as it would on a real host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backends.errors import BadInput, SkipHost
from backends.inventory.host import Host
from backends.states import Severity
from backends.updates.demo import DemoUpdates
from backends.updates.model import PackageClass, Selection, Stage
from backends.updates.records import RunRecord
from backends.updates.runs import Board, BoardHost
from tests.unit.updates.fleet import BriefClock
from tests.unit.updates.test_runs import until

HOSTS = (
    *(Host(name=f"dgx{number:02d}", tags=("h100", "gpu")) for number in range(1, 17)),
    *(Host(name=f"a100-{number:02d}", tags=("a100", "gpu")) for number in range(1, 7)),
    *(Host(name=f"cpu{number:02d}", tags=("cpu",)) for number in range(1, 11)),
    *(Host(name=f"login{number:02d}", tags=("login",)) for number in range(1, 3)),
)
INTERRUPTED, MOVED, CURRENT, MIRROR, LOCKED = "dgx02", "dgx05", "dgx08", "dgx10", "dgx12"
CUT, PHASED, FULL, BROKEN, REBOOT = "a100-02", "a100-05", "cpu02", "cpu08", "login01"
AWAY = "dgx15"


ALL = Selection()


class Demo(DemoUpdates):
    """The demo with a clock that runs as fast as its threads."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.bugs: list[Exception] = []
        self.pending: dict[str, int | None] = {}
        self.seen: set[Stage] = set()
        super().__init__(
            HOSTS,
            lambda host: "no answer to TCP connect" if host == AWAY else "",
            BriefClock(),
            tell=self._say,
            on_bug=lambda host, error: self.bugs.append(error),
            on_pending=self.pending.__setitem__,
        )

    def _say(self, kind: str, text: str, host: str, actor: str, severity: Severity) -> None:
        self.said.append((host, text))

    def asked(self, *hosts: str) -> Demo:
        self.refresh(hosts or [host.name for host in HOSTS], lists=False, wait_seconds=20)
        assert not self.bugs
        return self

    def carried_out(self, *hosts: str, selection: Selection = ALL) -> dict[str, BoardHost]:
        """Plan, approve, follow to the end."""
        plan = self.make_plan(hosts, selection, "anna")
        run = self.start(plan.id, plan.hash, "anna").id
        until(lambda: self._watched(run).finished, 30.0)
        assert not self.bugs
        return {host.host: host for host in self.known_runs().board(run).hosts}

    def _watched(self, run: str) -> Board:
        board = self.known_runs().board(run)
        self.seen |= {host.stage for host in board.hosts}
        return board

    def found(self, host: str) -> str:
        """Everything said about a host before a change."""
        inventory = self.details(host).inventory
        assert inventory is not None
        return "; ".join(caution.text for caution in inventory.warnings)


@pytest.fixture
def demo() -> Iterator[Demo]:
    made = Demo()
    yield made
    made.stop()


def test_the_fleet_holds_every_story_and_groups_by_change_set(demo: Demo) -> None:
    view = demo.asked().view([host.name for host in HOSTS], None)
    rows = {row.host: row for row in view.hosts or ()}
    assert rows[CURRENT].pending == 0
    assert rows[AWAY].pending is None
    assert "no answer to TCP connect" in rows[AWAY].problems[0]
    assert rows[REBOOT].reboot is True
    assert {rows[name].held for name in ("dgx01", "a100-01")} == {0, 7}
    first = view.sets[0]
    assert len(first.hosts) == 12
    assert not set(first.hosts) & {INTERRUPTED, CURRENT, MIRROR, AWAY}
    assert "half-configured" in demo.found(INTERRUPTED)
    assert "/var has 118M free" in demo.found(FULL)
    assert "connection timed out" in demo.found(MIRROR)
    assert "19d old" in demo.found(MIRROR)
    assert "phased" in demo.found(PHASED)


def test_held_families_stay_and_their_kernel_does_not_come_without_its_metapackage(demo: Demo) -> None:
    (plan,) = demo.asked("dgx01").make_plan(["dgx01"], Selection(), "anna").hosts
    kinds = {change.package_class for change in plan.changes}
    assert PackageClass.KERNEL not in kinds
    assert PackageClass.GPU_DRIVER not in kinds
    assert {change.kept_back for change in plan.left_out} == {"held"}


def test_where_nothing_is_held_the_kernel_brings_its_new_packages(demo: Demo) -> None:
    (plan,) = demo.asked("a100-01").make_plan(["a100-01"], Selection(), "anna").hosts
    assert {change.name for change in plan.changes if change.kind == "install"} == {
        "linux-image-6.8.0-49-generic",
        "linux-modules-6.8.0-49-generic",
        "linux-headers-6.8.0-49-generic",
    }
    assert plan.reboot is True
    assert plan.command[-len(plan.arguments) :] == plan.arguments


def test_a_sound_host_is_updated_to_the_end_and_asked_again(demo: Demo) -> None:
    done = demo.asked("a100-01").carried_out("a100-01")["a100-01"]
    assert done.stage is Stage.DONE
    assert done.outcome is not None
    assert done.outcome.applied == 21
    until(lambda: demo.pending["a100-01"] == 0)
    found = demo.details("a100-01").inventory
    assert found is not None
    assert found.reboot.needed is True
    assert [version.version for version in found.family] == ["550.90.07", "550.127.05", "550.90.07", "550.127.05"]
    assert [service.unit for service in found.services] == ["cron.service", "ssh.service", "dbus.service"]


def test_security_alone_leaves_the_rest_waiting(demo: Demo) -> None:
    demo.asked("cpu01").carried_out("cpu01", selection=Selection(security_only=True))
    until(lambda: demo.pending["cpu01"] != 18)
    found = demo.details("cpu01").inventory
    assert found is not None
    assert not any(change.security for change in found.changes if not change.held)
    assert found.changes


def test_each_story_ends_as_it_would_on_a_real_host(demo: Demo) -> None:
    ends = demo.asked(LOCKED, CUT, BROKEN, MOVED, FULL).carried_out(LOCKED, CUT, BROKEN, MOVED, FULL)
    assert {name: host.stage for name, host in ends.items()} == {
        LOCKED: Stage.DONE,
        CUT: Stage.DONE,
        BROKEN: Stage.PARTIAL,
        MOVED: Stage.REFUSED,
        FULL: Stage.REFUSED,
    }
    assert {Stage.WAITING_FOR_LOCK, Stage.DETACHED, Stage.PREFETCHING, Stage.APPLYING} <= demo.seen
    assert "rsync 3.2.7-1ubuntu1.2 instead of 3.2.7-1ubuntu1.1" in ends[MOVED].text
    assert "118M free" in ends[FULL].text
    broken = ends[BROKEN].outcome
    assert broken is not None
    assert broken.repairs == ("apt-configure",)
    assert [each.name for each in broken.results if each.outcome != "applied"] == ["slurmd"]


def test_an_interrupted_dpkg_is_repaired_and_then_planned(demo: Demo) -> None:
    (refused,) = demo.asked(INTERRUPTED).make_plan([INTERRUPTED], Selection(), "anna").hosts
    assert refused.error == "openssh-server is half-configured"
    demo.repair(INTERRUPTED, "apt-configure", "anna")
    until(lambda: "half-configured" not in demo.found(INTERRUPTED))
    (plan,) = demo.make_plan([INTERRUPTED], Selection(), "anna").hosts
    assert not plan.error
    assert plan.changes


def test_a_full_disk_is_cleared_by_the_repair_that_is_offered(demo: Demo) -> None:
    demo.asked(FULL).repair(FULL, "apt-clean", "anna")
    until(lambda: "118M" not in demo.found(FULL))


def test_the_way_back_brings_the_old_versions(demo: Demo) -> None:
    demo.asked("cpu01").carried_out("cpu01", selection=Selection(packages=("curl", "rsync")))
    newest, first = demo.history("cpu01", 10)
    assert newest.actor == "anna"
    assert {change.name for change in newest.changes} == {"curl", "rsync"}
    (plan,) = demo.rollback("cpu01", newest.id, (), "anna").hosts
    assert {change.kind for change in plan.changes} == {"downgrade"}
    assert "--allow-downgrades" in plan.command
    assert first.time < newest.time


def test_releasing_a_held_driver_releases_its_whole_family(demo: Demo) -> None:
    said = demo.asked("dgx01").hold(["dgx01"], ["nvidia-driver-550-server"], False, "anna")
    assert said["dgx01"].startswith("released nvidia-driver-550-server")
    assert "nvidia-fabricmanager-550" in said["dgx01"]
    until(lambda: demo.details("dgx01").inventory is not None and not demo.inventories.busy())
    found = demo.details("dgx01").inventory
    assert found is not None
    assert [change.name for change in found.changes if change.held] == ["linux-generic"]


def test_a_dead_mirror_is_said_by_the_refresh_itself(demo: Demo) -> None:
    demo.refresh([MIRROR, "cpu01"], lists=True, wait_seconds=20)
    assert "connection timed out" in "; ".join(demo.details(MIRROR).problems)
    assert demo.details("cpu01").problems == ()
    fresh = demo.details("cpu01").inventory
    assert fresh is not None
    assert (fresh.lists_age_seconds or 0.0) < 60


def test_a_change_is_cancelled_while_it_fetches_and_never_while_it_installs(demo: Demo) -> None:
    jobs = demo._jobs("cpu01")
    demo.asked("cpu01")
    (plan,) = demo.make_plan(["cpu01"], Selection(), "anna").hosts
    run = RunRecord(id="r1", title="", plan_id="", plan_hash="", who="anna", created=0.0, hosts={})
    apply = demo._make_apply(plan, run, demo.known_runs()._stop, lambda progress: None)
    apply.start()
    assert jobs.cancel("swarm-pkg", "r1", "ben") == "told step prefetch to end"
    assert jobs.read("swarm-pkg", run="r1").result == "cancelled"
    assert demo.asked("cpu01").pending["cpu01"] == 18


def test_no_other_command_pretends_to_run(demo: Demo) -> None:
    with pytest.raises(SkipHost, match="simulated"):
        demo._way("cpu01").run(["rm", "-rf", "/"])
    with pytest.raises(BadInput):
        demo._way("nowhere")


def test_nothing_is_written_anywhere(demo: Demo) -> None:
    demo.asked("cpu01").carried_out("cpu01")
    assert demo.known_runs()._book.all() == ()
    assert demo.plans._folder is None
