"""Who hears of it when nobody answers, and how often it is said again."""

from __future__ import annotations

from msgspec.structs import replace

from backends.alerts.model import Alert, Policy
from backends.states import Severity


def climbing(alert: Alert) -> bool:
    """Whether it escalates: critical, told, and nobody has it in hand."""
    telling = alert.telling
    return (
        alert.firing
        and alert.severity is Severity.CRITICAL
        and telling.told is not None
        and telling.climbing is not None
        and alert.ack is None
    )


def due(alert: Alert, now: float, policy: Policy) -> int | None:
    """The level that is told now: L1 after 10 min, L2 after 20, then L0 again, at most three cycles; None: none yet."""
    taken, since = alert.telling.steps, alert.telling.climbing
    if not climbing(alert) or since is None or policy.escalation_levels < 1:
        return None
    rounds = policy.escalation_levels + 1
    if taken + 1 >= rounds * policy.escalation_cycles or now - since < (taken + 1) * policy.escalation_seconds:
        return None
    return (taken + 1) % rounds


def climbed(alert: Alert, level: int, now: float, policy: Policy) -> Alert:
    """After the step to `level`. Steps that were slept through are not made up for: the next one waits its full time."""
    telling = alert.telling
    steps = telling.steps + 1
    late = now - (telling.climbing or now) - steps * policy.escalation_seconds
    since = (telling.climbing or now) + max(0.0, late)
    return replace(alert, escalation=level, telling=replace(telling, steps=steps, climbing=since, spoken=now))


def next_level(alert: Alert, policy: Policy) -> int:
    """The level that an operator's own escalation goes to."""
    return min(alert.escalation + 1, max(1, policy.escalation_levels))


def repeat_due(alert: Alert, now: float, policy: Policy) -> bool:
    """Whether it is said again: critical each hour, warnings each four, nothing else, never once acknowledged."""
    spoken = alert.telling.spoken
    if not alert.firing or alert.telling.told is None or spoken is None or alert.ack is not None:
        return False
    if alert.severity is Severity.CRITICAL:
        return now - spoken >= policy.repeat_critical_seconds
    return alert.severity is Severity.WARNING and now - spoken >= policy.repeat_warning_seconds
