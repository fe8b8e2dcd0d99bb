"""The service over a fleet in memory: from looking to a finished run, in the order in which an operator goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.clock import ManualClock
from backends.errors import BadInput, Stop
from backends.execution import Exec
from backends.hostkit.travel import Become
from backends.states import Severity
from backends.updates.facts import Facts
from backends.updates.model import Caution, HostPlan, Inventory, Plan, Selection, Stage
from backends.updates.plans import Plans
from backends.updates.service import FRESH_SECONDS, Updates
from tests.unit.updates.fleet import BriefClock, Machine, MachineExec, MachineJobs, MachineManager, fleet_of
from tests.unit.updates.test_runs import until


class NoFacts(Facts):
    """Finds nothing in the way."""

    def check(self, host: Exec, become: Become, plan: HostPlan) -> tuple[Caution, ...]:
        return ()

    def add(self, host: Exec, become: Become, inventory: Inventory) -> Inventory:
        return inventory


class Desk(Updates):
    """The service with the machines' jobs instead of real ones."""

    def __init__(self, machines: dict[str, Machine], folder: Path | None):
        self.machines = machines
        self.said: list[tuple[str, str, str]] = []
        self.pending: dict[str, int | None] = {}
        self.bugs: list[Exception] = []
        clock = self.clock = BriefClock()
        super().__init__(
            {"apt": MachineManager(machines)},
            lambda host: MachineExec(machines[host]),
            lambda host: "none",
            clock,
            folder=folder,
            facts=NoFacts(clock),
            tell=self._say,
            on_bug=lambda host, error: self.bugs.append(error),
            on_pending=self.pending.__setitem__,
        )

    def _say(self, kind: str, text: str, host: str, actor: str, severity: Severity) -> None:
        self.said.append((host, text, actor))

    def _jobs(self, host: str) -> MachineJobs:
        return MachineJobs(self.machines[host])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(fleet_of("a", "b"), tmp_path)


def test_from_looking_to_the_result(desk: Desk) -> None:
    desk.refresh(["a", "b"], lists=True, wait_seconds=10)
    view = desk.view(["a", "b"], None)
    assert [(group.hosts, len(group.changes)) for group in view.sets] == [(("a", "b"), 2)]
    assert desk.pending == {"a": 2, "b": 2}
    plan = desk.make_plan(["a", "b"], Selection(security_only=True), "anna")
    assert [[change.name for change in host.changes] for host in plan.hosts] == [["libc6"], ["libc6"]]
    board = desk.start(plan.id, plan.hash, "anna")
    until(lambda: desk.known_runs().board(board.id).finished)
    assert [host.stage for host in desk.known_runs().board(board.id).hosts] == [Stage.DONE, Stage.DONE]
    assert desk.in_flight() == ()
    assert not desk.bugs


def test_a_view_that_did_not_change_is_only_its_version(desk: Desk) -> None:
    desk.refresh(["a"], lists=False, wait_seconds=10)
    version = desk.view(["a"], None).version
    assert desk.view(["a"], version).hosts is None


def test_another_hash_than_the_plans_approves_nothing(desk: Desk) -> None:
    plan = desk.make_plan(["a"], Selection(), "anna")
    for named in ("", "0" * 64, plan.hash[:11]):
        with pytest.raises(BadInput, match="approve"):
            desk.start(plan.id, named, "anna")
    assert desk.machines["a"].starts == 0


def test_a_plan_is_found_again_by_another_engine(desk: Desk, tmp_path: Path) -> None:
    plan = desk.make_plan(["a"], Selection(), "anna")
    assert Desk(desk.machines, tmp_path).plans.of(plan.id) == plan


def test_a_host_that_cannot_be_planned_stands_in_the_plan_with_the_reason(desk: Desk) -> None:
    desk.machines["b"].reachable = False
    plan = desk.make_plan(["a", "b"], Selection(), "anna")
    assert [(host.host, bool(host.changes), host.error) for host in plan.hosts] == [
        ("a", True, ""),
        ("b", False, "not connected"),
    ]


def test_an_engine_that_keeps_no_state_looks_and_plans_but_changes_nothing() -> None:
    desk = Desk(fleet_of("a"), None)
    plan = desk.make_plan(["a"], Selection(), "anna")
    with pytest.raises(Stop, match="keeps no state"):
        desk.start(plan.id, plan.hash, "anna")


def test_the_way_back_is_planned_and_shown_like_an_upgrade(desk: Desk) -> None:
    plan = desk.rollback("a", "7", (), "anna")
    (host,) = plan.hosts
    assert [(change.kind, change.installed, change.candidate) for change in host.changes] == [
        ("downgrade", "5.2-2", "5.2-1")
    ]
    with pytest.raises(BadInput, match="no transaction 'x'"):
        desk.rollback("a", "x", (), "anna")


