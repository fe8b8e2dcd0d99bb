"""Updates in words: what a plan does, what became of it, one sentence or one line each. Shared by screen and subcommands."""

from __future__ import annotations

from collections.abc import Sequence

from backends import units
from backends.inventory.ranges import fold
from backends.updates.model import Change, HistoryEntry, HostPlan, Outcome, PackageClass, Plan, Stage
from backends.updates.pivots import HostSummary
from backends.updates.plan import groups
from backends.updates.plans import SHORT_HASH
from backends.updates.repairs import RepairRun
from backends.updates.runs import Board, BoardHost


def count(value: int | None, unknown: str = "?") -> str:
    """A number; what is not known is never 0."""
    return unknown if value is None else str(value)


def versions(change: Change) -> str:
    """ "5.2-1 → 5.2-2", "new 5.2-2", "5.2-1 removed"."""
    if not change.candidate:
        return f"{change.installed} removed"
    return f"{change.installed} → {change.candidate}" if change.installed else f"new {change.candidate}"


def marks(change: Change) -> str:
    """What is special about a change, in a few words."""
    words = [
        "security" if change.security else "security unknown" if change.security is None else "",
        "held" if change.held else "",
        f"kept back: {change.kept_back}" if change.kept_back and not change.held else "",
        some(change.cves, 4),
    ]
    return ", ".join(word for word in words if word)


def some(names: Sequence[str], most: int) -> str:
    """The first names, and how many more."""
    return " ".join(names[:most]) + (f" +{len(names) - most}" if len(names) > most else "")


def about(change: Change) -> str:
    """As `marks`, without what a letter in front of the line says."""
    kind = change.package_class.value if change.package_class is not PackageClass.REST else ""
    kept = change.kept_back if not change.held else ""
    return "  ".join(word for word in (kept, some(change.cves, 2), kind) if word)


def reboot(needed: bool | None) -> str:
    """Whether a reboot follows."""
    return {True: "reboot", False: "no reboot", None: "reboot unknown"}[needed]


def host_words(row: HostSummary) -> str:
    """What a person should know about a host besides its numbers."""
    parts = [*row.problems, row.hint if row.problems else ""]
    if row.reboot:
        parts.append("reboot needed")
    if row.services:
        parts.append(f"{row.services} services run old code")
    if row.firmware:
        parts.append(f"{row.firmware} firmware updates")
    if row.python_vulnerable:
        parts.append(f"{row.python_vulnerable} vulnerable Python packages")
    return " · ".join(part for part in parts if part)


def plan_lines(plan: Plan) -> list[str]:
    """The plan as a person reads it before approving."""
    lines = [f"plan {plan.id}  hash {plan.hash[:SHORT_HASH]}  by {plan.author}"]
    for group in groups(plan):
        hosts = fold(group.hosts)
        size = units.size(group.download_bytes)
        lines += [
            "",
            f"{hosts} ({len(group.hosts)}): {len(group.changes)} changes, {size} to fetch, {reboot(group.reboot)}",
        ]
        lines += [f"  {change_line(change)}" for change in group.changes]
        lines += [f"  ! {caution.text}" for caution in group.warnings]
    idle = [host.host for host in plan.hosts if not host.changes and not host.error]
    if idle:
        lines += ["", f"{fold(idle)}: nothing to do"]
    lines += [f"{host.host}: cannot be planned: {host.error}" for host in plan.hosts if host.error]
    return lines


def change_line(change: Change) -> str:
    """One change of a plan."""
    special = marks(change)
    return f"{change.name:<28} {versions(change)}" + (f"  [{special}]" if special else "")


def left_out_lines(host: HostPlan) -> list[str]:
    """What waits but is not part of the plan, and why."""
    return [f"{change.name:<28} {versions(change)}  [{marks(change) or 'not selected'}]" for change in host.left_out]


def progress_words(host: BoardHost) -> str:
    """Where a host of a run stands."""
    progress = host.progress
    if host.outcome is not None:
        return outcome_words(host.outcome)
    words = [host.stage.value.replace("-", " ")]
    if progress.planned and host.stage in (Stage.APPLYING, Stage.DETACHED):
        words.append(f"{progress.done} of {progress.planned}")
    if host.stage is Stage.PREFETCHING and progress.download_percent is not None:
        words.append(units.percent(progress.download_percent))
    if progress.current:
        words.append(progress.current)
    if progress.holder is not None:
        words.append(f"lock held by {progress.holder.command or '?'} ({progress.holder.pid or '?'})")
    return "  ".join([*words, *([host.text] if host.text else [])])


def outcome_words(outcome: Outcome) -> str:
    """What became of a host, in one sentence."""
    total = len(outcome.results)
    words = [f"{outcome.stage}: {outcome.applied} of {total} applied" if total else str(outcome.stage)]
    return " — ".join([*words, *outcome.problems])


def outcome_lines(outcome: Outcome) -> list[str]:
    """Everything about what became of a host."""
    lines = [outcome_words(outcome)]
    lines += [
        f"  {result.name:<28} {result.outcome}  planned {result.planned or 'removal'}, found {result.found or 'none'}"
        + (f"  ({result.reason})" if result.reason else "")
        for result in outcome.results
        if result.outcome != "applied"
    ]
    lines += [f"  kept, look at: {path}" for path in outcome.leftovers]
    lines += [f"  repair offered: {repair}" for repair in outcome.repairs]
    lines += [f"  {note}" for note in outcome.notes]
    return lines


def board_words(board: Board) -> str:
    """A run in one line."""
    done = board.count(Stage.DONE)
    bad = board.count(Stage.FAILED, Stage.PARTIAL, Stage.REFUSED)
    running = sum(1 for host in board.hosts if host.ended is None)
    parts = [f"{done} done", f"{bad} not" if bad else "", f"{running} to go" if running else ""]
    return f"{board.id}  {board.title}  by {board.who}: " + ", ".join(part for part in parts if part)


def entry_words(entry: HistoryEntry) -> str:
    """A transaction of a host's history in one line."""
    names = ", ".join(f"{change.name} {versions(change)}" for change in entry.changes[:3])
    more = f" +{len(entry.changes) - 3}" if len(entry.changes) > 3 else ""
    who = f"  by {entry.actor}" if entry.actor else ""
    ours = f"  run {entry.plan}" if entry.plan else ""
    wrong = f"  FAILED: {entry.error}" if entry.ok is False else ""
    return f"{names}{more}{who}{ours}{wrong}"


def repair_words(run: RepairRun) -> str:
    """What became of a repair step: "done", "failed: ended with 1: …"."""
    return f"{run.state}: {run.text}" if run.text else run.state
