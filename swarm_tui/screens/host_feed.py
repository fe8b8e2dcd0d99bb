"""What the Host screen knows about its host: asked for in the rhythm of the samples, one question in flight at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from backends.backups.views import BackupView
from backends.engine.wire import History, HostDetail
from backends.errors import SwarmError
from backends.updates.inventories import HostUpdates
from swarm_tui.bridge import Link
from swarm_tui.present.host_history import NO_TRACKS, Tracks, tracks

if TYPE_CHECKING:
    from backends.checks.health_views import HostChecks
    from backends.maintenance.views import Held

GIVE_UP_SECONDS = 10.0
"""An answer that has not come by then is not waited for any longer."""
FASTEST_SECONDS = 0.9
"""Details are not asked for more often, whatever the sampling interval: nobody reads faster."""

UPDATES_SECONDS = 2.0
BACKUPS_SECONDS = 2.0
CHECKS_SECONDS = 2.0
RUNS_SECONDS = 5.0

HistoryWish = tuple[tuple[str, ...], float, int]
"""Names of series, seconds back, number of points."""


class HostFeed:
    """Newest detail and history of one host. All methods run on the screen's loop."""

    def __init__(self, link: Link, host: str, changed: Callable[[], None], monotonic: Callable[[], float]):
        self._link = link
        self._host = host
        self._changed = changed
        self._monotonic = monotonic
        self._asked_detail, self._waiting_detail = -1e9, False
        self._asked_history, self._waiting_history = -1e9, False
        self._wish: HistoryWish = ((), 0.0, 0)
        self._asked_updates, self._waiting_updates = -1e9, False
        self._asked_backups, self._waiting_backups = -1e9, False
        self._asked_checks, self._waiting_checks = -1e9, False
        self._asked_runs, self._waiting_runs = -1e9, False
        self.detail: HostDetail | None = None
        self.updates: HostUpdates | None = None
        self.backups: BackupView | None = None
        self.checks: HostChecks | None = None
        self.held: Held | None = None
        """The maintenance run that has this host now."""
        self.tracks: Tracks = NO_TRACKS
        self.error: SwarmError | None = None

    def tick(self, interval: float, *, watch: bool) -> None:
        """Ask for the detail when it is due; `watch`: have the host's processes read more often."""
        now = self._monotonic()
        age = now - self._asked_detail
        if age < max(FASTEST_SECONDS, min(interval, 5.0)) or (self._waiting_detail and age < GIVE_UP_SECONDS):
            return
        self._asked_detail, self._waiting_detail = now, True
        params = {"host": self._host, "watch": watch}
        self._link.request("host.get", params, HostDetail, self._got_detail, self._failed)

    def _got_detail(self, detail: HostDetail) -> None:
        self.detail, self.error, self._waiting_detail = detail, None, False
        self._changed()

    def _failed(self, error: SwarmError) -> None:
        self.error, self._waiting_detail = error, False
        self._changed()

    def tick_updates(self) -> None:
        """Ask for what is known about the host's updates when it is due."""
        now = self._monotonic()
        age = now - self._asked_updates
        if age < UPDATES_SECONDS or (self._waiting_updates and age < GIVE_UP_SECONDS):
            return
        self._asked_updates, self._waiting_updates = now, True
        params = {"host": self._host}
        self._link.request("updates.host", params, HostUpdates, self._got_updates, self._no_updates)

    def _got_updates(self, updates: HostUpdates) -> None:
        self.updates, self._waiting_updates = updates, False
        self._changed()

    def _no_updates(self, error: SwarmError) -> None:
        self.error, self._waiting_updates = error, False
        self._changed()

    def tick_runs(self) -> None:
        """Ask which run has this host when it is due."""
        from backends.maintenance.views import Held  # late: the first picture does not need it

        now = self._monotonic()
        age = now - self._asked_runs
        if age < RUNS_SECONDS or (self._waiting_runs and age < GIVE_UP_SECONDS):
            return
        self._asked_runs, self._waiting_runs = now, True
        kind = dict[str, tuple[Held, ...]]
        self._link.request("runs.held", {}, kind, self._got_runs, self._no_runs)

    def _got_runs(self, answer: dict[str, tuple[Held, ...]]) -> None:
        held = next((each for each in answer.get("held", ()) if each.host == self._host), None)
        self._waiting_runs = False
        if held != self.held:
            self.held = held
            self._changed()

    def _no_runs(self, error: SwarmError) -> None:
        """A replay has no runs, which is no trouble of this host: what was known of them is not shown any longer."""
        self._waiting_runs, self.held = False, None

    def ask_updates(self, done: Callable[[], None], failed: Callable[[SwarmError], None]) -> None:
        """Have the host asked what waits there; changes nothing on it."""
        self._asked_updates = -1e9
        params = {"select": self._host, "lists": False}
        self._link.request("updates.refresh", params, dict[str, list[str]], lambda _: done(), failed)

    def tick_backups(self) -> None:
        """Ask for what is known about the host's backups when it is due."""
        now = self._monotonic()
        age = now - self._asked_backups
        if age < BACKUPS_SECONDS or (self._waiting_backups and age < GIVE_UP_SECONDS):
            return
        self._asked_backups, self._waiting_backups = now, True
        params = {"select": self._host}
        self._link.request("backups.view", params, BackupView, self._got_backups, self._no_backups)

    def _got_backups(self, backups: BackupView) -> None:
        self.backups, self._waiting_backups = backups, False
        self._changed()

    def _no_backups(self, error: SwarmError) -> None:
        self.error, self._waiting_backups = error, False
        self._changed()

    def tick_checks(self) -> None:
        """Ask for what the host's health checks found when it is due."""
        from backends.checks.health_views import HostChecks  # late: the catalogue is needed on this tab only

        now = self._monotonic()
        age = now - self._asked_checks
        if age < CHECKS_SECONDS or (self._waiting_checks and age < GIVE_UP_SECONDS):
            return
        self._asked_checks, self._waiting_checks = now, True
        self._link.request("checks.host", {"host": self._host}, HostChecks, self._got_checks, self._no_checks)

    def _got_checks(self, checks: HostChecks) -> None:
        self.checks, self._waiting_checks = checks, False
        self._changed()

    def _no_checks(self, error: SwarmError) -> None:
        self.error, self._waiting_checks = error, False
        self._changed()

    def ask_checks(self, done: Callable[[], None], failed: Callable[[SwarmError], None]) -> None:
        """Have the host checked now."""
        self._asked_checks = -1e9
        params = {"select": self._host}
        self._link.request("checks.run", params, dict[str, tuple[str, ...]], lambda _: done(), failed)

    def want_history(self, wish: HistoryWish) -> None:
        """Ask for series when others are wanted, or when the window has moved by a point."""
        names, seconds, points = wish
        now = self._monotonic()
        if wish != self._wish:
            if (names, seconds) != self._wish[:2]:
                self.tracks = NO_TRACKS
            self._wish, self._asked_history, self._waiting_history = wish, -1e9, False
        age = now - self._asked_history
        due = age >= max(FASTEST_SECONDS, seconds / max(1, points))
        if not names or not due or (self._waiting_history and age < GIVE_UP_SECONDS):
            return
        self._asked_history, self._waiting_history = now, True
        params = {"host": self._host, "series": list(names), "seconds": seconds, "points": points}
        self._link.request(
            "host.history", params, History, lambda answer: self._got_history(wish, answer), self._no_history
        )

    def _got_history(self, wish: HistoryWish, history: History) -> None:
        if wish == self._wish:
            self._waiting_history = False
            self.tracks = tracks(history, wish[1])
            self._changed()

    def _no_history(self, error: SwarmError) -> None:
        self._waiting_history = False
        self.error = error
        self._changed()
