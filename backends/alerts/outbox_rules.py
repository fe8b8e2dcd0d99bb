"""How a notice in the outbox goes on: when it is tried again, when it is given up, what is told together. Pure.

Source of all times: reference/alerts.md §3.13.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from backends.alerts.body import late
from backends.alerts.incidents import episodes
from backends.alerts.model import NoticeKind
from backends.alerts.outbox_store import Delivery
from backends.states import Severity

LEASE_SECONDS = 60.0
RETRY_SECONDS = (5.0, 15.0, 45.0, 120.0, 300.0, 900.0)
"""After the first, second … failure; the last one for ever."""
CRITICAL_SECONDS, OTHER_SECONDS = 86_400.0, 7_200.0
"""How long it is tried; an end is tried as long as what is critical, since somebody waits for it."""
LEAST_ATTEMPTS = 6
"""Before it is given up: a machine that slept for a day has not tried for a day."""
OPEN = ("queued", "retry")
_OTHER = frozenset((NoticeKind.RESOLVED, NoticeKind.TEST, NoticeKind.NOTE))
"""What an end does not make needless."""
_FIRST = frozenset(
    (NoticeKind.FIRING, NoticeKind.STORM, NoticeKind.DIGEST, NoticeKind.OWN_LINK, NoticeKind.SILENCE_EXPIRED)
)
"""By which somebody hears of an alert for the first time."""


def after_failure(row: Delivery, now: float, seconds: float, reason: str) -> Delivery:
    """A row after an attempt that failed: when it is tried again, or that it is given up. Pure."""
    long = row.notice.severity == Severity.CRITICAL or row.notice.kind == NoticeKind.RESOLVED
    until = row.created + (CRITICAL_SECONDS if long else OTHER_SECONDS)
    dead = now >= until and row.attempts >= LEAST_ATTEMPTS
    wait = RETRY_SECONDS[min(max(row.attempts, 1), len(RETRY_SECONDS)) - 1]
    return replace(
        row,
        state="dead" if dead else "retry",
        due=now + wait,
        lease_until=0.0,
        reason=reason,
        seconds=seconds,
        first_failed=row.first_failed if row.first_failed is not None else now,
    )


def is_due(row: Delivery, now: float) -> bool:
    """A time farther away than any wait was written before the clock was set back."""
    return row.due <= now or row.due > now + RETRY_SECONDS[-1] + 1


def lease_over(row: Delivery, now: float) -> bool:
    return row.lease_until <= now or row.lease_until > now + LEASE_SECONDS + 1


def collapsed(waiting: Sequence[Delivery]) -> list[Delivery]:
    """What changes because ends wait together with what they end. All of `waiting` are for one target."""
    begun: dict[tuple[str, int], list[Delivery]] = {}
    for each in sorted(waiting, key=lambda one: one.number):
        for one in episodes(each.notice):
            begun.setdefault(one, []).append(each)
    changed: dict[str, Delivery] = {}
    for end in (each for each in waiting if each.notice.kind == NoticeKind.RESOLVED):
        near = {each.key: each for one in episodes(end.notice) for each in begun[one]}
        over = [each for each in near.values() if each.key not in changed and ends(end, each)]
        if over:
            changed |= {each.key: replace(each, state="collapsed", into=end.key) for each in over}
            changed[end.key] = joined(end, over)
    return list(changed.values())


def ends(end: Delivery, begun: Delivery) -> bool:
    """Whether `end` makes telling `begun` needless."""
    return (
        begun.number < end.number
        and begun.notice.kind not in _OTHER
        and bool(begun.notice.fingerprints)
        and set(episodes(begun.notice)) <= set(episodes(end.notice))
    )


def joined(end: Delivery, begun: Sequence[Delivery]) -> Delivery:
    """When the beginning itself was never told, the end tells both."""
    if not any(each.notice.kind in _FIRST for each in begun):
        return end
    title, lines = late([each.notice for each in begun], end.notice)
    return replace(end, notice=replace(end.notice, title=title, lines=lines))
