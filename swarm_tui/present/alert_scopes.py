"""What a silence may hide and how long things may last: the answers that the forms offer, from the alerts that are meant."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple

from backends.alerts.silences import Preview
from backends.alerts.views import AlertRow
from backends.clock import utc
from backends.inventory.ranges import fold
from swarm_tui.present.host_line import wrap
from swarm_tui.present.line import Line

HOUR, DAY = 3600.0, 86_400.0
MORNING = 8
"""The hour that "until 08:00" means, by this machine's clock."""
EXAMPLES = 4
"""Of what would be hidden."""


class Scope(NamedTuple):
    """What a silence hides."""

    label: str
    words: str
    rule: str = ""
    select: str = ""
    object: str = ""
    refusal: str = ""
    """Why that cannot be; "" when it can."""

    @property
    def params(self) -> dict[str, str]:
        """As the calls about silences take it."""
        return {"rule": self.rule, "select": self.select, "object": self.object}


class Lasting(NamedTuple):
    """For how long."""

    words: str
    seconds: float


def scopes(rows: Sequence[AlertRow]) -> tuple[Scope, ...]:
    """From the narrowest to the widest, for these alerts (at least one)."""
    rules, hosts = {row.rule for row in rows}, sorted({row.host for row in rows if row.host})
    rule, select, first = glob.escape(rows[0].rule), ",".join(hosts), rows[0]
    several = "" if len(rules) == 1 else "they are of several rules"
    no_host = "" if all(row.host for row in rows) else "it is about no host"
    one = "" if len(rows) == 1 else "that is for one alert"
    here = fold(hosts)
    thing = f" {first.object}" if first.object else ""
    return (
        Scope("this alert", f"{first.rule}{thing} on {here}", rule, select, glob.escape(first.object), one or no_host),
        Scope("rule here", f"{first.rule} on {here}", rule, select, "", several or no_host),
        Scope("rule everywhere", f"{first.rule} on every host", rule, "", "", several),
        Scope("everything here", f"everything on {here}", "", select, "", no_host),
    )


def named_scope(select: str, rule: str = "") -> Scope:
    """What somebody wrote on the command line: hosts, and a glob over rules."""
    return Scope("as written", f"{rule or 'everything'} on {select}", rule, select)


def lastings(now: float, longest: float = 7 * DAY) -> tuple[Lasting, ...]:
    """The times to choose from; `now` in epoch seconds."""
    morning = Lasting(f"until {MORNING:02}:00", until(now, MORNING))
    spans = (("1h", HOUR), ("2h", 2 * HOUR), ("4h", 4 * HOUR), ("8h", 8 * HOUR), ("1d", DAY), ("3d", 3 * DAY))
    found = [Lasting(words, seconds) for words, seconds in (*spans, ("7d", 7 * DAY)) if seconds <= longest]
    return (*found[:4], morning, *found[4:])


def until(now: float, hour: int) -> float:
    """Seconds until it is that hour again, by this machine's clock and its summer time."""
    here = utc(now).astimezone()
    days = 0 if here.hour < hour else 1
    wanted = datetime.combine(here.date() + timedelta(days=days), time(hour)).astimezone()
    return max(1.0, wanted.timestamp() - now)


def preview_lines(preview: Preview, width: int) -> list[Line]:
    """ "hides 3 now, 14 in the last 7 days", and the first of them."""
    lines: list[Line] = [((f"hides {preview.now} now, {preview.past} in the last 7 days", "warn"),)]
    shown = preview.examples[:EXAMPLES]
    lines += [each for words in shown for each in wrap(f"· {words}", width, 2, "dim")]
    left = preview.now - len(shown)
    return lines + ([((f"  and {left} more", "dim"),)] if shown and left > 0 else [])
