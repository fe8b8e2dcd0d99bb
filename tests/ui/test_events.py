"""Journeys through the Events screen: live, filtered, followed, and from an event to its host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from textual.pilot import Pilot

from backends.engine.wire import Event
from backends.errors import RetryLater
from backends.states import Severity
from swarm_tui.bridge import LinkStatus
from swarm_tui.rpc import Notification
from swarm_tui.screens.event_feed import PAGE
from swarm_tui.screens.events import EventsScreen
from tests.ui import golden
from tests.ui.host_console import FakeConsole, FakeLink, journey, shown, type_keys
from tests.unit.present.host_samples import event

SOME = (
    event(1, text="up"),
    event(2, host="gpu7", kind="reboot", text="new boot id", severity=Severity.WARNING),
    event(1500, kind="action", text="sent TERM to 4100 python3", actor="anna from 10.0.0.9"),
    event(1501, host="", kind="engine", text="[/x] configuration read again"),
    event(1502, text="unreachable: timeout (ssh) after 5 s", severity=Severity.CRITICAL),
)


@asynccontextmanager
async def opened(
    link: FakeLink | None = None, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[Any], FakeConsole]]:
    app = FakeConsole(EventsScreen(), link or FakeLink(events=SOME))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.tick()
        await pilot.pause()
        yield pilot, app


def ids(app: FakeConsole) -> list[object]:
    screen = app.screen
    assert isinstance(screen, EventsScreen)
    return [row.key for row in screen.list.rows if row.key is not None]


def cursor(app: FakeConsole) -> object:
    screen = app.screen
    assert isinstance(screen, EventsScreen)
    return screen.list.cursor


@journey
async def test_golden() -> None:
    async with opened() as (_, app):
        golden.check("events-80x24", shown(app.screen))


@journey
async def test_a_pushed_event_appears_at_the_top_at_once() -> None:
    async with opened() as (pilot, app):
        app.link.push(event(2000, text="dgx04 is back"))
        await pilot.pause()
        assert ids(app)[0] == 2000
        assert "dgx04 is back" in "\n".join(shown(app.screen))


@journey
async def test_moving_ends_following_and_f_begins_it_again() -> None:
    async with opened() as (pilot, app):
        await type_keys(pilot, "j")
        app.link.push(event(2000))
        await pilot.pause()
        assert cursor(app) == 1501
        await type_keys(pilot, "f")
        assert cursor(app) == 2000


@journey
async def test_the_filter_is_live_says_what_is_wrong_and_clears() -> None:
    async with opened() as (pilot, app):
        await type_keys(pilot, "slash", *"severity:warning")
        assert ids(app) == [1502, 2]
        rows = await type_keys(pilot, "backspace")
        assert any("unknown severity" in row for row in rows)
        await type_keys(pilot, "g", "enter")
        rows = await type_keys(pilot, "escape")
        assert ids(app) == [1502, 1501, 1500, 2, 1]


@journey
async def test_l_goes_through_the_lanes_and_keeps_the_rest_of_the_filter() -> None:
    async with opened() as (pilot, app):
        rows = await type_keys(pilot, "l")
        assert ids(app) == [1502, 1]
        assert any("/lane:alerts" in row for row in rows)
        await type_keys(pilot, "slash", "space", *"TERM", "enter", "L", "L", "L")
        assert ids(app) == [1500]
        assert "/TERM lane:people" in "\n".join(shown(app.screen))
        await type_keys(pilot, "escape")
        assert ids(app) == [1502, 1501, 1500, 2, 1]


@journey
async def test_a_filter_that_leaves_little_looks_further_back() -> None:
    older = tuple(event(number, kind="xid" if number == 3 else "state") for number in range(3 * PAGE))
    async with opened(FakeLink(events=older)) as (pilot, app):
        await type_keys(pilot, "l", "l")
        await pilot.pause()
        assert ids(app) == [3]
        assert len(app.link.calls("events.list")) == 4


@journey
async def test_enter_opens_the_host_of_the_event() -> None:
    async with opened() as (pilot, app):
        await type_keys(pilot, "enter")
        assert app.opened == [("dgx04", "")]
        await type_keys(pilot, "j", "enter")
        assert app.opened == [("dgx04", "")]
        assert app.said == ["open host: this event is about no host"]


@journey
async def test_older_events_are_asked_for_at_the_end() -> None:
    link = FakeLink(events=tuple(event(number) for number in range(PAGE + 40)))
    async with opened(link) as (pilot, app):
        assert len(ids(app)) == PAGE
        await type_keys(pilot, "G")
        assert len(ids(app)) == PAGE + 40
        assert link.calls("events.list")[-1]["before_id"] == 40


@journey
async def test_after_the_engine_was_lost_only_what_was_missed_is_asked_for() -> None:
    async with opened() as (pilot, app):
        app.link.status = LinkStatus(True, "", 99.0, True)
        app.link.all_events = (*SOME, event(3000))
        app.tick()
        await pilot.pause()
        assert app.link.calls("events.list")[-1]["since_id"] == 1502
        assert ids(app)[0] == 3000


@journey
async def test_an_engine_that_refuses_is_said_and_asked_again() -> None:
    link = FakeLink(events=SOME)
    link.refuse["events.list"] = RetryLater("the engine is busy")
    async with opened(link) as (pilot, app):
        assert "the engine is busy" in "\n".join(shown(app.screen))
        del link.refuse["events.list"]
        app.tick()
        await pilot.pause()
        assert len(ids(app)) == 5


@journey
async def test_what_a_newer_engine_pushes_is_skipped() -> None:
    async with opened() as (pilot, app):
        for listener in app.link.listeners:
            listener(Notification("event", msgspec.Raw(b'{"id": "x"}')))
            listener(Notification("exec.output", msgspec.Raw(b"{}")))
        await pilot.pause()
        assert len(ids(app)) == 5


@journey
async def test_an_event_is_copied() -> None:
    async with opened() as (pilot, app):
        await type_keys(pilot, "y")
        assert app.copied.endswith("critical dgx04 state: unreachable: timeout (ssh) after 5 s")


@journey
async def test_nothing_yet_is_an_honest_page() -> None:
    link = FakeLink()
    link.all_events = ()
    async with opened(link) as (_, app):
        assert "Nothing has happened yet." in "\n".join(shown(app.screen))


@journey
async def test_two_hundred_events_a_second_keep_the_newest_in_view() -> None:
    async with opened() as (pilot, app):
        for number in range(4000, 4200):
            app.link.push(Event(id=number, time=2e9 + number, kind="state", text=f"burst {number}"))
        await pilot.pause()
        assert "burst 4199" in "\n".join(shown(app.screen))


@journey
async def test_d_shows_all_of_an_event_and_escape_leads_back() -> None:
    async with opened() as (pilot, app):
        rows = await type_keys(pilot, "j", "d")
        text = "\n".join(rows)
        assert "Event 1501" in text
        assert "[/x] configuration read again" in text
        await type_keys(pilot, "escape")
        assert cursor(app) == 1501
