"""Episodes: when firing again is the same trouble, what a new one starts with, and when an alert may be forgotten."""

from __future__ import annotations

from msgspec.structs import replace

from backends.alerts import flapping
from backends.alerts.model import Ack, Alert, Clocks, Phase, Telling
from backends.states import Severity

REFIRE_SECONDS = 600.0
"""Firing again within ten minutes of the end is the same episode."""
KEPT_SECONDS = flapping.CYCLE_SECONDS
"""A resolved alert is kept so long: its changes are counted over an hour."""


def fired(alert: Alert, severity: Severity, at: float, now: float) -> Alert:
    """It fires at `at`.

    The episode is a new one unless the last ended at most ten minutes ago, or nobody was told of its end yet: what
    was told as one episode must end as that one.
    """
    again = alert.resolved is not None and 0 <= at - alert.resolved <= REFIRE_SECONDS
    same = alert.episode > 0 and (again or alert.telling.told is not None)
    kept = alert.telling if same else replace(alert.telling, round=0, spoken=None, quiet=False)
    telling = replace(kept, waiting=now, ended=None)
    return replace(
        alert,
        phase=Phase.FIRING,
        severity=severity,
        since=at,
        fired=at,
        resolved=None,
        episode=alert.episode if same else alert.episode + 1,
        ack=_kept_ack(alert, severity, again=again),
        escalation=alert.escalation if telling.told is not None else 0,
        clocks=replace(alert.clocks, counted_from=None, lower_from=None),
        telling=telling,
        flips=flapping.flipped(alert, at),
    )


def _kept_ack(alert: Alert, severity: Severity, *, again: bool) -> Ack | None:
    """An acknowledgement outlives an end of ten minutes, and covers the firing of what was pending when it was given."""
    ack = alert.ack
    if ack is None or severity.rank > ack.severity.rank:
        return None
    return ack if again or (alert.first_true is not None and ack.time >= alert.first_true) else None


def resolved(alert: Alert, at: float, now: float) -> Alert:
    """It is over at `at`. Who was told stays written down until they were told of the end."""
    return replace(
        alert,
        phase=Phase.RESOLVED,
        since=at,
        resolved=at,
        unknown=False,
        inhibited="",
        clocks=replace(alert.clocks, counted_from=None, lower_from=None, again=0),
        telling=replace(alert.telling, waiting=None, ended=now),
        flips=flapping.flipped(alert, at),
    )


def cleared(alert: Alert, at: float) -> Alert:
    """It was pending only."""
    return replace(
        alert,
        phase=Phase.INACTIVE if alert.resolved is None else Phase.RESOLVED,
        since=at,
        first_true=None,
        unknown=False,
        inhibited="",
        clocks=replace(alert.clocks, counted_from=None, lower_from=None, again=0),
    )


def forgettable(alert: Alert, now: float) -> bool:
    """Whether nothing would be different without it: it is well, its end was told, and no change counts any more."""
    telling = alert.telling
    if alert.active or telling.told is not None or telling.quiet or telling.guarded is not None:
        return False
    if alert.clocks.changes:
        return alert.last_data is None or now - alert.last_data > KEPT_SECONDS
    return alert.resolved is None or now - alert.resolved > KEPT_SECONDS


def rebased(alert: Alert, now: float) -> Alert:
    """The same alert after the wall clock went back to `now`: nothing of it lies in the future, so no wait is too long."""
    return replace(
        alert,
        **_past(alert, ("since", "first_true", "fired", "resolved", "last_true", "last_data"), now),
        flips=tuple(min(flip, now) for flip in alert.flips),
        clocks=replace(
            alert.clocks, **_past(alert.clocks, ("counted_from", "lower_from", "gap_from", "again_from"), now)
        ),
        telling=replace(
            alert.telling,
            **_past(alert.telling, ("waiting", "told", "spoken", "ended", "climbing", "guarded", "summed"), now),
        ),
    )


def _past(record: Alert | Clocks | Telling, names: tuple[str, ...], now: float) -> dict[str, float | None]:
    values = {name: getattr(record, name) for name in names}
    return {name: None if value is None else min(value, now) for name, value in values.items()}
