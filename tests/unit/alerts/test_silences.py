"""Silences: checked, previewed, told of at their end (rule 7)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.alerts import silences
from backends.alerts.model import Edge, EdgeKind, NoticeKind, Silence, Truth
from backends.errors import BadInput
from backends.inventory.host import Host
from tests.unit.alerts.desk import BEGIN, C, Desk, W, hosts

K = NoticeKind
FLEET = [Host(name="a", tags=("a100",)), Host(name="b"), Host(name="c")]


def made(**about: object) -> Silence:
    base = Silence(id="s1", rule="quick", by="anna", comment="disk ordered", start=BEGIN, end=BEGIN + 3600)
    return replace(base, **about)


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"end": BEGIN - 1}, "needs an end"),
        ({"end": BEGIN + 8 * 86_400}, "seven days"),
        ({"start": BEGIN + 50, "end": BEGIN + 40}, "needs an end"),
        ({"comment": " "}, "needs a comment"),
        ({"rule": ""}, "hides everything"),
        ({"select": "nowhere"}, "nowhere"),
        ({"select": "tag:"}, "tag"),
    ],
)
def test_what_a_silence_must_have(about: dict[str, object], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        silences.checked(made(**about), FLEET, BEGIN)


@pytest.mark.parametrize(
    ("about", "rule", "host", "thing", "hit"),
    [
        ({}, "quick", "a", "", True),
        ({}, "quicker", "a", "", False),
        ({"rule": "gpu.*"}, "gpu.xid", "a", "", True),
        ({"rule": "gpu.*"}, "gpuxid", "a", "", False),
        ({"select": "tag:a100"}, "quick", "a", "", True),
        ({"select": "tag:a100"}, "quick", "b", "", False),
        ({"select": "!a"}, "quick", "b", "", True),
        ({"object": "/srv/*"}, "quick", "b", "/srv/x", True),
        ({"object": "/srv/*"}, "quick", "b", "/", False),
        ({"select": "gone"}, "quick", "b", "", False),
    ],
)
def test_what_it_matches(about: dict[str, object], rule: str, host: str, thing: str, hit: bool) -> None:
    assert bool(silences.matcher(made(**about), FLEET)(rule, host, thing)) is hit


def test_a_preview_counts_what_matches_now_and_what_fired_in_the_past_week() -> None:
    desk = Desk(FLEET)
    desk.hold(W, 20)
    past = [Edge(time=BEGIN - 9, kind=kind, rule="quick", host="b") for kind in (EdgeKind.FIRED, EdgeKind.RESOLVED)]
    past.append(Edge(time=BEGIN - 9, kind=EdgeKind.FIRED, rule="other", host="b"))
    assert desk.alerts.preview(made(), past) == silences.Preview(now=1, past=1, examples=("quick a",))
    with pytest.raises(BadInput):
        desk.alerts.preview(made(select="nowhere"), past)


def silenced(**about: object) -> Desk:
    desk = Desk(FLEET)
    desk.alerts.silence(made(**about), desk.now, origin="10.0.0.9")
    return desk


def test_what_is_silenced_is_shown_and_not_told_until_its_end_says_so_once() -> None:
    desk = silenced()
    assert desk.hold(C, 3590) == []
    assert desk.alert().silenced == ("s1",)
    (notice,) = desk.hold(C, 300)
    assert (
        notice.kind is K.SILENCE_EXPIRED and notice.person == "anna" and "it was silenced: disk ordered" in notice.lines
    )
    desk.say(Truth.FALSE)
    assert [each.kind for each in desk.rest(400)] == [K.RESOLVED]
    assert desk.alerts.silences() == ()


def test_a_silence_that_ends_with_nothing_firing_says_nothing() -> None:
    desk = silenced()
    desk.hold(C, 60)
    desk.say(Truth.FALSE)
    assert desk.rest(4000) == []


def test_who_was_told_before_hears_of_the_end_through_the_silence_and_nobody_else_ever() -> None:
    desk = Desk(FLEET)
    desk.hold(C, 30)
    desk.alerts.silence(made(), desk.now)
    desk.hold(C, 60)
    desk.say(Truth.FALSE)
    (end,) = desk.rest(60)
    assert end.kind is K.RESOLVED and end.only == ("mail",)
    desk.hold(C, 60)
    desk.say(Truth.FALSE)
    assert desk.rest(4000) == []


def test_worse_is_not_told_while_it_is_silenced() -> None:
    desk = Desk(FLEET)
    desk.hold(W, 40)
    desk.alerts.silence(made(), desk.now)
    assert desk.hold(C, 600) == []


def test_of_two_silences_the_other_still_hides() -> None:
    desk = silenced()
    desk.alerts.silence(made(id="s2", end=BEGIN + 7200), desk.now)
    assert desk.hold(C, 7190) == []
    assert [notice.kind for notice in desk.hold(C, 20)] == [K.SILENCE_EXPIRED]


def test_one_that_ends_with_its_alert_is_gone_with_it() -> None:
    desk = silenced(with_alert=True)
    desk.rest(100)
    assert len(desk.alerts.silences()) == 1  # it has not seen its alert yet
    desk.hold(C, 60)
    desk.say(Truth.FALSE)
    assert desk.alerts.silences() == ()
    desk.hold(C, 60)
    assert K.FIRING in desk.kinds()


def test_ended_by_hand_what_fires_is_told_as_if_new_and_both_acts_are_audited() -> None:
    desk = silenced()
    desk.hold(C, 600)
    turn = desk.alerts.unsilence("s1", desk.now, by="berta", origin="tty")
    assert [(edge.kind, edge.by, edge.origin) for edge in turn.edges] == [(EdgeKind.SILENCE_ENDED, "berta", "tty")]
    assert [notice.kind for notice in desk.say(C)] == [K.FIRING]
    with pytest.raises(BadInput, match="no such silence"):
        desk.alerts.unsilence("s1", desk.now, by="berta")


def test_one_that_has_not_begun_hides_nothing() -> None:
    desk = silenced(start=BEGIN + 600)
    assert [notice.kind for notice in desk.hold(C, 60)] == [K.FIRING]


def test_a_hint_tells_of_a_silence_that_matches_nothing_for_an_hour() -> None:
    desk = Desk(hosts("a"))
    desk.alerts.silence(made(end=BEGIN + 86_400), desk.now)
    desk.hold(W, 600)
    desk.rest(60)
    assert desk.alerts.hints(desk.now) == ()
    desk.say(Truth.FALSE)
    desk.rest(3700)
    (hint,) = desk.alerts.hints(desk.now)
    assert "silence s1 of anna matches nothing for 1 h" in hint
