"""The tables about schedules: what happens by itself, when, and the days on which nothing is changed."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from backends.config.sections import DATE, NAME, Section, Selector


class BlackoutConfig(Section, frozen=True, kw_only=True):
    """Days on which nothing that changes a host begins by itself. Checks and backups go on."""

    from_: Annotated[str, Meta(pattern=DATE, examples=["2026-12-20"])] = msgspec.field(name="from")
    """The first day, as "YYYY-MM-DD" in the zone of the schedule."""
    to: Annotated[str, Meta(pattern=DATE, examples=["2027-01-03"])]
    """The last day; it counts as well."""
    why: Annotated[str, Meta(max_length=200, examples=["end of the year"])] = ""
    """Shown wherever it holds something back."""


class ScheduleConfig(Section, frozen=True, kw_only=True):
    """Something that happens by itself. Without any of these tables: health checks hourly, a backup of every set daily, lists
    of security updates daily, lists of all updates and a plan of them weekly. What a table here does, nothing else does
    by itself, too. What is not named in any table goes on as `every_minutes`, `every_hours` and `ask_hours` say."""

    name: Annotated[str, Meta(pattern=NAME, examples=["nightly"])]
    """What it is called: `swarm-tui schedule run NAME`."""
    action: Annotated[str, Meta(min_length=1, max_length=80, examples=["backup:models"])]
    """"check", "updates-refresh" (renew the lists), "updates-plan" (a plan of all updates; changes nothing), "security"
    (renew the lists, tell how many security updates wait), "backup" (every set but those whose `every_hours` is 0),
    "backup:SET", "drill:SET" or "run:NAME" (a maintenance run). What was missed is made up for once, if it only looks;
    backups are, if less than half of the time to the next one has passed; runs never are: you are asked."""
    cron: Annotated[str, Meta(min_length=1, max_length=200, examples=["0 2 * * *"])]
    """Five fields: minute, hour, day of the month, month, day of the week. A time that the clocks skip is taken at the first
    minute after; one that comes twice is taken once. "sat#2" is the second Saturday, "L" the last day of a month."""
    timezone: Annotated[str, Meta(max_length=64, examples=["Europe/Zurich"])] = ""
    """IANA name of the zone that the times are meant in; default: that of this machine."""
    hosts: Selector = ""
    """A selector; default: every host. A run has its own."""
    spread_minutes: Annotated[float, Meta(ge=0, le=1440)] = 5.0
    """Each host has its own moment within so long after the time, always the same one."""
    enabled: bool = True
    """false: it is shown, and does nothing by itself."""
