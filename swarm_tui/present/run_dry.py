"""A dry run in lines: what is red before anything starts, what would happen to whom in which order, and when."""

from __future__ import annotations

from collections.abc import Sequence

from backends.inventory.ranges import fold
from backends.maintenance.dry_run import DryHost, DryRun, Finding
from backends.states import Severity
from backends.units import size, span
from swarm_tui.present import host_table
from swarm_tui.present.dry_lines import WORTH_NOTHING, when
from swarm_tui.present.host_line import SEVERITY_MARKS, SEVERITY_ROLES, Span, heading, line, wrap
from swarm_tui.present.host_table import Column
from swarm_tui.present.line import Line, crop
from swarm_tui.present.run_text import hosts
from swarm_tui.theme import Role

SHORT_HASH = 12
MOST_CHANGES = 6
"""Packages that a group of hosts names."""
MOST_HOSTS = 400
"""Rows of the order; a larger run is told by its batches, and in full by `swarm-tui run plan`."""
_COLUMNS = (
    Column("", 1),
    Column("#", 3, "right"),
    Column("host", 12),
    Column("begins", 6, "right"),
    Column("takes", 6, "right"),
    Column("drains", 6),
    Column("pkgs", 4, "right"),
    Column("reboot", 6),
    Column("kind", 30, wide=120),
    Column("about"),
)


def lines(dry: DryRun, width: int) -> list[Line]:
    """All of it, what is against it first."""
    return [
        *_head(dry, width),
        (),
        *_findings(dry.findings, width),
        *_order(dry, width),
        *_updates(dry, width),
    ]


def verdict(dry: DryRun) -> Span:
    """One sentence: whether it may start."""
    red = sum(each.severity is Severity.CRITICAL for each in dry.findings)
    yellow = sum(each.severity in (Severity.WARNING, Severity.UNKNOWN) for each in dry.findings)
    if red:
        return Span(f"✖ It may not start: {red} red", "bad")
    if yellow:
        return Span(f"▲ It may start; {yellow} worth a look", "warn")
    return Span("● Nothing is against it", "ok")


def _head(dry: DryRun, width: int) -> list[Line]:
    plan = dry.plan
    steps = " > ".join(step.text for step in plan.steps)
    rows = [line(Span(plan.name or "A run", "title"), Span(f"  plan {plan.hash[:SHORT_HASH]}  ", "dim"), verdict(dry))]
    rows += _pair("hosts", f"{hosts(len(plan.hosts))}: {fold(each.host for each in plan.hosts)}", width)
    rows += _pair("steps", steps, width)
    rows += _pair("batches", _batches(dry), width)
    rows += _pair("budget", _budget(dry), width)
    rows += _pair("takes", _times(dry), width)
    rows += _pair("drained", fold(dry.drained) if dry.drained else "nobody", width)
    if dry.window:
        fits = f"; {dry.fits} of {len(plan.hosts)} hosts fit in" if dry.fits is not None else ""
        rows += _pair("window", dry.window + fits, width)
    if plan.approvals:
        tags = f" (tag {', '.join(dry.approvals_by)})" if dry.approvals_by else ""
        rows += _pair("approvals", f"{plan.approvals} besides you{tags}: it waits for them", width)
    return [crop(row, width) for row in rows]


def _pair(label: str, value: str, width: int) -> list[Line]:
    first, *others = wrap(value, width - 11)
    return [line(Span(f"{label:<11}", "dim"), *first), *(line(" " * 11, *each) for each in others)]


def _batches(dry: DryRun) -> str:
    sizes: dict[int, int] = {}
    for row in dry.rows:
        sizes[row.batch] = sizes.get(row.batch, 0) + 1
    canary = any(row.canary for row in dry.rows)
    words = [f"{n} canar{'y' if n == 1 else 'ies'}" if canary and b == 0 else str(n) for b, n in sorted(sizes.items())]
    plan = dry.plan
    soak = f", {span(plan.soak_seconds)} soak between" if len(sizes) > 1 else ""
    by = "; after the canaries somebody says go on" if plan.promote == "key" and len(sizes) > 1 else ""
    return " + ".join(words) + soak + by


def _budget(dry: DryRun) -> str:
    budget = dry.plan.budget
    words = f"at most {budget.fleet} away at once"
    if budget.domain is not None:
        words += f", {budget.domain} in each failure domain"
    words += f"; stops at {budget.failed} failed"
    down = f"; {fold(dry.unavailable)} away already" if dry.unavailable else ""
    return f"{words}; now {dry.headroom} may begin{down}"


