"""Everything about one alert in lines: for the pane beside the list, and for its own page. Times are UTC, as in every notice."""

from __future__ import annotations

from collections.abc import Sequence

from backends.alerts.model import Edge, Silence
from backends.alerts.views import AlertRow, DeliveryRow
from backends.clock import utc
from backends.engine.wire_alerts import AlertDetail
from backends.states import Severity
from backends.triage.timeline import Around
from backends.units import span
from swarm_tui.present import alert_text as text
from swarm_tui.present.alerts import TOLD_WORDS, badges, severity_role, severity_words, state_role
from swarm_tui.present.delivery_text import delivery_state, took
from swarm_tui.present.host_line import SEVERITY_ROLES, Span, heading, line, wrap
from swarm_tui.present.line import Line, Piece, crop
from swarm_tui.theme import Role

LABEL_CELLS = 11
BRIEF = 6
"""Lines of a section in the pane; the page shows all."""
MOST_MEMBERS = 20
"""Alerts behind a line that the pane names."""


def lines(
    row: AlertRow,
    detail: AlertDetail | None,
    now: float,
    width: int,
    *,
    silences: Sequence[Silence] = (),
    brief: bool = False,
    error: str = "",
) -> list[Line]:
    """The alert as far as the list knows it, and what the engine told of it since (`detail`, None: not yet).

    Args:
        brief: for the pane: sections are cut.
        error: why there is no `detail`.
    """
    found = [*_top(row, now, width), *_facts(row, detail, now, width, silences)]
    if detail is None:
        why = wrap(error, width, 0, "warn") if error else [line(Span("asking what happened around it…", "dim"))]
        return [crop(each, width) for each in (*found, (), *why)]
    sections = (
        ("likely causes", _causes(detail.around, width)),
        ("notices", [each for row in detail.deliveries for each in _delivery(row, now, width)]),
        ("history", [each for edge in detail.history for each in _edge(edge, width)]),
        ("around it", _lanes(detail.around, width)),
    )
    for title, rows in sections:
        found += _section(title, rows, width, brief)
    return [crop(each, width) for each in found]


def group_lines(members: Sequence[AlertRow], now: float, width: int) -> list[Line]:
    """Several alerts that stand behind one line: each with its place and its sentence."""
    found: list[Line] = []
    for row in members[:MOST_MEMBERS]:
        where = " ".join(filter(None, (row.host, row.object))) or "the fleet"
        found.append(
            line(
                Span(f"{severity_words(row)} ", severity_role(row)),
                Span(f"{text.state(row)} ", state_role(row)),
                Span(where, "strong"),
            )
        )
        found += [line("  ", *each) for each in wrap(text.what(row, now), width - 2, 0)]
    left = len(members) - MOST_MEMBERS
    found += [line(Span(f"and {left} more: Enter", "dim"))] if left > 0 else []
    return [crop(each, width) for each in found]


def _top(row: AlertRow, now: float, width: int) -> list[Line]:
    since = f"for {span(now - text.began(row))}" if text.stands(row) else f"{span(now - text.began(row))} ago"
    where = " ".join(filter(None, (row.host, row.object)))
    return [
        line(
            Span(severity_words(row), severity_role(row)),
            Span(f"  {text.state(row)}", state_role(row)),
            Span(f"  {since}", "dim"),
        ),
        *wrap(where or "the fleet", width, 2, "strong"),
        *wrap(text.what(row, now), width, 0),
        *([crop(badges(row), width)] if badges(row) else []),
        *(each for words in row.evidence for each in _hanging("· ", words, width, "dim")),
        *(_hanging("→ ", row.advice, width, "accent") if row.advice else []),
        (),
    ]


def _hanging(mark: str, words: str, width: int, role: Role) -> list[Line]:
    rows = wrap(words, width - 2, 0, role)
    return [line(Span(mark if index == 0 else "  ", role), *row) for index, row in enumerate(rows)]


