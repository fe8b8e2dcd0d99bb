"""A triage of one host in lines: progress while it goes on, then the verdict strip, the nine steps and what was found."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from backends.states import Severity
from backends.triage.model import TITLES, Bundle, Finding, Step, StepState
from backends.triage.views import Kept, Outcome
from backends.units import span
from swarm_tui.present import triage_text as text
from swarm_tui.present.host_line import SEVERITY_MARKS, SEVERITY_ROLES, Span, cell, heading, line, wrap
from swarm_tui.present.line import Line, crop, spread
from swarm_tui.present.line import width as cells
from swarm_tui.theme import Role

STATE_ROLES: dict[StepState, Role] = {
    StepState.OK: "ok",
    StepState.NOPERM: "info",
    StepState.WARN: "warn",
    StepState.FAIL: "bad",
    StepState.STUCK: "flag",
}
_BADGES: dict[Severity, Role] = {
    Severity.OK: "ok",
    Severity.UNKNOWN: "info",
    Severity.WARNING: "flag-warn",
    Severity.CRITICAL: "flag",
}


class Row(NamedTuple):
    """One line of a list; `key` None cannot be picked."""

    key: Hashable
    text: Line


def verdict_rows(bundle: Bundle, number: int | None, now: float, width: int) -> list[Row]:
    """The strip, the steps (keys ("step", N)) and the findings (keys ("finding", index))."""
    rows = [Row(None, each) for each in strip_lines(bundle, number, now, width)]
    rows.append(Row(None, heading("steps", "Enter shows what the host said", width)))
    rows += [Row(("step", step.number), step_line(step, width)) for step in bundle.steps]
    if bundle.strip.findings:
        rows += [Row(None, ()), Row(None, heading("found", f"{len(bundle.strip.findings)}, worst first", width))]
        for index, finding in enumerate(bundle.strip.findings):
            rows += _finding_rows(index, finding, bundle.begin, width)
    return rows


def strip_lines(bundle: Bundle, number: int | None, now: float, width: int) -> list[Line]:
    """Severity, verdict, next step, confidence."""
    strip = bundle.strip
    badge = Span(f" {SEVERITY_MARKS[strip.severity]} {text.severity_word(strip.severity)} ", _BADGES[strip.severity])
    sure = Span(f"  confidence {strip.confidence}", "dim")
    left = line(badge, sure)
    right = crop(((f"{text.ago(bundle.time, now)}, {text.made(bundle, number)} ", "dim"),), width - cells(left) - 2)
    lines = [spread(left, right, width)]
    lines += [line(" ", *each) for each in wrap(strip.text, width - 2, 0, "strong")]
    if strip.next_step:
        lines += [line(" ", *each) for each in wrap(f"→ {strip.next_step}", width - 2, 2, "accent")]
    return lines


def step_line(step: Step, width: int) -> Line:
    """ "4 GPUs        STUCK   nvidia-smi: no answer"."""
    return crop(
        line(
            Span(f" {step.number} ", "dim"),
            cell(step.title, text.TITLE_CELLS + 1, "text"),
            cell(text.state_word(step.state), text.STATE_CELLS, STATE_ROLES[step.state]),
            Span(f" {step.text}", "dim" if step.state is StepState.OK else "text"),
        ),
        width,
    )


def _finding_rows(index: int, finding: Finding, begin: float, width: int) -> list[Row]:
    mark = Span(f" {SEVERITY_MARKS[finding.severity]} ", SEVERITY_ROLES[finding.severity])
    before = f", {span(max(0.0, begin - finding.time))} before" if finding.time is not None else ""
    lines = wrap(f"{finding.text}{before} (step {finding.step})", width - 4, 0, "text")
    rows = [Row(("finding", index), line(mark, *lines[0])), *(Row(None, line("   ", *each)) for each in lines[1:])]
    if finding.next_step:
        rows += [Row(None, line("   ", *each)) for each in wrap(f"→ {finding.next_step}", width - 4, 2, "accent")]
    return rows + [Row(None, crop(line(Span(f"     {each}", "dim")), width)) for each in finding.evidence]


def first_step(bundle: Bundle) -> int:
    """The step to look at first: that of the verdict, else the worst."""
    if bundle.strip.findings:
        return bundle.strip.findings[0].step
    return max(bundle.steps, key=lambda each: each.state.rank).number if bundle.steps else 1


def step_of(key: Hashable, bundle: Bundle) -> int | None:
    """The step that a row is about."""
    if not isinstance(key, tuple):
        return None
    kind, at = key
    return bundle.strip.findings[at].step if kind == "finding" else int(at)


# Without a bundle -------------------------------------------------------------------------------------------------


def progress_rows(outcome: Outcome, seconds: float, width: int) -> list[Row]:
    """The host is being asked, or waits for that; what each step is given."""
    lines: list[Line] = [
        (),
        line(" ", Span(outcome.host, "strong"), Span(f"  {text.host_progress(outcome, seconds)}", "accent")),
        line(Span(" Nothing is changed there. Esc leaves; it goes on and is kept.", "dim")),
        (),
    ]
    for number, title in enumerate(TITLES, 1):
        said = text.step_progress(number, seconds) if outcome.standing == "asking" else "waits"
        lines.append(
            line(Span(f" {number} ", "dim"), cell(title, text.TITLE_CELLS + 1, "text"), Span(f" {said}", "dim"))
        )
    return [Row(None, crop(each, width)) for each in lines]


def failed_rows(host: str, error: str, hint: str, earlier: Sequence[Kept], now: float, width: int) -> list[Row]:
    """There is no bundle: why, what helps, and what is known from before."""
    lines: list[Line] = [(), line(Span(" ? UNKNOWN ", "info"), Span(f"  {host} could not be looked at", "strong"))]
    lines += [line(" ", *each) for each in wrap(error, width - 2, 0, "bad")]
    lines += [line(" ", *each) for each in wrap(f"→ {hint}", width - 2, 2, "accent")] if hint else []
    lines += [(), line(Span(" r", "key"), Span(" tries again", "dim"))]
    if earlier:
        last = earlier[0]
        lines += [(), heading("the last bundle of it", f"l shows all {len(earlier)}", width)]
        said = f"{text.ago(last.time, now)}: {last.text}"
        lines += [line(" ", *each) for each in wrap(said, width - 2, 0, "text")]
    return [Row(None, each) for each in lines]


def said_rows(first: str, role: Role, second: str, width: int) -> list[Row]:
    """A sentence, and quieter what helps."""
    lines = [(), *(line(" ", *each) for each in wrap(first, width - 2, 0, role))]
    lines += [line(" ", *each) for each in wrap(second, width - 2, 0, "dim")] if second else []
    return [Row(None, each) for each in lines]
