"""Clocks event reasons as spans: names on the spot, and one sentence each for those that are a fault."""

from __future__ import annotations

from backends.metrics.throttle import ThrottleReason, decode
from backends.states import Severity
from swarm_tui.present.host_line import Span
from swarm_tui.theme import Role

_ROLES: dict[Severity, Role] = {
    Severity.OK: "dim",
    Severity.UNKNOWN: "warn",
    Severity.WARNING: "warn",
    Severity.CRITICAL: "bad",
}


def words(bits: int | None) -> tuple[Span, ...]:
    """Every reason by name; "none" when the clocks are free, n/a when it could not be read."""
    if bits is None:
        return (Span("n/a", "dim"),)
    spans: list[Span] = []
    for reason in decode(bits):
        spans += [Span(", ", "dim")] if spans else []
        spans.append(_span(reason))
    return tuple(spans) or (Span("none", "ok"),)


def faults(bits: int | None) -> tuple[Span, ...]:
    """Only the reasons that are a fault."""
    return tuple(_span(reason) for reason in _faults(bits))


def meanings(bits: int | None) -> tuple[str, ...]:
    """What the faults mean and what to do, a sentence each."""
    return tuple(f"{reason.name}: {reason.meaning}" for reason in _faults(bits))


def _faults(bits: int | None) -> list[ThrottleReason]:
    return [reason for reason in decode(bits or 0) if reason.severity is not Severity.OK]


def _span(reason: ThrottleReason) -> Span:
    return Span(reason.name, _ROLES[reason.severity])
