"""Which maintenance runs begin by themselves, and when: those that wait for their window, and those of schedules. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backends.config.schema import Config
from backends.maintenance.model import RunState, RunStatus
from backends.schedule.actions import ActionKind
from backends.schedule.blackout import blackout_at
from backends.schedule.defaults import schedules


def coming(runs: Iterable[RunState], config: Config, now: float) -> list[tuple[str, str, float]]:
    """Name, id ("" while it has none) and time (epoch seconds) of each."""
    return [*_waiting(runs), *_scheduled(config, now)]


def goes_on(run: RunState) -> bool:
    """Whether it is not over."""
    return run.ended is None and run.status is not RunStatus.ENDED


def _waiting(runs: Iterable[RunState]) -> Iterator[tuple[str, str, float]]:
    """Name, id and time of runs whose window has not opened."""
    for run in runs:
        if goes_on(run) and run.plan.window_start is not None:
            yield run.plan.name or run.plan.id, run.plan.id, run.plan.window_start


def _scheduled(config: Config, now: float) -> Iterator[tuple[str, str, float]]:
    """The same of those that a schedule begins; they have no id yet."""
    for each in schedules(config):
        start = each.rule.next(now) if each.action.kind is ActionKind.RUN and each.enabled else None
        if start is not None and blackout_at(config.maintenance.blackouts, start, each.rule.zone) is None:
            yield each.action.argument, "", start