def _facts(
    row: AlertRow, detail: AlertDetail | None, now: float, width: int, silences: Sequence[Silence]
) -> list[Line]:
    ack = (
        f"{'snoozed' if row.ack.snooze else 'acked'} by {row.ack.by}, {span(row.ack.until - now)} left"
        if row.ack
        else ""
    )
    note = f": {row.ack.note}" if row.ack and row.ack.note else ""
    told = ", ".join(row.notified) or "nobody yet"
    known = {each.id: each for each in silences}
    found: list[tuple[str, str, Role]] = [
        ("watches", f"{row.title} ({row.rule})", "text"),
        ("limits", detail.limits if detail else "", "text"),
        ("from", _source(detail.source) if detail else "", "dim"),
        ("since", f"{_moment(text.began(row))}" + (f", episode {row.episode}" if row.episode > 1 else ""), "text"),
        ("value", "" if row.value is None else f"{row.value:g}", "text"),
        ("in hand", ack + note, "info"),
        *(("silenced", _silence(each, known.get(each), now), "info") for each in row.silenced),
        ("explained", f"by {row.inhibited}" if row.inhibited else "", "info"),
        ("muted", f"maintenance {row.muted}" if row.muted else "", "info"),
        (
            "told",
            told + (f" ({TOLD_WORDS.get(row.delivery, row.delivery)})" if row.delivery else ""),
            "bad" if row.delivery == "dead" else "text",
        ),
        ("escalated", f"level {row.escalation}" if row.escalation else "", "warn"),
        ("triage", "" if row.bundle is None else f"bundle {row.bundle}, made when it fired", "text"),
        ("id", row.fingerprint, "dim"),
    ]
    return [each for label, words, role in found if words for each in _pair(label, words, width, role)]


def _pair(label: str, words: str, width: int, role: Role) -> list[Line]:
    rows = wrap(words, width - LABEL_CELLS, 0, role)
    return [line(Span(f"{label if index == 0 else '':<{LABEL_CELLS}}", "dim"), *row) for index, row in enumerate(rows)]


def _source(source: str) -> str:
    return {"pack": "the default pack", "": ""}.get(source, source)


def _silence(name: str, silence: Silence | None, now: float) -> str:
    if silence is None:
        return f"by {name}"
    return f"{name} of {silence.by}, {span(silence.end - now)} left: {silence.comment}"


def _section(title: str, rows: Sequence[Line], width: int, brief: bool) -> list[Line]:
    if not rows:
        return []
    shown = list(rows[:BRIEF]) if brief else list(rows)
    left = len(rows) - len(shown)
    more = [line(Span(f"and {left} more lines: Enter", "dim"))] if left else []
    return [(), heading(title, "", width), *shown, *more]


def _moment(seconds: float) -> str:
    return f"{utc(seconds):%m-%d %H:%M:%S} UTC"


def _timed(seconds: float, words: Sequence[Piece], width: int) -> list[Line]:
    """A time, then words that go on below it."""
    clock = f"{utc(seconds):%m-%d %H:%M} "
    first, *rest = words
    rows = wrap(first[0] + "".join(each[0] for each in rest), width - len(clock), 0, first[1])
    return [line(Span(clock if index == 0 else " " * len(clock), "dim"), *row) for index, row in enumerate(rows)]


def _causes(around: Around | None, width: int) -> list[Line]:
    return [each for cause in (around.causes if around else ()) for each in _hanging("▸ ", cause.text, width, "warn")]


def _delivery(row: DeliveryRow, now: float, width: int) -> list[Line]:
    tries = f", {row.attempts} tries" if row.attempts > 1 else ""
    took_ = f", {took(row.seconds)}" if row.seconds else ""
    reason = f": {row.reason}" if row.reason and row.state != "sent" else ""
    role: Role = {"dead": "bad", "retry": "warn", "sent": "ok"}.get(row.state, "text")  # type: ignore[assignment]
    words = f"{row.target} {delivery_state(row, now)} ({row.kind}){tries}{took_}{reason}"
    return _timed(row.created, (Span(words, role),), width)


def _edge(edge: Edge, width: int) -> list[Line]:
    who = f" by {edge.by}" if edge.by else ""
    said = f": {edge.text}" if edge.text else ""
    loud = edge.kind in ("fired", "upgraded") and edge.severity is not Severity.OK
    words = f"{edge.kind}{f' {edge.severity}' if loud else ''}{who}{said}"
    return _timed(edge.time, (Span(words, SEVERITY_ROLES[edge.severity] if loud else "text"),), width)


def _lanes(around: Around | None, width: int) -> list[Line]:
    if around is None:
        return []
    events = sorted(
        ((event, lane) for lane, found in around.lanes.items() for event in found), key=lambda pair: pair[0].time
    )
    rows = [
        each
        for event, lane in events
        for each in _timed(
            event.time, (Span(f"{lane}: {event.text}{f' by {event.actor}' if event.actor else ''}"),), width
        )
    ]
    return rows + ([line(Span(f"and {around.left_out} more, farther away", "dim"))] if around.left_out else [])
