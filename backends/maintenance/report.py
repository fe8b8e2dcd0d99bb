"""The report of a run as Markdown, for a ticket or a change record: nobody has to write it. The same state, the same text.

What hosts and people said stays text there: no heading, link, mention or picture comes of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.inventory.ranges import fold
from backends.maintenance import report_facts as gathered
from backends.maintenance.model import Edge, EdgeKind, HostRun, RunState, Stage
from backends.maintenance.report_changes import changes, left
from backends.maintenance.report_timeline import timelines
from backends.maintenance.report_words import code, said, table, time_text
from backends.units import span

_RUN_EDGES: dict[EdgeKind, str] = {
    EdgeKind.CREATED: "made the plan",
    EdgeKind.APPROVED: "approved it",
    EdgeKind.STARTED: "started it",
    EdgeKind.PAUSED: "paused it",
    EdgeKind.RESUMED: "let it go on",
    EdgeKind.STOPPED: "stopped by itself",
    EdgeKind.ABORTED: "aborted it",
    EdgeKind.ENDED: "ended",
    EdgeKind.BATCH: "batch {batch} may begin",
    EdgeKind.BATCH_OVER: "the batch is over and soaks",
    EdgeKind.PROMOTED: "promoted the canaries",
    EdgeKind.ANSWERED: "answered for {host}",
    EdgeKind.SKIPPED: "skipped {host}",
    EdgeKind.RETRIED: "had {host} try again",
}
"""What is told of the run as a whole. Notes have a section of their own."""
_BY_ITSELF = {EdgeKind.SKIPPED: "{host} was skipped", EdgeKind.STARTED: "started", EdgeKind.RESUMED: "goes on"}


def markdown(state: RunState, edges: Sequence[Edge] = ()) -> str:
    """The whole report.

    Args:
        edges: of its journal, in order; without them what people did is known by its results alone.
    """
    parts = [
        _head(state),
        _attention(state),
        _approvals(state),
        _hosts(state),
        changes(state),
        left(state),
        _budget(state),
        _durations(state),
        _events(edges),
        _notes(state),
        timelines(state),
    ]
    return "\n".join(line for part in parts for line in part).rstrip("\n") + "\n"


def _head(state: RunState) -> list[str]:
    plan = state.plan
    seconds = gathered.took(state.began, state.ended)
    summary = ", ".join(f"{count} {stage}" for stage, count in gathered.counts(state).items()) or "no host"
    domain = f", {plan.budget.domain} in each failure domain" if plan.budget.domain is not None else ""
    opens = f"from {time_text(plan.window_start)} " if plan.window_start is not None else ""
    window = f"{opens}until {time_text(plan.window_end)} UTC" if plan.window_end is not None else opens or "none"
    by = f"{said(plan.who)}, {time_text(plan.created)} UTC" + (", by a schedule" if plan.scheduled else "")
    rows = [
        f"**{str(state.status).upper()}**: {summary}" + (f". {said(state.why)}" if state.why else ""),
        "",
        f"- Run `{code(plan.id)}`, plan `{code(plan.hash)}`",
        f"- Made by {by}",
        f"- Began {time_text(state.began)}, ended {time_text(state.ended)} UTC, took {span(seconds)}",
        f"- Hosts ({len(plan.hosts)}): {said(plan.selector) or 'every host'}",
        f"- Steps: {said(', '.join(step.text for step in plan.steps), 2000)}",
        f"- At most {plan.budget.fleet} hosts away at once{domain}; stops at {plan.budget.failed} failed",
        f"- {plan.batches} batches, {span(plan.soak_seconds)} of soak, promotion: {plan.promote}; window: {window}",
    ]
    if plan.update_plan:
        rows.append(f"- Updates: plan `{code(plan.update_plan)}`, hash `{code(plan.update_hash)}`")
    return [f"# Maintenance: {said(plan.name) or 'without a name'}", "", *rows, ""]


def _attention(state: RunState) -> list[str]:
    """What is not as it should be, with the next step; first, since that is what is read."""
    rows = [_problem(state, host) for host in gathered.of_stage(state, (Stage.FAILED, Stage.ASKING))]
    skipped = gathered.of_stage(state, (Stage.SKIPPED,))
    if state.hint:
        rows.insert(0, f"- **The run** {said(state.why)} → {said(state.hint)}")
    found = ["## Needs attention", "", *rows, ""] if rows else []
    if skipped:
        reasons: dict[tuple[str, str], list[str]] = {}
        for host in skipped:
            reasons.setdefault((host.text or "no reason was given", host.hint), []).append(host.host)
        found += ["## Skipped", ""]
        found += [
            f"- {said(fold(hosts))}: {said(why)}{f' → {said(hint)}' if hint else ''}"
            for (why, hint), hosts in reasons.items()
        ]
        found += [""]
    return found


def _problem(state: RunState, host: HostRun) -> str:
    step = gathered.step_text(state, host.step)
    where = f" in {said(step)}" if step else ""
    stays = "stays as it is" if host.stage is Stage.FAILED else "waits for somebody"
    then = f" → {said(host.hint)}" if host.hint else ""
    return f"- **{said(host.host)}**{where} ({stays}): {said(host.text) or 'no reason is known'}{then}"


def _approvals(state: RunState) -> list[str]:
    if not state.approvals and not state.plan.approvals:
        return []
    rows = [
        f"- {said(each.who)}, {time_text(each.time)} UTC, plan `{code(each.hash[:12])}`" for each in state.approvals
    ]
    return ["## Approvals", "", f"{len(state.approvals)} of {state.plan.approvals} asked for.", "", *rows, ""]


def _hosts(state: RunState) -> list[str]:
    plans = {each.host: each for each in state.plan.hosts}
    rows = []
    for host in gathered.in_order(state):
        plan = plans[host.host]
        applied = [each for each in gathered.packages(host) if each.outcome == "applied"]
        rows.append(
            (
                said(host.host),
                f"{plan.batch + 1}" + (" canary" if plan.canary else ""),
                said(plan.kind),
                str(host.stage),
                time_text(host.began),
                span(gathered.took(host.began, host.ended)) if host.began is not None else "—",
                str(len(applied)) if gathered.packages(host) else "—",
                said(gathered.rebooted(host)) or "—",
            )
        )
    head = ("host", "batch", "kind", "result", "began (UTC)", "took", "packages", "rebooted")
    return ["## Hosts", "", *table(head, rows)]


def _budget(state: RunState) -> list[str]:
    failed = len(gathered.of_stage(state, (Stage.FAILED,)))
    rows = [(said(each.what), str(each.most), str(each.limit)) for each in gathered.peaks(state)]
    rows.append(("failed", str(failed), str(state.plan.budget.failed)))
    text = "Hosts of this run that were away at once, at most. Hosts that were down anyway are not in it."
    return ["## Budget", "", text, "", *table(("what", "most", "limit"), rows)]


def _durations(state: RunState) -> list[str]:
    rows = [
        (said(each.step), str(each.hosts), span(each.usual), f"{span(each.longest)} ({said(each.slowest)})")
        for each in gathered.durations(state)
    ]
    return ["## Durations", "", *table(("step", "hosts", "usual", "longest"), rows)] if rows else []


def _events(edges: Sequence[Edge]) -> list[str]:
    rows = [(time_text(edge.time), _who(edge), _event(edge)) for edge in edges if edge.kind in _RUN_EDGES]
    return ["## What happened to the run", "", *table(("UTC", "who", "what"), rows)] if rows else []


def _who(edge: Edge) -> str:
    return said(edge.who) if edge.who else "the run"


def _event(edge: Edge) -> str:
    words = _BY_ITSELF.get(edge.kind, _RUN_EDGES[edge.kind]) if not edge.who else _RUN_EDGES[edge.kind]
    text = words.format(batch=edge.step + 1, host=said(edge.host))
    return f"{text}: {said(edge.text)}" if edge.text and edge.kind is not EdgeKind.APPROVED else text


def _notes(state: RunState) -> list[str]:
    rows = [
        f"- {time_text(each.time)} UTC, {said(each.who)}"
        + (f", {said(each.host)}" if each.host else "")
        + f": {said(each.text)}"
        for each in state.notes
    ]
    return ["## Notes", "", *rows, ""] if rows else []
