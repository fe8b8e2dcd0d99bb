"""Who is taken first: who loses the least work, unhealthy hosts last, and neighbours never right after each other."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence

from backends.maintenance.away import away
from backends.maintenance.fleet import FleetHost

WAITS = (0.0, 600.0, 3600.0, 4 * 3600.0)
"""Hosts whose jobs have about as long left are alike: up to so many seconds each."""
_DIGITS = re.compile(r"(\d+)")


def ordered(names: Iterable[str], fleet: Mapping[str, FleetHost]) -> tuple[str, ...]:
    """Every name once: healthy and idle hosts first, then by how long their jobs have left, then the unhealthy ones.

    Within each of these groups hosts of different failure domains take turns, so that a limit in a domain holds up
    nobody, and a mistake does not empty a rack.
    """
    groups: dict[tuple[int, int], list[FleetHost]] = defaultdict(list)
    for name in sorted(set(names), key=natural):
        host = fleet.get(name, FleetHost(host=name))
        groups[_health(host), _wait(host)].append(host)
    return tuple(host.host for key in sorted(groups) for host in in_turns(groups[key]))


def in_turns(hosts: Sequence[FleetHost]) -> list[FleetHost]:
    """The same hosts, one of each failure domain after the other; within a domain as they came."""
    queues: dict[tuple[str, ...], deque[FleetHost]] = {}
    for host in hosts:
        queues.setdefault(host.parents, deque()).append(host)
    found: list[FleetHost] = []
    while queues:
        for domain in list(queues):
            found.append(queues[domain].popleft())
            if not queues[domain]:
                del queues[domain]
    return found


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts gpu2 before gpu10."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(name) if part)


def _health(host: FleetHost) -> int:
    """0: well; 1: something is wrong with it; 2: it would not get far."""
    if away(host):
        return 2
    return 1 if host.ill or host.alerts else 0


def _wait(host: FleetHost) -> int:
    if host.standing.scheduler == "none" or host.standing.jobs == 0:
        return 0
    seconds = host.standing.wait_seconds
    if seconds is None:
        return len(WAITS) + (1 if host.standing.jobs is None else 0)
    return next((at for at, limit in enumerate(WAITS) if seconds <= limit), len(WAITS))
