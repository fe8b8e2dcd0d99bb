"""Who is told what: by severity, host, rule, time of day and level of escalation. Pure.

Silences, acks and quiet hours were heeded before a notice came to be; here it is only decided whom it concerns.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from datetime import datetime

from backends.alerts.model import Notice, NoticeKind, fingerprint
from backends.alerts.targets import Target
from backends.inventory.host import Host
from backends.inventory.select import select_names
from backends.states import Severity

DELIVERY_RULE = "delivery.target"
"""The rule that says of a target that it does not take anything; such a target is not told that itself."""
_RANK = {Severity.OK: 0, Severity.UNKNOWN: 1, Severity.WARNING: 1, Severity.CRITICAL: 2}
_LEAST = {"info": 0, "warning": 1, "critical": 2}

Members = Mapping[str, frozenset[str]]
"""Target → hosts that it is told of; a target that is not in it is told of every host."""


def members(targets: Sequence[Target], hosts: Sequence[Host]) -> dict[str, frozenset[str]]:
    """The hosts of each target that has a selector. Raises BadInput: a selector names what does not exist."""
    return {target.name: select_names(target.hosts, hosts) for target in targets if target.hosts}


def route(
    notice: Notice, targets: Sequence[Target], now: datetime, chosen: Members | None = None, *, own_host: str = ""
) -> tuple[str, ...]:
    """Names of those who are told, in the order of `targets`.

    What is critical and would reach nobody because of hours is told to those whom the hours alone kept from it; a level that
    nobody has is that of the next lower one that somebody has.

    Args:
        now: local time of the engine's machine.
        own_host: of the readings about targets (`target_health.readings`).
    """
    if notice.only:
        return tuple(target.name for target in targets if target.name in notice.only)
    concerned = [target for target in targets if _concerns(notice, target, chosen or {}, own_host)]
    level = _level(notice.level, concerned)
    wanted = [target for target in concerned if level in target.levels]
    awake = [target for target in wanted if within(target.hours, now)]
    if not awake and notice.severity == Severity.CRITICAL:
        awake = wanted
    return tuple(target.name for target in awake)


def within(hours: str, now: datetime) -> bool:
    """Whether `now` is in `hours` ("22:00-06:00" goes over midnight); "" is always, equal ends are the whole day."""
    start, _, end = hours.partition("-")
    clock = f"{now:%H:%M}"
    if start == end:
        return True
    return start <= clock < end if start < end else clock >= start or clock < end


def _concerns(notice: Notice, target: Target, chosen: Members, own_host: str) -> bool:
    if fingerprint(DELIVERY_RULE, own_host, target.name) in notice.fingerprints and len(notice.fingerprints) == 1:
        return False
    if notice.kind != NoticeKind.RESOLVED and _RANK[notice.severity] < _LEAST[target.min_severity]:
        return False
    if target.rules and notice.rule and not any(fnmatch.fnmatchcase(notice.rule, each) for each in target.rules):
        return False
    hosts = chosen.get(target.name)
    return hosts is None or not notice.hosts or not hosts.isdisjoint(notice.hosts)


def _level(wanted: int, targets: Sequence[Target]) -> int:
    known = {level for target in targets for level in target.levels}
    lower = [level for level in known if level <= wanted]
    return max(lower) if lower else min(known, default=wanted)
