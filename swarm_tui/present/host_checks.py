"""What the health checks found, on the Health tab of the Host screen: problems with evidence and the next step. Pure."""

from __future__ import annotations

from backends.checks.health_views import HostChecks
from backends.units import span
from swarm_tui.present.health import problem_rows
from swarm_tui.present.host_line import Span, heading, line, wrap
from swarm_tui.present.line import Line


def checks_panel(checks: HostChecks | None, now: float, width: int) -> list[Line]:
    """The section; `now` in epoch seconds, for ages. None: the engine has not answered yet."""
    if checks is None:
        return [heading("health checks", "", width), line(Span("asking the engine…", "dim"))]
    rows = [heading("health checks", _note(checks, now), width), *_trouble(checks, width)]
    result = checks.result
    if result is None:
        return rows
    for finding in result.problems:
        rows += [row.text for row in problem_rows(finding, now, width)]
    well = len(result.findings) - len(result.problems)
    said = f"● {well} well" if result.problems else f"● nothing found: {well} well"
    return [*rows, line(Span(said, "ok"), Span("  Enter shows all, takes in hand, sets healthy", "dim"))]


def _note(checks: HostChecks, now: float) -> str:
    row = checks.health
    seen = "" if row.time is None else f"looked at {span(max(0.0, now - row.time))} ago"
    root = "" if row.time is None or row.root else "without root: more is unknown"
    due = "" if checks.due is None else f"again in {span(max(0.0, checks.due - now))}"
    return ", ".join(part for part in (seen, root, "checking it now" if row.busy else due) if part)


def _trouble(checks: HostChecks, width: int) -> list[Line]:
    """Why there is no result, or none of now."""
    row = checks.health
    if row.error:
        when = "" if row.time is None else "; below is what was seen last"
        hint = wrap(f"→ {row.hint}", width, 2, "accent") if row.hint else []
        return [*wrap(f"✖ {row.error}{when}", width, 2, "bad"), *hint]
    if row.time is None:
        return [
            line(Span("checking it for the first time…" if row.busy else "Not checked yet. r checks it now.", "strong"))
        ]
    return []
