"""The word about a maintenance run on the row of each host that it has."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from backends.clock import ManualClock
from backends.engine.fleet import Fleet
from backends.engine.run_marks import RunMark, marks
from backends.inventory.host import Host
from backends.maintenance.model import HostRun, Stage, Step, StepKind
from tests.unit.engine.parts import Diary
from tests.unit.run_samples import PLAN, state

RUN = PLAN.id
STEPS = (Step(kind=StepKind.DRAIN), Step(kind=StepKind.REBOOT_IF_NEEDED), Step(kind=StepKind.GATE))


@pytest.mark.parametrize(
    ("host", "word"),
    [
        (HostRun(host="a"), "queued"),
        (HostRun(host="a", stage=Stage.WORKING, step=0), "drain"),
        (HostRun(host="a", stage=Stage.WORKING, step=1), "reboot"),
        (HostRun(host="a", stage=Stage.WORKING), "working"),
        (HostRun(host="a", stage=Stage.ASKING, step=2), "asks"),
        (HostRun(host="a", stage=Stage.FAILED, step=1), "failed"),
    ],
)
def test_a_word_says_what_is_done_there(host: HostRun, word: str) -> None:
    run = state(host, plan=replace(PLAN, steps=STEPS, name="monthly"))
    assert marks({"a": RUN}, [run]) == {"a": RunMark(f"{RUN} monthly", word)}
    assert len(word) <= 8


def test_a_host_of_a_damaged_run_is_marked_all_the_same() -> None:
    assert marks({"a": "r-1"}, [], {"r-1"}) == {"a": RunMark("r-1", "damaged")}


def test_a_run_without_a_name_is_called_by_its_id() -> None:
    run = state(HostRun(host="a"), plan=replace(PLAN, name=""))
    assert marks({"a": RUN}, [run])["a"].run == RUN


def test_who_is_not_held_has_no_mark() -> None:
    run = state(HostRun(host="a"), HostRun(host="b", stage=Stage.DONE))
    assert set(marks({"a": RUN, "c": "another"}, [run])) == {"a"}


def test_a_thousand_held_hosts_cost_little_and_change_only_the_rows_that_moved() -> None:
    names = [f"gpu{number:04}" for number in range(1000)]
    clock = ManualClock()
    fleet = Fleet(now=clock.now, monotonic=clock.monotonic, on_event=Diary())
    fleet.set_hosts([Host(name=name) for name in names])
    hosts = [HostRun(host=name, stage=Stage.WORKING, step=0) for name in names]
    held = dict.fromkeys(names, RUN)
    fleet.set_runs(marks(held, [state(*hosts)]))
    before = fleet.view().version
    moved = state(replace(hosts[0], stage=Stage.FAILED), *hosts[1:])
    best = 1.0
    for _ in range(5):
        began = time.thread_time()
        fleet.set_runs(marks(held, [moved]))
        best = min(best, time.thread_time() - began)
    assert best < 0.02
    assert len(fleet.view(before).rows) == 1
    fleet.set_runs({})
    assert not any(row.run for row in fleet.rows())
