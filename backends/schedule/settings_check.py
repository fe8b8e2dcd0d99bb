"""Everything that is wrong with what the configuration says of schedules and blackouts. Nobody is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from backends.clock import utc
from backends.config.problem import Problem, nearest
from backends.config.schema import BlackoutConfig, Config, ScheduleConfig
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.inventory.select import select_names
from backends.schedule.actions import Action, ActionKind, parse_action
from backends.schedule.blackout import days
from backends.schedule.defaults import BUILT_IN_SETS
from backends.schedule.rule import Rule, parse, risky
from backends.schedule.zones import zone_of

T = TypeVar("T")
NOW = utc(0).replace(year=2026).timestamp()
"""Whether a rule is risky does not depend on the year."""


def problems(config: Config, hosts: Sequence[Host] | None) -> list[Problem]:
    """Errors, and warnings about what will surprise.

    Args:
        config: the whole of it.
        hosts: the fleet; None when the inventory itself is wrong, then no selector is judged.
    """
    found: list[Problem] = []
    seen: set[str] = set()
    for at, each in enumerate(config.schedules):
        key = f"schedules.{at}"
        if each.name in seen:
            message = f'the name "{each.name}" is there twice'
            found.append(Problem(key=f"{key}.name", message=message, hint="give it another one"))
        seen.add(each.name)
        found += _schedule(each, key, config, hosts)
    found += _blackouts(config.maintenance.blackouts)
    return found


def _schedule(each: ScheduleConfig, key: str, config: Config, hosts: Sequence[Host] | None) -> Iterator[Problem]:
    zone, wrong = _tried(lambda: zone_of(each.timezone), f"{key}.timezone")
    yield from wrong
    rule, wrong = _tried(lambda: parse(each.cron), f"{key}.cron")
    yield from wrong
    action, wrong = _tried(lambda: parse_action(each.action), f"{key}.action")
    yield from wrong
    if action is not None:
        yield from _named(action, f"{key}.action", config)
    if hosts is not None:
        yield from _tried(lambda: select_names(each.hosts, hosts), f"{key}.hosts")[1]
    if rule is not None and zone is not None:
        yield from _times(each, Rule(cron=rule.cron, zone=each.timezone), key)


def _tried(make: Callable[[], T], key: str) -> tuple[T | None, list[Problem]]:
    try:
        return make(), []
    except BadInput as error:
        return None, [Problem(key=key, message=error.message, hint=error.hint or "")]


def _named(action: Action, key: str, config: Config) -> Iterator[Problem]:
    if not action.argument:
        return
    run = action.kind is ActionKind.RUN
    known = [each.name for each in config.runs] if run else [*BUILT_IN_SETS, *(s.name for s in config.backups.sets)]
    if action.argument in known:
        return
    what = "run" if run else "set"
    there = f"there are: {', '.join(known)}" if known else f"write it as [[{'runs' if run else 'backups.sets'}]]"
    message = f'there is no {what} "{action.argument}"'
    yield Problem(key=key, message=message, hint=nearest(action.argument, known) or there)


def _times(each: ScheduleConfig, rule: Rule, key: str) -> Iterator[Problem]:
    if risky(rule, NOW):
        yield Problem(
            key=f"{key}.cron",
            message="it begins between one and three in the morning, when the clocks are changed twice a year",
            hint='it is done once on those nights, too, but maybe at another time; "0 4 * * *" is free of that',
            severity="warning",
        )
    start = rule.next(NOW)
    if start is not None and each.spread_minutes * 60.0 >= rule.period(start):
        yield Problem(
            key=f"{key}.spread_minutes",
            message="the hosts are spread over more time than there is to the next time",
            hint="make it less; as it is, the last ones begin together before the next time",
            severity="warning",
        )


def _blackouts(blackouts: Sequence[BlackoutConfig]) -> Iterator[Problem]:
    for at, each in enumerate(blackouts):
        yield from _tried(lambda each=each: days(each), f"maintenance.blackouts.{at}")[1]  # type: ignore[misc]
