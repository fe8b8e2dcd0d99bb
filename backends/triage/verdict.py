"""The verdict strip: the worst of what was found, what changed shortly before it, what to do next. One or two sentences."""

from __future__ import annotations

from collections.abc import Sequence

from backends.hostkit.triage_answer import Section
from backends.states import Severity
from backends.triage.context import Context
from backends.triage.facts import Facts
from backends.triage.gpu_findings import gpu_findings
from backends.triage.host_findings import host_findings
from backends.triage.model import Change, Finding, Step, StepState, Strip
from backends.units import span

SHORTLY_SECONDS = 2 * 3600.0
"""A change so near before an event may be its cause (triage reference, timeline)."""
MOST_OTHERS = 3
SHORT = 60
"""Characters of a reason in the strip."""
_LIKELY = ("driver", "kernel", "patch", "package", "reboot", "config", "command")
"""Kinds of change, the likeliest cause first."""
_DOUBT = {"low": 40, "medium": 15, "high": 0}
"""How much weight a finding loses by not being sure."""


def findings(facts: Facts, sections: Sequence[Section], context: Context) -> tuple[Finding, ...]:
    """Everything that is wrong, worst first."""
    found = [*gpu_findings(facts, sections, context), *host_findings(facts, context)]
    return tuple(sorted(found, key=_order))


def strip(
    found: Sequence[Finding], steps: Sequence[Step], facts: Facts, context: Context, *, skew_seconds: float = 0.0
) -> Strip:
    """The verdict of a host.

    Args:
        found: worst first.
        steps: what each step came to; what could not be looked at is said, since it is not clean.
        facts: of the host, with what its own logs say was changed.
        context: with what we changed.
        skew_seconds: the host's clock minus ours.
    """
    blind = [step for step in steps if step.state is not StepState.OK and not _told(step, found)]
    real = [each for each in found if each.severity.rank >= Severity.WARNING.rank]
    if not real:
        return _nothing(found, blind)
    first = real[0]
    after = _after(first, facts, context, skew_seconds)
    sentence = f"{_capital(first.text)}{after}."
    others = [each.text for each in real[1 : 1 + MOST_OTHERS]]
    more = len(real) - 1 - len(others)
    if others:
        sentence += f" Also: {'; '.join(others)}{f'; {more} more' if more else ''}"
        sentence += f"; not seen: {_named(blind)}." if blind else "."
    elif blind:
        sentence += f" Not seen: {_named(blind)}."
    return Strip(
        text=sentence,
        severity=first.severity,
        confidence=first.confidence,
        next_step=first.next_step,
        findings=tuple(found),
    )


def likely_change(time: float, changes: Sequence[Change]) -> Change | None:
    """The likeliest cause among the changes within two hours before `time`: by kind, then the nearest."""
    near = [each for each in changes if 0 <= time - each.time <= SHORTLY_SECONDS]
    return min(near, key=lambda each: (_rank(each.kind), time - each.time), default=None)


def _order(finding: Finding) -> tuple[int, int, float]:
    doubt = _DOUBT[finding.confidence]
    return -finding.severity.rank, doubt - finding.weight, finding.time or 0.0


def _rank(kind: str) -> int:
    return _LIKELY.index(kind) if kind in _LIKELY else len(_LIKELY)


def _after(finding: Finding, facts: Facts, context: Context, skew_seconds: float) -> str:
    """ ", 12 min after …" where something was changed shortly before."""
    ours = [
        Change(time=each.time + skew_seconds, kind=each.kind, text=each.text, ref=each.ref) for each in context.changes
    ]
    time = finding.time if finding.time is not None else facts.begin
    change = likely_change(time, [*facts.changes, *ours])
    if change is None:
        return ""
    return f", {span(time - change.time)} after: {_short(change.text, 100)}"


def _told(step: Step, found: Sequence[Finding]) -> bool:
    return step.state in (StepState.WARN, StepState.FAIL, StepState.STUCK) and any(
        each.step == step.number for each in found
    )


def _nothing(found: Sequence[Finding], blind: Sequence[Step]) -> Strip:
    if blind:
        return Strip(
            text=f"Nothing wrong in what could be seen. Not seen: {_named(blind)}.",
            severity=Severity.UNKNOWN,
            confidence="low",
            next_step="allow it to be read (groups adm or systemd-journal, or become = \"sudo\")"
            if any(step.state is StepState.NOPERM for step in blind)
            else "",
            findings=tuple(found),
        )  # fmt: skip
    return Strip(text="Nothing wrong was found.", severity=Severity.OK, confidence="medium", findings=tuple(found))


def _named(steps: Sequence[Step]) -> str:
    return ", ".join(f"{step.title} ({_short(step.text)})" for step in steps[:4])


def _short(text: str, limit: int = SHORT) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text.partition(" ")[0].isalpha() else text
