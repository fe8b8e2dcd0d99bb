"""Carrying out approved plans: what was approved or nothing, whatever happens to links, engines and operators meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.errors import BadInput
from backends.states import Severity
from backends.updates import plan as plans
from backends.updates.model import Change, Outcome, Plan, Selection, Stage
from backends.updates.records import MOST_RUNS, HostRecord, RunBook, RunRecord
from backends.updates.retention import NONE, Ask, Needs
from backends.updates.runs import Board, Runs
from tests.unit.updates.fleet import BASH, LIBC, BriefClock, Machine, MachineJobs, fleet_of, maker


class Engine:
    """One life of an engine over the machines and the book of `folder`."""

    def __init__(self, machines: dict[str, Machine], folder: Path, needed: Ask = lambda: NONE):
        self.edges: list[tuple[str, str, str]] = []
        self.bugs: list[Exception] = []
        self.runs = Runs(
            RunBook(folder),
            maker(machines),
            lambda host: MachineJobs(machines[host]),
            BriefClock(),
            on_edge=self._edge,
            on_bug=lambda host, error: self.bugs.append(error),
            needed=needed,
        )

    def _edge(self, host: str, text: str, who: str, severity: Severity) -> None:
        self.edges.append((host, text, who))

    def finished(self, run: str = "r1") -> Board:
        until(lambda: self.runs.board(run).finished)
        assert not self.bugs
        return self.runs.board(run)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """The work is on threads of its own; it needs no real time but some turns."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "did not come"
        threading.Event().wait(0.002)


def plan_for(machines: dict[str, Machine], *changes: Change) -> Plan:
    changes = changes or (BASH, LIBC)
    return plans.build("p1", 1.0, "anna", Selection(), [machine.plan(*changes) for machine in machines.values()])


def test_every_host_gets_what_was_approved_and_its_job_is_put_away(tmp_path: Path) -> None:
    machines = fleet_of("a", "b")
    engine = Engine(machines, tmp_path)
    engine.runs.start(plan_for(machines), "r1", "2 changes", "anna")
    board = engine.finished()
    assert [(host.host, host.stage, host.outcome.applied) for host in board.hosts if host.outcome] == [
        ("a", Stage.DONE, 2),
        ("b", Stage.DONE, 2),
    ]
    assert machines["a"].installed == machines["a"].offered
    until(lambda: [machine.forgotten for machine in machines.values()] == [["r1"], ["r1"]])
    assert {(host, who) for host, _, who in engine.edges} == {("a", "anna"), ("b", "anna")}


def test_a_host_that_would_do_something_else_now_is_refused_and_not_touched(tmp_path: Path) -> None:
    machines = fleet_of("a", "b")
    plan = plan_for(machines)
    machines["b"].offered["bash"] = "5.2-3"
    engine = Engine(machines, tmp_path)
    engine.runs.start(plan, "r1", "", "anna")
    board = {host.host: host for host in engine.finished().hosts}
    assert board["a"].stage is Stage.DONE
    assert board["b"].stage is Stage.REFUSED and "bash 5.2-3 instead of 5.2-2" in board["b"].text
    assert machines["b"].starts == 0 and machines["b"].installed["bash"] == "5.2-1"


def test_a_failed_package_is_told_whatever_the_exit_status_says(tmp_path: Path) -> None:
    machines = fleet_of("a")
    machines["a"].breaks = "bash"
    engine = Engine(machines, tmp_path)
    engine.runs.start(plan_for(machines), "r1", "", "anna")
    (host,) = engine.finished().hosts
    assert host.stage is Stage.PARTIAL and host.outcome is not None
    assert {result.name: result.outcome for result in host.outcome.results} == {"bash": "failed", "libc6": "applied"}


def test_a_lost_link_is_waited_for_and_nothing_is_started_twice(tmp_path: Path) -> None:
    machines = fleet_of("a")
    machines["a"].reads_left = 10**9
    engine = Engine(machines, tmp_path)
    engine.runs.start(plan_for(machines), "r1", "", "anna")
    until(lambda: machines["a"].starts == 1)
    machines["a"].reachable = False
    until(lambda: engine.runs.board("r1").hosts[0].stage is Stage.DETACHED)
    assert "goes on by itself" in engine.runs.board("r1").hosts[0].text
    machines["a"].reads_left, machines["a"].reachable = 2, True
    assert engine.finished().hosts[0].stage is Stage.DONE
    assert machines["a"].starts == 1


def test_a_start_whose_answer_was_lost_is_found_on_the_host(tmp_path: Path) -> None:
    machines = fleet_of("a")
    machines["a"].lose_answer = True
    engine = Engine(machines, tmp_path)
    engine.runs.start(plan_for(machines), "r1", "", "anna")
    assert engine.finished().hosts[0].stage is Stage.DONE
    assert machines["a"].starts == 1


