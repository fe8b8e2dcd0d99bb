"""Bundles in memory: bounded, found again, the last good one of a host outlives the bad ones."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.errors import BadInput
from backends.triage.memory_shelf import MOST, MemoryShelf
from tests.unit.triage.samples import NOW, bundle

ILL = bundle({"space": "/dev/sda1 ext4 100 100 0 100% /\n"})
WELL = bundle()


def test_the_oldest_goes_but_never_the_last_good_one_of_a_host() -> None:
    shelf = MemoryShelf()
    good = shelf.put(WELL)
    numbers = [shelf.put(replace(ILL, time=NOW + at)) for at in range(1, MOST + 5)]
    rows = shelf.list(limit=1000)
    assert len(rows) == MOST and rows[0].id == numbers[-1]
    assert shelf.get(good) == WELL
    with pytest.raises(BadInput, match=f"no triage bundle {numbers[0]}"):
        shelf.get(numbers[0])


def test_it_stays_bounded_also_where_every_one_is_the_last_good_one() -> None:
    shelf = MemoryShelf()
    for number in range(MOST + 3):
        shelf.put(replace(WELL, host=f"h{number}"))
    assert len(shelf.list(limit=1000)) == MOST


def test_the_newest_good_one_before_a_time_is_found() -> None:
    shelf = MemoryShelf(first=100)
    first, second = shelf.put(WELL), shelf.put(replace(WELL, time=NOW + 10))
    shelf.put(replace(ILL, time=NOW + 20))
    found = shelf.good("gpu07"), shelf.good("gpu07", NOW + 10)
    assert [row.id for row in found if row is not None] == [second, first] == [101, 100]
    assert shelf.good("other") is None


def test_nothing_is_left_when_it_is_closed() -> None:
    shelf = MemoryShelf()
    shelf.put(WELL)
    shelf.close()
    assert shelf.list() == ()
