"""Grouping: one rule in one rack is one notice (rule 11)."""

from __future__ import annotations

from backends.alerts.model import NoticeKind, Truth
from tests.unit.alerts.desk import C, Desk, W, hosts, reading

K = NoticeKind
FLEET = [*hosts("a1", "a2", "a3", parents=["ra"]), *hosts("b1", parents=["rb"]), *hosts("x", "y", "z")]


def both(desk: Desk, level: object, *names: str, rule: str = "quick") -> list[object]:
    return list(desk.step(*(reading(level, desk.now + 10, host=name, rule=rule) for name in names)))  # type: ignore[arg-type]


def test_a_rule_in_a_rack_is_told_together_after_twenty_seconds() -> None:
    desk = Desk(FLEET)
    both(desk, W, "a1")
    both(desk, W, "a1", "a2", "b1")
    assert desk.said == []
    both(desk, W, "a1", "a2", "b1")
    both(desk, W, "a1", "a2", "b1")
    assert [notice.hosts for notice in desk.said] == [("a1", "a2"), ("b1",)]
    assert desk.said[0].title == "quick: 2 alerts on a[1-2] (ra)"


def test_a_critical_one_waits_for_five_seconds_only() -> None:
    desk = Desk(FLEET)
    desk.step(reading(C, desk.now + 1, host="a1"), seconds=1)
    assert desk.rest(4, step=1) == []
    assert len(desk.rest(1, step=1)) == 1


def test_more_of_a_group_waits_for_five_minutes() -> None:
    desk = Desk(FLEET)
    both(desk, W, "a1")
    desk.rest(30)
    both(desk, W, "a2")
    both(desk, W, "a3")
    desk.rest(250)
    assert len(desk.said) == 1
    desk.rest(60)
    assert [notice.hosts for notice in desk.said] == [("a1",), ("a2", "a3")]


def test_other_rules_are_told_apart() -> None:
    desk = Desk(FLEET)
    desk.step(reading(W, desk.now, host="a1"), reading(W, desk.now, host="a1", rule="kept"))
    desk.rest(30)
    assert sorted(notice.rule for notice in desk.said) == ["kept", "quick"]


def test_ends_are_put_together_like_the_beginnings_and_by_whom_they_are_for() -> None:
    desk = Desk(FLEET)
    both(desk, W, "a1", "a2")
    desk.rest(30)
    both(desk, Truth.FALSE, "a1", "a2")
    desk.rest(30)
    (end,) = [notice for notice in desk.said if notice.kind is K.RESOLVED]
    assert end.hosts == ("a1", "a2") and end.only == ("mail",)
    assert "a1: was: it is bad" in end.lines[0]


def test_more_ends_of_a_group_wait_for_five_minutes() -> None:
    desk = Desk(FLEET)
    both(desk, W, "a1", "a2")
    desk.rest(30)
    both(desk, Truth.FALSE, "a1")
    desk.rest(40)
    both(desk, Truth.FALSE, "a2")
    desk.rest(240)
    assert desk.kinds() == [K.FIRING, K.RESOLVED]
    desk.rest(60)
    assert [notice.hosts for notice in desk.said] == [("a1", "a2"), ("a1",), ("a2",)]
