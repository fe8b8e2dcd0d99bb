"""Alerts as lines of text, for the subcommands. Pure. Times are epoch seconds and shown in UTC, as in every notice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends import units
from backends.alerts.deadman import Pulse
from backends.alerts.model import STANDING, Ack, Edge, Phase
from backends.alerts.views import AlertRow, AlertView, phase_word
from backends.clock import utc
from backends.engine.wire_alerts import AlertDetail
from backends.inventory.ranges import fold
from backends.states import Severity
from backends.triage.timeline import Around
from swarm_tui.present.delivery_text import delivery_words

SHORT = 8
"""Digits of a fingerprint in a table: enough to name one among ten thousand."""
HEAD = ("ALERT", "SEVERITY", "STATE", "AGE", "HOST", "RULE", "OBJECT", "BY", "WHAT")
STALE_SECONDS = 60.0
"""After so long without a full evaluation, what is shown is the past."""


def moment(seconds: float | None) -> str:
    """A time to the second."""
    return "—" if seconds is None else f"{utc(seconds):%Y-%m-%d %H:%M:%S} UTC"


def level(row: AlertRow) -> str:
    """Its severity in a word."""
    return "info" if row.info else str(row.severity)


def stands(row: AlertRow) -> bool:
    """Whether it is a problem now: it fires or is not long enough well again, or nobody knows any more."""
    return not row.info and (row.phase in STANDING or (row.unknown and row.phase is not Phase.RESOLVED))


def place(row: AlertRow | Edge) -> str:
    """As it can be named on the command line: "disk.space@gpu01:/srv"."""
    return f"{row.rule}@{row.host}" + (f":{row.object}" if row.object else "")


def state(row: AlertRow) -> str:
    """How it stands, in a word or two."""
    return phase_word(row) + (", flapping" if row.flapping else "")


def began(row: AlertRow) -> float:
    """When what is shown began: the firing while it lasts, its end afterwards, else this phase."""
    if row.phase is Phase.RESOLVED:
        return row.since if row.resolved is None else row.resolved
    return row.since if row.fired is None else row.fired


def what(row: AlertRow, now: float) -> str:
    """Its sentence; when nothing is known any more, since when."""
    words = row.text or row.title
    if not row.unknown or row.phase is Phase.RESOLVED:
        return words
    since = "" if row.last_data is None else f" for {units.span(now - row.last_data)}"
    return f"no data{since}; last: {words}"


def cells(row: AlertRow, now: float) -> tuple[str, ...]:
    """A row under HEAD."""
    return (
        row.fingerprint[:SHORT],
        level(row),
        state(row),
        units.span(now - began(row)),
        row.host or "—",
        row.rule,
        row.object,
        row.ack.by if row.ack else "",
        what(row, now),
    )


def evaluated(pulse: Pulse, now: float) -> str:
    """When everything was last looked at."""
    if pulse.completed is None:
        return "not evaluated yet"
    return f"evaluated {units.span(now - pulse.completed)} ago"


def trouble(view: AlertView) -> str:
    """Why the list is not to be trusted; "" when it is."""
    if view.problem:
        return view.problem
    completed = view.pulse.completed
    if completed is None:
        return "nothing was evaluated yet"
    age = view.now - completed
    return f"nothing was evaluated for {units.span(age)}" if age > STALE_SECONDS else ""


def summary(rows: Sequence[AlertRow], view: AlertView) -> str:
    """ "2 critical, 1 warning · evaluated 2s ago · 3 notices wait"; only what stands is counted."""
    standing = [row for row in rows if stands(row)]
    counts = [(sum(row.severity is severity for row in standing), severity) for severity in _WORST_FIRST]
    counted = ", ".join(f"{count} {severity}" for count, severity in counts if count) or "nothing fires"
    waiting = f"{view.waiting} {_notices(view.waiting)} on the way" if view.waiting else ""
    dead = f"{view.dead} {_notices(view.dead)} given up (swarm-tui alerts outbox --dead)" if view.dead else ""
    quiet = "quiet hours" if view.quiet else ""
    return " · ".join(filter(None, (counted, evaluated(view.pulse, view.now), waiting, dead, quiet)))


_WORST_FIRST = (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN)


def _notices(count: int) -> str:
    return "notice" if count == 1 else "notices"


def ack_words(ack: Ack, now: float) -> str:
    """ "acknowledged by anna until 2026-11-26 18:00:00 UTC (3h left): disk ordered"."""
    kind = "snoozed" if ack.snooze else "acknowledged"
    note = f": {ack.note}" if ack.note else ""
    return f"{kind} by {ack.by} until {moment(ack.until)} ({units.span(ack.until - now)} left){note}"


def done_lines(word: str, rows: Iterable[AlertRow], now: float) -> list[str]:
    """What an act came to, hosts of one rule together: "acknowledged: disk.space on gpu[01-16] (16)"."""
    by_rule: dict[tuple[str, float], list[AlertRow]] = {}
    for row in rows:
        by_rule.setdefault((row.rule, row.ack.until if row.ack else 0.0), []).append(row)
    return [f"{word}: {_together(members)}{_ending(members[0], now)}" for members in by_rule.values()]


def _together(members: Sequence[AlertRow]) -> str:
    if len(members) == 1:
        return place(members[0])
    hosts = fold({row.host for row in members if row.host})
    return f"{members[0].rule} on {hosts} ({len(members)})"


def _ending(row: AlertRow, now: float) -> str:
    return "" if row.ack is None else f", until {moment(row.ack.until)} ({units.span(row.ack.until - now)})"


def edge_words(edge: Edge) -> str:
    """One line of the history: when, what happened, to what, and who did it."""
    severity = "" if edge.severity is Severity.OK else f"{edge.severity} "
    where = f"{place(edge)}: " if edge.rule and edge.host else f"{edge.rule}: " if edge.rule else ""
    origin = f" from {edge.origin}" if edge.origin else ""
    who = f" (by {edge.by}{origin})" if edge.by else ""
    return f"{moment(edge.time)}  {edge.kind:<13} {severity}{where}{edge.text}{who}"


def detail_lines(detail: AlertDetail) -> list[str]:
    """Everything about one alert."""
    row, now = detail.row, detail.now
    lines = [
        f"{level(row).upper()} {state(row)}  {place(row)}  {row.fingerprint}",
        what(row, now),
        *(f"  {line}" for line in row.evidence),
        *([f"→ {row.advice}"] if row.advice else []),
        "",
        *_facts(detail),
    ]
    lines += _section("likely causes", [cause.text for cause in detail.around.causes] if detail.around else [])
    lines += _section("around it", _lanes(detail.around) if detail.around else [])
    lines += _section("notices", [delivery_words(delivery, now) for delivery in detail.deliveries])
    return lines + _section("history, newest first", [edge_words(edge) for edge in detail.history])


def _facts(detail: AlertDetail) -> list[str]:
    row, now = detail.row, detail.now
    limits = " — ".join(filter(None, (row.title, detail.limits)))
    told = ", ".join(row.notified) + (f" ({row.delivery})" if row.delivery else "")
    since = f"{moment(began(row))}, {units.span(now - began(row))} ago"
    found = (
        ("since", since + (f", episode {row.episode}" if row.episode else "")),
        ("value", "" if row.value is None else f"{row.value:g}"),
        ("rule", limits + (f" ({detail.source})" if detail.source else "")),
        ("in hand", ack_words(row.ack, now) if row.ack else ""),
        ("silenced", f"by {', '.join(row.silenced)}" if row.silenced else ""),
        ("explained", f"by {row.inhibited}" if row.inhibited else ""),
        ("maintenance", row.muted),
        ("told", told if row.notified else "nobody yet"),
        ("escalation", f"level {row.escalation}" if row.escalation else ""),
        ("triage", "" if row.bundle is None else f"bundle {row.bundle}, made when it fired"),
    )
    return [f"{name:<12} {text}" for name, text in found if text]


def _lanes(around: Around) -> list[str]:
    lines = [
        f"{moment(event.time)}  {lane:<8} {event.text}" + (f" (by {event.actor})" if event.actor else "")
        for lane, events in around.lanes.items()
        for event in events
    ]
    return [*lines, f"and {around.left_out} more"] if around.left_out else lines


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"{title}:", *(f"  {line}" for line in lines)] if lines else []
