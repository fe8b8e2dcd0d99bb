"""A schedule that is right: what, when, where. Made from the configuration, or one of the defaults. Pure."""

from __future__ import annotations

from backends.config.schema import ScheduleConfig
from backends.metrics.sample import Record
from backends.schedule.actions import Action, parse_action
from backends.schedule.rule import Rule, parse


class Schedule(Record, frozen=True, kw_only=True):
    """One schedule."""

    name: str
    action: Action
    rule: Rule
    hosts: str = ""
    """A selector; "": every host."""
    spread_seconds: float = 300.0
    enabled: bool = True
    built_in: bool = False
    """One of the defaults."""

    @property
    def mark(self) -> str:
        """Another one when it means something else: what was missed under the old meaning is not made up for."""
        return f"{self.rule.cron} | {self.rule.zone} | {self.action.text}"


def read(config: ScheduleConfig) -> Schedule:
    """The schedule that a table says. Raises BadInput."""
    return Schedule(
        name=config.name,
        action=parse_action(config.action),
        rule=parse(config.cron, config.timezone),
        hosts=config.hosts,
        spread_seconds=config.spread_minutes * 60.0,
        enabled=config.enabled,
    )
