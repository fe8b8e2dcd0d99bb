"""What schedules begin is known by kind, host and set, and how often it comes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backends.backups.model import BackupSet, JobKind, Repository, Task
from backends.config.schema import BackupsConfig, ScheduleConfig
from backends.errors import BadInput
from backends.schedule.covering import covered, often, with_periods
from backends.schedule.rule import DAY, parse
from backends.schedule.schedule import Schedule, read
from tests.unit.schedule.test_rule import ZURICH, at

NOW = at("2026-11-26")


def select(text: str) -> Sequence[str]:
    if text == "tag:gone":
        raise BadInput("no tag gone")
    return ("a", "b") if not text else (text,)


def made(action: str, hosts: str = "", cron: str = "0 4 * * *", enabled: bool = True) -> Schedule:
    return read(ScheduleConfig(name=action.replace(":", "-"), action=action, cron=cron, hosts=hosts, enabled=enabled))


def test_a_schedule_begins_its_sets_on_its_hosts() -> None:
    found = covered([made("backup:config", "a"), made("drill:config"), made("check")], BackupsConfig(), select)
    assert set(found) == {
        (JobKind.BACKUP, "a", "config"),
        (JobKind.DRILL, "a", "config"),
        (JobKind.DRILL, "b", "config"),
    }


def test_one_that_is_off_or_means_nobody_begins_nothing() -> None:
    assert covered([made("backup", enabled=False), made("backup", "tag:gone")], BackupsConfig(), select) == {}


@pytest.mark.parametrize(("cron", "days"), [("0 4 * * *", 1), ("0 4 * * mon,thu", 4), ("0 4 * * sun", 7)])
def test_how_often_a_rule_comes_is_its_longest_pause(cron: str, days: int) -> None:
    assert often(parse(cron, "UTC"), NOW) == days * DAY
    assert abs(often(parse(cron, ZURICH), NOW) - days * DAY) <= 3600


def test_a_set_is_as_old_as_its_schedule_lets_it_become() -> None:
    repository = Repository(name="vault", host="a", location="/r", passphrase_command="")
    tasks = [Task(set=BackupSet(name=name), repository=repository) for name in ("config", "secrets")]
    weekly = covered([made("backup:config", cron="0 4 * * sun")], BackupsConfig(), select)
    first, second = with_periods(tasks, weekly, NOW)
    assert abs(first.set.every_seconds - 7 * DAY) <= 3600 and second == tasks[1]
