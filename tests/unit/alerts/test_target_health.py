"""A target that takes nothing is an alert of its own; and each is tested once a week."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from backends.alerts.model import NoticeKind, Truth
from backends.alerts.target_health import TargetState, is_test_due, notice_of_test, observed, readings

ZONE = ZoneInfo("Europe/Zurich")
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=ZONE)


def failing(since: float, now: float) -> TargetState:
    state = observed(TargetState(name="oncall", place="json://gate"), False, "error=500", 0.1, since)
    return observed(state, False, "error=500", 0.1, now)


def test_ten_minutes_of_failures_are_an_alert() -> None:
    (early,) = readings([failing(1000, 1500)], 1599)
    assert early.truth == Truth.NODATA
    (reading,) = readings([failing(1000, 1500)], 1600, "console")
    assert (reading.rule, reading.host, reading.object, reading.truth) == (
        "delivery.target",
        "console",
        "oncall",
        Truth.TRUE,
    )
    assert reading.text == "alerts target oncall (json://gate) takes nothing for 10 min: error=500"
    assert reading.advice == "swarm-tui alerts test oncall"


def test_one_success_ends_it() -> None:
    state = observed(failing(1000, 1900), True, "", 0.1, 2000)
    (reading,) = readings([state], 2001)
    assert reading.truth == Truth.FALSE and state.failing_since is None


def test_of_a_target_that_was_never_told_anything_nothing_is_known() -> None:
    (reading,) = readings([TargetState(name="oncall")], 1000)
    assert reading.truth == Truth.NODATA


@pytest.mark.parametrize(
    ("now", "last", "due"),
    [
        (MONDAY, MONDAY.timestamp() - 7 * 86400, True),
        (MONDAY.replace(minute=5), MONDAY.timestamp() + 1, False),
        (MONDAY.replace(day=25), MONDAY.timestamp() - 86400, True),
        (MONDAY.replace(hour=8), MONDAY.timestamp() - 6 * 86400, False),
        (MONDAY.replace(minute=59), None, True),
        (MONDAY.replace(day=25), None, False),
    ],
)
def test_a_test_is_due_once_a_week(now: datetime, last: float | None, due: bool) -> None:
    assert is_test_due("monday", 9, now, last) is due


def test_no_day_is_no_test() -> None:
    assert not is_test_due("none", 9, MONDAY, 0.0)


def test_the_weeks_in_which_the_clock_changes_have_one_test_too() -> None:
    last: float | None = datetime(2026, 3, 22, 2, 30, tzinfo=ZONE).timestamp()
    told = []
    start = datetime(2026, 3, 23, 0, 0, tzinfo=ZONE).timestamp()
    for quarter in range(4 * 24 * 35 * 7 // 5):
        now = datetime.fromtimestamp(start + quarter * 900, tz=ZONE)
        if is_test_due("sunday", 2, now, last):
            told.append(now)
            last = now.timestamp()
    assert [each.strftime("%m-%d") for each in told] == ["03-29", "04-05", "04-12", "04-19", "04-26", "05-03", "05-10"]


def test_the_notice_of_a_test_has_one_key_a_week() -> None:
    notice = notice_of_test("oncall", MONDAY)
    assert (notice.key, notice.kind, notice.only) == ("test/oncall/2026-W48", NoticeKind.TEST, ("oncall",))
    assert notice_of_test("oncall", MONDAY.replace(day=25)).key == notice.key
    asked = notice_of_test("oncall", MONDAY, by="alice\x1b[2J")
    assert asked.key != notice.key and asked.lines == ("Nothing has to be done: asked for by alice.",)
