"""What happens by itself: each time once, over restarts, wrong clocks, hosts that are away, and two engines on one book."""

from __future__ import annotations

import random
import time
from itertools import takewhile
from pathlib import Path

import pytest

from backends.backups.model import JobKind
from backends.clock import ManualClock
from backends.config.schema import BlackoutConfig, Config, MaintenanceConfig, ScheduleConfig
from backends.errors import BadInput, RetryLater
from backends.schedule.book import WHOLE, Occurrence, State
from backends.schedule.defaults import defaults
from backends.schedule.views import ScheduleView
from backends.schedule.zones import here
from backends.states import Severity
from tests.unit.engine.schedule_desk import ScheduleDesk
from tests.unit.schedule.test_rule import ZURICH, at

HOUR, DAY = 3600.0, 86400.0
MONDAY = at("2026-11-23 08:00", ZURICH)


def config(action: str, cron: str = "0 9 * * *", spread: float = 0.0, **more: object) -> Config:
    table = ScheduleConfig(name="it", action=action, cron=cron, timezone=ZURICH, spread_minutes=spread)
    return Config(schedules=(table,), **more)  # type: ignore[arg-type]


def desk_of(tmp_path: Path, action: str, cron: str = "0 9 * * *", spread: float = 0.0, **more: object) -> ScheduleDesk:
    desk = ScheduleDesk(tmp_path, config(action, cron, spread, **more), MONDAY)
    desk.scheduling.tick()
    return desk


def shown(desk: ScheduleDesk) -> ScheduleView:
    (row,) = desk.scheduling.view().schedules
    return row


def last(desk: ScheduleDesk) -> Occurrence:
    found = shown(desk).last
    assert found is not None
    return found


# A week ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def in_zurich(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default schedule follows the zone of the machine."""
    monkeypatch.setenv("TZ", ZURICH)
    here.cache_clear()


@pytest.mark.usefixtures("in_zurich")
@pytest.mark.parametrize(("first", "hours"), [("2026-10-21 12:10", 169), ("2027-03-24 12:10", 167)])
def test_a_week_of_the_default_schedule_over_a_change_of_clocks_happens_once_each(
    tmp_path: Path, first: str, hours: int
) -> None:
    """Engines die at random, the wall clock jumps by seconds, and a timer calls beside the loop."""
    try:
        start = at(first, ZURICH)
        desk, dice = ScheduleDesk(tmp_path, Config(), start, "a", "b", "c"), random.Random(7)
        desk.scheduling.tick()
        other = desk.made()  # what a timer started, on the same book

        def trouble() -> None:
            if dice.random() < 0.01:
                desk.scheduling.tick()  # what ended is written down, or it would come again
                desk.restart()
            if dice.random() < 0.01:
                desk.clock.step_wall(dice.choice((-45.0, -5.0, 5.0, 400.0)))
            if dice.random() < 0.1:
                other.due()

        end = at(first, ZURICH) + hours * HOUR
        while desk.clock.now() < end:
            desk.go(120.0, 120.0, each=trouble)
        for each in defaults(Config()):
            # hosts of the last hour may not have had their moment yet
            planned = list(takewhile(lambda time: time <= end - HOUR, each.rule.after(start)))
            for host in ("",) if each.action.whole else ("a", "b", "c"):
                found = [at_ for when, name, at_, whose in desk.work.done if name == each.name and whose == host]
                if each.action.whole:
                    assert len(found) == len(planned) == 1
                else:
                    assert [time for time in found if time <= end - HOUR] == planned, (each.name, host)
        assert len(desk.work.times("backups", "a")) == 7
        assert not desk.bugs and not [text for text, severity in desk.told if severity is Severity.WARNING]
        other.book.stop()
        desk.scheduling.book.stop()
    finally:
        here.cache_clear()


# What was missed -------------------------------------------------------------------------------------------------------


def test_looks_are_made_up_for_once_after_a_night_without_an_engine(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "check", "0 * * * *")
    desk.clock.advance(8.5 * HOUR)
    desk.restart()
    desk.go(60)
    assert len(desk.work.times("it", "a")) == 1 and last(desk).missed == 7
    assert "7 before it were missed" in last(desk).text and last(desk).state is State.DONE


