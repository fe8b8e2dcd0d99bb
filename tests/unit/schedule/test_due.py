"""What is due, what becomes of what was missed, and whose turn it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.config.schema import BlackoutConfig, ScheduleConfig
from backends.schedule.due import LATE_SECONDS, Verdict, due, expired, from_when, jitter, turn
from backends.schedule.rule import DAY
from backends.schedule.schedule import Schedule, read
from tests.unit.schedule.test_rule import ZURICH, at

HOUR = 3600.0
NINE = at("2026-11-26 09:00", ZURICH)


def made(action: str, cron: str = "0 9 * * *", spread: float = 0.0) -> Schedule:
    return read(ScheduleConfig(name="it", action=action, cron=cron, timezone=ZURICH, spread_minutes=spread))


def verdict(action: str, late: float, cron: str = "0 9 * * *") -> Verdict | None:
    found = due(made(action, cron), NINE - 1, NINE + late)
    return found.verdict if found is not None else None


def test_nothing_is_due_before_its_time_nor_once_it_was_considered() -> None:
    assert due(made("check"), NINE - DAY, NINE - 1) is None
    assert due(made("check"), NINE, NINE + HOUR) is None
    found = due(made("check"), NINE - DAY, NINE)
    assert found is not None and (found.occurrence, found.verdict, found.missed) == (NINE, Verdict.RUN, 0)


def test_what_only_looks_catches_up_once_however_many_were_missed() -> None:
    found = due(made("check", "0 * * * *"), NINE - 5 * HOUR, NINE + 60)
    assert found is not None and (found.occurrence, found.verdict, found.missed) == (NINE, Verdict.RUN, 4)


def test_a_backup_is_made_up_for_before_half_of_the_time_to_the_next_one() -> None:
    assert verdict("backup", 11.9 * HOUR) is Verdict.RUN
    assert verdict("backup:models", 12.1 * HOUR) is Verdict.MISSED
    assert verdict("drill:models", 2.9 * DAY, "0 9 * * thu") is Verdict.RUN
    assert verdict("backup", 5 * DAY, "0 9 * * thu") is Verdict.MISSED


def test_a_change_that_was_missed_is_asked_for_and_never_begins_by_itself() -> None:
    assert verdict("run:monthly", 30) is Verdict.RUN
    assert verdict("run:monthly", LATE_SECONDS + 1) is Verdict.ASK
    found = due(made("run:monthly"), NINE - 1, NINE + HOUR)
    assert found is not None and "schedule run it" in found.text and "Thu 2026-11-26 09:00 CET" in found.text


def test_a_blackout_holds_back_changes_and_nothing_else() -> None:
    days = (BlackoutConfig(from_="2026-11-26", to="2026-11-26", why="fair"),)
    found = due(made("run:monthly"), NINE - 1, NINE, days)
    assert found is not None and found.verdict is Verdict.BLACKOUT and "(fair)" in found.text
    for action in ("check", "backup", "updates-plan"):
        other = due(made(action), NINE - 1, NINE, days)
        assert other is not None and other.verdict is Verdict.RUN
    after = due(made("run:monthly"), NINE + DAY - 1, NINE + DAY, days)
    assert after is not None and after.verdict is Verdict.RUN


def test_the_days_of_a_blackout_are_those_of_the_schedules_zone() -> None:
    midnight = at("2026-11-27 00:00", ZURICH)  # still the 26th in UTC
    days = (BlackoutConfig(from_="2026-11-27", to="2026-11-27"),)
    found = due(made("run:monthly", "0 0 * * *"), midnight - 1, midnight, days)
    assert found is not None and found.verdict is Verdict.BLACKOUT


def test_a_clock_that_was_wrong_by_days_does_not_stop_everything_until_then() -> None:
    assert from_when(NINE + 3 * HOUR, NINE, HOUR) == NINE + 3 * HOUR
    assert from_when(NINE + 400 * DAY, NINE, HOUR) == NINE


def test_a_hosts_moment_is_the_same_for_ever_and_its_own() -> None:
    assert jitter("it", "gpu01", 300.0) == jitter("it", "gpu01", 300.0) != jitter("it", "gpu02", 300.0)
    assert jitter("it", "gpu01", 300.0) != jitter("other", "gpu01", 300.0)
    assert jitter("it", "gpu01", 0.0) == 0.0


@given(st.text(), st.text(), st.floats(0, 1e5))
def test_a_hosts_moment_is_within_the_spread(name: str, host: str, spread: float) -> None:
    assert 0.0 <= jitter(name, host, spread) <= spread


HOSTS = tuple(f"gpu{n:03}" for n in range(1, 101))


def test_a_fleet_is_spread_over_the_time_that_is_given() -> None:
    schedule = made("check", "0 * * * *", spread=50)
    half = turn(schedule, NINE, HOSTS, (), lambda host: True, 1000, NINE + 25 * 60)
    assert 30 < len(half.begin) < 70 and len(half.begin) + len(half.waiting) == 100
    assert half.next is not None and NINE + 25 * 60 < half.next < NINE + 30 * 60
    assert len(turn(schedule, NINE, HOSTS, (), lambda host: True, 1000, NINE + 50 * 60).begin) == 100


def test_no_more_than_there_is_room_for() -> None:
    found = turn(made("backup"), NINE, HOSTS, HOSTS[:10], lambda host: host != "gpu050", 3, NINE)
    assert len(found.begin) == 3 and found.away == ("gpu050",) and len(found.waiting) == 86
    assert not turn(made("backup"), NINE, HOSTS, (), lambda host: True, -2, NINE).begin


def test_somebody_who_asks_does_not_wait_for_the_spread() -> None:
    schedule = made("check", spread=60)
    assert len(turn(schedule, NINE, HOSTS, (), lambda host: True, 1000, NINE, spread=False).begin) == 100


@given(st.sets(st.sampled_from(HOSTS)), st.integers(0, 50), st.floats(0, 4000))
def test_every_host_is_begun_or_waits_or_is_away_and_none_twice(begun: set[str], room: int, late: float) -> None:
    schedule = made("check", "0 * * * *", spread=55)
    found = turn(schedule, NINE, HOSTS, begun, lambda host: not host.endswith("7"), room, NINE + late)
    placed = [*found.begin, *found.waiting, *found.away]
    assert sorted(placed) == sorted(set(HOSTS) - begun) and len(found.begin) <= room


def test_a_backup_of_a_host_that_is_away_is_given_up_a_look_is_not() -> None:
    assert expired(made("backup"), NINE, NINE + 13 * HOUR) and not expired(made("backup"), NINE, NINE + HOUR)
    assert not expired(made("check"), NINE, NINE + 23 * HOUR)
