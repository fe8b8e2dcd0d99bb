"""Flapping: Icinga's formula for the badge, a guard for notices (rule 10)."""

from __future__ import annotations

import pytest

from backends.alerts import flapping
from backends.alerts.model import NoticeKind, Phase, Truth
from tests.unit.alerts.desk import Desk, W

K = NoticeKind


@pytest.mark.parametrize(
    ("changes", "percent"),
    [(0, 0.0), (0b111111, 33.9), (0b11111, 28.5), ((1 << 20) - 1, 99.0), (1 << 19, 4.0), (1, 5.9)],
)
def test_new_changes_weigh_more(changes: int, percent: float) -> None:
    assert flapping.percent(changes) == pytest.approx(percent, abs=0.01)


def test_six_recent_changes_trip_the_badge_and_it_stays_until_a_quarter() -> None:
    assert flapping.flaps(0b111111, was=False) and not flapping.flaps(0b11111, was=False)
    assert flapping.flaps(0b11111, was=True) and not flapping.flaps(0b1111, was=True)


def test_only_twenty_evaluations_count() -> None:
    changes = 0
    for _ in range(30):
        changes = flapping.shifted(changes, True)
    for _ in range(20):
        changes = flapping.shifted(changes, False)
    assert changes == 0


def test_the_badge_is_shown_for_raw_flips_that_never_fire() -> None:
    desk = Desk()
    for _ in range(6):
        desk.say(W, rule="disk.space")
        desk.say(Truth.FALSE, rule="disk.space")
    (alert,) = [desk.alerts.get(name) for name in [reading_name(desk)]]
    assert alert is not None and alert.flapping and alert.phase is Phase.INACTIVE
    assert desk.said == []


def reading_name(desk: Desk) -> str:
    from backends.alerts.model import fingerprint

    return fingerprint("disk.space", "a", "")


def cycle(desk: Desk, seconds: float = 300.0) -> None:
    desk.hold(W, seconds)
    desk.hold(Truth.FALSE, seconds)


def test_three_cycles_in_an_hour_are_one_notice_then_a_summary_each_hour_then_one_end() -> None:
    desk = Desk()
    for _ in range(3):
        cycle(desk)
    assert desk.kinds().count(K.FLAPPING) == 1
    told = len(desk.said)
    for _ in range(7):
        cycle(desk)
    assert desk.kinds()[told:] == [K.FLAPPING]
    desk.hold(Truth.FALSE, 1800)
    assert desk.kinds()[told:] == [K.FLAPPING, K.RESOLVED]
    assert not desk.alert().flapping


def test_what_fires_on_after_it_kept_still_is_told_of_its_end_only() -> None:
    desk = Desk()
    for _ in range(3):
        cycle(desk)
    told = len(desk.said)
    desk.hold(W, 2400)
    assert desk.kinds()[told:] == []
    desk.say(Truth.FALSE)
    desk.rest(40)
    assert desk.kinds()[told:] == [K.RESOLVED]


def test_two_cycles_are_no_flapping() -> None:
    desk = Desk()
    cycle(desk)
    cycle(desk)
    assert K.FLAPPING not in desk.kinds()
