"""The budget of one host: bursts are allowed, floods are not, and time gives back."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit.flow import BYTES_BURST, LINES_BURST, LINES_PER_SECOND, WORDS_BURST, Budget


def lines_left(budget: Budget) -> int:
    return next(count for count in range(int(LINES_BURST) + 2) if not budget.spend(0))


def test_a_burst_is_allowed_and_then_as_much_as_time_gives() -> None:
    budget = Budget(0.0)
    assert lines_left(budget) == LINES_BURST
    assert budget.dropped == 1
    budget.refill(1.0)
    assert lines_left(budget) == LINES_PER_SECOND
    budget.refill(1e9)
    assert lines_left(budget) == LINES_BURST


def test_few_lines_of_many_bytes_are_a_flood_as_well() -> None:
    budget = Budget(0.0)
    assert budget.spend(int(BYTES_BURST))
    assert not budget.spend(1)
    assert budget.spend(0)
    budget.refill(1.0)
    assert budget.spend(1 << 20)


def test_a_line_larger_than_the_burst_is_never_read() -> None:
    budget = Budget(0.0)
    assert not budget.spend(int(BYTES_BURST) + 1)
    assert budget.spend(10), "and costs nothing"


def test_troubles_have_a_budget_of_their_own() -> None:
    budget = Budget(0.0)
    assert sum(budget.speak() for _ in range(100)) == WORDS_BURST
    assert budget.spend(100)
    budget.refill(2.0)
    assert budget.speak()
    assert not budget.speak()


def test_it_is_calm_again_once_every_bucket_is_half_full() -> None:
    budget = Budget(0.0)
    assert budget.calm
    lines_left(budget)
    assert not budget.calm
    budget.refill(4.0)
    assert not budget.calm
    budget.refill(6.0)
    assert budget.calm


@given(st.lists(st.one_of(st.floats(-1e9, 1e9), st.just(math.inf), st.just(-math.inf)), max_size=20))
def test_a_clock_that_jumps_gives_never_more_than_the_burst(times: list[float]) -> None:
    budget = Budget(0.0)
    for now in times:
        budget.refill(now)
    assert lines_left(budget) <= LINES_BURST
