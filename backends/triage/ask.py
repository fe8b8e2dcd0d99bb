"""Makes the bundle of a host: one round trip, decoded, judged, masked."""

from __future__ import annotations

from msgspec.structs import replace

from backends.clock import Clock
from backends.errors import AskOperator
from backends.execution import Exec
from backends.hostkit.travel import Become
from backends.hostkit.triage_answer import (
    ANSWER_BYTES,
    TIMEOUT_SECONDS,
    Section,
    TriageAnswer,
    read_triage,
    triage_launch,
)
from backends.triage.context import Context
from backends.triage.facts import facts
from backends.triage.masking import masked, masked_line
from backends.triage.model import Bundle, Finding, Strip
from backends.triage.steps import judged
from backends.triage.verdict import findings, strip


def triage(
    host: Exec, become: Become, clock: Clock, context: Context | None = None, *, reason: str = "asked"
) -> Bundle:
    """Ask `host` everything that an engineer on call asks first. Changes nothing there; at most 15 s.

    Where the way to root is refused it is looked at without: what may not be seen is told as that.

    Args:
        host: where.
        become: its way to root.
        clock: ours.
        context: what we know of it.
        reason: why it is made, kept in the bundle.

    Raises:
        RetryLater: not connected, link lost, timed out, or the answer is not one.
        SkipHost: no usable python3, or nowhere to write there.
    """
    asked, began = clock.now(), clock.monotonic()
    try:
        answer = _answer(host, become)
    except AskOperator:
        if become == "none":
            raise
        answer = _answer(host, "none")
    return judge(answer, host.host, context or Context(), time=asked, seconds=clock.monotonic() - began, reason=reason)


def judge(
    answer: TriageAnswer, host: str, context: Context, *, time: float, seconds: float = 0.0, reason: str = "asked"
) -> Bundle:
    """The bundle of an answer: pure."""
    seen = facts(answer)
    found = findings(seen, answer.sections, context)
    steps = judged(answer.sections, found, seen)
    return Bundle(
        host=host,
        time=time,
        seconds=round(seconds, 3),
        begin=answer.begin,
        root=answer.root,
        reason=reason,
        strip=_masked_strip(strip(found, steps, seen, context, skew_seconds=answer.begin - time)),
        steps=tuple(replace(step, text=masked_line(step.text)) for step in steps),
        sections=tuple(_masked_section(section) for section in answer.sections),
    )


def _answer(host: Exec, become: Become) -> TriageAnswer:
    launch = triage_launch(become)
    result = host.run(
        ["/bin/sh", "-c", launch.command],
        stdin=launch.payload,
        timeout_seconds=TIMEOUT_SECONDS,
        limit_bytes=ANSWER_BYTES,
        become=False,  # the launcher itself becomes root, after it has found python3
    )
    return read_triage(result.stdout, host.host)


def _masked_section(section: Section) -> Section:
    return replace(
        section, text=masked(section.text), error=masked_line(section.error), command=masked_line(section.command)
    )


def _masked_strip(told: Strip) -> Strip:
    found = tuple(_masked_finding(each) for each in told.findings)
    return replace(told, text=masked_line(told.text), next_step=masked_line(told.next_step), findings=found)


def _masked_finding(finding: Finding) -> Finding:
    evidence = tuple(masked_line(line) for line in finding.evidence)
    return replace(finding, text=masked_line(finding.text), evidence=evidence)
