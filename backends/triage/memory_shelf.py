"""Where bundles are kept when there is no disk for them: a bounded number, in memory, compact."""

from __future__ import annotations

import threading
from collections import OrderedDict

from backends.errors import BadInput
from backends.triage.bundle import decode, encode
from backends.triage.model import Bundle
from backends.triage.views import Kept

MOST = 50
"""At some 20 kB each about a megabyte."""


class MemoryShelf:
    """As `Shelf`, from any thread; everything is lost with the engine."""

    def __init__(self, first: int = 1):
        """`first`: the first number that is given."""
        self._lock = threading.Lock()
        self._next = first
        self._kept: OrderedDict[int, tuple[Kept, bytes]] = OrderedDict()

    def put(self, bundle: Bundle) -> int:
        """Keep `bundle`; its number."""
        data = encode(bundle)
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._kept[number] = (kept(number, bundle), data)
            while len(self._kept) > MOST:
                del self._kept[self._superfluous()]
            return number

    def get(self, number: int) -> Bundle:
        """One bundle. Raises BadInput: there is none of that number (any more)."""
        with self._lock:
            found = self._kept.get(number)
        if found is None:
            raise BadInput(f"no triage bundle {number}", action="read a triage bundle", hint="swarm-tui triage --list")
        return decode(found[1])

    def list(self, host: str = "", limit: int = 100) -> tuple[Kept, ...]:
        """The newest first, of one host when given."""
        with self._lock:
            found = [row for row, _ in self._kept.values() if not host or row.host == host]
        return tuple(sorted(found, key=lambda row: (row.time, row.id), reverse=True)[:limit])

    def good(self, host: str, before: float = float("inf")) -> Kept | None:
        """The newest of `host` in which nothing was wrong."""
        return next((row for row in self.list(host, MOST) if row.good and row.time < before), None)

    def close(self) -> None:
        """Nothing is left afterwards."""
        with self._lock:
            self._kept.clear()

    def _superfluous(self) -> int:
        """The oldest that is not its host's last good one; the oldest of all where every one is."""
        last_good = {row.host: number for number, (row, _) in self._kept.items() if row.good}
        return next((number for number in self._kept if number not in last_good.values()), next(iter(self._kept)))


def kept(number: int, bundle: Bundle) -> Kept:
    """Its row in the list."""
    return Kept(
        id=number,
        host=bundle.host,
        time=bundle.time,
        state=bundle.state,
        severity=bundle.strip.severity,
        reason=bundle.reason,
        text=bundle.strip.text,
    )
