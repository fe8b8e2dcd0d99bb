"""What a run does now follows from where it stands and what the fleet is like, and from nothing else."""

from __future__ import annotations

import time
from typing import Any

import pytest
from msgspec.structs import replace

from backends.maintenance.decide import decide
from backends.maintenance.does import Act, Do, Pace
from backends.maintenance.model import Edge, EdgeKind, RunState
from backends.maintenance.opening import STUCK
from backends.maintenance.world import HostView, World
from tests.unit.maintenance.running import (
    ANN,
    NOW,
    hosts,
    plan,
    started,
    then,
    to_done,
    to_failure,
    to_step,
    world,
)

UP = HostView(up=True)
DRAINED = HostView(up=False, why="drained by alice: fan")


def acts(dos: tuple[Do, ...], *wanted: Act) -> list[str]:
    """ "act host" of what is done, waits left out unless they are wanted."""
    return [f"{do.act} {do.host}".strip() for do in dos if (do.act in wanted if wanted else do.act is not Act.WAIT)]


def why(dos: tuple[Do, ...], host: str = "") -> str:
    return next((do.text for do in dos if do.act is Act.WAIT and do.host == host), "")


def edge(kind: EdgeKind, host: str = "", **fields: object) -> Edge:
    return Edge(time=NOW, kind=kind, host=host, **fields)  # type: ignore[arg-type]


# Hosts in work -----------------------------------------------------------------------------------------------------------


def test_hosts_begin_in_the_order_of_the_plan_as_long_as_the_budget_lets_them() -> None:
    dos = decide(started(plan(hosts(4), fleet=2)), world(4))
    assert acts(dos) == ["begin h0", "begin h1"]
    assert why(dos) == "the budget of 2 is used up by h0 (in work), h1 (in work)"


def test_a_host_is_looked_at_then_takes_its_next_step_then_is_done() -> None:
    state = then(started(plan(hosts(1))), *to_step("h0"))
    assert decide(state, world(1)) == (Do(act=Act.LOOK, host="h0", step=0),)
    state = then(state, edge(EdgeKind.STEP_OVER, "h0", step=0))
    assert decide(state, world(1)) == (Do(act=Act.BEGIN, host="h0", step=1),)
    state = then(started(plan(hosts(1))), *to_step("h0", 2), edge(EdgeKind.STEP_OVER, "h0", step=2))
    assert decide(state, world(1)) == (Do(act=Act.DONE, host="h0", step=2),)


def test_what_was_intended_and_perhaps_not_begun_is_begun_again() -> None:
    state = then(started(plan(hosts(1))), edge(EdgeKind.INTENDED, "h0", step=0, key="k"))
    assert decide(state, world(1)) == (Do(act=Act.BEGIN, host="h0", step=0),)


def test_a_host_that_is_being_talked_to_is_left_alone_and_in_work() -> None:
    state = then(started(plan(hosts(2), fleet=1)), *to_step("h0"))
    assert acts(decide(state, world(2), Pace(busy=frozenset({"h0"})))) == []


def test_a_failed_host_takes_no_later_step_and_does_not_block_the_rest() -> None:
    state = then(started(plan(hosts(3), fleet=2)), *to_failure("h0"))
    assert acts(decide(state, world(3))) == ["begin h1"]


def test_a_failed_host_keeps_eating_the_budget() -> None:
    dos = decide(then(started(plan(hosts(2), fleet=1)), *to_failure("h0")), world(2))
    assert (acts(dos), why(dos)) == ([], f"the budget of 1 is used up by h0 (failed-held); {STUCK}")


# Pause, stop, abort ------------------------------------------------------------------------------------------------------


def test_a_pause_begins_no_host_and_no_step_but_looks() -> None:
    state = then(started(plan(hosts(3))), *to_step("h0"), *to_step("h1"), edge(EdgeKind.STEP_OVER, "h1", step=0))
    paused = then(state, edge(EdgeKind.PAUSED, who=ANN))
    assert acts(decide(paused, world(3))) == ["look h0"]
    intended = then(state, edge(EdgeKind.INTENDED, "h1", step=1, key="k"), edge(EdgeKind.PAUSED, who=ANN))
    assert acts(decide(intended, world(3))) == ["look h0"]


@pytest.mark.parametrize("kind", [EdgeKind.STOPPED, EdgeKind.ABORTED])
def test_after_a_stop_or_an_abort_hosts_in_work_go_through_all_their_steps(kind: EdgeKind) -> None:
    state = then(started(plan(hosts(3))), *to_step("h0"), edge(EdgeKind.STEP_OVER, "h0", step=0), edge(kind, text="x"))
    assert acts(decide(state, world(3))) == ["begin h0"]


def test_too_many_failures_stop_it_and_so_many_are_enough() -> None:
    state = then(started(plan(hosts(4), failed=2)), *to_failure("h0"))
    assert "stop" not in acts(decide(state, world(4)))
    (do,) = decide(then(state, *to_failure("h1")), world(4))
    assert (do.act, do.text) == (Act.STOP, "2 hosts have failed (h0, h1); the limit is 2")


