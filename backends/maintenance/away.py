"""Whether a host is out of service already, before a run has touched it: then it eats the budget."""

from __future__ import annotations

from backends.maintenance.fleet import FleetHost
from backends.states import HostState

LIMPS = frozenset({HostState.NO_PYTHON, HostState.NO_SUDO, HostState.STALE})
"""In service, as far as anybody but us is concerned."""


def away(host: FleetHost) -> str:
    """Why it is out of service, in a few words; "" when it is not."""
    if host.state is not HostState.UP and host.state not in LIMPS:
        return f"{host.state}: {host.reason}" if host.reason else str(host.state)
    if host.standing.drained:
        return drained(host)
    return f"in {host.held_by}" if host.held_by else ""


def drained(host: FleetHost) -> str:
    """That somebody has drained it: "drained by alice: fan"; "" when nobody has."""
    standing = host.standing
    if not standing.drained:
        return ""
    by = f" by {standing.by}" if standing.by else ""
    return f"drained{by}: {standing.reason}" if standing.reason else f"drained{by}"


def drainer(host: FleetHost) -> str:
    """Who has drained it, and why: "alice: fan"; "" when nobody has."""
    standing = host.standing
    if not standing.drained:
        return ""
    return ": ".join(part for part in (standing.by or "somebody", standing.reason) if part)