def test_a_backup_that_is_late_by_less_than_half_is_made_a_later_one_is_told(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "backup")
    desk.clock.advance(12 * HOUR)
    desk.go(60)
    assert len(desk.work.times("it", "a")) == 1
    desk.clock.advance(DAY + 6 * HOUR)  # two days later at three in the morning
    desk.go(60)
    assert len(desk.work.times("it", "a")) == 1 and last(desk).state is State.MISSED
    ((text, severity),) = desk.told
    assert "was missed" in text and severity is Severity.WARNING
    desk.go(DAY)
    assert len(desk.work.times("it", "a")) == 2


def test_a_run_that_was_missed_waits_for_a_person(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "run:monthly")
    desk.clock.advance(3 * HOUR)
    desk.go(2 * HOUR)
    assert not desk.work.done and last(desk).state is State.ASKS and "schedule run it" in last(desk).text
    found = desk.scheduling.run("it", "anna")
    assert [one.manual for one in found.began] == [True] and len(desk.work.done) == 1
    assert last(desk).text == "did it for 0 hosts as anna"


def test_a_run_in_time_begins_in_its_blackout_it_does_not(tmp_path: Path) -> None:
    blackouts = (BlackoutConfig(from_="2026-11-24", to="2026-11-24", why="fair"),)
    desk = desk_of(tmp_path, "run:monthly", maintenance=MaintenanceConfig(blackouts=blackouts))
    desk.go(2 * HOUR)
    assert len(desk.work.done) == 1
    desk.go(DAY)
    assert len(desk.work.done) == 1 and last(desk).state is State.BLACKOUT and "fair" in last(desk).text
    desk.go(DAY)
    assert len(desk.work.done) == 2


# Clocks ----------------------------------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_repeats_nothing(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "check", "0 * * * *")
    desk.go(3 * HOUR + 60)
    desk.clock.step_wall(-2 * HOUR)
    desk.go(4 * HOUR)
    occurrences = [time for _, _, time, host in desk.work.done if host == "a"]
    assert len(occurrences) == len(set(occurrences)) == 5


def test_a_clock_that_was_years_ahead_does_not_stop_everything(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "check", "0 * * * *")
    desk.clock.step_wall(400 * DAY)
    desk.go(60)
    desk.clock.step_wall(-400 * DAY)
    desk.go(2 * HOUR)
    assert len(desk.work.times("it", "a")) >= 3
    assert any("clock was wrong" in text for text, _ in desk.told)


# Hosts -----------------------------------------------------------------------------------------------------------------


def test_a_host_that_is_away_is_looked_at_when_it_comes_back(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "check")
    desk.work.away = {"b"}
    desk.go(2 * HOUR)
    assert desk.work.times("it", "a") and not desk.work.times("it", "b")
    row = shown(desk)
    assert row.going is not None and row.going.away == ("b",)
    desk.work.away = set()
    desk.go(120)
    assert len(desk.work.times("it", "b")) == 1 and last(desk).state is State.DONE


def test_a_host_that_stays_away_is_named_when_the_next_time_comes(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "security")
    desk.work.away = {"b"}
    desk.go(2 * DAY)
    book = desk.scheduling.book
    states = {one.state for one in book.newest("it", 10)}
    assert State.PARTLY in states
    assert any("1 of 2 hosts; b: could not be reached" in text for text, _ in desk.told)


def test_a_backup_of_a_host_that_is_away_for_half_a_day_is_given_up(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "backup")
    desk.work.away = {"b"}
    desk.go(14 * HOUR)
    desk.work.away = set()
    desk.go(HOUR)
    assert not desk.work.times("it", "b") and last(desk).state is State.PARTLY


def test_each_host_has_its_own_moment(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "check", spread=60)
    desk.go(2.5 * HOUR)
    a, b = desk.work.times("it", "a")[0], desk.work.times("it", "b")[0]
    nine = MONDAY + HOUR
    assert nine <= a <= nine + HOUR + 30 and nine <= b <= nine + HOUR + 30 and abs(a - b) > 60


def test_it_is_over_when_the_hosts_are_and_says_what_failed(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "backup")
    desk.work.busy = {"a"}
    desk.go(2 * HOUR)
    going = shown(desk).going
    assert going is not None and going.working == 1
    desk.work.busy, desk.work.failed = set(), {"a": "models: disk full"}
    desk.go(60)
    assert last(desk).state is State.PARTLY and last(desk).text == "1 of 2 hosts; a: models: disk full"
    assert any("a: models: disk full" in text for text, _ in desk.told)


def test_what_cannot_begin_has_failed_with_the_reason(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "backup")
    desk.work.refuses = {"backup": RetryLater("no borg here")}
    desk.go(2 * HOUR)
    assert last(desk).state is State.FAILED and "a: no borg here" in last(desk).text


