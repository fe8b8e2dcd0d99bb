"""The hand-over of a shift as Markdown: what the next engineer must know, the most urgent first. Pure, bounded.

Texts of hosts and people stay text: no heading, link or mention comes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from backends.alerts.handover_alerts import alert, clock, date, hidden, over, place, restless, said, when, worst_first
from backends.alerts.handover_facts import Due, Facts, Out, Work
from backends.alerts.model import ACTIVE, STANDING, Edge, EdgeKind, Mute, Phase, Silence
from backends.alerts.views import AlertRow
from backends.inventory import ranges
from backends.states import Severity
from backends.units import span

__all__ = ["Due", "Facts", "Out", "Work", "handover"]

MOST_LINES = 25
"""Of one section."""
MOST_CHARACTERS = 60_000
LATE_SECONDS = 60.0
"""An evaluation that is older says little about now."""
T = TypeVar("T")


def handover(facts: Facts) -> str:
    """The whole of it, at most `MOST_CHARACTERS`."""
    firing = sorted((row for row in facts.alerts if row.phase in STANDING), key=worst_first)
    told = [row for row in firing if not row.info]
    free = [row for row in told if not hidden(row) and row.ack is None]
    held = [row for row in told if not hidden(row) and row.ack is not None]
    told_nobody = [row for row in told if hidden(row)]
    blocks = [
        _head(facts, told, free),
        _section("Firing, and nobody has it", free, lambda row: alert(facts, row)),
        _section("Firing, in hand", held, lambda row: alert(facts, row)),
        _section("Firing, told to nobody", told_nobody, lambda row: alert(facts, row)),
        _section("Over in this shift", over(facts, firing), str),
        _section("Fires again and again", restless(facts), str),
        _section("Silences", sorted(facts.silences, key=lambda each: each.end), lambda each: _silence(facts, each)),
        _section("Maintenances", sorted(facts.mutes, key=lambda each: each.end), lambda each: _mute(facts, each)),
        _section("Hosts out of service", sorted(facts.out, key=lambda each: each.host), lambda each: _out(facts, each)),
        _section("Messages that did not arrive", _undelivered(facts), str),
        _section("Goes on", facts.work, lambda each: _work(facts, each)),
        _section("Begins by itself", sorted(facts.due, key=lambda each: each.time), lambda each: _due(facts, each)),
        _section("What people did, newest first", _acts(facts), lambda each: _act(facts, each)),
    ]
    return _bounded([line for block in blocks for line in block])


# Frame ---------------------------------------------------------------------------------------------------------------


def _head(facts: Facts, told: Sequence[AlertRow], free: Sequence[AlertRow]) -> list[str]:
    critical = sum(row.severity is Severity.CRITICAL for row in told)
    pending = sum(row.phase is Phase.PENDING and not row.info for row in facts.alerts)
    fired = sum(each.kind is EdgeKind.FIRED for each in facts.shift)
    by = f" by {said(facts.by)}" if facts.by else ""
    parts = [f"{len(told)} firing ({critical} critical)", f"{len(free)} nobody has", f"{pending} pending"]
    parts += [f"{fired} fired in {span(facts.seconds)}", f"{len(facts.out)} of {facts.hosts} hosts out of service"]
    lines = [
        f"# Hand-over{by}, {date(facts.start)} {clock(facts.start)} to {date(facts.now)} {clock(facts.now)} UTC",
        "",
    ]
    lines += [f"**{', '.join(parts)}**", ""]
    warnings = [*_pulse(facts), *map(said, facts.problems)]
    return [*lines, *(f"- **{each}**" for each in warnings[:MOST_LINES]), *([""] if warnings else [])]


def _pulse(facts: Facts) -> list[str]:
    completed = facts.pulse.completed
    if completed is None:
        return ["Nothing was evaluated yet: what follows may be old."]
    age = facts.now - completed
    return [f"The last full evaluation was {span(age)} ago: what follows may be old."] if age > LATE_SECONDS else []


def _section(title: str, things: Sequence[T], say: Callable[[T], str]) -> list[str]:
    if not things:
        return [f"## {title}: none", ""]
    lines = [f"- {say(each)}" for each in things[:MOST_LINES]]
    more = [f"- and {len(things) - MOST_LINES} more"] if len(things) > MOST_LINES else []
    return [f"## {title}: {len(things)}", "", *lines, *more, ""]


def _bounded(lines: Sequence[str]) -> str:
    kept: list[str] = []
    room = MOST_CHARACTERS - 80
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            kept += ["", f"{len(lines) - len(kept)} more lines were left out: swarm-tui alerts list"]
            break
        kept.append(line)
    return "\n".join(kept).rstrip() + "\n"


# Lines ---------------------------------------------------------------------------------------------------------------


def _silence(facts: Facts, silence: Silence) -> str:
    what = [f"rule {silence.rule}" if silence.rule else "", f"on {silence.select}" if silence.select else ""]
    what += [silence.object]
    hides = sum(silence.id in row.silenced for row in facts.alerts if row.phase in ACTIVE)
    end = f"ends in {span(silence.end - facts.now)} ({when(facts, silence.end)})"
    early = " or with its alert" if silence.with_alert else ""
    matches = said(" ".join(filter(None, what)) or "everything")
    return f"{said(silence.id)} {matches}: {end}{early}, hides {hides} now; {said(silence.by)}: {said(silence.comment)}"


def _mute(facts: Facts, mute: Mute) -> str:
    end = (
        "over, settling" if mute.end <= facts.now else f"ends in {span(mute.end - facts.now)} ({when(facts, mute.end)})"
    )
    comment = f": {said(mute.comment)}" if mute.comment else ""
    return f"{said(mute.id)} {said(ranges.fold(mute.hosts))}: {end}; {said(mute.by)}{comment}"


def _out(facts: Facts, out: Out) -> str:
    since = f" for {span(facts.now - out.since)}" if out.since else ""
    return f"{said(out.host)}: {said(out.state)}{since}{f': {said(out.text)}' if out.text else ''}"


def _undelivered(facts: Facts) -> list[str]:
    """Targets that fail, then what was given up, then what waits."""
    lines = []
    for target in facts.targets:
        if target.failing_since is not None:
            waits = f"{target.waiting} wait, {target.dead} were given up"
            failing = f"fails for {span(facts.now - target.failing_since)}: {said(target.reason)}"
            lines.append(f"**target {said(target.name)}** {failing}; {waits}")
    rows = [row for row in facts.deliveries if row.state not in ("sent", "collapsed")]
    for row in sorted(rows, key=lambda row: (row.state != "dead", row.created)):
        word = "**given up**" if row.state == "dead" else str(row.state)
        reason = f" ({row.attempts} attempts, {said(row.reason)})" if row.reason else ""
        lines.append(f"{word} to {said(row.target)}: {said(row.title)}, {when(facts, row.created)}{reason}")
    return lines


def _work(facts: Facts, work: Work) -> str:
    since = f", for {span(facts.now - work.since)}" if work.since is not None else ""
    return f"{said(work.text)}{f' ({said(work.who)})' if work.who else ''}{since}"


def _due(facts: Facts, due: Due) -> str:
    wait = due.time - facts.now
    return f"{when(facts, due.time)} ({f'in {span(wait)}' if wait > 0 else 'now'}): {said(due.text)}"


def _acts(facts: Facts) -> list[Edge]:
    return [each for each in reversed(facts.shift) if each.by]


def _act(facts: Facts, edge: Edge) -> str:
    origin = f" from {said(edge.origin)}" if edge.origin else ""
    where = place(edge)
    return f"{when(facts, edge.time)} {said(edge.by)}{origin}: {edge.kind}{f' {where}' if where else ''}: {said(edge.text)}"
