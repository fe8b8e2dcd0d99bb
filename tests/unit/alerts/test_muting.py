"""Maintenance: quiet meanwhile, one digest of what is new afterwards (rule 8)."""

from __future__ import annotations

import pytest

from backends.alerts.model import Mute, NoticeKind, Phase, Truth
from backends.errors import BadInput
from tests.unit.alerts.desk import BEGIN, C, Desk, W, reading

K = NoticeKind


def mute(**about: object) -> Mute:
    values = {"id": "m1", "hosts": ("a", "b"), "by": "anna", "start": BEGIN, "end": BEGIN + 86_400} | about
    return Mute(**values)  # type: ignore[arg-type]


def test_what_was_told_before_stays_quiet_and_what_is_new_is_one_digest_after_five_minutes() -> None:
    desk = Desk()
    desk.hold(W, 40)
    desk.alerts.mute(mute(), desk.now)
    for _ in range(60):
        at = desk.now + 10
        desk.step(reading(W, at), reading(W, at, rule="kept"), reading(W, at, host="b"), reading(C, at, host="c"))
    assert [notice.hosts for notice in desk.said] == [("a",), ("c",)]
    assert desk.alert("kept").muted == "m1" and desk.phase("kept") is Phase.FIRING
    desk.alerts.end_mute("m1", desk.now, by="anna")
    desk.rest(290)
    assert len(desk.said) == 2
    desk.rest(20)
    digest = desk.said[-1]
    assert digest.kind is K.DIGEST and digest.hosts == ("a", "b") and len(digest.fingerprints) == 2
    assert "after the maintenance m1" in digest.title
    assert desk.rest(1000) == [] and desk.alerts.mutes() == ()


def test_nothing_new_is_no_digest() -> None:
    desk = Desk()
    desk.hold(W, 40)
    desk.alerts.mute(mute(), desk.now)
    desk.hold(W, 100)
    desk.alerts.end_mute("m1", desk.now, by="anna")
    assert desk.hold(W, 600) == []


def test_what_became_worse_meanwhile_is_new() -> None:
    desk = Desk()
    desk.hold(W, 40)
    desk.alerts.mute(mute(), desk.now)
    assert desk.hold(C, 100) == []
    desk.alerts.end_mute("m1", desk.now, by="anna")
    assert [(notice.kind, notice.severity) for notice in desk.hold(C, 600)] == [(K.DIGEST, C)]


def test_an_end_is_told_during_the_maintenance_to_whom_was_told() -> None:
    desk = Desk()
    desk.hold(C, 30)
    desk.alerts.mute(mute(), desk.now)
    desk.say(Truth.FALSE)
    (end,) = desk.rest(60)
    assert end.kind is K.RESOLVED and end.only == ("mail",)
    desk.hold(C, 100)
    desk.say(Truth.FALSE)
    desk.alerts.end_mute("m1", desk.now, by="anna")
    assert desk.rest(1000) == []


def test_it_ends_by_itself() -> None:
    desk = Desk()
    desk.alerts.mute(mute(end=BEGIN + 600), desk.now)
    assert [notice.kind for notice in desk.hold(C, 1000)] == [K.DIGEST]


def test_a_host_in_another_maintenance_still_keeps_quiet() -> None:
    desk = Desk()
    desk.alerts.mute(mute(end=BEGIN + 600), desk.now)
    desk.alerts.mute(mute(id="m2", hosts=("a",)), desk.now)
    assert desk.hold(C, 1800) == []


@pytest.mark.parametrize(
    ("about", "why"), [({"hosts": ()}, "needs hosts"), ({"end": BEGIN}, "end"), ({"end": BEGIN + 9e9}, "seven days")]
)
def test_what_a_maintenance_must_have(about: dict[str, object], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        Desk().alerts.mute(mute(**about), BEGIN)
    with pytest.raises(BadInput, match="no such"):
        Desk().alerts.end_mute("m9", BEGIN, by="anna")
