"""The part of the report about each host: its steps in time, and what every step wrote down."""

from __future__ import annotations

import re

from backends.maintenance import facts
from backends.maintenance import report_facts as gathered
from backends.maintenance.model import HostRun, RunState, StepResult
from backends.maintenance.report_words import said, table, time_text
from backends.text import clean
from backends.triage.markdown import fenced
from backends.units import span

OUTPUT_LINES = 20
"""Of a step that failed."""
_EPOCH = re.compile(r"[0-9]{1,11}(\.[0-9]{1,6})?", re.ASCII)
_LONG = frozenset(
    {
        facts.PACKAGES,
        facts.CVES,
        facts.ARCHIVE,
        facts.GATE,
        facts.LEFTOVERS,
        facts.DRIFT,
        facts.DRIFT_PLANNED,
        facts.OUTPUT,
    }
)
"""Facts that stand elsewhere in the report."""


def timelines(state: RunState) -> list[str]:
    """One section a host that began."""
    found = [line for host in gathered.in_order(state) if host.results for line in _timeline(state, host)]
    return ["## Hosts, step by step", "", *found] if found else []


def _timeline(state: RunState, host: HostRun) -> list[str]:
    rows = [_row(state, result) for result in host.results]
    found = [f"### {said(host.host)}", "", *table(("began (UTC)", "step", "took", "result", "what"), rows)]
    for result in host.results:
        output = result.facts.get(facts.OUTPUT, "").strip("\n") if not result.good else ""
        if output:
            step = said(gathered.step_text(state, result.step))
            lines = [clean(line, 500) for line in output.split("\n")[-OUTPUT_LINES:]]
            found += [f"The end of what {step} said:", "", *fenced(lines), ""]
    return found


def _row(state: RunState, result: StepResult) -> tuple[str, ...]:
    known = [_fact(key, value) for key, value in sorted(result.facts.items()) if value and key not in _LONG]
    parts = [said(result.text), *known]
    return (
        time_text(result.began or None),
        said(gathered.step_text(state, result.step)),
        span(gathered.took(result.began, result.ended)),
        "done" if result.good else "FAILED",
        "; ".join(filter(None, parts)) or "—",
    )


def _fact(key: str, value: str) -> str:
    if key == facts.JOBS_WAITED:
        return "waited for " + ", ".join(_job(job) for job in facts.jobs({key: value})[:6])
    if key in (facts.DRAINED_AT, facts.PROOF):
        return f"{said(key.replace('_', ' '))}: {_moment(value)}"
    if key == facts.DOWN_SECONDS and value.isascii() and value.isdigit():
        return f"down for {span(float(value))}"
    return f"{said(key.replace('_', ' '))}: {said(value, 120)}"


def _job(job: facts.Job) -> str:
    took = f" {span(job.seconds)}" if job.seconds is not None else ""
    by = f" of {said(job.user)}" if job.user else ""
    return f"job {said(job.id)}{by}{took}"


def _moment(value: str) -> str:
    return f"{time_text(float(value))} UTC" if _EPOCH.fullmatch(value) else said(value, 120)
