"""The Events screen: what happened in the fleet and who did what, newest first, live."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.engine.wire import Event
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import events
from swarm_tui.present.line import Line
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.dialog import Dialog
from swarm_tui.screens.event_feed import EventFeed
from swarm_tui.screens.listing import Listing
from swarm_tui.widgets.pick_list import PickList, PickRow


class EventsScreen(Listing, BaseScreen):
    """Mode 6."""

    SCOPES = ("events", "list")
    MODE = "events"

    def __init__(self) -> None:
        super().__init__()
        self.needle = ""
        self.follow = True
        self._needle_before = ""
        self._feed: EventFeed | None = None
        self._selected: list[Event] = []

    def body(self) -> ComposeResult:
        yield PickList(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("events",)

    @property
    def feed(self) -> EventFeed:
        """What is known; begins to listen when first used."""
        if self._feed is None:
            self._feed = EventFeed(self.console.link, self._changed)
            self._feed.start()
        return self._feed

    def on_unmount(self) -> None:
        if self._feed:
            self._feed.stop()

    # Data -------------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        self.feed.tick()
        if not self.list.rows:
            self.draw()

    def _changed(self) -> None:
        if self.is_current and (self.console.frozen_since is None or not self._selected):
            self.draw()
            self.refresh_frame()
            self._fill()

    def _fill(self) -> None:
        """A filter that leaves less than a page looks further back."""
        if self.needle and len(self._selected) < self.list.page:
            self.feed.older()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.draw()

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Bring the list up to date; in follow mode the newest stays in view."""
        feed, width = self.feed, self.list.room[0]
        self._selected = events.select(feed.events, self.needle)
        made = events.rows(self._selected, width)
        rows = [PickRow(row.event.id if row.event else None, row.text) for row in made]
        if not rows:
            empty = events.nothing(len(feed.events), self.needle, loaded=feed.loaded)
            rows = [PickRow(None, text) for text in empty]
        self.list.show(rows, top=self.follow)

    @property
    def current(self) -> Event | None:
        """The event under the cursor."""
        return next((event for event in self._selected if event.id == self.list.cursor), None)

    def status(self) -> tuple[Line, Line]:
        feed = self.feed
        left = events.summary(
            len(self._selected), len(feed.events), self.needle, follow=self.follow, complete=feed.complete
        )
        return left, (((feed.error, "warn"),) if feed.error else ())

    # Cursor -----------------------------------------------------------------------------------------------------

    def on_pick_list_moved(self) -> None:
        newest = self._selected[0].id if self._selected else None
        self.follow = self.follow and self.list.cursor == newest
        if self._selected and self.list.cursor == self._selected[-1].id:
            self.feed.older()
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    def action_follow(self) -> None:
        self.follow = not self.follow
        self.draw()
        self.refresh_frame()

    # Filter -----------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        self._needle_before = self.needle
        self.ask("/", self.needle, self._submit, on_change=self._try, on_cancel=self._cancel)

    def _try(self, text: str) -> str:
        wrong = events.check(text)
        if not wrong:
            self._filter_by(text.strip())
        return wrong

    def _submit(self, text: str) -> None:
        if wrong := events.check(text):
            self.console.say(f"filter: {wrong}", "warning")
            text = self._needle_before
        self._filter_by(text.strip())

    def _cancel(self) -> None:
        self._filter_by(self._needle_before)

    def _filter_by(self, needle: str) -> None:
        self.needle = needle
        self.draw()
        self.refresh_frame()
        self._fill()

    def action_lane(self) -> None:
        self._filter_by(events.next_lane(self.needle))

    def action_lane_back(self) -> None:
        self._filter_by(events.next_lane(self.needle, -1))

    def apply_filter(self, text: str) -> str:
        """Set the filter from the command line; returns what is wrong with it, or ""."""
        return self._try(text)

    def clear_last(self) -> bool:
        """Esc: forget the filter; False when there was none."""
        if not self.needle:
            return False
        self._filter_by("")
        return True

    def action_back(self) -> None:
        self.clear_last()

    # Going elsewhere --------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        if self.current and self.current.host:
            self.console.open_host(self.current.host)

    def action_details(self) -> None:
        if self.current:
            foot: Line = (("Esc", "key"), (" leave", "dim"))
            self.app.push_screen(Dialog[None](f"Event {self.current.id}", events.full(self.current, 70), foot))

    def action_yank(self) -> None:
        if self.current:
            self.console.yank(events.export(self.current), "the event")

    def subject(self) -> tuple[str, ...]:
        return (self.current.host,) if self.current and self.current.host else ()

    def refusal(self, key: Key) -> str:
        if key.id == "events.open" and not self.subject():
            return "this event is about no host"
        return "no event here" if key.id in ("events.yank", "events.details") and self.current is None else ""
