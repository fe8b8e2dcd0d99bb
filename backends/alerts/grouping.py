"""Putting together what belongs together: one notice for the alerts of one rule in one rack, one for their ends."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from backends.alerts.model import Alert, Policy
from backends.metrics.sample import Record
from backends.states import Severity

K = TypeVar("K", bound=Hashable)


class Group(Record, frozen=True, kw_only=True):
    """When a group was last told of."""

    key: str
    fired: float | None = None
    """Last notice of something new in it."""
    ended: float | None = None
    """Last notice of something over."""


def key(rule: str, group: str) -> str:
    """Names a group: a rule, and a rack or batch job."""
    return f"{rule}|{group}"


def gathered(alerts: Iterable[Alert], by: Callable[[Alert], K]) -> dict[K, list[Alert]]:
    """The alerts of each group, in their order."""
    found: dict[K, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(by(alert), []).append(alert)
    return found


def fire_due(members: Sequence[Alert], group: Group | None, now: float, policy: Policy) -> bool:
    """Whether untold alerts of one group are told now: the first waited long enough, and the last notice is long ago."""
    first = min(alert.telling.waiting or now for alert in members)
    return now >= first + _wait(members, policy) and _rested(group.fired if group else None, now, policy)


def end_due(members: Sequence[Alert], group: Group | None, now: float, policy: Policy) -> bool:
    """Whether the ends of told alerts of one group are told now."""
    first = min(alert.telling.ended if alert.telling.ended is not None else now for alert in members)
    return now >= first + _wait(members, policy) and _rested(group.ended if group else None, now, policy)


def stale(group: Group, now: float, policy: Policy) -> bool:
    """Whether `group` may be forgotten."""
    return all(_rested(time, now, policy) for time in (group.fired, group.ended))


def _wait(members: Sequence[Alert], policy: Policy) -> float:
    critical = any(alert.severity is Severity.CRITICAL for alert in members)
    return policy.group_wait_critical_seconds if critical else policy.group_wait_seconds


def _rested(last: float | None, now: float, policy: Policy) -> bool:
    return last is None or now - last >= policy.group_interval_seconds or now < last