def test_a_host_that_somebody_else_holds_is_refused_with_who_it_is(tmp_path: Path) -> None:
    machines = fleet_of("a")
    other = Engine(machines, tmp_path / "other")
    machines["a"].reads_left = 10**9
    other.runs.start(plan_for(machines), "r0", "", "berta from 10.0.0.9")
    until(lambda: machines["a"].job is not None)
    engine = Engine(machines, tmp_path / "mine")
    engine.runs.start(plan_for(machines), "r1", "", "anna")
    (host,) = engine.finished().hosts
    assert host.stage is Stage.REFUSED and "started by berta from 10.0.0.9" in host.text
    other.runs.stop()


def test_the_next_engine_goes_on_where_this_one_ended(tmp_path: Path) -> None:
    machines = fleet_of("a", "b")
    for machine in machines.values():
        machine.reads_left = 10**9
    first = Engine(machines, tmp_path)
    first.runs.start(plan_for(machines), "r1", "", "anna")
    until(lambda: all(machine.starts for machine in machines.values()))
    first.runs.stop()
    for machine in machines.values():
        machine.reads_left = 2  # the hosts worked on meanwhile
    second = Engine(machines, tmp_path)
    assert second.runs.resume() == ("r1",)
    assert [host.stage for host in second.finished().hosts] == [Stage.DONE, Stage.DONE]
    assert [machine.starts for machine in machines.values()] == [1, 1]


def test_an_engine_that_died_before_the_start_starts_it_once(tmp_path: Path) -> None:
    machines = fleet_of("a")
    plan = plan_for(machines)
    host = HostRecord(plan=plan.hosts[0], stage=Stage.APPLYING, began=1.0, started_job=True)
    record = RunRecord(
        id="r1", title="", plan_id=plan.id, plan_hash=plan.hash, who="anna", created=1.0, hosts={"a": host}
    )
    RunBook(tmp_path).keep(record)  # written down, then the power went
    engine = Engine(machines, tmp_path)
    assert engine.runs.resume() == ("r1",)
    assert engine.finished().hosts[0].stage is Stage.DONE
    assert machines["a"].starts == 1


def test_a_host_is_in_one_run_at_a_time(tmp_path: Path) -> None:
    machines = fleet_of("a")
    machines["a"].reads_left = 10**9
    engine = Engine(machines, tmp_path)
    engine.runs.start(plan_for(machines), "r1", "", "anna")
    with pytest.raises(BadInput, match="a is being updated by run r1 of anna"):
        engine.runs.start(plan_for(machines), "r2", "", "berta")
    engine.runs.stop()


def test_a_plan_without_changes_is_no_run(tmp_path: Path) -> None:
    engine = Engine(fleet_of("a"), tmp_path)
    empty = plans.build("p", 1.0, "anna", Selection(), [Machine("a").plan()])
    with pytest.raises(BadInput, match="changes nothing"):
        engine.runs.start(empty, "r1", "", "anna")


def test_cancelling_ends_what_may_end_and_says_who_did_it(tmp_path: Path) -> None:
    machines = fleet_of("a")
    machines["a"].reads_left = 10**9
    engine = Engine(machines, tmp_path)
    engine.runs.start(plan_for(machines), "r1", "", "anna")
    until(lambda: machines["a"].starts == 1)
    assert engine.runs.cancel("r1", None, "berta") == {"a": "the step was ended"}
    (host,) = engine.finished().hosts
    assert host.stage is Stage.CANCELLED and "cancelled by berta" in host.text
    assert machines["a"].installed["bash"] == "5.2-1"


def test_a_host_cancelled_before_its_turn_never_begins(tmp_path: Path) -> None:
    machines = fleet_of("a")
    engine = Engine(machines, tmp_path)
    gate = threading.Event()
    make = engine.runs._make

    def later(*given: object) -> object:
        gate.wait(10)
        return make(*given)  # type: ignore[arg-type]

    engine.runs._make = later  # type: ignore[assignment]
    engine.runs.start(plan_for(machines), "r1", "", "anna")
    assert engine.runs.cancel("r1", ["a"], "anna") == {"a": "cancelled by anna before it began"}
    gate.set()
    engine.finished()
    engine.runs.stop()
    assert machines["a"].starts == 0


def test_what_is_not_understood_in_the_book_is_named_and_harms_nothing(tmp_path: Path) -> None:
    machines = fleet_of("a")
    Engine(machines, tmp_path)
    (tmp_path / "r0.json").write_text('{"format": 99}')
    book = RunBook(tmp_path)
    assert (book.all(), book.damaged()) == ((), ("r0.json",))


def test_fetching_ahead_changes_nothing_and_says_what_is_there(tmp_path: Path) -> None:
    machines = fleet_of("a")
    engine = Engine(machines, tmp_path)
    engine.runs.start(plan_for(machines), "r1", "", "anna", fetch_only=True)
    (host,) = engine.finished().hosts
    assert host.stage is Stage.DONE and host.outcome is not None
    assert host.outcome.notes == ("2 packages are on the host; nothing was changed",)
    assert machines["a"].installed["bash"] == "5.2-1"
    assert any("nothing was changed" in text for _, text, _ in engine.edges)


