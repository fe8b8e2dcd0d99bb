"""What schedules do is left to them: which backups and drills those are, and how often they come. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice, pairwise

import msgspec

from backends.backups.model import JobKind, Task
from backends.config.schema import BackupsConfig
from backends.errors import BadInput
from backends.schedule.actions import ActionKind
from backends.schedule.defaults import sets_of
from backends.schedule.rule import Rule
from backends.schedule.schedule import Schedule

Select = Callable[[str], Sequence[str]]
LOOKED_AT = 9
"""Occurrences whose distances say how often a rule comes: more than a week of days."""
_KINDS = {ActionKind.BACKUP: JobKind.BACKUP, ActionKind.DRILL: JobKind.DRILL}


def covered(
    schedules: Iterable[Schedule], backups: BackupsConfig, select: Select
) -> dict[tuple[JobKind, str, str], Schedule]:
    """(kind, host, set) → the enabled schedule that begins it; the first one where there are several."""
    found: dict[tuple[JobKind, str, str], Schedule] = {}
    for each in schedules:
        kind = _KINDS.get(each.action.kind)
        if kind is None or not each.enabled:
            continue
        names, hosts = sets_of(each, backups), _selected(each, select)
        for host in hosts:
            for name in names:
                found.setdefault((kind, host, name), each)
    return found


def _selected(schedule: Schedule, select: Select) -> Sequence[str]:
    try:
        return select(schedule.hosts)
    except BadInput:
        return ()  # the list of schedules says what is wrong with it


def often(rule: Rule, now: float) -> float:
    """The longest time between two of the next occurrences, in seconds: what is older than that is overdue."""
    return max((b - a for a, b in pairwise(islice(rule.after(now), LOOKED_AT))), default=0.0)


def with_periods(
    tasks: Sequence[Task], known: dict[tuple[JobKind, str, str], Schedule], now: float
) -> tuple[Task, ...]:
    """The tasks; those that a schedule begins are as often as it comes, whatever their `every_hours` say."""
    periods = {each.name: often(each.rule, now) for each in known.values()}

    def timed(task: Task) -> Task:
        schedule = known.get((JobKind.BACKUP, task.host, task.set.name))
        if schedule is None:
            return task
        kept = msgspec.structs.replace(task.set, every_seconds=periods[schedule.name])
        return msgspec.structs.replace(task, set=kept)

    return tuple(map(timed, tasks))
