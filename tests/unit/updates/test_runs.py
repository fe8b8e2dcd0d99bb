"""Carrying out approved plans: what was approved or nothing, whatever happens to links, engines and operators meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.errors import BadInput
from backends.states import Severity
from backends.updates import plan as plans
from backends.updates.model import Change, Plan, Selection, Stage
from backends.updates.records import HostRecord, RunBook, RunRecord
from backends.updates.runs import Board, Runs
from tests.unit.updates.fleet import BASH, LIBC, BriefClock, Machine, MachineJobs, fleet_of, maker


class Engine:
    """One life of an engine over the machines and the book of `folder`."""

    def __init__(self, machines: dict[str, Machine], folder: Path):
        self.edges: list[tuple[str, str, str]] = []
        self.bugs: list[Exception] = []
        self.runs = Runs(
            RunBook(folder),
            maker(machines),
            lambda host: MachineJobs(machines[host]),
            BriefClock(),
            on_edge=self._edge,
            on_bug=lambda host, error: self.bugs.append(error),
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
