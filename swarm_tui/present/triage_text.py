"""Triage in words: the verdict, the steps, a difference, a list of bundles. Shared by screen and subcommand."""

from __future__ import annotations

from collections.abc import Sequence

from backends.clock import utc
from backends.states import Severity
from backends.triage.matrix import Matrix
from backends.triage.model import TITLES, Bundle, Finding, Step, StepState
from backends.triage.views import ANSWER_SECONDS, DEADLINE_SECONDS, Compared, Kept, Outcome
from backends.units import span

HEADS = ("alive", "kernel", "PCI", "GPUs", "load", "disks", "units", "net", "change")
"""Of the steps 1–9, in six cells."""
STATE_CELLS = max(len(state) for state in StepState)
TITLE_CELLS = max(map(len, TITLES))


def state_word(state: StepState | None) -> str:
    """ "OK", "NOPERM"; "—" where there is none."""
    return str(state).upper() if state is not None else "—"


def severity_word(severity: Severity) -> str:
    return str(severity).upper()


def when(time: float) -> str:
    """ "2026-11-26 02:00:07 UTC"."""
    return f"{utc(time):%Y-%m-%d %H:%M:%S} UTC"


def made(bundle: Bundle, number: int | None) -> str:
    """How the bundle came to be: "2.5 s, without root, asked, bundle 12"."""
    root = "with root" if bundle.root else "without root"
    reason = f", {bundle.reason}" if bundle.reason not in ("", "asked") else ""
    kept = f", bundle {number}" if number is not None else ""
    return f"{bundle.seconds:.1f} s, {root}{reason}{kept}"


def step_progress(number: int, seconds: float) -> str:
    """How a step stands while the host is being asked; its own answer comes with all others."""
    limit = DEADLINE_SECONDS[number - 1]
    return f"asked, at most {limit:g} s" if seconds <= limit else "over, the answer comes with the others"


def host_progress(outcome: Outcome, seconds: float) -> str:
    """How a host stands: "asked 3 s ago, an answer comes within 15 s"."""
    if outcome.standing == "waiting":
        return "waits for its turn"
    if seconds > ANSWER_SECONDS:
        return f"asked {seconds:.0f} s ago, later than the {ANSWER_SECONDS:.0f} s it is given: the way there is slow"
    return f"asked {seconds:.0f} s ago, an answer comes within {ANSWER_SECONDS:.0f} s"


# Lines of the subcommand ------------------------------------------------------------------------------------------


def bundle_lines(bundle: Bundle, number: int | None = None) -> list[str]:
    """Verdict, steps and findings."""
    strip = bundle.strip
    lines = [f"{bundle.host}  {severity_word(strip.severity)}  {strip.text}"]
    lines += [f"  next: {strip.next_step}  (confidence: {strip.confidence})"] if strip.next_step else []
    lines += ["", *(f"  {_step(step)}" for step in bundle.steps)]
    if strip.findings:
        lines += ["", *(line for finding in strip.findings for line in _finding(finding))]
    return [*lines, "", f"  {when(bundle.time)}, {made(bundle, number)}"]


def _step(step: Step) -> str:
    return f"{step.number} {step.title:{TITLE_CELLS}}  {state_word(step.state):{STATE_CELLS}}  {step.text}".rstrip()


def _finding(finding: Finding) -> list[str]:
    at = f", {when(finding.time)}" if finding.time is not None else ""
    lines = [f"  {severity_word(finding.severity)}  {finding.text}{at}"]
    lines += [f"    next: {finding.next_step}"] if finding.next_step else []
    return lines + [f"    {each}" for each in finding.evidence]


def failed_lines(outcome: Outcome) -> list[str]:
    """A host that gave no bundle."""
    word = "no triage" if outcome.standing == "failed" else "no answer yet; it goes on"
    lines = [f"{outcome.host}  UNKNOWN  {word}{f': {outcome.error}' if outcome.error else ''}"]
    return lines + ([f"  next: {outcome.hint}"] if outcome.hint else [])


MATRIX_HEAD = ("HOST", *HEADS, "VERDICT")


def matrix_cells(found: Matrix) -> list[tuple[str, ...]]:
    """Hosts × steps, the oddest first; a host without a bundle says why."""
    return [
        (row.host, *map(state_word, row.states), row.strip.text if row.strip is not None else row.reason)
        for row in found.rows
    ]


def compared_lines(found: Compared) -> list[str]:
    """What differs, subject by subject."""
    head = f"bundle {found.number} of {found.host} against {found.title}, {when(found.other_time)}: {found.why}"
    if not found.differences:
        return [head, "  nothing differs"]
    cells = min(40, max(len(each.subject) for each in found.differences))
    return [head, *(f"  {each.subject:{cells}}  {each.here} | {each.there}" for each in found.differences)]


KEPT_HEAD = ("BUNDLE", "HOST", "TIME", "VERDICT", "REASON", "")


def kept_cells(rows: Sequence[Kept]) -> list[tuple[str, ...]]:
    """The list of bundles."""
    return [(str(row.id), row.host, when(row.time), severity_word(row.severity), row.reason, row.text) for row in rows]


def ago(time: float, now: float) -> str:
    """ "3m20s ago"; a clock that is wrong is not hidden."""
    return f"{span(now - time)} ago" if time <= now + 2.0 else "in the future"