def test_holding_answers_for_each_host(desk: Desk) -> None:
    desk.machines["b"].reachable = False
    assert desk.hold(["a", "b"], ["bash"], True, "anna") == {"a": "held bash", "b": "not connected"}
    assert ("a", "held bash", "anna") in desk.said


def test_what_was_changed_is_looked_at_anew(desk: Desk) -> None:
    desk.refresh(["a"], lists=False, wait_seconds=10)
    plan = desk.make_plan(["a"], Selection(), "anna")
    board = desk.start(plan.id, plan.hash, "anna")
    until(lambda: desk.known_runs().board(board.id).finished)
    until(lambda: desk.pending == {"a": 0})


def test_a_plan_is_not_made_from_what_was_seen_long_ago(desk: Desk) -> None:
    desk.refresh(["a"], lists=False, wait_seconds=10)
    desk.machines["a"].installed["bash"] = "5.2-2"  # by hand
    desk.clock.advance(FRESH_SECONDS + 1)
    (host,) = desk.make_plan(["a"], Selection(), "anna").hosts
    assert [change.name for change in host.changes] == ["libc6"]
    desk.machines["a"].reachable = False
    desk.clock.advance(FRESH_SECONDS + 1)
    assert desk.make_plan(["a"], Selection(), "anna").hosts[0].error == "not connected"


def test_a_repair_is_a_job_with_the_shown_command(desk: Desk) -> None:
    run = desk.repair("a", "configure", "anna")
    job = desk.machines["a"].job
    assert job is not None and job.run == run.run and job.steps[0].argv == ("dpkg", "--configure", "-a")
    with pytest.raises(BadInput, match="no repair"):
        desk.repair("a", "format-disk", "anna")


def test_a_repair_is_followed_to_its_end_and_the_host_looked_at_anew(desk: Desk) -> None:
    run = desk.repair("a", "configure", "anna").run
    until(lambda: desk.pending == {"a": 2})
    assert (desk.repaired.of(run).state, desk.repaired.of(run).tail) == ("done", "working\n")
    assert ("a", "repair configure done", "anna") in desk.said
    assert desk.in_flight() == ()


def test_a_repair_that_failed_says_why_and_a_lost_link_is_waited_for(desk: Desk) -> None:
    machine = desk.machines["a"]
    machine.reads_left, machine.repair_status = 10**9, 1
    run = desk.repair("a", "configure", "anna").run
    machine.reachable = False
    assert desk.in_flight() == ("repair configure on a",)
    machine.reads_left, machine.reachable = 2, True
    until(lambda: desk.repaired.of(run).state != "running")
    assert (desk.repaired.of(run).state, desk.repaired.of(run).text) == ("failed", "ended with 1: working")
    with pytest.raises(BadInput, match="no repair 'r0'"):
        desk.repaired.of("r0")


@pytest.mark.parametrize(("needed", "kept"), [(True, {0, 2, 3}), (False, {2, 3}), (None, {0, 1, 2, 3})])
def test_a_plan_that_is_carried_out_stays_however_many_came_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needed: bool | None, kept: set[int]
) -> None:
    monkeypatch.setattr("backends.updates.plans.MOST_PLANS", 2)
    clock, made = ManualClock(), list[Plan]()
    wanted = {True: lambda: {made[0].id} if made else set(), False: set, None: lambda: None}
    shelf = Plans(tmp_path / "plans", clock, lambda host, error: None, wanted[needed])
    for _ in range(4):
        made.append(shelf.make({"a": lambda: HostPlan(host="a", manager="apt")}, Selection(), "anna"))
        clock.advance(1)
    files = {file.stem for file in (tmp_path / "plans").glob("*.json")}
    assert files == {made[number].id for number in kept}
    for number, plan in enumerate(made):
        if number in kept:
            assert shelf.of(plan.id) == plan
        else:
            with pytest.raises(BadInput, match="no such plan"):
                shelf.of(plan.id)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a/b", "x" * 3 + "\0"])
def test_ids_that_are_no_ids_reach_no_file(desk: Desk, name: str) -> None:
    with pytest.raises(BadInput):
        desk.plans.of(name)


def test_a_run_whose_id_somebody_knows_is_begun_once_and_on_those_hosts_alone(desk: Desk, tmp_path: Path) -> None:
    plan = desk.make_plan(["a", "b"], Selection(), "anna")
    boards = [desk.start(plan.id, plan.hash, "anna", hosts=("a",), run_id="r-1-a-2-0") for _ in range(3)]
    until(lambda: desk.known_runs().board("r-1-a-2-0").finished)
    assert [host.host for host in boards[-1].hosts] == ["a"] and desk.machines["a"].starts == 1
    assert desk.machines["b"].starts == 0
    assert Desk(desk.machines, tmp_path).start(plan.id, plan.hash, "anna", hosts=("a",), run_id="r-1-a-2-0").finished
    assert desk.machines["a"].starts == 1
