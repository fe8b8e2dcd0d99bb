"""When a host is asked by itself what waits there: rarely, a few at a time, never while somebody else asks it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from backends.updates.inventories import HostUpdates

FIRST_SECONDS = 120.0
"""After the engine's start: connecting to a fleet comes first, and an operator who looks asks at once."""
STEP_SECONDS = 20.0
MOST_AT_A_TIME = 4
"""An inventory takes a host a second or two of CPU; a thousand hosts are through in about an hour and a half."""
RETRY_SECONDS = 1800.0
"""A host that could not be asked is tried again after this time, not after the full one."""


def due(states: Iterable[HostUpdates], now: float, every_seconds: float) -> tuple[str, ...]:
    """The next hosts to ask, those never asked first, then the longest ago; none while enough are being asked.

    Args:
        states: of the hosts that can be reached.
        now: epoch seconds.
        every_seconds: between two looks at a host; 0 means never.
    """
    known = list(states)
    room = MOST_AT_A_TIME - sum(state.busy for state in known)
    if every_seconds <= 0 or room <= 0:
        return ()
    waiting = [state for state in known if not state.busy and _is_due(state, now, every_seconds)]
    waiting.sort(key=lambda state: (state.tried or 0.0, state.host))
    return tuple(state.host for state in waiting[:room])


def _is_due(state: HostUpdates, now: float, every_seconds: float) -> bool:
    if state.tried is None:
        return True
    return now - state.tried >= (min(RETRY_SECONDS, every_seconds) if state.error else every_seconds)
