"""The report of a run for machines: one JSON object a line, each with its "type". The same state gives the same bytes.

Types: run, approval, result; for each host: host, step, package, job, archive, difference, configuration, left; then cve,
budget, duration, event.
Times are UTC ("2026-05-01T22:00:03Z"), durations seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import asdict

from backends.clock import utc
from backends.maintenance import facts
from backends.maintenance import report_facts as gathered
from backends.maintenance.model import Edge, EdgeKind, HostPlan, HostRun, RunState, Stage
from backends.text import clean, clean_lines

Line = dict[str, object]
FORMAT = 1
"""Of the lines; told in the first one."""
LEFT = (facts.LEFTOVERS, facts.WARNINGS, facts.DRIFT)
"""Facts that are work for somebody."""
OUTPUT = 4000
"""Characters of a step's output."""
_ELSEWHERE = frozenset(
    {facts.PACKAGES, facts.CVES, facts.ARCHIVE, facts.GATE, facts.JOBS_WAITED, facts.DRIFT_PLANNED, *LEFT}
)
"""Facts that have lines of their own."""


def jsonl(state: RunState, edges: Sequence[Edge] = ()) -> str:
    """All lines.

    Args:
        edges: of its journal, in order; without them the events are missing, and nothing else.
    """
    encoder = msgspec.json.Encoder(order="deterministic")
    return "".join(encoder.encode(line).decode() + "\n" for line in lines(state, edges))


def lines(state: RunState, edges: Sequence[Edge] = ()) -> Iterator[Line]:
    """One after the other."""
    yield _run(state)
    for each in state.approvals:
        yield {"type": "approval", "who": clean(each.who), "time": moment(each.time), "hash": each.hash}
    yield _result(state)
    plans = {each.host: each for each in state.plan.hosts}
    for host in gathered.in_order(state):
        yield from _host(state, host, plans[host.host])
    for cve, hosts in gathered.cves(state).items():
        yield {"type": "cve", "cve": cve, "hosts": hosts}
    for peak in gathered.peaks(state):
        yield {"type": "budget", "what": peak.what, "most": peak.most, "limit": peak.limit}
    yield {"type": "budget", "what": "failed", "most": len(_failed(state)), "limit": state.plan.budget.failed}
    for took in gathered.durations(state):
        yield {"type": "duration", **asdict(took)}
    yield from _events(state, edges)


def moment(seconds: float | None) -> str | None:
    """Epoch seconds as UTC; None stays None."""
    return None if seconds is None else f"{utc(seconds):%Y-%m-%dT%H:%M:%SZ}"


def _run(state: RunState) -> Line:
    plan = state.plan
    return {
        "type": "run",
        "format": FORMAT,
        "run": plan.id,
        "name": clean(plan.name),
        "who": clean(plan.who),
        "created": moment(plan.created),
        "hash": plan.hash,
        "selector": clean(plan.selector),
        "hosts": [each.host for each in plan.hosts],
        "canaries": [each.host for each in plan.hosts if each.canary],
        "batches": plan.batches,
        "steps": [each.text for each in plan.steps],
        "max_unavailable": plan.budget.fleet,
        "max_unavailable_per_domain": plan.budget.domain,
        "max_failed": plan.budget.failed,
        "soak_seconds": plan.soak_seconds,
        "promote": plan.promote,
        "window_start": moment(plan.window_start),
        "window_end": moment(plan.window_end),
        "update_plan": plan.update_plan,
        "update_hash": plan.update_hash,
        "approvals_wanted": plan.approvals,
        "scheduled": plan.scheduled,
    }


def _result(state: RunState) -> Line:
    return {
        "type": "result",
        "status": str(state.status),
        "why": clean(state.why),
        "next": clean(state.hint),
        "began": moment(state.began),
        "ended": moment(state.ended),
        "seconds": gathered.took(state.began, state.ended),
        "counts": gathered.counts(state),
    }


def _host(state: RunState, host: HostRun, plan: HostPlan) -> Iterator[Line]:
    yield {
        "type": "host",
        "host": host.host,
        "kind": clean(plan.kind),
        "batch": plan.batch,
        "canary": plan.canary,
        "scheduler": plan.scheduler,
        "stage": str(host.stage),
        "step": gathered.step_text(state, host.step),
        "text": clean(host.text),
        "next": clean(host.hint),
        "began": moment(host.began),
        "ended": moment(host.ended),
        "seconds": gathered.took(host.began, host.ended),
        "rebooted": clean(gathered.rebooted(host)),
    }
    for result in host.results:
        known = {key: value for key, value in result.facts.items() if key not in _ELSEWHERE and value}
        yield {
            "type": "step",
            "host": host.host,
            "step": gathered.step_text(state, result.step),
            "good": result.good,
            "text": clean(result.text),
            "began": moment(result.began),
            "ended": moment(result.ended),
            "seconds": gathered.took(result.began, result.ended),
            "facts": {clean(key, 60): clean_lines(value, OUTPUT) for key, value in sorted(known.items())},
        }
    for package in gathered.packages(host):
        yield {"type": "package", "host": host.host, **_clean(asdict(package))}
    for result in host.results:
        for job in facts.jobs(result.facts):
            yield {"type": "job", "host": host.host, **_clean(asdict(job))}
        for archive in facts.archives(result.facts):
            yield {"type": "archive", "host": host.host, **_clean(asdict(archive))}
        for difference in facts.differences(result.facts):
            yield {"type": "difference", "host": host.host, **_clean(asdict(difference))}
    for file, why in gathered.configuration(state, host):
        yield {"type": "configuration", "host": host.host, "file": clean(file), "why": clean(why)}
    for key in LEFT:
        for text in gathered.left(state, host, key):
            yield {"type": "left", "host": host.host, "kind": key, "text": clean(text)}


def _events(state: RunState, edges: Iterable[Edge]) -> Iterator[Line]:
    for edge in edges:
        yield {
            "type": "event",
            "time": moment(edge.time),
            "kind": str(edge.kind),
            "who": clean(edge.who),
            "host": edge.host,
            "step": edge.step + 1 if edge.kind is EdgeKind.BATCH else gathered.step_text(state, edge.step),
            "text": clean(edge.text),
        }


def _clean(row: Line) -> Line:
    return {key: clean(value) if isinstance(value, str) else value for key, value in row.items()}


def _failed(state: RunState) -> list[str]:
    return [host.host for host in state.hosts.values() if host.stage is Stage.FAILED]
