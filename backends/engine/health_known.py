"""What is known of every host's health: a watch each, written down as it changes, with versions for those who look at it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from backends.checks.health_views import HealthView
from backends.clock import Clock
from backends.engine.health_book import Book, Kept, Stand
from backends.engine.health_host import HostWatch
from backends.errors import SwarmError
from backends.states import Severity

KIND = "check"
Tell = Callable[[str, str, str, str, Severity], None]
"""kind, text, host, actor, severity: for the timeline."""


class Known:
    """The watches of a fleet. Any thread may call."""

    def __init__(self, folder: Path | None, clock: Clock, lasts_seconds: Callable[[], float], tell: Tell):
        """
        Args:
            folder: for `health.db`; None: what is known lives as long as the engine.
            clock: ours.
            lasts_seconds: for how long a full look counts.
            tell: the timeline.
        """
        self._clock, self._lasts, self._tell = clock, lasts_seconds, tell
        self._book = Book(folder / "health.db" if folder else None)
        self._lock = threading.Lock()
        self._watches: dict[str, HostWatch] = {}
        self._changed: dict[str, int] = {}
        self._version = self._full_since = 1
        self._trouble, self._closed = "", False

    def find(self, host: str) -> HostWatch | None:
        """The watch of `host`, if there is one yet; cheap."""
        return self._watches.get(host)

    def of(self, host: str) -> HostWatch:
        """The watch of `host`: made, when first asked for, from what was written down."""
        watch = self._watches.get(host)
        if watch is None:
            made = HostWatch(host, self._loaded(host), self._lasts())
            with self._lock:
                watch = self._watches.setdefault(host, made)
        return watch

    def keep(self, hosts: Iterable[str]) -> None:
        """Forget every other host; what is written down of it stays for a while."""
        wanted = set(hosts)
        with self._lock:
            for name in [name for name in self._watches if name not in wanted]:
                del self._watches[name]
                self._changed.pop(name, None)
            self._version += 1
            self._full_since = self._version

    def news(self, host: str) -> None:
        """Its row is another."""
        with self._lock:
            self._version += 1
            self._changed[host] = self._version

    def view(self, since: int | None, hosts: Sequence[str]) -> HealthView:
        """Rows of `hosts`: all, or those that changed since a version."""
        with self._lock:
            version, changed = self._version, dict(self._changed)
            full = since is None or since < self._full_since or since > version
        chosen = hosts if full else [host for host in hosts if changed.get(host, 0) > (since or 0)]
        return HealthView(version=version, full=full, hosts=tuple(self.of(host).row for host in chosen))

    # The file ---------------------------------------------------------------------------------------------------

    def write(self, watch: HostWatch) -> None:
        """Write down how a host stands. A disk that refuses is told of once; nothing is lost in memory."""
        self._do(lambda: self._book.keep(watch.host, watch.kept, self._clock.now()))

    def prune(self) -> None:
        """Forget hosts that were not looked at for months."""
        self._do(lambda: self._book.prune(self._clock.now()))

    def stood(self, host: str, before: float | None) -> Stand | None:
        """How `host` stood at a time; None: before it stood as now. Raises RetryLater."""
        return self._book.last_other(host) if before is None else self._book.before(host, before)

    def close(self) -> None:
        """Nothing is written any more: looks that wait for a host may end later."""
        self._closed = True
        self._book.close()

    def _loaded(self, host: str) -> Kept:
        found = [Kept()]

        def load() -> None:
            found.append(self._book.load(host))

        self._do(load)
        return found[-1]

    def _do(self, work: Callable[[], None]) -> None:
        if self._closed:
            return
        try:
            work()
        except SwarmError as error:
            if not self._trouble:
                self._tell(KIND, f"{error.message}; {error.hint or ''}", "", "", Severity.WARNING)
            self._trouble = error.message
            return
        if self._trouble:
            self._trouble = ""
            self._tell(KIND, "the health checks are written down again", "", "", Severity.OK)
        if self._book.aside is not None:
            aside, self._book.aside = self._book.aside, None
            text = f"the health checks' file was damaged and is begun anew; the old one is {aside}"
            self._tell(KIND, text, "", "", Severity.WARNING)
