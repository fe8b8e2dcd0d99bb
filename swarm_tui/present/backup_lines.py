"""Backups as lines of text, for the subcommands. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from backends import units
from backends.backups.model import ENDED, Archive, BrowseEntry, Cause, Job, JobState, Progress, Proof
from backends.backups.views import (
    Change,
    CompactPreview,
    DriftReport,
    LockReport,
    PrunePreview,
    RepositoryStatus,
    RestorePlan,
    SetStatus,
)
from backends.clock import utc

SET_HEAD = ("HOST", "SET", "REPOSITORY", "AGE", "ARCHIVES", "SIZE", "PROVEN", "STATE")
REPOSITORY_HEAD = ("REPOSITORY", "ARCHIVES", "STORED", "FREE", "FULL IN", "CHECKED", "ESCROW", "STATE")
ARCHIVE_HEAD = ("ARCHIVE", "REPOSITORY", "MADE", "FILES", "SIZE", "NEW")
FILE_HEAD = ("MODE", "OWNER", "SIZE", "CHANGED", "NAME")


def when(seconds: float | None) -> str:
    """A time in UTC to the minute."""
    return "—" if seconds is None else f"{utc(seconds):%Y-%m-%d %H:%M} UTC"


def age(seconds: float | None, now: float) -> str:
    """How long ago."""
    return "never" if seconds is None else units.span(max(0.0, now - seconds))


def proof_words(proof: Proof | None, now: float) -> str:
    """ "6 d ago, 41 MB/s"."""
    if proof is None:
        return "never"
    if not proof.ok:
        return f"FAILED {age(proof.time, now)} ago"
    speed = f", {units.rate(proof.bytes_per_second)}" if proof.bytes_per_second else ""
    return f"{age(proof.time, now)} ago{speed}"


def set_state(row: SetStatus) -> str:
    """What is to be known about a set, in a few words."""
    if row.job:
        return f"job {row.job}"
    if row.problem is not None:
        return row.problem.text
    if row.last is None:
        return "never backed up"
    return "overdue" if row.overdue else "proof is stale" if row.proof_stale else "ok"


def set_cells(row: SetStatus, now: float) -> tuple[str, ...]:
    """A row under SET_HEAD."""
    return (
        row.host,
        row.set,
        row.repository,
        age(row.last.start if row.last else None, now),
        str(row.archives),
        units.size(row.last.original_bytes if row.last else None),
        proof_words(row.proof, now),
        set_state(row),
    )


def repository_state(row: RepositoryStatus) -> str:
    """What is to be known about a repository, in a few words."""
    if row.problem is not None:
        return row.problem.text
    if row.frozen:
        return f"frozen: {row.frozen}"
    if row.key_changed:
        return "its key is not the one in escrow"
    if row.made is None:
        return "not looked at yet"
    if not row.made:
        return "not made yet"
    return f"{row.pruned} pruned, compaction {when(row.compact_at)}" if row.pruned else "ok"


def repository_cells(row: RepositoryStatus, now: float) -> tuple[str, ...]:
    """A row under REPOSITORY_HEAD."""
    check = row.check
    checked = "never" if check is None else age(check.time, now) if check.ok else f"FAILED {age(check.time, now)}"
    return (
        row.key,
        str(row.archives),
        units.size(row.stored_bytes),
        units.size(row.free_bytes),
        "—" if row.full_in_days is None else f"{row.full_in_days:.0f} d",
        checked,
        "none" if row.escrow is None else age(row.escrow.time, now),
        repository_state(row),
    )


def archive_cells(archive: Archive) -> tuple[str, ...]:
    """A row under ARCHIVE_HEAD."""
    return (
        archive.name,
        archive.repository,
        when(archive.start),
        "—" if archive.files is None else str(archive.files),
        units.size(archive.original_bytes),
        units.size(archive.deduplicated_bytes),
    )


def file_cells(entry: BrowseEntry) -> tuple[str, ...]:
    """A row under FILE_HEAD."""
    name = entry.path.rsplit("/", 1)[-1] + ("/" if entry.type == "d" else "")
    target = f" → {entry.target}" if entry.type == "l" and entry.target else ""
    damaged = "" if entry.healthy else "  DAMAGED"
    owner = f"{entry.user}:{entry.group}" if entry.user or entry.group else ""
    return (entry.mode, owner, units.size(entry.size), when(entry.mtime), f"{name}{target}{damaged}")


def progress_words(progress: Progress) -> str:
    """Live counters in one line."""
    percent = "" if progress.percent is None else f"{progress.percent:.0f}%"
    eta = ""
    if progress.eta_seconds is not None:
        low, high = progress.eta_seconds
        eta = f"{units.span(low)} left" if high - low < 2 else f"{units.span(low)}–{units.span(high)} left"
    counted = (
        percent,
        "" if progress.files is None else f"{progress.files} files",
        "" if progress.original_bytes is None else units.size(progress.original_bytes),
        "" if progress.deduplicated_bytes is None else f"{units.size(progress.deduplicated_bytes)} new",
        "" if progress.bytes_per_second is None else units.rate(progress.bytes_per_second),
        eta,
        progress.path[-60:],
    )
    return " · ".join(filter(None, (progress.phase, *counted)))


def job_words(job: Job) -> str:
    """A job in one line."""
    what = " ".join(filter(None, (str(job.kind), job.set, job.repository)))
    how = progress_words(job.progress) if job.state is JobState.RUNNING else job.text
    return f"{job.id}  {what}: {job.state}" + (f" — {how}" if how else "")


def cause_lines(cause: Cause) -> list[str]:
    """Cause, evidence, next step."""
    lines = [cause.text, *(f"  {line}" for line in cause.evidence)]
    return [*lines, f"  → {cause.next_step}"] if cause.next_step else lines


def job_lines(job: Job) -> list[str]:
    """Everything about a job."""
    lines = [job_words(job)]
    if job.trust:
        lines.append(f"  way: {job.transport} — {job.trust}")
    if job.command:
        lines.append(f"  $ {job.command}")
    if job.outcome is not None:
        lines += [f"  {note}" for note in job.outcome.notes]
        lines += [f"  warning: {text}" for text in job.outcome.warnings]
        if job.outcome.cause is not None:
            lines += [f"  {line}" for line in cause_lines(job.outcome.cause)]
    return lines


def running(jobs: Sequence[Job]) -> list[Job]:
    """Those that have not ended."""
    return [job for job in jobs if job.state not in ENDED]


def prune_lines(preview: PrunePreview) -> list[str]:
    """What a prune keeps and removes."""
    lines = [f"{'keep  ' if fate.keep else 'REMOVE'}  {fate.archive.name}  {fate.rule}" for fate in preview.fates]
    removed = sum(not fate.keep for fate in preview.fates)
    end = f"{removed} of {len(preview.fates)} archives of {preview.set} in {preview.repository} would be removed"
    frozen = [f"frozen: {preview.frozen}"] if preview.frozen else []
    return [*lines, end, *frozen, f"$ {preview.command}"]


def compact_lines(preview: CompactPreview) -> list[str]:
    """What a compaction makes final."""
    lines = []
    for each in preview.vanishing:
        by = each.by or "NOBODY HERE removed it"
        also = f"also in {', '.join(each.elsewhere)}" if each.elsewhere else "nowhere else"
        lines.append(f"{each.archive.name}  made {when(each.archive.start)}  {by}; {also}")
    end = f"{len(preview.vanishing)} archives of {preview.repository} can never be brought back after this"
    refused = [f"refused: {preview.refused}"] if preview.refused else []
    return [*lines, end, *refused, *([f"$ {preview.command}"] if preview.command else [])]


def restore_lines(plan: RestorePlan) -> list[str]:
    """What a restore would do."""
    place = plan.directory or "the original place"
    lines = [
        f"{plan.files} files, {units.size(plan.bytes)} from {plan.request.archive} ({plan.request.repository})",
        f"to {plan.host}: {place}; what is there: {plan.request.conflict}",
    ]
    if plan.there:
        lines.append(f"{plan.there} files are there, {plan.same} of them the same")
        lines += [f"  {path}" for path in plan.examples]
    if plan.free_bytes is not None:
        lines.append(f"free there: {units.size(plan.free_bytes)}")
    lines += [f"validator: {command}" for command in plan.validators]
    if plan.rollback_seconds:
        lines.append(f"put back by itself after {units.span(plan.rollback_seconds)} unless confirmed")
    lines += [f"warning: {text}" for text in plan.warnings]
    return [*lines, f"$ {plan.command}"] if plan.command else lines


def change_words(change: Change) -> str:
    """One path that differs."""
    sizes = ""
    if change.added_bytes or change.removed_bytes:
        sizes = f" +{units.size(change.added_bytes or 0)} −{units.size(change.removed_bytes or 0)}"
    turned = f" {change.before} → {change.after}" if change.before or change.after else ""
    return f"{','.join(change.kinds):<10} {change.path}{sizes}{turned}"


def drift_lines(report: DriftReport) -> list[str]:
    """A host's drift."""
    if report.problem:
        return [f"{report.host}: not compared with {report.against}: {report.problem}"]
    head = f"{report.host}: {len(report.entries)} differ from {report.against}, {report.same} are the same"
    lines = []
    for entry in report.entries:
        turned = f"  {entry.before} → {entry.after}" if entry.before or entry.after else ""
        lines.append(f"  {entry.kind:<8} {entry.path}{turned}{'  (secret)' if entry.secret else ''}")
    return [head, *lines]


def lock_lines(report: LockReport) -> list[str]:
    """Who holds a repository."""
    if not report.holder:
        return [f"{report.repository}: nobody holds it"]
    state = {True: "dead: the lock can be broken", False: "alive", None: "nobody can tell whether it lives"}[
        report.dead
    ]
    return [f"{report.repository}: held by {report.holder} — {state}", *(f"  {line}" for line in report.evidence)]
