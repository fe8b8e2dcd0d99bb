"""Rules that compare a number with limits: the shape of them, and the small words that all rules share.

A value fires beyond `fire` and, once it fires, lasts until it is not beyond `clear` (Netdata's hysteresis by status).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from backends.alerts.model import RuleTimes, Truth
from backends.alerts.rules import Finding, Gate, Judge, Limit, Rule
from backends.alerts.subjects import Held, Needs, Subject
from backends.states import Severity
from backends.units import span

MINUTE, HOUR = 60.0, 3600.0

Value = Callable[[Subject], float | None]
Values = Callable[[Subject], Iterable[tuple[str, float | None]]]
"""Every object with its value."""
Say = Callable[[Subject, str, float], str]
"""Subject, object and value → the sentence."""
Tell = Callable[[Subject, str], tuple[str, ...]]
"""The evidence."""


def level(value: float, warn: Limit | None, crit: Limit | None, held: Severity) -> Severity:
    """WARNING, CRITICAL or OK; the clear value counts for the levels up to the one that is held."""
    if crit is not None and value > (crit.clear if held is Severity.CRITICAL else crit.fire):
        return Severity.CRITICAL
    if warn is not None and value > (warn.clear if held.rank >= Severity.WARNING.rank else warn.fire):
        return Severity.WARNING
    return Severity.OK


def found(
    severity: Severity, value: float | None, text: str, evidence: tuple[str, ...] = (), advice: str = ""
) -> Finding:
    """TRUE at a level that fires, FALSE at OK."""
    truth = Truth.TRUE if severity.rank >= Severity.WARNING.rank else Truth.FALSE
    return Finding(truth, severity, value, text, evidence, advice)


def nodata(reason: str) -> Finding:
    """What could not be told, and why."""
    return Finding(Truth.NODATA, text=reason)


def nothing(subject: Subject, thing: str) -> tuple[str, ...]:
    """No evidence besides the sentence."""
    return ()


def limits(warn: Limit | None, crit: Limit | None, values: Values, say: Say, tell: Tell = nothing) -> Judge:
    """Judges the value of one object; NODATA when it is not there any more."""

    def judge(subject: Subject, thing: str, held: Held) -> Finding:
        value = next((value for name, value in values(subject) if name == thing), None)
        if value is None:
            return nodata("not measured")
        return found(level(value, warn, crit, held.level), value, say(subject, thing, value), tell(subject, thing))

    return judge


def number_rule(
    id: str,
    title: str,
    value: Value,
    *,
    warn: Limit | None = None,
    crit: Limit | None = None,
    times: RuleTimes,
    say: Say,
    tell: Tell = nothing,
    advice: str,
    source: str,
    unit: str = "%",
    needs: Needs = "sample",
    gate: Gate | None = None,
) -> Rule:
    """A rule about one number of a host."""
    lowest = min(each.fire for each in (warn, crit) if each is not None)

    def scan(subject: Subject) -> Sequence[str]:
        measured = value(subject)
        return ("",) if measured is not None and measured > lowest else ()

    return Rule(
        id=id,
        title=title,
        times=times,
        needs=needs,
        gate=gate,
        scan=scan,
        judge=limits(warn, crit, lambda subject: (("", value(subject)),), say, tell),
        advice=advice,
        source=source,
        warn=warn,
        crit=crit,
        unit=unit,
    )


def waited(seconds: float, keep: float) -> RuleTimes:
    """Times of a rule that waits before it fires and before it ends, in seconds."""
    return RuleTimes(for_seconds=seconds, keep_seconds=keep)


def short(seconds: float) -> str:
    """A span for a sentence."""
    return span(max(0.0, seconds))
