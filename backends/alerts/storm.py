"""Storms: so many new alerts of one rule within a minute that one message says more than all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from backends.alerts.model import Alert, Policy
from backends.metrics.sample import Record

TOP_GROUPS, FIRST_HOSTS = 3, 5


class Storm(Record, frozen=True, kw_only=True):
    """A rule of which too much is new."""

    rule: str
    since: float
    spoken: float | None = None
    """The last message about it."""
    count: int = 0
    """Alerts that were told in it."""


def limit(hosts: int, policy: Policy) -> float:
    """More new alerts of one rule than this within a minute are a storm."""
    return max(float(policy.storm_alerts), policy.storm_share * hosts)


def surges(alerts: Iterable[Alert], now: float, policy: Policy) -> Counter[str]:
    """Rule → how many of its alerts that may be told fired within the last minute, by the engine's clock."""
    oldest = now - policy.storm_seconds
    return Counter(
        alert.rule for alert in alerts if alert.telling.waiting is not None and alert.telling.waiting > oldest
    )


def lines(members: Sequence[Alert], group: Callable[[str], str], total: int) -> tuple[str, ...]:
    """The body: how many, the groups with most of them, the first five hosts."""
    groups = Counter(group(alert.host) or "no group" for alert in members)
    top = ", ".join(f"{name} {count}" for name, count in groups.most_common(TOP_GROUPS))
    hosts = list(dict.fromkeys(alert.host for alert in members))
    first = ", ".join(hosts[:FIRST_HOSTS]) + (
        f" and {len(hosts) - FIRST_HOSTS} more" if len(hosts) > FIRST_HOSTS else ""
    )
    earlier = (f"{total} in all since it began",) if total > len(members) else ()
    return (f"mostly {top}", f"first: {first}", *earlier, f"one of them: {members[0].text}")
