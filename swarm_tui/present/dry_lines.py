"""A dry run of a maintenance as lines of text, for `swarm-tui run plan`: whether it may start, who, when, and what is
against it. Pure; the screen's own are in `run_dry.py`."""

from __future__ import annotations

from collections.abc import Sequence

from backends import units
from backends.clock import utc
from backends.inventory.ranges import fold
from backends.maintenance.dry_run import DryHost, DryRun, Finding
from backends.maintenance.model import RunPlan
from backends.states import Severity
from backends.updates.model import ChangeSet

SHORT_HASH = 12
"""Digits of a hash that the engine takes for the whole of it."""
MOST_CHANGES = 8
"""Packages that a group of hosts names."""
WORTH_NOTHING = "no time worth counting; what a person is asked is not counted"
HOST_HEAD = ("#", "HOST", "BATCH", "BEGINS", "TAKES", "DRAIN", "PACKAGES", "REBOOT", "WHAT")
MARKS = {Severity.OK: "ok", Severity.WARNING: "warn", Severity.CRITICAL: "RED", Severity.UNKNOWN: "?"}


def hosts(count: int) -> str:
    """ "1 host", "12 hosts"."""
    return "1 host" if count == 1 else f"{count} hosts"


def moment(seconds: float) -> str:
    """A time to the minute, in UTC as in every notice."""
    return f"{utc(seconds):%Y-%m-%d %H:%M} UTC"


def verdict(dry: DryRun) -> str:
    """Whether it may start, in one sentence."""
    red = sum(each.severity is Severity.CRITICAL for each in dry.findings)
    yellow = sum(each.severity in (Severity.WARNING, Severity.UNKNOWN) for each in dry.findings)
    if red:
        return f"it may not start: {red} red"
    return f"it may start, {yellow} worth a look" if yellow else "it may start, nothing is against it"


def head_lines(dry: DryRun) -> list[str]:
    """What it is, as a whole; what is against it stands right below."""
    plan = dry.plan
    pairs = [
        *plan_pairs(plan),
        ("now", _room(dry)),
        ("takes", _times(dry)),
        ("drained", fold(dry.drained) if dry.drained else "nobody"),
        ("window", _window(dry)),
        ("approvals", _approvals(dry)),
    ]
    title = f"{plan.name or 'a run'}  plan {plan.hash[:SHORT_HASH]}: {verdict(dry)}"
    return [title, *paired(pairs), *_finding_lines(dry.findings)]


def plan_pairs(plan: RunPlan) -> list[tuple[str, str]]:
    """What was agreed on: who, what, how many at once."""
    return [
        ("hosts", f"{fold(each.host for each in plan.hosts) or 'none'} ({len(plan.hosts)})"),
        ("steps", ", ".join(step.text for step in plan.steps)),
        ("batches", _batches(plan)),
        ("budget", _budget(plan)),
    ]


def plan_lines(plan: RunPlan) -> list[str]:
    """The same of a plan alone, before somebody says yes to it."""
    drains = [each.host for each in plan.hosts if each.scheduler != "none"]
    drained = fold(drains) if drains and any(step.kind == "drain" for step in plan.steps) else ""
    window = f"until {moment(plan.window_end)}" if plan.window_end is not None else ""
    title = f"{plan.name or 'a run'}  {plan.id}  plan {plan.hash[:SHORT_HASH]}  by {plan.who}"
    return [title, *paired([*plan_pairs(plan), ("drained", drained), ("window", window)])]


