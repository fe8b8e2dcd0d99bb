"""What everybody is told of a maintenance run: a day before, start, canary verdict, budget hit, cut-off, end. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from backends.alerts.model import Notice, NoticeKind
from backends.maintenance.model import Edge, EdgeKind, HostRun, RunPlan, RunState, Stage
from backends.states import Severity
from backends.units import span

MOST_HOSTS = 20
_RULE = "maintenance.run"


def of_edge(run: RunState, edge: Edge) -> Notice | None:
    """What is told about an edge; None for most."""
    plan = run.plan
    if edge.kind is EdgeKind.STARTED:
        return _notice(run, edge, "started", Severity.OK, _outline(plan))
    if edge.kind is EdgeKind.BATCH_OVER and run.batch == 0 and any(host.canary for host in plan.hosts):
        canaries = [run.hosts[host.host] for host in plan.hosts if host.canary and host.host in run.hosts]
        bad = [host for host in canaries if host.stage is not Stage.DONE]
        verdict = "the canaries are well" if not bad else f"{len(bad)} of {len(canaries)} canaries are not well"
        next_step = ("it waits until somebody promotes it",) if plan.promote == "key" else ()
        return _notice(run, edge, verdict, Severity.WARNING if bad else Severity.OK, (*_named(bad), *next_step))
    if edge.kind is EdgeKind.STOPPED:
        lines = tuple(filter(None, (edge.hint, *_named(_failed(run)))))
        return _notice(run, edge, f"stopped: {edge.text}", Severity.CRITICAL, lines)
    if edge.kind is EdgeKind.ASKING:
        lines = tuple(filter(None, (edge.text, edge.hint)))
        return _notice(run, edge, f"{edge.host} waits for somebody", Severity.WARNING, lines)
    if edge.kind is EdgeKind.ABORTED:
        return _notice(
            run, edge, f"aborted by {edge.who or 'itself'}", Severity.WARNING, (edge.text,) if edge.text else ()
        )
    if edge.kind is EdgeKind.ENDED:
        return _ended(run, edge)
    return None


def ahead(name: str, start: float, now: float, hosts: int, scope: str = "") -> Notice:
    """The notice before a run that begins by itself. `scope`: a run's id, where it has one already."""
    when = f"{datetime.fromtimestamp(start).astimezone():%a %Y-%m-%d %H:%M %Z}"
    return Notice(
        key=f"run/{scope or name}/ahead/{int(start)}",
        kind=NoticeKind.NOTE,
        time=now,
        severity=Severity.OK,
        rule=_RULE,
        title=f"maintenance {name} begins in {span(max(0.0, start - now))}",
        lines=(f"at {when}, {hosts} hosts",),
    )


def _ended(run: RunState, edge: Edge) -> Notice:
    counts = Counter(str(host.stage) for host in run.hosts.values())
    failed = _failed(run)
    text = ", ".join(f"{count} {stage}" for stage, count in sorted(counts.items()))
    took = span(edge.time - run.began) if run.began is not None and edge.time >= run.began else ""
    lines = (text, *((f"took {took}",) if took else ()), *_named(failed), f"swarm-tui run report {run.plan.id}")
    return _notice(run, edge, "ended" if not failed else f"ended, {len(failed)} failed", _grade(failed), lines)


def _grade(failed: list[HostRun]) -> Severity:
    return Severity.WARNING if failed else Severity.OK


def _failed(run: RunState) -> list[HostRun]:
    return [host for host in run.hosts.values() if host.stage is Stage.FAILED]


def _named(hosts: list[HostRun]) -> tuple[str, ...]:
    lines = tuple(f"{host.host}: {host.text}".rstrip(": ") for host in hosts[:MOST_HOSTS])
    return (*lines, f"and {len(hosts) - MOST_HOSTS} more") if len(hosts) > MOST_HOSTS else lines


def _outline(plan: RunPlan) -> tuple[str, ...]:
    steps = ", ".join(step.text for step in plan.steps)
    return (f"{len(plan.hosts)} hosts in {plan.batches} batches by {plan.who}", steps)


def _notice(run: RunState, edge: Edge, title: str, severity: Severity, lines: tuple[str, ...]) -> Notice:
    plan = run.plan
    return Notice(
        key=f"run/{plan.id}/{edge.kind}/{run.edges}",
        kind=NoticeKind.NOTE,
        time=edge.time,
        severity=severity,
        rule=_RULE,
        title=f"maintenance {plan.name or plan.id}: {title}",
        lines=lines,
    )
