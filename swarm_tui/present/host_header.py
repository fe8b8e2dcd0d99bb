"""The head of the Host screen: who the host is, how it is reached, in what state and what is wrong with it."""

from __future__ import annotations

from backends import units
from backends.engine.wire import HostDetail, Verdict
from backends.states import STATE_SEVERITY, HostState, Severity
from swarm_tui.present.host_line import SEVERITY_ROLES, Frame, Span, line, wrap
from swarm_tui.present.host_value import CLOCK_BAD_SECONDS, CLOCK_WARN_SECONDS, above, milliseconds, offset
from swarm_tui.present.line import Line, crop

LIVE_STATES = frozenset({HostState.UP, HostState.DRIVER_HUNG})
"""States in which what is shown is happening now; in all others it is the last that was known."""

STATE_WORDS: dict[HostState, str] = {
    HostState.CONNECTING: "connecting…",
    HostState.UP: "up",
    HostState.STALE: "stale",
    HostState.UNREACHABLE: "unreachable",
    HostState.AUTH_FAILED: "authentication failed",
    HostState.HOST_KEY_UNKNOWN: "host key unknown",
    HostState.HOST_KEY_CHANGED: "HOST KEY CHANGED",
    HostState.NO_PYTHON: "no python3",
    HostState.NO_SUDO: "sudo refused",
    HostState.DRIVER_HUNG: "GPU driver hung",
}
"""A state in words."""


def is_live(detail: HostDetail) -> bool:
    """Whether the sample describes the present."""
    return detail.row.state in LIVE_STATES and detail.sample is not None


def age(detail: HostDetail) -> float | None:
    """Seconds since the newest sample; None before the first."""
    return None if detail.sample is None else max(0.0, detail.now - detail.sample.time)


def header(detail: HostDetail, frame: Frame) -> list[Line]:
    """Two lines: identity with state, then the way and the machine; a third with the reason where there is one."""
    rows = [crop(_identity(detail), frame.width), crop(_machine(detail, frame), frame.width)]
    return rows + _trouble(detail, frame)


def _identity(detail: HostDetail) -> Line:
    row, link = detail.row, detail.link
    way = ""
    if link and (link.address or link.user):
        way = f"{link.user}@{link.address}" if link.user else link.address
        way += f" via {' → '.join(link.via)}" if link.via else ""
    return line(
        Span(row.name, "title"),
        "  ",
        state_span(detail),
        Span(f"  {way}" if way else "", "dim"),
        *_numbers(detail),
        Span("".join(f"  #{tag}" for tag in row.tags), "dim"),
    )


def state_span(detail: HostDetail) -> Span:
    """The state with a mark beside its colour, and how long it has lasted when it is not fine."""
    row = detail.row
    severity = STATE_SEVERITY[row.state]
    mark = {Severity.OK: "●", Severity.UNKNOWN: "○", Severity.WARNING: "▲", Severity.CRITICAL: "✖"}[severity]
    lasting = f" {units.span(detail.now - row.since)}" if severity is not Severity.OK and row.since else ""
    return Span(f"{mark} {STATE_WORDS[row.state]}{lasting}", SEVERITY_ROLES[severity])


def _numbers(detail: HostDetail) -> list[Span]:
    sample, link = detail.sample, detail.link
    trip = link.round_trip_seconds if link and link.round_trip_seconds is not None else detail.row.round_trip_seconds
    parts: list[Span] = []
    if detail.row.state not in LIVE_STATES:
        return parts
    if trip is not None:
        parts.append(Span(f"  rtt {milliseconds(trip)}", "dim"))
    if sample and sample.clock_offset_seconds is not None:
        drift = abs(sample.clock_offset_seconds)
        role = above(drift, CLOCK_WARN_SECONDS, CLOCK_BAD_SECONDS, "dim")
        parts.append(Span(f"  clock {offset(sample.clock_offset_seconds)}", role))
    return parts


