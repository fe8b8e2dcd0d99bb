"""Hosts are asked by themselves: rarely, a few at a time, the longest neglected first."""

from __future__ import annotations

from backends.updates.background import MOST_AT_A_TIME, due
from backends.updates.inventories import HostUpdates

HOUR = 3600.0


def state(host: str, tried: float | None = None, error: str = "", busy: bool = False) -> HostUpdates:
    return HostUpdates(host=host, tried=tried, error=error, busy=busy)


def test_those_never_asked_come_first_then_the_longest_ago() -> None:
    states = [state("a", tried=5 * HOUR), state("b"), state("c", tried=1 * HOUR), state("d", tried=11.9 * HOUR)]
    assert due(states, 12 * HOUR, 6 * HOUR) == ("b", "c", "a")


def test_only_a_few_at_a_time_and_none_while_those_are_busy() -> None:
    many = [state(f"h{number:03}") for number in range(50)]
    assert len(due(many, HOUR, HOUR)) == MOST_AT_A_TIME
    busy = [state(f"b{number}", busy=True) for number in range(MOST_AT_A_TIME - 1)]
    assert due([*busy, *many], HOUR, HOUR) == ("h000",)
    assert due([*busy, state("b9", busy=True), *many], HOUR, HOUR) == ()


def test_one_that_could_not_be_asked_is_tried_sooner() -> None:
    states = [state("a", tried=0.0, error="not connected"), state("b", tried=0.0)]
    assert due(states, 0.5 * HOUR, 6 * HOUR) == ("a",)


def test_zero_hours_ask_nobody() -> None:
    assert due([state("a")], HOUR, 0.0) == ()
