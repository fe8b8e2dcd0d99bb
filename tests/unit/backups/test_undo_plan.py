"""Where an undo goes back to: as far as it costs nothing, and never over something newer without a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.model import Archive
from backends.backups.onsite import Mark
from backends.backups.points import Point, kept
from backends.backups.undo_plan import UndoPlan, choose, of, refusal
from backends.errors import BadInput

NUMBERS = st.integers(0, 15)


def archive(number: int) -> Archive:
    return Archive(
        id=f"{number:064x}"[::-1], repository="vault/gpu01", name=f"a.{number}", set="a", host="gpu01", start=number
    )


def point(transaction: int, *numbers: int) -> Point:
    return Point(mark=Mark(transaction=transaction, digest=""), time=0.0, kept=kept(map(archive, numbers)))


def archives(*numbers: int) -> tuple[Archive, ...]:
    return tuple(map(archive, numbers))


class TestChoosing:
    def test_the_oldest_state_that_loses_nothing(self) -> None:
        points = [point(5, 1, 2, 3), point(9, 2, 3)]
        assert choose(points, archives(3), archives(1, 2), None) == points[0]

    def test_else_the_newest_that_brings_something_back(self) -> None:
        points = [point(5, 1, 2), point(9, 2, 3), point(12, 3)]
        assert choose(points, archives(3, 4), archives(1, 2), None) == points[1]

    def test_none_where_nothing_would_come_back(self) -> None:
        assert choose([point(5, 1)], archives(1), (), None) is None
        assert choose([], (), archives(1), None) is None

    def test_what_somebody_chose_must_be_there(self) -> None:
        assert choose([point(5, 1)], archives(1), (), 5) == point(5, 1)
        with pytest.raises(BadInput, match="no known state is at transaction 6"):
            choose([point(5, 1)], (), (), 6)

    @given(st.lists(st.frozensets(NUMBERS), max_size=6), st.frozensets(NUMBERS), st.frozensets(NUMBERS))
    def test_it_always_brings_something_back_and_loses_only_where_it_must(
        self, states: list[frozenset[int]], there: frozenset[int], gone: frozenset[int]
    ) -> None:
        points = [point(number, *sorted(state)) for number, state in enumerate(states)]
        now, missing = archives(*sorted(there)), archives(*sorted(gone - there))
        found = choose(points, now, missing, None)
        useful = [each for each in points if of(each, missing)]
        assert (found is None) == (not useful)
        if found is not None:
            assert found in useful
            assert not found.newer(now) or all(each.newer(now) for each in useful)


@given(st.frozensets(NUMBERS, min_size=1), st.frozensets(NUMBERS))
def test_every_archive_that_would_be_lost_must_be_named(lost: frozenset[int], named: frozenset[int]) -> None:
    plan = UndoPlan(repository="vault/gpu01", lost=archives(*sorted(lost)), token="t")
    cause = refusal(plan, "t", [f"a.{number}" for number in named])
    assert (cause is None) == (lost <= named)
    if cause is not None:
        assert cause.code == "would-lose" and all(f"a.{number}" in cause.text for number in sorted(lost - named)[:8])