def _machine(detail: HostDetail, frame: Frame) -> Line:
    row, facts, sample = detail.row, detail.facts, detail.sample
    uptime = sample.uptime_seconds if sample else row.uptime_seconds
    parts = [f"up {units.span(uptime)}" if uptime is not None else "uptime n/a"]
    parts += [text for text in (row.system or (facts.system if facts else ""),) if text]
    parts += [text for text in (row.kernel or (facts.kernel if facts else ""),) if text]
    if facts and frame.width >= 100:
        parts += [text for text in (facts.cpu_model, facts.virtualisation) if text]
    if (cost := _cost(detail)) and frame.width >= 100:
        parts.append(cost)
    return line(Span(" · ".join(parts), "dim"))


def _cost(detail: HostDetail) -> str:
    sample = detail.sample
    if sample is None or sample.probe is None:
        return ""
    parts = []
    if sample.probe.cpu_seconds is not None and sample.interval_seconds:
        parts.append(f"{100 * sample.probe.cpu_seconds / sample.interval_seconds:.2f}% of a core")
    if sample.probe.resident_bytes is not None:
        parts.append(units.size(sample.probe.resident_bytes))
    return f"probe {' '.join(parts)}" if parts else ""


def _trouble(detail: HostDetail, frame: Frame) -> list[Line]:
    row = detail.row
    if row.state is HostState.UP:
        return []
    parts = [row.reason] if row.reason else []
    if row.retry_at is not None:
        left = row.retry_at - detail.now
        parts.append(f"retry in {units.span(left)}" if left > 0 else "retrying now")
    if (seconds := age(detail)) is not None and row.state not in LIVE_STATES:
        parts.append(f"last seen {units.span(seconds)} ago")
    role = SEVERITY_ROLES[STATE_SEVERITY[row.state]]
    trouble = [crop(line(Span(" · ".join(parts), role)), frame.width)] if parts else []
    return [*trouble, crop(line(Span("→ ", "accent"), Span(row.hint)), frame.width)] if row.hint else trouble


def verdict_lines(verdicts: tuple[Verdict, ...], frame: Frame, *, limit: int = 2, evidence: bool = False) -> list[Line]:
    """The worst verdicts, one line each, or with their evidence and next step."""
    told = [verdict for verdict in verdicts if verdict.kind != "ok"] or list(verdicts)
    ranked = sorted(told, key=lambda verdict: -verdict.severity.rank)
    rows: list[Line] = []
    for verdict in ranked if evidence else ranked[:limit]:
        rows += _verdict(verdict, frame, evidence=evidence)
    hidden = len(ranked) - limit
    if hidden > 0 and not evidence:
        rows[-1] = crop(line(*crop(rows[-1], frame.width - 12), Span(f"  +{hidden} more", "dim")), frame.width)
    return rows


def _verdict(verdict: Verdict, frame: Frame, *, evidence: bool) -> list[Line]:
    role = SEVERITY_ROLES[verdict.severity]
    mark = {Severity.OK: "●", Severity.UNKNOWN: "?", Severity.WARNING: "▲", Severity.CRITICAL: "✖"}[verdict.severity]
    subject = "" if verdict.subject == "host" else f"{verdict.subject}: "
    head = line(Span(f"{mark} ", role), Span(subject, "head"), Span(verdict.text, role))
    if not evidence:
        sure = "" if verdict.severity is Severity.UNKNOWN else f"  ({verdict.confidence})"
        return [crop(line(*head, Span(sure, "dim")), frame.width)]
    rows = [crop(head, frame.width)]
    for fact in verdict.evidence:
        rows += wrap(f"    · {fact}", frame.width, 6)
    rows.append(line(Span(f"    confidence {verdict.confidence}, {verdict.kind}", "dim")))
    if verdict.next_step:
        rows += [line(Span("    → ", "accent"), *row) for row in wrap(verdict.next_step, frame.width - 6, 0)]
    return rows
