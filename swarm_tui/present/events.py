"""The timeline: events newest first with day separators, who did it, and the filter that narrows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from backends.engine.wire import Event
from backends.errors import BadInput
from backends.states import Severity
from backends.triage.timeline import LANES, Lane, lane
from swarm_tui.present.host_line import SEVERITY_MARKS, SEVERITY_ROLES, Span, cell, line, wrap
from swarm_tui.present.host_value import clock_time, day
from swarm_tui.present.line import Line, Piece, crop
from swarm_tui.theme import Role

KEEP = 2000
"""Events that the console holds; older ones are asked for when somebody scrolls to the end."""

FIELDS = ("host", "kind", "actor", "severity", "lane")
SHOWN_LANES: tuple[Lane, ...] = tuple(dict.fromkeys((*LANES.values(), "other")))
"""What key l goes through: alerts, kernel, reboots, changes, backups, runs, people, other."""
_LANE_ROLES: dict[Lane, Role] = {
    "alerts": "strong",
    "kernel": "strong",
    "reboots": "info",
    "changes": "info",
    "people": "accent",
}
"""How the kind is shown, beside its word; all others are dim."""


class EventRow(NamedTuple):
    """One line of the timeline: an event, or (event None) the day that begins below."""

    event: Event | None
    text: Line


def merge(known: Sequence[Event], more: Iterable[Event]) -> tuple[Event, ...]:
    """All of them once, newest first, no more than `KEEP`."""
    by_id = {event.id: event for event in known} | {event.id: event for event in more}
    return tuple(by_id[id_] for id_ in sorted(by_id, reverse=True)[:KEEP])


def check(text: str) -> str:
    """What is wrong with a filter, in one sentence; "" when it can be used."""
    try:
        select((), text)
    except BadInput as error:
        return error.message
    return ""


def select(events: Iterable[Event], text: str) -> list[Event]:
    """The events that match every word: plain text, !text, host:gpu0, kind:state, actor:anna, severity:warning (or worse),
    lane:kernel.

    Raises:
        BadInput: an unknown severity or lane.
    """
    tests = [_parse(word) for word in text.split()]
    return [event for event in events if all(_matches(event, *test) for test in tests)]


def _parse(word: str) -> tuple[str, str, bool]:
    """Field ("" for any), what is looked for, and whether it must not be there."""
    negative = word.startswith("!") and len(word) > 1
    bare = word[1:].casefold() if negative else word.casefold()
    field, colon, value = bare.partition(":")
    if not colon or field not in FIELDS:
        return "", bare, negative
    if field == "severity" and value not in tuple(Severity):
        raise BadInput(f"unknown severity {value!r}", hint=f"one of {', '.join(Severity)}")
    if field == "lane" and not any(name.startswith(value) for name in SHOWN_LANES):
        raise BadInput(f"unknown lane {value!r}", hint=f"one of {', '.join(SHOWN_LANES)}")
    return field, value, negative


def _matches(event: Event, field: str, value: str, negative: bool) -> bool:
    if field == "severity":
        found = event.severity.rank >= Severity(value).rank
    elif field == "lane":
        found = lane(event.kind).startswith(value)
    elif field:
        found = value in str(getattr(event, field)).casefold()
    else:
        found = value in f"{event.host} {event.kind} {event.actor} {event.text}".casefold()
    return found is not negative


def next_lane(text: str, step: int = 1) -> str:
    """The filter with the next lane (or the one before) instead of its own; after the last one without any."""
    words = text.split()
    mine = next((word[5:].casefold() for word in words if word.startswith("lane:")), "")
    rest = [word for word in words if not word.startswith("lane:")]
    order: tuple[str, ...] = ("", *SHOWN_LANES)
    here = next((place for place, name in enumerate(order) if mine and name.startswith(mine)), 0)
    name = order[(here + step) % len(order)]
    return " ".join([*rest, *([f"lane:{name}"] if name else [])])


class Widths(NamedTuple):
    """Cells of the columns whose contents vary."""

    host: int
    kind: int


def widths(events: Iterable[Event], width: int) -> Widths:
    """As wide as what stands in them, within limits; everything else is for the text."""
    most = (14, 14) if width < 100 else (24, 18)
    host, kind = 4, 6
    for event in events:
        host, kind = max(host, len(event.host)), max(kind, len(event.kind))
    return Widths(min(host, most[0]), min(kind, most[1]))


def rows(events: Sequence[Event], width: int, *, with_host: bool = True) -> list[EventRow]:
    """The timeline with a line wherever another day begins."""
    made: list[EventRow] = []
    columns = widths(events, width)
    current = ""
    for event in events:
        today = day(event.time)
        if today != current:
            made.append(EventRow(None, _separator(today, width)))
            current = today
        made.append(EventRow(event, row(event, width, columns, with_host=with_host)))
    return made


def _separator(text: str, width: int) -> Line:
    return crop(line(Span(f"── {text} UTC ", "dim"), Span("─" * max(0, width - len(text) - 8), "rule")), width)


def row(event: Event, width: int, columns: Widths, *, with_host: bool = True) -> Line:
    """Time, a mark for the severity, host, kind, what happened, and who did it."""
    fine = event.severity is Severity.OK
    role: Role = "dim" if fine else SEVERITY_ROLES[event.severity]
    parts: list[Piece | str] = [Span(clock_time(event.time), "dim"), " "]
    parts += [Span("·" if fine else SEVERITY_MARKS[event.severity], role), " "]
    if with_host:
        parts += [cell(event.host or "—", columns.host, "strong" if event.host else "dim"), " "]
    parts += [
        cell(event.kind, columns.kind, _LANE_ROLES.get(lane(event.kind), "dim")),
        " ",
        Span(event.text, "text" if fine else role),
    ]
    return crop(line(*parts, Span(f"  by {event.actor}" if event.actor else "", "accent")), width)


def full(event: Event, width: int) -> list[Line]:
    """One event with all of its text, for the dialog of key d."""
    rows = [
        line(cell("time", 10, "dim"), f"{day(event.time)} {clock_time(event.time)} UTC"),
        line(cell("host", 10, "dim"), event.host or "none"),
        line(cell("kind", 10, "dim"), event.kind, Span(f"  lane {lane(event.kind)}", "dim")),
        line(cell("severity", 10, "dim"), Span(str(event.severity), SEVERITY_ROLES[event.severity])),
        line(cell("by", 10, "dim"), event.actor or "the engine"),
        (),
    ]
    return [crop(each, width) for each in rows] + wrap(event.text, width)


def summary(shown: int, known: int, needle: str, *, follow: bool | None, complete: bool) -> Line:
    """The left part of the status line; `follow` None: the list has no follow mode."""
    counted = f"{shown} of {known} events" if needle else f"{known} events"
    more = "" if complete else ", older ones load at the end"
    return line(
        Span(f"{counted}{more}", "dim"),
        Span(f"  /{needle}" if needle else "", "chip"),
        Span({True: "  following", False: "  f follows the newest", None: ""}[follow], "ok" if follow else "dim"),
    )


def nothing(known: int, needle: str, *, loaded: bool) -> list[Line]:
    """What stands where no event does."""
    if not loaded:
        return [(), line(Span("asking the engine…", "dim"))]
    if needle and known:
        return [(), line(Span(f"0 of {known} events match /{needle}", "warn"), Span("  Esc clears the filter", "dim"))]
    return [
        (),
        line(Span("Nothing has happened yet.", "strong")),
        line(Span("Alerts, state changes, reboots and everything a person does appear here.", "dim")),
    ]


def export(event: Event) -> str:
    """One line of plain text for the clipboard."""
    return (
        f"{day(event.time)} {clock_time(event.time)} UTC {event.severity} {event.host or '-'} {event.kind}: {event.text}"
        + (f" (by {event.actor})" if event.actor else "")
    )