def test_failures_count_over_the_whole_run_and_also_when_they_were_left_as_they_are() -> None:
    state = then(started(plan(hosts(4, {2: 1, 3: 1}), failed=2)), *to_failure("h0"), *to_done("h1"))
    skip = edge(EdgeKind.SKIPPED, "h0", text="left as it is by ann")
    state = then(state, skip, edge(EdgeKind.BATCH_OVER), edge(EdgeKind.BATCH, step=1), *to_failure("h2"))
    assert acts(decide(state, world(4))) == ["stop"]


def test_once_let_go_on_only_a_further_failure_stops_it_again() -> None:
    state = then(started(plan(hosts(4), failed=1)), *to_failure("h0"), edge(EdgeKind.STOPPED, text="1"))
    state = then(state, edge(EdgeKind.RESUMED, who=ANN))
    assert acts(decide(state, world(4))) == ["begin h1", "begin h2", "begin h3"]
    assert acts(decide(then(state, *to_failure("h1")), world(4))) == ["stop"]


def test_it_ends_when_every_host_is_over() -> None:
    state = then(started(plan(hosts(2))), *to_done("h0"), *to_failure("h1"))
    assert decide(state, world(2)) == (Do(act=Act.END, text="1 done, 1 failed"),)


def test_a_run_that_waits_or_has_ended_does_nothing() -> None:
    state = started(plan(hosts(1)))
    assert decide(then(state, *to_done("h0"), edge(EdgeKind.ENDED)), world(1)) == ()


# Batches -----------------------------------------------------------------------------------------------------------------


def canaried(**fields: Any) -> RunState:
    """Two batches of one host; the first one is done and over since NOW."""
    members = hosts(2, {1: 1})
    members = (replace(members[0], canary=True), members[1])
    return then(started(plan(members, soak_seconds=600.0, **fields)), *to_done("h0"), edge(EdgeKind.BATCH_OVER))


def test_the_next_batch_waits_until_the_former_is_over() -> None:
    state = then(started(plan(hosts(3, {2: 1}))), *to_done("h0"), *to_step("h1"))
    assert acts(decide(state, world(3))) == ["look h1"]
    assert acts(decide(then(started(plan(hosts(2, {1: 1}))), *to_done("h0")), world(2))) == ["batch-over"]


def test_it_soaks_before_the_next_batch() -> None:
    dos = decide(canaried(), world(2, NOW + 540))
    assert (acts(dos), why(dos)) == ([], "batch 1 is over and soaks for another 1m")
    assert acts(decide(canaried(), world(2, NOW + 600))) == ["batch"]


def test_time_that_really_passed_counts_and_not_a_clock_that_was_changed() -> None:
    assert acts(decide(canaried(), world(2, NOW + 90_000), Pace(soaked=10.0))) == []
    assert acts(decide(canaried(), world(2, NOW - 90_000), Pace(soaked=601.0))) == ["batch"]


def test_after_canaries_somebody_must_say_go_on_where_the_plan_says_so() -> None:
    state = canaried(promote="key")
    dos = decide(state, world(2, NOW + 700))
    assert acts(dos) == []
    assert why(dos).startswith("the canaries are over: somebody must say go on")
    assert acts(decide(then(state, edge(EdgeKind.PROMOTED, who=ANN)), world(2, NOW + 700))) == ["batch"]
    assert acts(decide(then(state, edge(EdgeKind.PROMOTED, who=ANN)), world(2, NOW + 60))) == []


def test_a_batch_that_did_harm_stops_the_run_and_a_person_may_overrule_that() -> None:
    seen = world({"h0": HostView(up=True, alerts=1), "h1": UP}, NOW + 200)
    (do,) = decide(canaried(), seen)
    assert (do.act, "1 of 1 hosts of this batch (h0)" in do.text) == (Act.STOP, True)
    state = then(canaried(), edge(EdgeKind.STOPPED, text=do.text), edge(EdgeKind.RESUMED, who=ANN))
    assert acts(decide(state, World(now=NOW + 700, hosts=seen.hosts))) == ["batch"]


def test_a_batch_of_which_nobody_began_does_not_soak() -> None:
    state = then(started(plan(hosts(2, {1: 1}), soak_seconds=600.0)), edge(EdgeKind.SKIPPED, "h0", text="skipped"))
    assert acts(decide(then(state, edge(EdgeKind.BATCH_OVER)), world(2))) == ["batch"]


# Hosts that cannot begin -------------------------------------------------------------------------------------------------


def test_a_host_that_others_drained_is_not_begun_and_is_told() -> None:
    dos = decide(started(plan(hosts(2), fleet=2)), world({"h0": DRAINED, "h1": UP}))
    assert (acts(dos), why(dos, "h0")) == (["begin h1"], "drained by alice: fan")


