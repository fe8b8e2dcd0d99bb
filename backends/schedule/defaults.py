"""The schedules of a configuration: its own, or the default ones where it has none. Pure.

The defaults stand back behind what the operator said in another place: who asks for checks each quarter of an hour, for
no backups at all or for no looks at updates by themselves gets that, and nothing beside it.
"""

from __future__ import annotations

from backends.config.schema import BackupsConfig, ChecksConfig, Config, SetConfig, UpdatesConfig
from backends.schedule.actions import ActionKind, parse_action
from backends.schedule.rule import parse
from backends.schedule.schedule import Schedule, read

BUILT_IN_SETS = ("config", "secrets")
_DEFAULTS: tuple[tuple[str, str, str, float], ...] = (
    ("health-checks", "check", "0 * * * *", 55.0),
    ("backups", "backup", "0 4 * * *", 60.0),
    ("update-lists", "updates-refresh", "0 5 * * mon", 60.0),
    ("security-lists", "security", "30 6 * * *", 60.0),
    ("update-plans", "updates-plan", "0 9 * * mon", 0.0),
)
"""Name, action, cron, minutes of spread. None between one and three, when clocks change; the plan comes after the lists."""
CHECK_MINUTES, BACKUP_HOURS = ChecksConfig().every_minutes, SetConfig(name="x").every_hours


def schedules(config: Config) -> tuple[Schedule, ...]:
    """All of them, also those that are switched off. Raises BadInput."""
    return tuple(read(each) for each in config.schedules) if config.schedules else defaults(config)


def defaults(config: Config) -> tuple[Schedule, ...]:
    """Those of a configuration without any `[[schedules]]`."""
    made = (
        Schedule(
            name=name,
            action=parse_action(action),
            rule=parse(cron),
            spread_seconds=minutes * 60.0,
            built_in=True,
        )
        for name, action, cron, minutes in _DEFAULTS
    )
    return tuple(each for each in made if _wanted(each, config))


def _wanted(schedule: Schedule, config: Config) -> bool:
    if schedule.action.kind is ActionKind.CHECK:
        return config.checks.every_minutes == CHECK_MINUTES
    if schedule.action.kind is ActionKind.BACKUP:
        return bool(sets_of(schedule, config.backups))
    return _asks(config.updates)


def _asks(updates: UpdatesConfig) -> bool:
    return updates.ask_hours > 0


def sets_of(schedule: Schedule, backups: BackupsConfig) -> tuple[str, ...]:
    """The sets that a schedule backs up or drills; () for every other action."""
    if schedule.action.kind not in (ActionKind.BACKUP, ActionKind.DRILL):
        return ()
    if schedule.action.argument:
        return (schedule.action.argument,)
    hours = dict.fromkeys(BUILT_IN_SETS, backups.config_every_hours) | {
        each.name: each.every_hours for each in backups.sets
    }
    if schedule.built_in:
        return tuple(name for name, each in hours.items() if each == BACKUP_HOURS)
    return tuple(name for name, each in hours.items() if each > 0)