def test_a_selector_that_became_wrong_is_told_and_shown(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "check")
    desk.work.wrong = BadInput("no tag a100")
    desk.go(2 * HOUR)
    assert last(desk).state is State.FAILED and shown(desk).problem == "no tag a100"


def test_a_plan_waits_for_hosts_that_are_being_connected(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "updates-plan")
    desk.work.coming = {"b"}
    desk.clock.advance(HOUR)
    desk.scheduling.tick()
    assert not desk.work.done and desk.scheduling.in_flight() == ("schedule it",)
    desk.work.coming = set()
    desk.go(30)
    assert last(desk).text == "did it for 2 hosts as schedule it" and desk.scheduling.in_flight() == ()


# Crashes, two engines --------------------------------------------------------------------------------------------------


def test_an_engine_that_died_within_a_plan_leaves_it_failed_with_a_next_step(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "updates-plan")
    book, nine = desk.scheduling.book, MONDAY + HOUR
    assert book.open(Occurrence(name="it", time=nine, began=nine)) and book.claim("it", nine, WHOLE, "1-dead", nine)
    desk.clock.advance(HOUR + 5 * HOUR)
    desk.restart()
    desk.go(60)
    assert not desk.work.done and last(desk).state is State.FAILED and "schedule run it" in last(desk).text


@pytest.mark.parametrize("action", ["check", "security", "updates-refresh"])
def test_a_look_that_the_end_of_its_engine_cut_off_comes_again(tmp_path: Path, action: str) -> None:
    desk = desk_of(tmp_path, action)
    desk.work.busy = {"b"}
    desk.go(HOUR + 60)
    desk.work.busy = set()
    desk.restart()
    desk.go(60)
    assert len(desk.work.times("it", "a")) == 1 and len(desk.work.times("it", "b")) == 2
    assert last(desk).state is State.DONE and last(desk).text == "2 hosts"


def test_a_backup_that_was_cut_off_is_left_to_the_jobs(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "backup")
    desk.work.busy = {"b"}
    desk.go(HOUR + 60)
    desk.work.busy, desk.work.failed = set(), {"b": "models: the engine ended"}
    desk.restart()
    desk.go(60)
    assert len(desk.work.times("it", "b")) == 1 and "b: models: the engine ended" in last(desk).text


def test_what_became_of_a_host_is_not_what_it_says_an_hour_later(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "security")
    desk.work.away = {"b"}
    desk.go(HOUR + 60)
    desk.restart()
    desk.work.failed, desk.work.away = {"a": "no answer came of it"}, set()  # what is known of a went with its engine
    desk.go(60)
    assert last(desk).state is State.DONE


def test_hosts_of_an_engine_that_lives_are_its_own(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "check")
    other = desk.made()
    desk.work.busy = {"a", "b"}
    desk.clock.advance(HOUR)
    other.tick()
    desk.work.failed = {"a": "no answer came of it", "b": "no answer came of it"}  # this engine has never asked them
    desk.work.busy = set()
    desk.go(60)
    assert last(desk).state is State.OPEN and len(desk.work.done) == 2
    desk.work.failed = {}
    other.tick()
    desk.go(30)
    assert last(desk).state is State.DONE
    other.book.stop()


def test_a_timer_beside_a_running_engine_does_nothing_twice(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "backup", spread=30)
    other = desk.made()
    began: list[Occurrence] = []
    desk.go(2 * HOUR, each=lambda: began.extend(other.due().began))
    assert len(desk.work.times("it", "a")) == len(desk.work.times("it", "b")) == 1
    assert last(desk).state is State.DONE and len(began) <= 1
    other.book.stop()


def test_the_timer_alone_does_it_too(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "check")
    desk.clock.advance(2 * HOUR)
    found = desk.scheduling.due()
    assert [one.name for one in found.began] == ["it"] and len(desk.work.done) == 2
    assert desk.scheduling.due().began == ()


# Asked for -------------------------------------------------------------------------------------------------------------


def test_somebody_may_have_it_done_now_and_its_next_time_stays(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "check", spread=60)
    desk.scheduling.run("it", "anna")
    assert len(desk.work.done) == 2 and last(desk).manual
    with pytest.raises(RetryLater):
        desk.work.busy = {"a"}
        desk.scheduling.run("it", "anna")
    desk.work.busy = set()
    desk.go(3 * HOUR)
    assert len(desk.work.times("it", "a")) == 2
    with pytest.raises(BadInput) as error:
        desk.scheduling.run("other", "anna")
    assert error.value.hint == "there are: it"


