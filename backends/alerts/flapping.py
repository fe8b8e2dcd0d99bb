"""Flapping: a badge for what changes at many evaluations, and a guard against telling of every change.

The badge is Icinga's formula over the last 20 evaluations: a change weighs 0.80 (the oldest) to 1.18 (the newest); above
30 % it is flapping, at 25 % or less it is not. The guard counts whole cycles of firing and resolved.
"""

from __future__ import annotations

from msgspec.structs import replace

from backends.alerts.model import Alert

EVALUATIONS = 20
_KEPT = (1 << EVALUATIONS) - 1
_OLDEST, _STEP = 0.80, 0.02
ENTER_PERCENT, LEAVE_PERCENT = 30.0, 25.0
"""Icinga's own: six recent changes trip it (33.9 %), five do not (28.4 %)."""
CYCLES = 3
CYCLE_SECONDS = 3600.0
SUMMARY_SECONDS = 3600.0
"""Between two notices about one that flaps."""
CALM_SECONDS = 1800.0
"""Without a change for so long it does not flap any more."""
MOST_FLIPS = 20


def shifted(changes: int, changed: bool) -> int:
    """The bits of the last 20 evaluations after one more; the newest is the lowest bit."""
    return (changes << 1 | int(changed)) & _KEPT


def percent(changes: int) -> float:
    """How much of the last 20 evaluations were changes, weighted; 0–99."""
    if not changes:
        return 0.0
    newest = _OLDEST + _STEP * (EVALUATIONS - 1)
    weights = (newest - _STEP * age for age in range(EVALUATIONS) if changes >> age & 1)
    return 100.0 * sum(weights) / EVALUATIONS


def flaps(changes: int, was: bool) -> bool:
    """Whether the badge is shown."""
    return percent(changes) > (LEAVE_PERCENT if was else ENTER_PERCENT)


def flipped(alert: Alert, at: float) -> tuple[float, ...]:
    """The times of its changes with one more."""
    return (*alert.flips, at)[-MOST_FLIPS:]


def cycles(alert: Alert, now: float) -> int:
    """Whole cycles of firing and resolved in the last hour; at most 10 are known."""
    return sum(now - CYCLE_SECONDS <= flip <= now for flip in alert.flips) // 2


def guard(alert: Alert, now: float) -> Alert:
    """Put the guard on or take it off; the same alert when neither is due."""
    since = alert.telling.guarded
    if since is None and cycles(alert, now) >= CYCLES:
        return replace(alert, flapping=True, telling=replace(alert.telling, guarded=now, summed=None))
    calm = now - alert.flips[-1] if alert.flips else CALM_SECONDS
    if since is not None and calm >= CALM_SECONDS:
        badge = flaps(alert.clocks.changes, alert.flapping)
        return replace(alert, flapping=badge, telling=replace(alert.telling, guarded=None, summed=None), flips=())
    return alert


def summary_due(alert: Alert, now: float) -> bool:
    """Whether its flapping should be told (again)."""
    telling = alert.telling
    if telling.guarded is None:
        return False
    return telling.summed is None or now - telling.summed >= SUMMARY_SECONDS
