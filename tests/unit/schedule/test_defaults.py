"""Without any schedule everything that only looks happens by itself; what the operator said elsewhere holds."""

from __future__ import annotations

from backends.config.schema import BackupsConfig, ChecksConfig, Config, ScheduleConfig, SetConfig, UpdatesConfig
from backends.schedule.defaults import defaults, schedules, sets_of


def names(config: Config) -> dict[str, str]:
    return {each.name: each.action.text for each in schedules(config)}


def test_by_default_checks_come_hourly_backups_and_security_daily_lists_and_plans_weekly() -> None:
    found = {each.action.text: each.rule.cron for each in defaults(Config())}
    assert found == {
        "check": "0 * * * *",
        "backup": "0 4 * * *",
        "security": "30 6 * * *",
        "updates-refresh": "0 5 * * mon",
        "updates-plan": "0 9 * * mon",
    }
    assert all(each.built_in and each.enabled and not each.action.changes for each in defaults(Config()))


def test_own_schedules_stand_instead_of_the_default_ones() -> None:
    assert names(Config(schedules=(ScheduleConfig(name="x", action="check", cron="5 * * * *"),))) == {"x": "check"}


def test_who_asked_for_other_intervals_gets_these_and_nothing_beside() -> None:
    assert "health-checks" not in names(Config(checks=ChecksConfig(every_minutes=15)))
    assert "health-checks" not in names(Config(checks=ChecksConfig(every_minutes=0)))
    assert set(names(Config(updates=UpdatesConfig(ask_hours=0)))) == {"health-checks", "backups"}
    assert "backups" not in names(Config(backups=BackupsConfig(config_every_hours=0)))


def test_the_default_backup_is_of_sets_without_an_interval_of_their_own() -> None:
    sets = (SetConfig(name="models"), SetConfig(name="logs", every_hours=6), SetConfig(name="cold", every_hours=0))
    backups = BackupsConfig(sets=sets)
    (built_in,) = [each for each in defaults(Config(backups=backups)) if each.name == "backups"]
    assert sets_of(built_in, backups) == ("config", "secrets", "models")
    (own,) = schedules(Config(schedules=(ScheduleConfig(name="x", action="backup", cron="0 4 * * *"),)))
    assert sets_of(own, backups) == ("config", "secrets", "models", "logs")
