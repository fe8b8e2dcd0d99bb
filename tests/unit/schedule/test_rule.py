"""When rules are due: once for each time that was meant, whatever the clocks on the wall do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.schedule.rule import DAY, MOST, Rule, moment, parse, risky
from backends.schedule.zones import here, zone_of

ZURICH, YORK, HOWE = "Europe/Zurich", "America/New_York", "Australia/Lord_Howe"
ZONES = (ZURICH, YORK, HOWE, "UTC", "Africa/Cairo", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia", "")


def at(text: str, zone: str = "UTC") -> float:
    """Epoch seconds of a wall time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def local(time: float, zone: str) -> str:
    return f"{datetime.fromtimestamp(time, ZoneInfo(zone)):%m-%d %H:%M %Z}"


def times(cron: str, zone: str, start: str, count: int) -> list[str]:
    return [local(time, zone) for time in islice(parse(cron, zone).after(at(start, zone)), count)]


def test_a_time_that_the_clocks_skip_is_the_first_minute_after() -> None:
    assert times("30 2 * * *", YORK, "2027-03-13 12:00", 3) == ["03-14 03:00 EDT", "03-15 02:30 EDT", "03-16 02:30 EDT"]
    assert times("30 2 * * *", ZURICH, "2027-03-27 12:00", 2) == ["03-28 03:00 CEST", "03-29 02:30 CEST"]


def test_a_time_that_comes_twice_is_taken_the_first_time_only() -> None:
    assert times("30 1 * * *", YORK, "2026-10-31 12:00", 2) == ["11-01 01:30 EDT", "11-02 01:30 EST"]
    assert times("30 2 * * *", ZURICH, "2026-10-24 12:00", 2) == ["10-25 02:30 CEST", "10-26 02:30 CET"]


def test_two_times_in_the_skipped_hour_are_one() -> None:
    assert times("0,30 2 * * *", ZURICH, "2027-03-28 00:00", 2) == ["03-28 03:00 CEST", "03-29 02:00 CEST"]
    assert times("0 2,3 * * *", ZURICH, "2027-03-28 00:00", 2) == ["03-28 03:00 CEST", "03-29 02:00 CEST"]
    assert times("*/15 2 * * *", ZURICH, "2027-03-28 00:00", 2) == ["03-28 03:00 CEST", "03-29 02:00 CEST"]


@pytest.mark.parametrize("day", ["2026-10-25", "2027-03-28"])
def test_every_hour_is_every_hour_that_passes(day: str) -> None:
    start = at(f"{day} 00:00", ZURICH)
    found = list(islice(parse("0 * * * *", ZURICH).after(start), 30))
    assert {b - a for a, b in pairwise([start, *found])} == {3600.0}


def test_asked_within_the_hour_that_comes_twice_it_goes_on_and_not_back() -> None:
    second = at("2026-10-25 01:15")  # 02:15 CET, after 02:15 CEST
    assert local(parse("30 2 * * *", ZURICH).next(second) or 0, ZURICH) == "10-26 02:30 CET"


def test_the_last_day_and_the_second_saturday_can_be_said() -> None:
    assert times("0 4 L * *", ZURICH, "2027-02-01", 2) == ["02-28 04:00 CET", "03-31 04:00 CEST"]
    assert times("0 22 * * sat#2", ZURICH, "2026-11-26", 2) == ["12-12 22:00 CET", "01-09 22:00 CET"]


_FIELD = st.one_of(st.just("*"), st.integers(0, 23).map(str), st.just("*/7"), st.just("1,2,3"), st.just("1-3"))
_RULES = st.builds(
    lambda minute, hour, day: f"{minute} {hour} * * {day}",
    st.one_of(st.integers(0, 59).map(str), st.just("*/20"), st.just("0,30"), st.just("*")),
    _FIELD,
    st.one_of(st.just("*"), st.just("mon"), st.just("sun#1")),
)
_TIMES = st.one_of(
    st.floats(1_700_000_000, 1_900_000_000),
    st.sampled_from([at("2026-10-25"), at("2027-03-28"), at("2026-11-01 05:00"), at("2027-03-14 06:00")]).flatmap(
        lambda base: st.floats(base - 8000, base + 20000)
    ),
)


@given(_RULES, st.sampled_from(ZONES), _TIMES)
def test_occurrences_are_in_order_each_once_and_the_same_wherever_one_begins(
    cron: str, zone: str, start: float
) -> None:
    rule = parse(cron, zone)
    found = list(islice(rule.after(start), 6))
    assert len(found) == 6 and found[0] > start
    assert all(b > a for a, b in pairwise(found))
    for before, time in pairwise(found):
        assert rule.next(before) == time and rule.next(time - 1) == time and rule.next((before + time) / 2) == time


