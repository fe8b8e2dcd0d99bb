"""What the parts of the Host screen share: the host, what is looked at, and the data that comes in."""

from __future__ import annotations

from backends.engine.wire import HostDetail
from swarm_tui.present import host_history, host_tabs
from swarm_tui.present.host_processes import Listing as ProcessListing
from swarm_tui.present.host_tabs import Choice
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.event_feed import EventFeed
from swarm_tui.screens.host_feed import HostFeed
from swarm_tui.screens.listing import Listing

MAXIMUM_POINTS = 240
"""Points of one series: more than a wide screen's graph has columns."""


class HostBase(Listing, BaseScreen):
    """State and data of the Host screen; `draw` shows them."""

    def __init__(self, host: str, tab: str = "overview"):
        super().__init__()
        self.host = host
        self.choice = Choice(host_tabs.tab_named(tab) or "overview")
        self.window = 900.0
        self.alone = False
        """Only the pane: head and verdicts are hidden."""
        self.processes = ProcessListing()
        self.needle = ""
        """The filter of the Events tab."""
        self._feed: HostFeed | None = None
        self._events: EventFeed | None = None
        self._pending_yank = False
        self._head_rows = 2
        self._drawn = False

    @property
    def feed(self) -> HostFeed:
        if self._feed is None:
            self._feed = HostFeed(self.console.link, self.host, self._arrived, self.console.monotonic)
        return self._feed

    @property
    def events(self) -> EventFeed:
        if self._events is None:
            self._events = EventFeed(self.console.link, self._arrived, self.host)
            self._events.start()
        return self._events

    def on_unmount(self) -> None:
        if self._events:
            self._events.stop()

    def _want_history(self, detail: HostDetail) -> None:
        if self.choice.tab not in host_tabs.GRAPHS or self.choice.details:
            return
        names = host_history.wanted(
            self.choice.tab, detail, self.choice.gpu_index(detail) if self.choice.zoomed else None
        )
        points = min(MAXIMUM_POINTS, max(30, self.size.width - 6))
        self.feed.want_history((names, self.window, points))

    def _arrived(self) -> None:
        """News from the engine; a frozen picture stays as it is unless there is none yet."""
        if self.console.frozen_since is None or not self._drawn:
            self._changed()

    def _changed(self) -> None:
        """Something else is to be shown, by the operator's wish or by news."""
        if self.is_current:
            self._drawn = self.feed.detail is not None
            self.draw()
            self.refresh_frame()

    def draw(self) -> None:
        """Bring everything up to date with what is known."""
        raise NotImplementedError
