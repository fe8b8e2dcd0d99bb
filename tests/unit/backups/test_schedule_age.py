"""How old a set is against its schedule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.schedule_age import Age, age
from tests.unit.backups.catalog_case import HOUR, NOON, archive

DAY = 24 * HOUR
A, B = archive("a"), archive("b")


def test_the_newest_archive_counts_whatever_the_order() -> None:
    found = age(DAY, [B, A], NOON + 3 * HOUR)
    assert (found.last, found.seconds, found.due, found.overdue) == (B, 2 * HOUR, NOON + 25 * HOUR, False)


@pytest.mark.parametrize(("hours", "overdue"), [(23, False), (29, False), (30, False), (31, True), (900, True)])
def test_a_quarter_of_the_interval_is_grace(hours: float, overdue: bool) -> None:
    found = age(DAY, [A], NOON + hours * HOUR)
    assert (found.due, found.overdue) == (NOON + DAY, overdue)


def test_a_set_that_was_never_backed_up_is_due_and_not_overdue() -> None:
    assert age(DAY, [], NOON) == Age(due=NOON)


def test_a_set_without_a_schedule_is_never_due() -> None:
    assert age(0, [A], NOON + 1e9) == Age(last=A, seconds=1e9)


def test_a_checkpoint_is_no_backup() -> None:
    half = archive("b", name="models.b.checkpoint.1")
    assert age(DAY, [A, half], NOON + HOUR).last == A


def test_an_archive_from_the_future_does_not_hide_that_backups_have_ended() -> None:
    wrong = archive("z", start=NOON + 1000 * DAY)
    assert age(DAY, [A, wrong], NOON + 3 * DAY).overdue
    slightly = archive("z", start=NOON + 60)
    assert age(DAY, [slightly], NOON).seconds == 0.0


@given(st.floats(0, 1e7), st.lists(st.sampled_from([A, B, archive("q")]), max_size=3), st.floats(0, 4e9))
def test_overdue_is_past_due(every: float, archives: list[object], now: float) -> None:
    found = age(every, archives, now)  # type: ignore[arg-type]
    assert not found.overdue or (found.due is not None and found.due <= now)
