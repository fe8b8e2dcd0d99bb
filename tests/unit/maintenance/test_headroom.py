"""The budget counts what is really away: ours, those down before we came, and in a failure domain everybody's."""

from __future__ import annotations

from backends.maintenance.headroom import Taking, headroom
from backends.maintenance.model import Edge, EdgeKind
from backends.maintenance.world import HostView
from tests.unit.maintenance.running import NOW, hosts, plan, started, then, to_done, to_failure, to_step, world

UP = HostView(up=True)
DOWN = HostView(up=False, why="unreachable")


def test_who_is_in_work_failed_or_down_anyway_counts_once() -> None:
    members = hosts(5)
    state = then(started(plan(members, fleet=4)), *to_step("h0"), *to_failure("h1"), *to_done("h2"))
    seen = world({"h0": DOWN, "h1": UP, "h2": UP, "h3": DOWN, "h4": UP})
    assert headroom(state, seen).fleet.away == {"h0": "in work", "h1": "failed-held", "h3": "unreachable"}
    assert headroom(state, seen).fleet.left == 1


def test_a_host_begins_only_where_one_more_keeps_the_budget() -> None:
    members = hosts(3)
    taking = Taking(started(plan(members, fleet=2)), world(3))
    assert taking.refusal(members[0]) == ""
    taking.take(members[0])
    assert taking.refusal(members[1]) == ""
    taking.take(members[1])
    assert taking.refusal(members[2]) == "the budget of 2 is used up by h0 (in work), h1 (in work)"


def test_a_failed_host_that_was_left_as_it_is_still_eats_the_budget() -> None:
    skip = Edge(time=NOW, kind=EdgeKind.SKIPPED, host="h0", text="left as it is by ann")
    members = hosts(3)
    state = then(started(plan(members, fleet=2)), *to_failure("h0"), skip)
    assert headroom(state, world(3)).fleet.left == 1
    left_out = Edge(time=NOW, kind=EdgeKind.SKIPPED, host="h1", text="skipped by ann")
    assert headroom(then(state, left_out), world(3)).fleet.left == 1


def test_a_failure_domain_counts_hosts_that_are_not_of_the_run() -> None:
    members = hosts(2, rack=2)
    other = HostView(up=False, why="unreachable", domains=("rack1",))
    seen = world({"h0": HostView(up=True, domains=("rack1",)), "h1": HostView(up=True), "other": other})
    state = started(plan(members, fleet=2, domain=1))
    assert Taking(state, seen).refusal(members[0]) == "the budget of 1 in rack1 is used up by other (unreachable)"
    assert headroom(state, seen).fleet.left == 2
    assert headroom(state, seen).domains["rack1"].away == {"other": "unreachable"}


def test_a_host_that_another_run_has_in_work_is_away_too() -> None:
    members = hosts(2)
    state = started(plan(members, fleet=1))
    assert "working in run r-2" in Taking(state, world(2), {"h1": "working in run r-2"}).refusal(members[0])


def test_a_host_that_left_the_inventory_is_away() -> None:
    state = started(plan(hosts(2), fleet=2))
    assert headroom(state, world({"h0": UP})).fleet.away == {"h1": "not in the inventory any more"}


def test_headroom_is_never_negative() -> None:
    state = started(plan(hosts(3), fleet=1))
    assert headroom(state, world({"h0": DOWN, "h1": DOWN, "h2": DOWN})).fleet.left == 0
