"""The outbox in lines: each notice on its way to each target, and how the targets do."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

from backends.alerts.target_health import TargetState
from backends.alerts.views import DeliveryRow, OutboxView
from backends.clock import utc
from backends.inventory.ranges import fold
from backends.units import span
from swarm_tui.present import delivery_text as text
from swarm_tui.present import host_table
from swarm_tui.present.host_line import SEVERITY_MARKS, SEVERITY_ROLES, Span, line, wrap
from swarm_tui.present.host_table import Column
from swarm_tui.present.line import Line, crop, plain
from swarm_tui.present.states import coarse
from swarm_tui.theme import Role

Side = Literal["open", "all"]
SIDES: tuple[Side, ...] = ("open", "all")
TITLES: dict[Side, str] = {"open": "Not delivered", "all": "All"}
WIDE, WITH_TOOK = 110, 90
OUTBOX: tuple[Column, ...] = (
    Column("", 1),
    Column("state", 16),
    Column("target", 10),
    Column("age", 4, "right"),
    Column("tries", 5, "right"),
    Column("took", 6, "right", wide=WITH_TOOK),
    Column("kind", 11, wide=WIDE),
    Column("what"),
)
_ROLES: dict[str, Role] = {
    "dead": "bad", "retry": "warn", "sent": "ok", "queued": "text", "leased": "text", "held": "dim", "collapsed": "dim",
}  # fmt: skip
_MARKS: dict[str, str] = {"dead": "✖", "retry": "▲", "sent": "●"}
LABEL_CELLS = 10


class Row(NamedTuple):
    """One line. `words`: what the filter looks through."""

    key: Hashable
    text: Line
    words: str


# Notices ----------------------------------------------------------------------------------------------------------


def is_open(row: DeliveryRow) -> bool:
    """Whether nobody was told yet."""
    return row.state not in ("sent", "collapsed")


def rows(side: Side, view: OutboxView, now: float, width: int) -> list[Row]:
    """A line for each notice and target: what was given up first, then what is on its way, then what was sent."""
    chosen = [each for each in view.rows if side == "all" or is_open(each)]
    order = {"dead": 0, "retry": 1}
    return [
        _row(each, now, width)
        for each in sorted(chosen, key=lambda each: order.get(each.state, 2 if is_open(each) else 3))
    ]


def _row(row: DeliveryRow, now: float, width: int) -> Row:
    role = _ROLES[row.state]
    where = fold(row.hosts) if row.hosts and not any(host in row.title for host in row.hosts) else ""
    reason = f" — {row.reason}" if row.reason and row.state != "sent" else ""
    cells = (
        Span(_MARKS.get(row.state, "·"), role),
        Span(text.delivery_state(row, now), role),
        Span(row.target, "strong"),
        Span(coarse(now - row.created), "dim"),
        Span(str(row.attempts), "warn" if row.attempts > 1 else "dim"),
        Span(text.took(row.seconds), "dim"),
        Span(row.kind, "dim"),
        Span(" ".join(filter(None, (SEVERITY_MARKS[row.severity], where, row.title))) + reason),
    )
    words = " ".join((row.target, row.state, row.kind, row.title, row.reason, *row.hosts, *row.fingerprints))
    return Row(row.number, host_table.row(OUTBOX, cells, width), words)


def details(row: DeliveryRow, now: float, width: int) -> list[Line]:
    """Everything about one notice."""
    due = f"{span(row.due - now)} from now" if row.due > now else ""
    found: tuple[tuple[str, str, Role], ...] = (
        ("state", text.delivery_state(row, now), _ROLES[row.state]),
        ("target", row.target, "strong"),
        ("why", row.reason, "text"),
        ("attempts", f"{row.attempts}, the last took {text.took(row.seconds) or 'no time'}", "text"),
        ("next try", due if row.state in ("retry", "queued", "held") else "", "text"),
        ("made", f"{utc(row.created):%Y-%m-%d %H:%M:%S} UTC, {span(now - row.created)} ago", "text"),
        ("sent", "" if row.sent is None else f"{span(row.sent - row.created)} later", "text"),
        ("kind", f"{row.kind}{', in a digest' if row.together else ''}", "text"),
        ("severity", f"{SEVERITY_MARKS[row.severity]} {row.severity}", SEVERITY_ROLES[row.severity]),
        ("what", row.title, "text"),
        ("hosts", fold(row.hosts) if row.hosts else "", "text"),
        ("alerts", ", ".join(row.fingerprints), "dim"),
        ("again by", row.by, "text"),
        ("number", str(row.number), "dim"),
    )
    return [each for label, words, role in found if words for each in _pair(label, words, width, role)]


def _pair(label: str, words: str, width: int, role: Role) -> list[Line]:
    rows = wrap(words, width - LABEL_CELLS, 0, role)
    return [
        line(Span(f"{label if index == 0 else '':<{LABEL_CELLS}}", "dim"), *each) for index, each in enumerate(rows)
    ]


def tabs(side: Side, view: OutboxView | None) -> Line:
    """The views, with how many notices each has."""
    found = view.rows if view else ()
    counts = {"open": sum(map(is_open, found)), "all": len(found)}
    pieces = [
        Span(
            f"[{TITLES[each]} {counts[each]}]" if each == side else f" {TITLES[each]} {counts[each]} ",
            "tab-on" if each == side else "tab",
        )
        for each in SIDES
    ]
    return line(" ", *pieces)


# Targets ----------------------------------------------------------------------------------------------------------


def targets(states: Sequence[TargetState], now: float, width: int) -> list[Line]:
    """The strip of health: a line for each target, those that fail first."""
    if not states:
        return wrap(
            "No target is configured: nobody is told of anything ([[alerts.targets]] in the configuration).",
            width,
            0,
            "warn",
        )
    ranked = sorted(states, key=lambda each: (each.failing_since is None, each.name))
    names = max(len(each.name) for each in ranked)
    return [crop(_target(each, names, now), width) for each in ranked]


def _target(state: TargetState, names: int, now: float) -> Line:
    failing = state.failing_since is not None
    mark = "✖" if failing else "?" if state.last_ok is None else "●"
    left = [f"{state.waiting} wait" if state.waiting else "", f"{state.dead} given up" if state.dead else ""]
    shown: Role = "bad" if failing else "dim" if state.last_ok is None else "ok"
    return line(
        Span(f"{mark} {state.name:<{names}}  ", shown),
        Span(text.target_state(state, now), "bad" if failing else "text"),
        Span(f"  last sent {text.ago(state.last_ok, now)}", "dim"),
        Span(f"  took {text.took(state.seconds)}" if state.seconds else "", "dim"),
        Span("".join(f"  {each}" for each in left if each), "warn"),
        Span(f"  {state.reason}" if failing else "", "warn"),
        Span(f"  {state.place}", "dim"),
    )


def summary(view: OutboxView, now: float) -> Line:
    """What is on its way and what was given up, and why the outbox is not to be trusted."""
    dead = sum(each.state == "dead" for each in view.rows)
    retrying = sum(each.state == "retry" for each in view.rows)
    waiting = sum(each.state in ("queued", "leased", "held") for each in view.rows)
    failing = sum(each.failing_since is not None for each in view.targets)
    return line(
        Span(f"{dead} given up  " if dead else "", "bad"),
        Span(f"{retrying} retrying  " if retrying else "", "warn"),
        Span(f"{waiting} on the way  " if waiting else "", "text"),
        Span("" if dead or retrying or waiting or not view.targets else "everything was told  ", "ok"),
        Span(f"{failing} of {len(view.targets)} targets fail  " if failing else "", "bad"),
        Span(view.problem, "warn"),
    )


def filtered(found: Sequence[Row], needle: str) -> list[Row]:
    """Rows with every word of `needle`."""
    wanted = needle.casefold().split()
    return [each for each in found if all(word in f"{each.words} {plain(each.text)}".casefold() for word in wanted)]