def paired(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Aligned lines; what is empty is left out."""
    return [f"  {label:<10} {value}" for label, value in pairs if value]


def _batches(plan: RunPlan) -> str:
    sizes: dict[int, int] = {}
    for host in plan.hosts:
        sizes[host.batch] = sizes.get(host.batch, 0) + 1
    first = any(host.canary for host in plan.hosts)
    words = [_size(sizes[batch], first and batch == 0) for batch in sorted(sizes)]
    if len(words) < 2:
        return "".join(words)
    by = "; after the canaries somebody says go on" if first and plan.promote == "key" else ""
    return f"{' + '.join(words)}, {units.span(plan.soak_seconds)} between{by}"


def _size(count: int, canary: bool) -> str:
    return f"{count} {'canary' if count == 1 else 'canaries'}" if canary else str(count)


def _budget(plan: RunPlan) -> str:
    domain = f", {plan.budget.domain} in each failure domain" if plan.budget.domain is not None else ""
    return f"at most {plan.budget.fleet} away at once{domain}; begins nothing more at {plan.budget.failed} failed"


def _room(dry: DryRun) -> str:
    away = f"; away already: {fold(dry.unavailable)}" if dry.unavailable else ""
    return f"{hosts(dry.headroom)} may begin{away}"


def _times(dry: DryRun) -> str:
    if dry.idle:
        return f"- (no host can be done: {dry.idle})"
    if dry.total_p50 is None:
        return "not known: some step never ran here"
    if dry.total_p90 is not None and dry.total_p90 < 1:
        return WORTH_NOTHING
    most = f", hardly more than {units.span(dry.total_p90)}" if dry.total_p90 is not None else ""
    return f"about {units.span(dry.total_p50)}{most}"


def _window(dry: DryRun) -> str:
    if not dry.window:
        return ""
    opens = f", opens {moment(dry.window_start)}" if dry.window_start is not None else ""
    fits = f"; {dry.fits} of {hosts(len(dry.plan.hosts))} fit in" if dry.fits is not None else ""
    return dry.window + opens + fits


def _approvals(dry: DryRun) -> str:
    if not dry.plan.approvals:
        return ""
    tags = f" (tag {', '.join(dry.approvals_by)})" if dry.approvals_by else ""
    return f"{dry.plan.approvals} besides its author's{tags}"


def _finding_lines(findings: Sequence[Finding]) -> list[str]:
    lines: list[str] = []
    for each in findings:
        who = f"{fold(each.hosts)}: " if each.hosts else ""
        lines.append(f"{MARKS[each.severity]:<4}  {who}{each.text}")
        lines += [f"      → {each.hint}"] if each.hint else []
    return lines


def when(row: DryHost, seconds: float | None, sign: str = "") -> str:
    """A time of a host: "?" when it is not known, "-" when the run cannot do the host as things are."""
    if row.out:
        return "-"
    return "?" if seconds is None else f"{sign}{units.span(seconds)}"


def host_cells(row: DryHost) -> tuple[str, ...]:
    """A row under HOST_HEAD; what is not known is "?", what cannot be "-"."""
    return (
        str(row.order),
        row.host,
        "canary" if row.canary else str(row.batch + 1),
        when(row, row.begins, "+"),
        when(row, row.estimate_p50),
        row.scheduler if row.drains else "",
        "?" if row.changes is None else str(row.changes),
        {True: "yes", False: "no", None: "?"}[row.reboot],
        _what(row),
    )


def _what(row: DryHost) -> str:
    waits = f", the longest for {units.span(row.wait_seconds)} more" if row.wait_seconds is not None else ""
    parts = [
        f"drained already by {row.prior}, and stays so" if row.prior else "",
        f"{row.jobs} jobs run{waits}" if row.jobs else "",
        row.out if not row.prior and not row.findings else "",
        *row.findings[:1],
        f"and {len(row.findings) - 1} more, above" if len(row.findings) > 1 else "",
    ]
    return " · ".join(part for part in parts if part) or row.kind


def set_lines(sets: Sequence[ChangeSet]) -> list[str]:
    """The updates that hosts have in common."""
    lines: list[str] = []
    for group in sets:
        fetch = f", {units.size(group.download_bytes)} to fetch" if group.download_bytes is not None else ""
        lines.append(f"{fold(group.hosts)} ({len(group.hosts)}): {len(group.changes)} changes{fetch}")
        lines += [f"  {each.name} {each.candidate or 'removed'}" for each in group.changes[:MOST_CHANGES]]
        more = len(group.changes) - MOST_CHANGES
        lines += [f"  and {more} more"] if more > 0 else []
        lines += [f"  ! {each.text}" for each in group.warnings]
    return lines
