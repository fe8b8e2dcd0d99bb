"""A batch is worse when hosts that were given back have new trouble, more of them than among the untouched."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from backends.maintenance.model import RunState
from backends.maintenance.verdict import judge
from backends.maintenance.world import HostView
from tests.unit.maintenance.running import NOW, hosts, plan, started, then, to_done, world

UP, ALERTS, ILL = HostView(up=True), HostView(up=True, alerts=2), HostView(up=True, ill=True)


def canaries(count: int, untouched: int, **fields: Any) -> RunState:
    """So many hosts of the first batch are done."""
    batches = dict.fromkeys(range(count, count + untouched), 1)
    made = plan(hosts(count + untouched, batches), soak_seconds=600.0, **fields)
    edges = [edge for at in range(count) for edge in to_done(f"h{at}")]
    return then(started(made), *edges)


def test_a_canary_with_new_alerts_is_worse_than_hosts_without() -> None:
    state = canaries(1, 2)
    verdict = judge(state, world({"h0": ALERTS, "h1": UP, "h2": UP}, NOW + 300))
    assert verdict.worse
    assert verdict.text == (
        "1 of 1 hosts of this batch (h0) have new alerts or a critical check; of the untouched hosts 0 of 2 have any"
    )


def test_a_critical_check_is_as_bad_as_an_alert() -> None:
    assert judge(canaries(1, 1), world({"h0": ILL, "h1": UP}, NOW + 300)).worse


def test_trouble_that_the_whole_fleet_has_is_not_the_batchs() -> None:
    assert not judge(canaries(1, 2), world({"h0": ALERTS, "h1": ALERTS, "h2": ALERTS}, NOW + 300)).worse


def test_a_host_has_a_moment_to_settle() -> None:
    assert not judge(canaries(1, 1), world({"h0": ALERTS, "h1": UP}, NOW + 60)).worse


def test_alerts_from_before_do_not_count() -> None:
    state = canaries(1, 1)
    edges = to_done("h0")
    first = replace(edges[0], facts={"alerts": "2"})
    state = then(started(state.plan), first, *edges[1:])
    assert not judge(state, world({"h0": ALERTS, "h1": UP}, NOW + 300)).worse
    assert judge(state, world({"h0": HostView(up=True, alerts=3), "h1": UP}, NOW + 300)).worse


def test_one_of_many_is_noise() -> None:
    state = canaries(20, 5)
    views = {f"h{at}": UP for at in range(25)}
    assert not judge(state, world({**views, "h3": ALERTS}, NOW + 300)).worse
    assert judge(state, world({**views, "h3": ALERTS, "h4": ILL}, NOW + 300)).worse


def test_without_untouched_hosts_there_is_nothing_to_stop() -> None:
    assert not judge(canaries(2, 0), world({"h0": ALERTS, "h1": ALERTS}, NOW + 300)).worse
