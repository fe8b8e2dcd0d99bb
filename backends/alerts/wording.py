"""How notices are worded: one line that says it all, then the most important first. Plain text, bounded."""

from __future__ import annotations

from collections.abc import Sequence

from backends.alerts.model import Alert
from backends.inventory import ranges
from backends.states import Severity
from backends.text import clean
from backends.units import span

TITLE = 200
MOST_LINES = 20
_LINE = 400


def place(alert: Alert) -> str:
    """Where it is: host and object."""
    return " ".join(filter(None, (alert.host, alert.object))) or alert.rule


def worst(members: Sequence[Alert]) -> Severity:
    """The highest level among them."""
    return max((alert.severity for alert in members), key=lambda severity: severity.rank, default=Severity.OK)


def told_worst(members: Sequence[Alert]) -> Severity:
    """The highest level that was told of them."""
    return max((alert.telling.severity for alert in members), key=lambda severity: severity.rank, default=Severity.OK)


def title(members: Sequence[Alert], *, word: str = "", where: str = "") -> str:
    """One line: "gpu01 /: / is 97 % full", "still: disk.space: 5 alerts on gpu[01-05] (rack1)".

    The level, and that it is over, are put in front by whoever sends it.
    """
    first, said = members[0], f"{word}: " if word else ""
    if len(members) == 1:
        return clean(f"{said}{place(first)}: {first.text or first.rule}", TITLE)
    rules = dict.fromkeys(alert.rule for alert in members)
    what = first.rule if len(rules) == 1 else f"{len(rules)} rules"
    hosts = ranges.fold({alert.host for alert in members if alert.host})
    on = f" on {hosts}" if hosts else ""
    return clean(f"{said}{what}: {len(members)} alerts{on[:120]}{f' ({where})' if where else ''}", TITLE)


def body(members: Sequence[Alert]) -> tuple[str, ...]:
    """Of one: its text, evidence and advice; of several: a line each, the worst first, and how many more there are."""
    if len(members) == 1:
        alert = members[0]
        found = (alert.text, *alert.evidence, alert.advice and f"→ {alert.advice}", alert.rule)
        return tuple(clean(line, _LINE) for line in found if line)[:MOST_LINES]
    ordered = sorted(members, key=lambda alert: (-alert.severity.rank, alert.host, alert.object))
    lines = [clean(f"{alert.severity.upper()} {place(alert)}: {alert.text}", _LINE) for alert in ordered[:MOST_LINES]]
    return (*lines, *more(len(ordered)))


def ended(members: Sequence[Alert]) -> tuple[str, ...]:
    """What is over, and how long it took."""
    lines = [clean(f"{place(alert)}: was: {alert.text}{_lasted(alert)}", _LINE) for alert in members[:MOST_LINES]]
    return (*lines, *more(len(members)))


def more(count: int) -> tuple[str, ...]:
    """What stands below a list that was cut."""
    return (f"and {count - MOST_LINES} more",) if count > MOST_LINES else ()


def _lasted(alert: Alert) -> str:
    if alert.fired is None or alert.resolved is None:
        return ""
    return f" ({span(alert.resolved - alert.fired)})"