def test_it_is_skipped_when_its_batch_has_nothing_else_to_do_and_patience_is_over() -> None:
    state = then(started(plan(hosts(2), fleet=2)), *to_step("h1"))
    seen = world({"h0": DRAINED, "h1": UP})
    late = Pace(unfit={"h0": 121.0})
    assert acts(decide(state, seen, late)) == ["look h1"]
    state = then(started(plan(hosts(2), fleet=2)), *to_done("h1"))
    dos = decide(state, seen, Pace(unfit={"h0": 119.0}))
    assert (acts(dos), why(dos)) == ([], "no host of the batch can begin: h0 (drained by alice: fan)")
    (do,) = decide(state, seen, late)
    assert (do.act, do.host, do.text) == (Act.SKIP, "h0", "drained by alice: fan")


def test_a_host_that_another_run_or_job_has_is_not_begun() -> None:
    dos = decide(started(plan(hosts(1))), world({"h0": HostView(up=True, held_by="backup b-7 of bob")}))
    assert (acts(dos), why(dos, "h0")) == ([], "held by backup b-7 of bob")
    dos = decide(started(plan(hosts(1))), world(1), Pace(elsewhere={"h0": "working in run r-2"}))
    assert (acts(dos), why(dos, "h0")) == ([], "working in run r-2")


def test_a_budget_that_others_have_used_up_is_told() -> None:
    dos = decide(started(plan(hosts(2), fleet=1)), world({"h0": DRAINED, "h1": UP}), Pace(unfit={"h0": 999.0}))
    assert (acts(dos), why(dos)) == ([], f"the budget of 1 is used up by h0 (drained by alice: fan); {STUCK}")


# The window --------------------------------------------------------------------------------------------------------------


def test_nothing_begins_before_the_window_opens() -> None:
    dos = decide(started(plan(hosts(1), window_start=NOW + 60)), world(1))
    assert (acts(dos), why(dos)) == ([], "the window opens in 1m")


def test_a_host_begins_only_if_it_would_probably_be_done_before_the_end() -> None:
    state = started(plan(hosts(1), window_end=NOW + 1000))
    kind = state.plan.hosts[0].kind
    assert acts(decide(state, World(now=NOW, hosts=world(1).hosts, estimates={kind: 1000.0}))) == ["begin h0"]
    (do,) = decide(state, World(now=NOW, hosts=world(1).hosts, estimates={kind: 1001.0}))
    assert do.act is Act.STOP
    assert do.text == "the window ends in 16m40s and a host takes 16m41s; 1 did not begin"


def test_without_an_estimate_the_end_of_the_window_is_the_end() -> None:
    members = tuple(replace(host, estimate_seconds=None) for host in hosts(1))
    state = started(plan(members, window_end=NOW + 1000))
    assert acts(decide(state, world(1, NOW + 999))) == ["begin h0"]
    (do,) = decide(state, world(1, NOW + 1000))
    assert (do.act, do.text) == (Act.STOP, "the window is over; 1 hosts did not begin")


def test_a_slow_host_is_left_out_where_quicker_ones_still_fit() -> None:
    slow, quick = hosts(2, {1: 1})
    members = (replace(slow, kind="slow", estimate_seconds=5000.0), replace(quick, kind="quick", estimate_seconds=10.0))
    (do,) = decide(started(plan(members, window_end=NOW + 1000)), world(2))
    assert (do.act, do.host, do.text) == (Act.SKIP, "h0", "it would not be done before the end of the window")


def test_hosts_in_work_at_the_cut_off_are_finished_and_the_others_skipped_once_it_is_over() -> None:
    state = then(started(plan(hosts(2), window_end=NOW + 100)), *to_step("h0"), edge(EdgeKind.STOPPED, text="cut"))
    assert acts(decide(state, world(2, NOW + 99))) == ["look h0"]
    assert acts(decide(state, world(2, NOW + 100))) == ["look h0", "skip h1"]


def test_a_clock_that_has_just_jumped_gives_nobody_up() -> None:
    state = then(started(plan(hosts(1), window_end=NOW + 100)), edge(EdgeKind.STOPPED, text="cut"))
    assert acts(decide(state, world(1, NOW + 90_000), Pace(steady=False))) == []


# Cost --------------------------------------------------------------------------------------------------------------------


def test_deciding_over_a_thousand_hosts_takes_at_most_ten_milliseconds() -> None:
    members = hosts(1000)
    state = started(plan(members, fleet=200, domain=4))
    state = then(state, *(each for at in range(200) for each in to_step(f"h{at}")))
    seen = world({host.host: HostView(up=True, domains=host.domains) for host in members})
    best = min(_seconds(state, seen) for _ in range(7))
    assert best <= 0.010


def _seconds(state: RunState, seen: World) -> float:
    began = time.process_time()
    decide(state, seen)
    return time.process_time() - began
