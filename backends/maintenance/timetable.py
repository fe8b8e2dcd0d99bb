"""When each host would begin and end, when all takes its time: batches one after the other, never more away than allowed."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence

from backends.metrics.sample import Record


class Seat(Record, frozen=True, kw_only=True):
    """One host that wants to be taken."""

    host: str
    batch: int
    seconds: float
    """From its begin to its end."""
    domains: tuple[str, ...] = ()


class Times(Record, frozen=True, kw_only=True):
    """Seconds after the start."""

    begins: Mapping[str, float] = {}
    """Hosts that can never begin are missing."""
    ends: Mapping[str, float] = {}
    total: float = 0.0
    """When the last one is done."""


def timetable(
    seats: Sequence[Seat],
    soak: float,
    room: int,
    rooms: Mapping[str, int] | None = None,
) -> Times:
    """The times of all hosts, in the order in which they are given.

    Args:
        seats: hosts in the order in which they are taken.
        soak: seconds between the end of a batch and the next one.
        room: how many hosts more may be away at once than are now.
        rooms: the same for each failure domain; a domain that is not in it has no limit.
    """
    begins: dict[str, float] = {}
    ends: dict[str, float] = {}
    now = 0.0
    numbers = sorted({seat.batch for seat in seats})
    for number in numbers:
        batch = [seat for seat in seats if seat.batch == number]
        began, over = _batch(batch, now, room, rooms or {})
        begins |= {seat.host: at for seat, at in began}
        ends |= {seat.host: at + seat.seconds for seat, at in began}
        now = over + (soak if number != numbers[-1] else 0.0)
    return Times(begins=begins, ends=ends, total=now)


def _batch(
    batch: Sequence[Seat], start: float, room: int, rooms: Mapping[str, int]
) -> tuple[list[tuple[Seat, float]], float]:
    """Who begins when, and when the last one is over."""
    waiting = list(batch)
    began: list[tuple[Seat, float]] = []
    working: list[tuple[float, int, Seat]] = []
    taken: Counter[str] = Counter()
    now = start
    while True:
        left: list[Seat] = []
        for at, seat in enumerate(waiting):
            if len(working) >= room:
                left += waiting[at:]
                break
            if all(taken[name] < rooms[name] for name in seat.domains if name in rooms):
                began.append((seat, now))
                heapq.heappush(working, (now + seat.seconds, len(began), seat))
                taken.update(seat.domains)
            else:
                left.append(seat)
        waiting = left
        if not working:
            return began, now
        now, _, seat = heapq.heappop(working)
        taken.subtract(seat.domains)
