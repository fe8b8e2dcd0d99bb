"""Schedules as the engine tells them, and every call about them with its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backends.schedule.book import Occurrence, State
from backends.schedule.views import Came, Going, SchedulesView, ScheduleView
from backends.schedule.window import Moment
from swarm_tui.client import EngineClient

NOW = 1_792_800_000.0
NEXT = (
    Moment(time=NOW + 3600, local="Sat 2026-10-24 04:00 CEST", utc="2026-10-24 02:00"),
    Moment(time=NOW + 93600, local="Sun 2026-10-25 04:00 CET", utc="2026-10-25 03:00", change="clocks go back 1h"),
)
DONE = Occurrence(name="nightly", time=NOW - 86400, state=State.DONE, began=NOW - 86400, ended=NOW, text="12 hosts")
NIGHTLY = ScheduleView(
    name="nightly",
    action="backup:models",
    cron="0 4 * * *",
    timezone="Europe/Zurich",
    hosts="tag:a100",
    spread_seconds=300,
    next=NEXT,
    last=DONE,
    recent=(Came(occurrence=DONE),),
)
HOURLY = ScheduleView(name="hourly", action="check", cron="0 * * * *", timezone="", next=NEXT[:1])
OPEN = Occurrence(name="nightly", time=NOW, began=NOW)
GOING = Going(working=2, waiting=3, away=("gpu07",))
VIEW = SchedulesView(schedules=(NIGHTLY, HOURLY))
BEGAN = SchedulesView(schedules=(NIGHTLY, HOURLY), began=(DONE,))
ANSWERS: dict[str, Any] = {"schedules.list": VIEW, "schedules.due": BEGAN, "schedules.run": BEGAN}
Call = tuple[Callable[[EngineClient], Any], Any, dict[str, Any]]
CALLS: dict[str, Call] = {
    "schedules.list": (lambda c: c.schedules.list(), VIEW, {}),
    "schedules.due": (lambda c: c.schedules.due(at_once=True), BEGAN, {"at_once": True}),
    "schedules.run": (lambda c: c.schedules.run("nightly"), BEGAN, {"name": "nightly"}),
}
