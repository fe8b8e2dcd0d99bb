"""States that can be gone back to: kept with what was there, bounded, and forgotten when they are gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.backups.catalog import Catalog
from backends.backups.model import Archive
from backends.backups.onsite import Mark
from backends.backups.points import MOST_KEPT, MOST_POINTS, Point, Points, kept
from backends.clock import ManualClock

KEY = "vault/gpu01"


def archive(number: int) -> Archive:
    return Archive(
        id=f"{number:010x}".ljust(64, "0"), repository=KEY, name=f"a.{number}", set="a", host="gpu01", start=0.0
    )


def point(transaction: int, *numbers: int) -> Point:
    mark = Mark(transaction=transaction, digest="d")
    return Point(mark=mark, time=float(transaction), by="prune of a, root", kept=kept(map(archive, numbers)))


@pytest.fixture
def points(tmp_path: Path) -> Iterator[Points]:
    catalog = Catalog(tmp_path / "catalog.db", ManualClock())
    yield Points(catalog)
    catalog.close()


def test_they_come_back_as_they_were_oldest_first(points: Points) -> None:
    points.add(KEY, point(9, 2, 3))
    points.add(KEY, point(5, 1, 2, 3))
    assert points.all(KEY) == (point(5, 1, 2, 3), point(9, 2, 3))
    assert points.all("offsite/gpu01") == ()
    assert [each.name for each in point(9, 2, 3).newer([archive(2), archive(4)])] == ["a.4"]


def test_those_after_a_rollback_are_gone_and_all_after_a_compaction(points: Points) -> None:
    for transaction in (5, 9, 12):
        points.add(KEY, point(transaction))
    points.drop(KEY, since=9)
    assert [each.mark.transaction for each in points.all(KEY)] == [5]
    points.drop(KEY)
    assert points.all(KEY) == ()


def test_there_are_never_too_many_and_the_oldest_go(points: Points) -> None:
    for transaction in range(MOST_POINTS + 5):
        points.add(KEY, point(transaction))
    found = points.all(KEY)
    assert len(found) == MOST_POINTS and found[0].mark.transaction == 5


def test_a_point_fits_into_a_note_or_is_not_kept_at_all(points: Points) -> None:
    points.add(KEY, point(5, *range(MOST_KEPT)))
    points.add(KEY, point(6, *range(MOST_KEPT + 1)))
    assert [each.mark.transaction for each in points.all(KEY)] == [5]
    points.set_good(KEY, point(5, *range(MOST_KEPT)))
    assert points.good(KEY) == point(5, *range(MOST_KEPT))
    points.set_good(KEY, point(6, *range(MOST_KEPT + 1)))
    assert points.good(KEY) is None  # an old state would be worse than none
