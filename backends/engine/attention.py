"""Which hosts somebody looks at right now: their processes are read more often, for a while after each look."""

from __future__ import annotations

import threading
from collections.abc import Callable

FOCUS_SECONDS = 10.0
"""How long one look lasts; a screen that shows a host asks again and again."""


class Attention:
    """Turns looks into focus on and focus off. `focus` tells the host's source."""

    def __init__(self, monotonic: Callable[[], float], focus: Callable[[str, bool], None]):
        self._monotonic, self._focus = monotonic, focus
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def look(self, host: str) -> None:
        """Somebody looks at `host` now. Raises BadInput when its source does not know it."""
        with self._lock:
            begun = host not in self._until
            self._until[host] = self._monotonic() + FOCUS_SECONDS
        if begun:
            self._begin(host)

    def _begin(self, host: str) -> None:
        try:
            self._focus(host, True)
        except Exception:
            with self._lock:
                self._until.pop(host, None)  # the next look tries again
            raise

    def expire(self) -> None:
        """Take the focus off the hosts that nobody has looked at for a while."""
        now = self._monotonic()
        with self._lock:
            gone = [host for host, until in self._until.items() if until < now]
            for host in gone:
                del self._until[host]
        for host in gone:
            self._focus(host, False)