@given(_RULES, st.sampled_from(ZONES), _TIMES)
def test_the_last_one_is_the_one_after_which_nothing_came(cron: str, zone: str, start: float) -> None:
    rule = parse(cron, zone)
    found = list(islice(rule.after(start), 5))
    assert rule.last(start, found[-1]) == (found[-1], 5)
    assert rule.last(start, found[-1] - 1) == (found[-2], 4)
    assert rule.last(found[-1], found[-1]) is None


@given(st.integers(0, 23), st.integers(0, 59), st.sampled_from(ZONES[:6]), st.dates(date(2024, 1, 1), date(2090, 1, 1)))
def test_a_daily_time_comes_once_on_every_day(hour: int, minute: int, zone: str, day: date) -> None:
    start = datetime.fromisoformat(f"{day}").replace(tzinfo=ZoneInfo(zone)).timestamp()
    found = list(islice(parse(f"{minute} {hour} * * *", zone).after(start - 1), 10))
    days = [datetime.fromtimestamp(time, ZoneInfo(zone)).date() for time in found]
    assert all(b - a == timedelta(days=1) for a, b in pairwise(days))


def test_missed_ones_are_counted_up_to_a_bound_also_after_years() -> None:
    rule = parse("* * * * *", "UTC")
    assert rule.last(0.0, 1_800_000_000.0) == (1_800_000_000.0, MOST)
    assert parse("0 0 1 1 *", "UTC").last(at("2020-06-01"), at("2026-06-01")) == (at("2026-01-01"), 6)


def test_the_time_to_the_next_one_is_time_that_passes() -> None:
    rule = parse("0 4 * * *", ZURICH)
    assert rule.period(at("2026-10-24 04:00", ZURICH)) == 25 * 3600
    assert rule.period(at("2027-03-27 04:00", ZURICH)) == 23 * 3600


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("", "0 fields"),
        ("0 2 * *", "4 fields"),
        ("0 0 2 * * *", "6 fields"),
        ("@daily", "1 fields"),
        ("61 2 * * *", "minute cannot be read"),
        ("0 25 * * *", "hour cannot be read"),
        ("0 2 32 * *", "day of month cannot be read"),
        ("0 2 * 13 *", "month cannot be read"),
        ("0 2 * * mom", "day of week cannot be read"),
        ("0 2 30 2 *", "day of month cannot be read"),
        ("\x1b[31m 2 * * *", "minute cannot be read"),
    ],
)
def test_what_is_no_rule_is_refused_with_the_field(cron: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        parse(cron)
    assert said in error.value.message and "\x1b" not in error.value.message
    assert error.value.hint is not None and "0 2 * * *" in error.value.hint


@given(st.text(alphabet="0123456789*/,-#LW monsatjan@\x00é", max_size=30))
def test_any_text_is_a_rule_or_is_refused(text: str) -> None:
    try:
        rule = parse(text, "UTC")
    except BadInput:
        return
    found = list(islice(rule.after(1_800_000_000.0), 3))
    assert all(b > a for a, b in pairwise(found))


def test_a_wrong_zone_names_the_nearest() -> None:
    with pytest.raises(BadInput) as error:
        zone_of("Europe/Zürich")
    assert error.value.hint == 'did you mean "Europe/Zurich"?'
    for name in ("../../etc/passwd", "\x00", "x" * 300):
        with pytest.raises(BadInput):
            zone_of(name)


def test_the_zone_of_this_machine_is_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    here.cache_clear()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert zone_of("").key == "Asia/Tokyo"
    here.cache_clear()


def test_times_between_one_and_three_are_risky_where_clocks_change() -> None:
    now = at("2026-06-01")
    assert risky(Rule(cron="30 2 * * *", zone=ZURICH), now) and risky(Rule(cron="0 1 * * sun", zone=YORK), now)
    assert not risky(Rule(cron="0 4 * * *", zone=ZURICH), now)
    assert not risky(Rule(cron="30 2 * * *", zone="UTC"), now) and not risky(Rule(cron="0 * * * *", zone=ZURICH), now)


def test_a_wall_time_is_put_into_its_zone() -> None:
    wall = datetime(2026, 7, 1, 12)  # noqa: DTZ001 - a wall time
    assert moment(wall, ZoneInfo(ZURICH)) == datetime(2026, 7, 1, 10, tzinfo=UTC).timestamp()
    assert DAY == 86400.0