def test_hosts_whose_moments_come_are_no_reason_to_refuse(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "check", spread=600)
    desk.go(HOUR + 60)
    assert last(desk).state is State.OPEN and not desk.work.done
    (asked,) = desk.scheduling.run("it", "anna").began
    desk.go(60)
    row = shown(desk)
    assert asked.manual and [came.occurrence.manual for came in row.recent] == [True, False]
    assert [came.occurrence.state for came in row.recent] == [State.DONE, State.OPEN]
    assert row.going is None and row.recent[1].going is not None and row.recent[1].going.waiting == 2


def test_a_plan_that_is_being_made_is_not_made_twice(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "updates-plan")
    desk.work.coming = {"a"}
    desk.go(HOUR + 30)
    with pytest.raises(RetryLater, match="goes on already"):
        desk.scheduling.run("it", "anna")


def test_a_timer_may_let_hosts_not_wait_for_their_moments(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "check", spread=600)
    desk.clock.advance(HOUR)
    desk.scheduling.due()
    assert not desk.work.done
    desk.scheduling.due(at_once=True)
    desk.go(30)
    assert len(desk.work.done) == 2 and last(desk).state is State.DONE
    desk.go(10 * HOUR)
    assert len(desk.work.done) == 2


def test_one_that_is_switched_off_does_nothing_by_itself(tmp_path: Path) -> None:
    table = ScheduleConfig(name="it", action="check", cron="0 * * * *", enabled=False)
    desk = ScheduleDesk(tmp_path, Config(schedules=(table,)), MONDAY)
    desk.go(3 * HOUR)
    assert not desk.work.done and shown(desk).next == ()
    desk.scheduling.run("it", "anna")
    assert len(desk.work.done) == 2


# What is left to it ----------------------------------------------------------------------------------------------------


def test_checks_and_backups_ask_here_what_is_left_to_schedules(tmp_path: Path) -> None:
    tables = (
        ScheduleConfig(name="c", action="check", cron="0 * * * *", hosts="a"),
        ScheduleConfig(name="n", action="backup:config", cron="0 4 * * *", hosts="b"),
    )
    desk = ScheduleDesk(tmp_path, Config(schedules=tables), MONDAY)
    desk.scheduling.start()
    looks = desk.health.by_schedule()
    assert set(looks) == {"a"} and looks["a"] == pytest.approx(MONDAY + HOUR, abs=300)
    scheduled = desk.routine.scheduled
    assert scheduled is not None
    assert scheduled(JobKind.BACKUP, "b", "config") and not scheduled(JobKind.BACKUP, "a", "config")
    assert not scheduled(JobKind.BACKUP, "b", "secrets") and not scheduled(JobKind.DRILL, "b", "config")
    desk.scheduling.stop()


def test_a_tick_over_a_thousand_hosts_is_cheap(tmp_path: Path) -> None:
    hosts = [f"gpu{n:04}" for n in range(1000)]
    desk = ScheduleDesk(tmp_path, Config(), MONDAY, *hosts)
    desk.go(HOUR)
    began = time.perf_counter()
    desk.go(300)
    assert (time.perf_counter() - began) / 10 < 0.25
    assert isinstance(desk.clock, ManualClock)


def test_in_a_demo_schedules_are_shown_and_nothing_happens() -> None:
    desk = ScheduleDesk(None, Config(), MONDAY)
    desk.clock.advance(2 * DAY)
    found = desk.scheduling.due()
    assert not desk.work.done and not found.began
    assert all(row.next and "in a demo" in row.problem for row in found.schedules)
    with pytest.raises(BadInput, match="in a demo"):
        desk.scheduling.run("backups", "anna")


def test_runs_that_are_near_are_known_before_they_begin(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "run:monthly", "0 9 * * *")
    assert desk.scheduling.runs_ahead(HOUR) == (("it", "monthly", MONDAY + HOUR),)
    assert desk.scheduling.runs_ahead(HOUR - 1) == ()
    days = MaintenanceConfig(blackouts=(BlackoutConfig(from_="2026-11-23", to="2026-11-23"),))
    (tmp_path / "x").mkdir()
    held = desk_of(tmp_path / "x", "run:monthly", "0 9 * * *", maintenance=days)
    assert held.scheduling.runs_ahead(DAY) == ()
