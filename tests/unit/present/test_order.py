"""The order of hosts: worst first, numbers as people count, unknown last, and still while somebody moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.engine.wire import HostRow
from backends.states import HostState, Severity
from swarm_tui.present import columns, order
from swarm_tui.present.order import Sort
from tests.unit.present.any_row import patient
from tests.unit.present.any_row import rows as any_rows
from tests.unit.present.fleet_rows import away, fleet, row


def test_worst_first_by_severity_then_state_then_name() -> None:
    hosts = [
        row("ok"),
        row("warm", severity=Severity.WARNING),
        away("new", HostState.CONNECTING, ""),
        away("down", HostState.UNREACHABLE, ""),
        row("gpu", severity=Severity.CRITICAL),
        away("changed", HostState.HOST_KEY_CHANGED, ""),
    ]
    assert order.sorted_names(hosts, Sort()) == ["changed", "down", "gpu", "warm", "new", "ok"]
    assert order.sorted_names(hosts, Sort(descending=False))[0] == "ok"


def test_a_state_outweighs_a_severity_that_was_not_updated() -> None:
    late = row("a", HostState.UNREACHABLE, severity=Severity.OK)
    assert order.sorted_names([row("b"), late], Sort()) == ["a", "b"]
    assert order.is_problem(late)


def test_names_are_sorted_as_people_count() -> None:
    names = ["gpu10", "gpu2", "gpu02", "rack1-gpu3", "gpu", "10", "9", "gpu2b"]
    assert order.sorted_names([row(name) for name in names], Sort("host", False)) == [
        "9", "10", "gpu", "gpu02", "gpu2", "gpu2b", "gpu10", "rack1-gpu3",
    ]  # fmt: skip


def test_unknown_is_a_problem_and_ok_is_none() -> None:
    assert order.is_problem(row("a", severity=Severity.UNKNOWN))
    assert not order.is_problem(row("a"))


def test_values_descend_and_hosts_without_one_stand_last_both_ways() -> None:
    hosts = [
        row("a", cpu_percent=1.0),
        row("b", cpu_percent=None),
        row("c", cpu_percent=9.0),
        row("d", cpu_percent=1.0),
    ]
    assert order.sorted_names(hosts, Sort("cpu", True)) == ["c", "a", "d", "b"]
    assert order.sorted_names(hosts, Sort("cpu", False)) == ["a", "d", "c", "b"]


def test_what_is_shown_keeps_its_place_and_newcomers_follow() -> None:
    assert order.keep(["c", "gone", "a"], ["a", "new", "c"]) == ["c", "a", "new"]


def test_sorting_walks_over_shown_columns_only() -> None:
    assert order.sortable(["worst", "host", "gpus", "cpu"]) == ["host", "cpu", "worst"]


@pytest.mark.parametrize("column", sorted(columns.BY_ID))
def test_every_column_sorts_the_whole_fleet(column: str) -> None:
    for descending in (True, False):
        assert sorted(order.sorted_names(fleet(), Sort(column, descending))) == sorted(each.name for each in fleet())


@given(st.lists(any_rows, max_size=6), st.sampled_from(sorted(columns.BY_ID)), st.booleans())
@patient(100)
def test_any_fleet_can_be_sorted_by_anything(rows: list[HostRow], column: str, descending: bool) -> None:
    assert sorted(order.sorted_names(rows, Sort(column, descending))) == sorted(each.name for each in rows)


@given(st.lists(st.text(max_size=12), max_size=8))
@patient(100)
def test_any_names_have_an_order(names: list[str]) -> None:
    assert sorted(sorted(names, key=order.natural)) == sorted(names)
