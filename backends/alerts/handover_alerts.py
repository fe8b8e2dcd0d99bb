"""The lines of a hand-over about alerts: what fires and who has it, what is over, what comes again and again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.alerts.handover_facts import Facts
from backends.alerts.model import Edge, EdgeKind, Phase
from backends.alerts.views import AlertRow
from backends.clock import utc
from backends.text import clean, plain
from backends.units import span

RESTLESS = 3
"""Alerts that fired so often in one shift are worth a look at their rule."""
_TEXT = 160
_ENDS = (EdgeKind.RESOLVED, EdgeKind.WITHDRAWN)


def worst_first(row: AlertRow) -> tuple[int, float, str, str]:
    """For sorting: the longest first among those of one severity."""
    return -row.severity.rank, row.fired or row.since, row.host, row.object


def hidden(row: AlertRow) -> bool:
    """Whether nobody is told of it now."""
    return bool(row.silenced or row.muted or row.inhibited)


def alert(facts: Facts, row: AlertRow) -> str:
    """What it is, since when, who has it, and the next step."""
    since = row.fired or row.since
    known = [f"for {span(facts.now - since)} (since {when(facts, since)})", *_standing(facts, row)]
    text = f"**{row.severity}** {place(row)}: {said(row.text or row.title)}; {', '.join(known)}"
    return f"{text} → {said(row.advice)}" if row.advice else text


def _standing(facts: Facts, row: AlertRow) -> Iterable[str]:
    """What is known of who cares, and of what hides it."""
    if row.ack is not None:
        word, note = "snoozed" if row.ack.snooze else "acked", f": {said(row.ack.note)}" if row.ack.note else ""
        yield f"{word} by {said(row.ack.by)} until {when(facts, row.ack.until)}{note}"
    if row.silenced:
        yield f"silenced ({said(' '.join(row.silenced))})"
    if row.muted:
        yield f"in maintenance ({said(row.muted)})"
    if row.inhibited:
        yield f"explained by {said(row.inhibited)}"
    if row.unknown:
        yield f"no data since {when(facts, row.last_data)}" if row.last_data is not None else "no data"
    if row.phase is Phase.RECOVERING:
        yield "recovering"
    if row.flapping:
        yield "flapping"
    if row.escalation:
        yield f"escalated to level {row.escalation}"
    if row.delivery == "dead":
        yield "**the message was given up**"
    if row.bundle is not None:
        yield f"triage bundle {row.bundle}"


def over(facts: Facts, firing: Sequence[AlertRow]) -> list[str]:
    """What was resolved and does not fire now, the worst first."""
    still = {row.fingerprint for row in firing}
    found: dict[str, list[Edge]] = {}
    for each in facts.shift:
        if each.fingerprint and each.fingerprint not in still and each.kind in (EdgeKind.FIRED, *_ENDS):
            found.setdefault(each.fingerprint, []).append(each)
    ended = [edges for edges in found.values() if edges[-1].kind in _ENDS]
    ended.sort(key=lambda edges: (-max(each.severity.rank for each in edges), edges[-1].time))
    return [_ended(facts, edges) for edges in ended]


def _ended(facts: Facts, edges: Sequence[Edge]) -> str:
    last, fired = edges[-1], [each for each in edges if each.kind is EdgeKind.FIRED]
    worst = max((each.severity for each in edges), key=lambda each: each.rank)
    first = f"{when(facts, fired[-1].time)} to " if fired else "until "
    took = f" ({span(last.time - fired[-1].time)})" if fired else ""
    text = f"{worst} {place(last)}: {said((fired[-1] if fired else last).text)}; {first}{when(facts, last.time)}{took}"
    times = f", {len(fired)} times" if len(fired) > 1 else ""
    return f"{text}{times}{f', ended by {said(last.by)}' if last.by else ''}"


def restless(facts: Facts) -> list[str]:
    """What flaps, or fired three times and more in the shift."""
    counts: dict[tuple[str, str, str], int] = {}
    for each in facts.shift:
        if each.fingerprint and each.kind is EdgeKind.FIRED:
            key = each.host, each.object, each.rule
            counts[key] = counts.get(key, 0) + 1
    for row in facts.alerts:
        if row.flapping:
            counts.setdefault((row.host, row.object, row.rule), 0)
    flapping = {(row.host, row.object, row.rule) for row in facts.alerts if row.flapping}
    chosen = [(count, key) for key, count in counts.items() if count >= RESTLESS or key in flapping]
    chosen.sort(key=lambda each: (-each[0], each[1]))
    return [f"{named(*key)}: fired {count}×{', flapping now' if key in flapping else ''}" for count, key in chosen]


# Words ---------------------------------------------------------------------------------------------------------------


def place(of: AlertRow | Edge) -> str:
    """ "gpu01 /data (disk.space)"."""
    return named(of.host, of.object, of.rule)


def named(host: str, thing: str, rule: str) -> str:
    """The same of its parts."""
    where = " ".join(filter(None, (host, thing)))
    return said(f"{where} ({rule})" if where and rule else where or rule)


def said(text: str) -> str:
    """What somebody else wrote: bounded, and no markup."""
    return plain(clean(text, _TEXT))


def date(time: float) -> str:
    """Of UTC."""
    return f"{utc(time):%Y-%m-%d}"


def clock(time: float) -> str:
    """Of UTC."""
    return f"{utc(time):%H:%M}"


def when(facts: Facts, time: float) -> str:
    """The day only where it is another one."""
    return clock(time) if date(time) == date(facts.now) else f"{date(time)} {clock(time)}"
