"""Escalation and repeats (rules 11 and 12)."""

from __future__ import annotations

import pytest

from backends.alerts.model import EdgeKind, NoticeKind, Policy, Silence, Truth
from backends.errors import BadInput
from backends.states import Severity
from tests.unit.alerts.desk import BEGIN, C, Desk, W

K = NoticeKind


def desk_of(levels: int) -> Desk:
    return Desk(policy=Policy(escalation_levels=levels))


def ladder(desk: Desk) -> list[tuple[NoticeKind, int, float]]:
    began = desk.said[0].time
    return [(notice.kind, notice.level, round((notice.time - began) / 60)) for notice in desk.said]


def test_nobody_answers_so_the_next_level_hears_after_10_and_20_minutes_three_times_over() -> None:
    desk = desk_of(2)
    desk.hold(C, 3 * 3600)
    assert ladder(desk)[:10] == [
        (K.FIRING, 0, 0),
        (K.ESCALATION, 1, 10),
        (K.ESCALATION, 2, 20),
        (K.ESCALATION, 0, 30),
        (K.ESCALATION, 1, 40),
        (K.ESCALATION, 2, 50),
        (K.ESCALATION, 0, 60),
        (K.ESCALATION, 1, 70),
        (K.ESCALATION, 2, 80),
        (K.REPEAT, 2, 140),
    ]


@pytest.mark.parametrize(("level", "minutes"), [(C, 60), (W, 240)])
def test_without_levels_it_is_only_repeated(level: Severity, minutes: int) -> None:
    desk = desk_of(0)
    desk.hold(level, 9 * 3600)
    kinds = [(kind, at) for kind, _, at in ladder(desk)]
    assert kinds[:3] == [(K.FIRING, 0), (K.REPEAT, minutes), (K.REPEAT, 2 * minutes)]


def test_a_warning_does_not_escalate_until_it_is_critical() -> None:
    desk = desk_of(2)
    desk.hold(W, 3600)
    assert desk.kinds() == [K.FIRING]
    desk.hold(C, 630)
    assert desk.kinds() == [K.FIRING, K.UPGRADE, K.ESCALATION]


def test_an_acknowledgement_stops_it_and_giving_it_back_begins_anew() -> None:
    desk = desk_of(2)
    desk.hold(C, 660)
    desk.alerts.ack([desk.name()], desk.now, by="anna")
    desk.hold(C, 3600)
    assert desk.kinds() == [K.FIRING, K.ESCALATION]
    desk.alerts.unack([desk.name()], desk.now, by="anna")
    assert [notice.kind for notice in desk.hold(C, 590)] == [K.REPEAT]
    assert [(notice.kind, notice.level) for notice in desk.hold(C, 20)] == [(K.ESCALATION, 1)]


def test_by_hand_it_is_told_at_once_and_audited() -> None:
    desk = desk_of(2)
    desk.hold(C, 30)
    turn = desk.alerts.escalate([desk.name()], desk.now, by="anna", origin="tty")
    desk.hand_over(turn.notices)
    assert [(notice.kind, notice.level) for notice in turn.notices] == [(K.ESCALATION, 1)]
    assert [(edge.kind, edge.by) for edge in turn.edges] == [(EdgeKind.ESCALATED, "anna")]
    with pytest.raises(BadInput):
        desk.alerts.escalate(["nothing"], desk.now, by="anna")


def test_a_night_that_was_slept_through_is_one_step_not_all_of_them() -> None:
    desk = desk_of(2)
    desk.hold(C, 30)
    desk.now = BEGIN + 8 * 3600
    desk.hold(C, 60)
    assert desk.kinds().count(K.ESCALATION) == 1


def test_whoever_was_escalated_to_hears_of_the_end_as_well() -> None:
    desk = desk_of(2)
    desk.hold(C, 30)
    desk.routes = ("boss",)
    desk.hold(C, 630)
    desk.say(Truth.FALSE)
    (end,) = desk.rest(310)
    assert end.kind is K.RESOLVED and end.only == ("mail", "boss")


def test_once_it_is_critical_again_it_begins_at_the_first_level() -> None:
    desk = desk_of(2)
    desk.hold(C, 1300, rule="kept")
    desk.hold(W, 100, rule="kept")
    told = len(desk.said)
    desk.hold(C, 640, rule="kept")
    assert [(notice.kind, notice.level) for notice in desk.said[told:]] == [(K.UPGRADE, 0), (K.ESCALATION, 1)]


@pytest.mark.parametrize("hidden", ["acknowledged", "silenced"])
def test_what_was_hidden_for_a_while_begins_anew_afterwards(hidden: str) -> None:
    desk = desk_of(2)
    desk.hold(C, 30)
    if hidden == "acknowledged":
        desk.alerts.ack([desk.name()], desk.now, by="anna", until=desk.now + 2000)
    else:
        silence = Silence(id="s", rule="*", by="anna", comment="c", start=desk.now, end=desk.now + 2000)
        desk.alerts.silence(silence, desk.now)
    desk.hold(C, 2570)
    assert K.ESCALATION not in desk.kinds()
    desk.hold(C, 60)
    assert [(notice.kind, notice.level) for notice in desk.said[2:]] == [(K.ESCALATION, 1)]
