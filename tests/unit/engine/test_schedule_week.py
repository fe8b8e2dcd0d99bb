"""The default schedule through the real services of an engine, over each change of the clocks: everything comes once each.

What is counted stands in the books of the services and of the hosts: looks and renewals as the hosts saw them, results of the
health checks, jobs and archives of the backups, plans, and the book of the schedules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.schedule.book import Occurrence, State
from backends.schedule.zones import here
from tests.unit.engine.week import Week, until
from tests.unit.engine.week_home import HOUR, ZURICH, Home, at, clocks, hours

pytestmark = pytest.mark.timeout(240)
"""A busy machine is no failure."""
DAYS = ("Fri", "Sat", "Sun", "Mon", "Tue", "Wed", "Thu")


@pytest.fixture(autouse=True)
def in_zurich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The default schedule follows the zone of the machine."""
    monkeypatch.setenv("TZ", ZURICH)
    here.cache_clear()
    yield
    here.cache_clear()


def each_hour(start: float, end: float) -> list[str]:
    """The hours that begin in between, as the clock shows them."""
    first = start - start % HOUR + HOUR
    return hours(first + HOUR * number for number in range(int((end - first) // HOUR) + 1))


def assert_all_done(found: list[Occurrence]) -> None:
    for one in found:
        assert (one.state, one.missed, one.manual) == (State.DONE, 0, False), one


# A week ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "broken", "end", "length", "days"),
    [
        # a week; another engine takes over in the hour after the one that is left out
        ("2027-03-25 12:10", "2027-03-28 03:30", "2027-04-01 12:05", 167, DAYS),
        # the long day; another one takes over in the first of two hours that the clock shows alike
        ("2027-10-30 12:10", "2027-10-31 02:30", "2027-10-31 12:05", 25, ("Sun",)),
    ],
    ids=["spring", "autumn"],
)
def test_everything_comes_once_each(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: str,
    broken: str,
    end: str,
    length: int,
    days: tuple[str, ...],
) -> None:
    home = Home(tmp_path, monkeypatch, start)
    for limit in (broken, end):
        week = Week(home)
        week.go(at(limit))
        week.stop()
    planned = each_hour(at(start), at(end))
    assert len(planned) == len(set(planned)) == length

    checks = home.came("health-checks")
    assert hours(one.time for one in checks) == planned
    assert_all_done(checks[:-1])  # the hosts of the last hour have their moments before them
    first, again = hours([at(start), at(broken)])
    for host in home.hosts.values():
        # whoever takes over looks once at all hosts; a was looked at in that hour, b was not yet
        found = Counter(planned[:-1]) + Counter([first]) + Counter([again] if host.host == "a" else [])
        assert Counter(hours(host.looks)) == found
        assert hours(home.looked[host.host]) == hours(host.looks)

    backups = home.came("backups")
    assert clocks(one.time for one in backups) == [f"{day} 04:00" for day in days]
    assert_all_done(backups)
    begun, *rest = week.backups()
    assert begun == ("the schedule", first)  # a set that was never backed up waits for no schedule
    assert [who for who, _ in rest] == ["schedule backups"] * len(days)
    assert [hour[:3] + hour[6:9] for _, hour in rest] == [f"{day} 04" for day in days]

    weekly = ["Mon"] if "Mon" in days else []
    lists, security, plans = (home.came(name) for name in ("update-lists", "security-lists", "update-plans"))
    assert clocks(one.time for one in lists) == [f"{day} 05:00" for day in weekly]
    assert clocks(one.time for one in security) == [f"{day} 06:30" for day in days]
    assert clocks(one.time for one in plans) == [f"{day} 09:00" for day in weekly]
    assert_all_done([*lists, *security, *plans])
    for host in home.hosts.values():
        early = [clock for clock in clocks(host.renewals) if clock[4:6] == "05"]
        late = [clock for clock in clocks(host.renewals) if clock not in early]
        assert [clock[:3] for clock in early] == weekly and [clock[:3] for clock in late] == list(days)
    assert home.plans() == ["schedule update-plans"] * len(weekly)
    week.assert_unchanged()


# What was missed -------------------------------------------------------------------------------------------------------


def test_thirty_hours_without_an_engine_are_made_up_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the night in which the lists and the plan of the week come."""
    home = Home(tmp_path, monkeypatch, "2027-03-28 20:10", more="")
    week = Week(home)
    week.go(at("2027-03-28 22:59"))
    week.stop()
    home.clock.leap(at("2027-03-30 05:00") + 1.0)
    week = Week(home)
    week.go(at("2027-03-30 08:59"))
    week.stop()

    late = [one for one in home.came("health-checks") if one.time > at("2027-03-28 22:30")]
    assert clocks(one.time for one in late) == ["Tue 05:00", "Tue 06:00", "Tue 07:00", "Tue 08:00"]
    assert [one.missed for one in late] == [30, 0, 0, 0] and "30 before it were missed" in late[0].text
    for host in home.hosts.values():
        assert Counter(hours(host.looks))["Tue 30 05 CEST"] == 1

    security, lists, plans = (home.came(name) for name in ("security-lists", "update-lists", "update-plans"))
    assert clocks(one.time for one in security) == ["Mon 06:30", "Tue 06:30"]
    assert clocks(one.time for one in (*lists, *plans)) == ["Mon 05:00", "Mon 09:00"]
    assert_all_done([*security, *lists, *plans])
    assert home.plans() == ["schedule update-plans"]
    week.assert_unchanged()


def test_a_backup_is_made_up_for_if_that_is_soon_else_by_the_net(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path, monkeypatch, "2027-03-28 12:10")
    week = Week(home)
    week.go(at("2027-03-28 12:25"))
    week.stop()
    home.clock.leap(at("2027-03-29 18:25"))  # thirty hours later the one of tomorrow is nearer, but the set is overdue
    week = Week(home)
    week.go(at("2027-03-29 20:59"))
    week.stop()
    assert [(one.state, one.missed) for one in home.came("backups")] == [(State.MISSED, 0)]
    assert any("was missed, and the next one is nearer" in text for text in week.told("schedule backups"))
    assert [who for who, _ in week.backups()] == ["the schedule", "the schedule"]

    home.clock.leap(at("2027-03-30 07:00"))  # three hours late
    week = Week(home)
    week.go(at("2027-03-30 08:59"))
    week.stop()
    assert [(one.state, one.missed) for one in home.came("backups")] == [(State.MISSED, 0), (State.DONE, 0)]
    assert week.backups()[2:] == [("schedule backups", "Tue 30 07 CEST")]


PATCHES = f"""
[[schedules]]
name = "patch-sunday"
action = "run:monthly-patch"
cron = "0 22 * * sun"
timezone = "{ZURICH}"
[[schedules]]
name = "hourly"
action = "check"
cron = "0 * * * *"
"""


def test_a_run_that_was_missed_is_begun_by_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path, monkeypatch, "2027-03-28 20:10", more=PATCHES)
    week = Week(home)
    week.go(at("2027-03-28 20:30"))
    week.stop()
    home.clock.leap(at("2027-03-28 20:30") + 30 * HOUR)
    week = Week(home)
    week.go(at("2027-03-30 04:30"))
    week.stop()
    (patch,) = home.came("patch-sunday")
    assert (clocks([patch.time]), patch.state) == (["Sun 22:00"], State.ASKS)
    assert "swarm-tui schedule run patch-sunday does it now" in patch.text
    (caught_up,) = [one for one in home.came("hourly") if one.missed]
    assert (caught_up.missed, caught_up.state) == (29, State.DONE)
    week.assert_unchanged()


# What the end of an engine cuts off ------------------------------------------------------------------------------------


def test_lists_that_were_being_renewed_are_renewed_by_the_next_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path, monkeypatch, "2027-03-28 06:10", more="")
    week, slow = Week(home), home.hosts["a"]
    slow.mirror.clear()
    week.leap_to_next("security-lists", "a")
    until(lambda: slow.renewals, "the host to be asked")
    week.stop()
    slow.mirror.set()
    week = Week(home)
    week.go(at("2027-03-28 07:59"))
    week.stop()
    (security,) = home.came("security-lists")
    assert security.state is State.DONE and security.text.startswith("2 hosts; ")
    assert (len(slow.renewals), len(home.hosts["b"].renewals)) == (2, 1)
