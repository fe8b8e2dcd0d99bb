"""Schedules as lines of text. Pure."""

from __future__ import annotations

from backends.clock import utc
from backends.schedule.book import Occurrence, State
from backends.schedule.views import Going, ScheduleView
from backends.schedule.window import Moment
from backends.text import clean

HEAD = ("NAME", "ACTION", "HOSTS", "NEXT", "LAST", "RESULT")
TEXT = 200


def cells(row: ScheduleView) -> tuple[str, ...]:
    """One line of the table."""
    return (
        row.name,
        row.action,
        row.hosts or "all",
        row.next[0].local if row.next else "switched off" if not row.enabled else "never",
        here(row.last.time) if row.last is not None else "never",
        result(row),
    )


def result(row: ScheduleView) -> str:
    """How the last one went, or goes; or why the schedule can do nothing."""
    if row.problem:
        return clean(row.problem, TEXT)
    if row.last is None:
        return ""
    if row.going is not None:
        return f"{row.last.state}: {going(row.going)}"
    text = clean(row.last.text, TEXT)
    return f"{row.last.state}: {text}" if text else str(row.last.state)


def going(how: Going) -> str:
    """As in "3 at work, 12 wait, 1 away"."""
    parts = [(how.working, "at work"), (how.waiting, "wait for their moment"), (len(how.away), "cannot be reached")]
    return ", ".join(f"{count} {what}" for count, what in parts if count) or "nothing to do"


def details(row: ScheduleView) -> list[str]:
    """A schedule with its next times in its own zone, here and in UTC."""
    zone = row.timezone or "this machine's zone"
    lines = [f'{row.name}: {row.action}, "{row.cron}" ({zone}){"" if row.enabled else ", switched off"}']
    lines += [f"  next  {moment(each)}" for each in row.next]
    if row.last is not None:
        lines.append(f"  last  {here(row.last.time)}  {result(row)}")
    elif row.problem:
        lines.append(f"  problem: {clean(row.problem, TEXT)}")
    return lines


def moment(each: Moment) -> str:
    """As in "Sun 2026-10-25 04:00 CET · here Sun 2026-10-25 04:00 CET · UTC 2026-10-25 03:00 · clocks go back 1h"."""
    parts = [each.local, f"here {here(each.time)}", f"UTC {each.utc}"]
    return " · ".join(parts + ([each.change] if each.change else []))


def here(time: float) -> str:
    """A moment where the console is."""
    return f"{utc(time).astimezone():%a %Y-%m-%d %H:%M %Z}"


def began(one: Occurrence) -> str:
    """One occurrence that was begun, or is over."""
    planned = "now" if one.manual else f"of {here(one.time)}"
    text = f": {clean(one.text, TEXT)}" if one.text and one.state is not State.OPEN else ""
    return f"{one.name} {planned}: {one.state}{text}"