def _times(dry: DryRun) -> str:
    if dry.idle:
        return f"- (no host can be done: {dry.idle})"
    if dry.total_p50 is None:
        return "not known yet: some step never ran here"
    if dry.total_p90 is not None and dry.total_p90 < 1:
        return WORTH_NOTHING
    usual = f"about {span(dry.total_p50)}"
    return f"{usual}, hardly more than {span(dry.total_p90)}" if dry.total_p90 is not None else usual


def _findings(findings: Sequence[Finding], width: int) -> list[Line]:
    rows: list[Line] = []
    for each in findings:
        who = f"{fold(each.hosts)}: " if each.hosts else ""
        mark = f"{SEVERITY_MARKS[each.severity]} "
        rows += wrap(f"{mark}{who}{each.text}", width, 2, SEVERITY_ROLES[each.severity])
        if each.hint:
            rows += [line("  ", *row) for row in wrap(f"→ {each.hint}", width - 2, 2, "accent")]
    return [*rows, ()] if rows else []


def _order(dry: DryRun, width: int) -> list[Line]:
    rows: list[Line] = []
    lanes: dict[int, list[DryHost]] = {}
    for row in dry.rows[:MOST_HOSTS]:
        lanes.setdefault(row.batch, []).append(row)
    for batch, members in sorted(lanes.items()):
        name = "Canaries" if members[0].canary else f"Batch {batch + 1}"
        rows.append(heading(name, hosts(len(members)), width))
        rows.append(host_table.head(_COLUMNS, width))
        rows += [_host(each, width) for each in members]
        rows.append(())
    left = len(dry.rows) - MOST_HOSTS
    return [*rows, ((f"and {hosts(left)} more, in this order", "dim"),), ()] if left > 0 else rows


def _host(row: DryHost, width: int) -> Line:
    role: Role = SEVERITY_ROLES[row.severity]
    mark = "" if row.severity is Severity.OK else SEVERITY_MARKS[row.severity]
    cells = (
        Span(mark, role),
        Span(str(row.order), "dim"),
        Span(row.host, "strong"),
        Span(when(row, row.begins, "+"), "text"),
        Span(when(row, row.estimate_p50), "dim"),
        Span(row.scheduler if row.drains else "stays" if row.prior else "", "accent" if row.drains else "warn"),
        Span("" if row.changes is None else str(row.changes), "dim"),
        Span({True: "yes", False: "no", None: "?"}[row.reboot], "warn" if row.reboot else "dim"),
        Span(row.kind, "dim"),
        Span(_about(row), role if row.findings else "dim"),
    )
    return host_table.row(_COLUMNS, cells, width)


def _about(row: DryHost) -> str:
    if row.findings or row.out:
        return "; ".join(row.findings) or row.out
    if row.jobs:
        wait = f", the longest has {span(row.wait_seconds)} left" if row.wait_seconds is not None else ""
        return f"{row.jobs} jobs{wait}"
    return row.prior


def _updates(dry: DryRun, width: int) -> list[Line]:
    rows: list[Line] = []
    for group in dry.sets:
        fetch = f", {size(group.download_bytes)} to fetch" if group.download_bytes is not None else ""
        same = "the same " if len(group.hosts) > 1 else ""
        title = f"{hosts(len(group.hosts))}: {same}{len(group.changes)} packages{fetch}"
        rows.append(heading("Updates", title, width))
        rows += wrap(fold(group.hosts), width, 2, "text")
        names = [f"{each.name} {each.candidate or 'removed'}" for each in group.changes[:MOST_CHANGES]]
        more = len(group.changes) - MOST_CHANGES
        rows += wrap(", ".join(names) + (f" and {more} more" if more > 0 else ""), width, 2, "dim")
        rows += [row for each in group.warnings for row in wrap(f"▲ {each.text}", width, 2, "warn")]
        rows.append(())
    return rows


def question(dry: DryRun, width: int) -> list[Line]:
    """What a person reads right before it starts."""
    plan = dry.plan
    rows = wrap(f"{fold(each.host for each in plan.hosts)} ({len(plan.hosts)})", width, 2, "strong")
    rows += wrap(" > ".join(step.text for step in plan.steps), width, 2)
    rows += wrap(f"{_batches(dry)}; {_budget(dry)}", width, 2, "dim")
    if dry.drained:
        rows += wrap(f"Drained from their scheduler: {fold(dry.drained)}", width, 2, "warn")
    yellow = [each for each in dry.findings if each.severity in (Severity.WARNING, Severity.UNKNOWN)]
    for each in yellow[:4]:
        rows += wrap(f"▲ {each.text}", width, 2, "warn")
    if len(yellow) > 4:
        rows.append(((f"and {len(yellow) - 4} more that are worth a look", "warn"),))
    rows += wrap(f"Exactly the plan {plan.hash[:SHORT_HASH]}, and nothing else.", width, 0, "dim")
    return rows
