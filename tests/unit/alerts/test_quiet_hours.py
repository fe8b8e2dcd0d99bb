"""Quiet hours: warnings wait for the morning, critical alerts do not (rule 12)."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from backends.alerts.model import NoticeKind, Truth
from backends.alerts.quiet_hours import QuietHours, checked, is_quiet
from backends.errors import BadInput
from tests.unit.alerts.desk import C, Desk, W, reading

K = NoticeKind
NIGHT = QuietHours(start="22:00", end="07:00", zone="Europe/Zurich")


def at(hour: int, minute: int = 0, *, month: int = 1, day: int = 15) -> float:
    return datetime(2027, month, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("when", "quiet"),
    [
        (at(20, 59), False),
        (at(21), True),
        (at(2), True),
        (at(5, 59), True),
        (at(6), False),
        (at(12), False),
        (at(20, month=7), True),  # in summer an hour earlier by UTC
        (at(5, month=7), False),
    ],
)
def test_they_are_local_wall_time_over_midnight(when: float, quiet: bool) -> None:
    assert is_quiet(NIGHT, when) is quiet


def test_none_or_no_length_is_never() -> None:
    assert not is_quiet(None, at(2)) and not is_quiet(QuietHours(start="05:00", end="05:00"), at(5))
    assert is_quiet(QuietHours(start="01:00", end="03:00"), at(2))


def test_without_a_zone_they_are_those_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    here = checked(QuietHours(start="22:00", end="07:00", zone=""))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert (is_quiet(here, at(13)), is_quiet(here, at(12, 59))) == (True, False)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("bad", [{"start": "25:00"}, {"end": "7"}, {"zone": "Mars/Olympus"}, {"zone": "../etc/passwd"}])
def test_what_is_no_time_or_zone_is_refused(bad: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        checked(QuietHours(**({"start": "22:00", "end": "07:00"} | bad)))


def night() -> Desk:
    desk = Desk(quiet=NIGHT)
    desk.now = at(21)
    return desk


def test_critical_passes_and_warnings_are_one_digest_in_the_morning() -> None:
    desk = night()
    for _ in range(30):
        time = desk.now + 10
        desk.step(
            reading(C, time), reading(W, time, rule="kept"), reading(W, time, host="b"), reading(W, time, rule="note")
        )
    assert [(notice.kind, notice.severity) for notice in desk.said] == [(K.FIRING, C)]
    desk.step(reading(Truth.FALSE, desk.now + 10, host="b"))
    desk.now = at(5, 59, day=16)
    assert all(notice.severity is C for notice in desk.step())
    morning = desk.rest(600)
    assert [notice.kind for notice in morning if notice.kind is not K.REPEAT] == [K.DIGEST]
    digest = next(notice for notice in morning if notice.kind is K.DIGEST)
    assert digest.title == "after the quiet hours: 1 alerts fire, 1 came and went"
    assert digest.fingerprints == (desk.name("kept"),)


def test_what_was_told_in_the_evening_ends_in_the_morning() -> None:
    desk = Desk(quiet=NIGHT)
    desk.now = at(20, 50)
    desk.hold(W, 40)
    desk.now = at(21)
    desk.say(Truth.FALSE)
    assert desk.rest(600) == []
    desk.now = at(6, day=16)
    assert [notice.kind for notice in desk.step()] == [K.RESOLVED]


def test_a_silence_that_ends_at_night_is_told_of_in_the_morning() -> None:
    from backends.alerts.model import Silence

    desk = night()
    desk.alerts.silence(Silence(id="s", rule="*", by="anna", comment="c", start=at(20), end=at(22)), desk.now)
    desk.hold(W, 60)
    desk.now = at(22)
    assert desk.hold(W, 60) == []
    desk.now = at(6, day=16)
    assert [notice.kind for notice in desk.hold(W, 60)] == [K.SILENCE_EXPIRED]