def test_a_fetch_that_failed_is_no_fetch(tmp_path: Path) -> None:
    machines = fleet_of("a")
    machines["a"].fetch_status = 100
    engine = Engine(machines, tmp_path)
    engine.runs.start(plan_for(machines), "r1", "", "anna", fetch_only=True)
    (host,) = engine.finished().hosts
    assert host.stage is Stage.FAILED and "fetching ended with 100: working" in host.text


# What is kept ---------------------------------------------------------------------------------------------------------


def ended(run: str, created: float, host: str, group: str = "") -> RunRecord:
    """A run on one host that went well."""
    plan = Machine(host).plan(BASH)
    record = HostRecord(plan=plan, stage=Stage.DONE, outcome=Outcome(host=host, stage=Stage.DONE, tail=f"{run} said"))
    return RunRecord(
        id=run,
        title="",
        plan_id="p",
        plan_hash="h",
        who="anna",
        created=created,
        hosts={host: record},
        group=group,
    )


def after(machines: dict[str, Machine], folder: Path, needed: Ask) -> Engine:
    """A new engine, in which somebody begins one more run."""
    engine = Engine(machines, folder, needed)
    late = f"late-{len(engine.runs.boards(10**6))}"
    engine.runs.start(plan_for(machines), late, "", "anna")
    engine.finished(late)
    return engine


def test_a_maintenance_run_over_a_thousand_hosts_finds_every_one_of_its_updates_after_a_crash(tmp_path: Path) -> None:
    book, machines = RunBook(tmp_path), fleet_of("a")
    for number in range(1000):
        book.keep(ended(f"m-1-n{number:04}-2-0", float(number), f"n{number:04}", group="m-1"))
    for number in range(MOST_RUNS + 50):
        book.keep(ended(f"u{number}", 5000.0 + number, "a"))
    runs = after(machines, tmp_path, lambda: Needs(groups=frozenset({"m-1"}))).runs
    assert all(runs.find(f"m-1-n{number:04}-2-0") for number in range(1000))
    assert [runs.find(f"u{number}") is not None for number in (0, 49, 50, MOST_RUNS + 49)] == [False, False, True, True]
    assert len(list(tmp_path.glob("m-1-*.json"))) == 1000
    board = runs.board("m-1")
    assert (board.finished, len(board.hosts), board.count(Stage.DONE)) == (True, 1000, 1000)
    assert runs.output("m-1", "n0007") == "m-1-n0007-2-0 said"
    listed = runs.boards(MOST_RUNS + 10)
    assert sum(each.id.startswith("m-1") for each in listed) == 1 and len(listed) == MOST_RUNS + 2


def test_what_no_maintenance_run_needs_any_more_goes_and_nothing_while_that_is_not_known(tmp_path: Path) -> None:
    book, machines = RunBook(tmp_path), fleet_of("a")
    for number in range(3):
        book.keep(ended(f"m-1-n{number}", 1.0, f"n{number}", group="m-1"))
        book.keep(ended(f"m-2-n{number}", 1.0, f"n{number}", group="m-2"))
    assert after(machines, tmp_path, lambda: None).runs.find("m-1-n0")
    runs = after(machines, tmp_path, lambda: Needs(groups=frozenset({"m-2"}))).runs
    assert runs.find("m-1-n0") is None and runs.find("m-2-n2") is not None
    assert len(list(tmp_path.glob("m-1-*"))) == 0 and len(list(tmp_path.glob("m-2-*"))) == 3
    with pytest.raises(BadInput, match="no such run"):
        runs.board("m-1")


def test_a_run_that_goes_on_is_never_forgotten(tmp_path: Path) -> None:
    machines = fleet_of("a", "b")
    machines["a"].reads_left = 10**9
    engine = Engine(machines, tmp_path)
    slow = plans.build("p1", 1.0, "anna", Selection(), [machines["a"].plan(BASH)])
    engine.runs.start(slow, "m-1-a", "", "anna", group="m-1")
    quick = plans.build("p2", 1.0, "anna", Selection(), [machines["b"].plan(BASH)])
    engine.runs.start(quick, "r2", "", "anna")
    assert engine.runs.find("m-1-a") is not None
    assert [board.id for board in engine.runs.going()][:1] == ["m-1-a"]
    assert any(text.startswith("update m-1: 1 hosts") for text in engine.runs.in_flight())
    assert engine.runs.plans() == {"p1", "p2"}
    assert engine.runs.cancel("m-1", ["b"], "berta") == {}
    engine.runs.stop()


def test_a_host_that_was_tried_again_stands_there_once_as_in_its_newest_run(tmp_path: Path) -> None:
    book = RunBook(tmp_path)
    first = ended("m-1-a-0", 1.0, "a", group="m-1")
    failed = replace(first.hosts["a"], stage=Stage.FAILED, outcome=None)
    book.keep(replace(first, hosts={"a": failed}))
    book.keep(ended("m-1-a-1", 2.0, "a", group="m-1"))
    runs = Engine(fleet_of("a"), tmp_path).runs
    (board,) = runs.boards()
    assert [(host.host, host.stage) for host in board.hosts] == [("a", Stage.DONE)]
    assert (board.created, board.id) == (1.0, "m-1")
    assert runs.output("m-1", "a") == "m-1-a-1 said"
