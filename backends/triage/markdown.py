"""A bundle as Markdown for a ticket. What a host says stays text there: no heading, link, mention or picture comes of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backends.clock import utc
from backends.text import plain as plain
from backends.triage.difference import Difference
from backends.triage.model import Bundle, Finding, Step, StepState

MOST_LINES = 40
"""Of one section."""
MOST_DIFFERENCES = 30
_SHOWN = {2: "kernel.log", 4: "gpu", 5: "waiting", 6: "space", 7: "units.failed"}
"""Step → the section that is worth its lines when the step is not well."""


def markdown(bundle: Bundle, against: Sequence[Difference] = (), peer: str = "") -> str:
    """The verdict, the steps, the findings with their evidence, and the lines behind steps that are not well.

    Args:
        against: differences to show as well.
        peer: whom they are to: "gpu02", "its bundle of 2026-05-01".
    """
    lines = [f"## Triage of {plain(bundle.host)}, {utc(bundle.time):%Y-%m-%d %H:%M:%S} UTC", ""]
    lines += [f"**{plain(bundle.strip.text)}**", ""]
    if bundle.strip.next_step:
        lines += [f"Next: {plain(bundle.strip.next_step)} (confidence: {bundle.strip.confidence})", ""]
    lines += ["| step | state | |", "| --- | --- | --- |", *(_step(step) for step in bundle.steps), ""]
    lines += [line for finding in bundle.strip.findings for line in _finding(finding)]
    if against:
        lines += [
            "",
            f"### Different from {plain(peer or 'the other')}",
            "",
            "| what | here | there |",
            "| --- | --- | --- |",
        ]
        lines += [
            f"| {plain(each.subject)} | {plain(each.here)} | {plain(each.there)} |"
            for each in against[:MOST_DIFFERENCES]
        ]
    for step in bundle.steps:
        lines += _behind(bundle, step)
    eyes = "with" if bundle.root else "without"
    lines += [
        "",
        f"Made by swarm-tui {eyes} root in {bundle.seconds:.1f} s; reason: {plain(bundle.reason or 'asked')}.",
    ]
    return "\n".join(lines) + "\n"


def fenced(lines: Sequence[str]) -> list[str]:
    """Lines as they are, in a fence that none of them can close."""
    longest = max((len(match) for line in lines for match in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, *lines, fence]


def _step(step: Step) -> str:
    return f"| {step.number} {step.title} | {str(step.state).upper()} | {plain(step.text)} |"


def _finding(finding: Finding) -> list[str]:
    when = f" ({utc(finding.time):%Y-%m-%d %H:%M:%S} UTC)" if finding.time is not None else ""
    then = f" → {plain(finding.next_step)}" if finding.next_step else ""
    evidence = [f"  - {plain(line)}" for line in finding.evidence[:5]]
    return [f"- **{finding.severity}** {plain(finding.text)}{when}{then}", *evidence]


def _behind(bundle: Bundle, step: Step) -> list[str]:
    section = bundle.section(_SHOWN.get(step.number, ""))
    if step.state in (StepState.OK, StepState.NOPERM) or section is None or not section.lines:
        return []
    return [
        "",
        f"### {step.number} {step.title}: {plain(section.command or section.name)}",
        "",
        *fenced(section.lines[-MOST_LINES:]),
    ]
