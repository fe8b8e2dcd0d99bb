"""Maintenance: which alerts keep quiet meanwhile, and when its digest is due.

Evaluation and history go on; ends are told all the same. The digest holds what fires once the hosts have settled and was
not told before: what fired at the start and still does was, so it stays quiet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from backends.alerts.model import Mute, Policy
from backends.errors import BadInput
from backends.text import clean

LONGEST_SECONDS = 7 * 86_400.0
"""A maintenance that nobody ends must not hide alerts for ever."""


class Ended(NamedTuple):
    """A maintenance whose hosts have settled."""

    mute: Mute
    hosts: frozenset[str]
    """Those that no other maintenance holds."""


def checked(mute: Mute, now: float) -> Mute:
    """The mute with its texts cleaned. Raises BadInput: no hosts, or no end within seven days."""
    if not mute.hosts:
        raise BadInput("a maintenance needs hosts", action="mute alerts")
    if not now < mute.end <= now + LONGEST_SECONDS:
        raise BadInput(
            "a maintenance needs an end in the future, at most seven days from now",
            action="mute alerts",
            hint="--for 4h",
        )
    return Mute(
        id=mute.id,
        hosts=tuple(dict.fromkeys(mute.hosts)),
        by=clean(mute.by, 100),
        comment=clean(mute.comment, 500),
        start=mute.start,
        end=mute.end,
    )


def muted_hosts(mutes: Iterable[Mute], now: float, policy: Policy) -> dict[str, str]:
    """Host → the maintenance that holds it: from its start until it is over and settled; of several, the first."""
    found: dict[str, str] = {}
    for mute in mutes:
        if mute.start <= now < mute.end + policy.settle_seconds:
            for host in mute.hosts:
                found.setdefault(host, mute.id)
    return found


def settled(mutes: Iterable[Mute], held: dict[str, str], now: float, policy: Policy) -> list[Ended]:
    """What is over and settled at `now`."""
    return [
        Ended(mute, frozenset(host for host in mute.hosts if host not in held))
        for mute in mutes
        if now >= mute.end + policy.settle_seconds
    ]
