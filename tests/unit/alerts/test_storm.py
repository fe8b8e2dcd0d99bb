"""Storms: one message instead of hundreds (rule 11)."""

from __future__ import annotations

import pytest

from backends.alerts import storm
from backends.alerts.model import NoticeKind, Policy, Truth
from tests.unit.alerts.desk import Desk, W, hosts, reading

K = NoticeKind
NAMES = [f"h{number:03}" for number in range(400)]
RACKS = {name: f"rack{number % 40}" for number, name in enumerate(NAMES)}


@pytest.mark.parametrize(("fleet", "limit"), [(3, 10), (200, 10), (400, 20), (1000, 50)])
def test_the_limit_is_ten_or_a_twentieth_of_the_fleet(fleet: int, limit: float) -> None:
    assert storm.limit(fleet, Policy()) == limit


def desk_of_racks() -> Desk:
    return Desk(hosts(*NAMES), groups=RACKS)


def test_more_than_the_limit_at_once_is_one_message_and_one_end() -> None:
    desk = desk_of_racks()
    for _ in range(20):
        desk.step(*(reading(W, desk.now + 10, host=name) for name in NAMES[:100]))
    (notice,) = desk.said
    assert notice.kind is K.STORM and len(notice.fingerprints) == 100
    assert notice.title == "storm of quick: 100 new alerts"
    assert notice.lines[0].startswith("mostly rack0 3, rack1 3")
    assert notice.lines[1] == "first: h000, h001, h002, h003, h004 and 95 more"
    desk.step(*(reading(Truth.FALSE, desk.now + 10, host=name) for name in NAMES[:100]))
    desk.rest(600)
    assert desk.kinds() == [K.STORM, K.RESOLVED] and len(desk.said[1].fingerprints) == 100


def test_as_many_as_the_limit_are_told_in_their_groups() -> None:
    desk = desk_of_racks()
    for _ in range(5):
        desk.step(*(reading(W, desk.now + 10, host=name) for name in NAMES[:20]))
    assert set(desk.kinds()) == {K.FIRING} and len(desk.said) == 20


def test_what_comes_later_in_a_storm_is_told_after_five_minutes_or_at_its_end() -> None:
    desk = desk_of_racks()
    for count in range(30, 300, 5):
        desk.step(*(reading(W, desk.now + 10, host=name) for name in NAMES[:count]))
    desk.rest(120)
    assert desk.kinds() == [K.STORM, K.STORM, K.STORM]
    told = [name for notice in desk.said for name in notice.fingerprints]
    assert len(told) == len(set(told)) == 295
    assert desk.said[-1].title.startswith("storm of quick:") and "295 in all since it began" in desk.said[-1].lines


def test_what_is_hidden_makes_no_storm() -> None:
    desk = Desk(hosts(*NAMES))
    for _ in range(20):
        desk.step(*(reading(W, desk.now + 10, rule="note", host=name) for name in NAMES))
    assert desk.said == []


def test_many_that_come_slowly_are_no_storm() -> None:
    desk = Desk(hosts(*NAMES[:100]), groups={})
    for count in range(1, 41):
        desk.step(*(reading(W, desk.now + 30, host=name) for name in NAMES[:count]), seconds=30)
    assert set(desk.kinds()) == {K.FIRING}
