"""A backup job in lines: how far it is and how long it takes, what it does to whom, and what became of it."""

from __future__ import annotations

from backends import units
from backends.backups.model import ENDED, Job, JobKind, JobState, Outcome, Progress
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import backup_text as text
from swarm_tui.present.backup_about import cause, pair
from swarm_tui.present.bar import bar
from swarm_tui.present.host_line import Span, line, wrap
from swarm_tui.present.line import Line, crop
from swarm_tui.theme import Role

_LOOKS: dict[JobState, Role] = {
    JobState.DONE: "ok",
    JobState.WARNING: "warn",
    JobState.FAILED: "bad",
    JobState.CANCELLED: "dim",
    JobState.QUEUED: "dim",
}
MOST_WARNINGS = 40


def job_lines(job: Job, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """The whole job."""
    return [
        *_head(job, now, width, glyphs),
        (),
        *_rollback(job, now, width),
        *(_at_work(job, width) if job.state not in ENDED else []),
        *_outcome(job, width),
        *pair("transport", f"{job.transport}. {job.trust}" if job.transport else job.trust, width, "dim"),
        *pair("command", job.command, width, "dim"),
        *pair("begun by", f"{job.who}, {text.when(job.created)}" if job.who else "", width, "dim"),
    ]


def _head(job: Job, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    role = _LOOKS.get(job.state, "warn" if job.state is not JobState.RUNNING else "accent")
    took = text.took(job, now)
    first = line(
        Span(text.title(job), "title"),
        Span(f"  {job.state.value}", role),
        Span(f"  {'took' if job.state in ENDED else 'for'} {took}" if took else "", "dim"),
    )
    if job.state in ENDED:
        return [crop(first, width)]
    percent = job.progress.percent
    second = line(
        *bar(percent, 40 if width >= 100 else 24, glyphs),
        Span(f" {units.percent(percent)}" if percent is not None else " ? %", "strong"),
        Span(f"  {units.rate(job.progress.bytes_per_second)}" if job.progress.bytes_per_second is not None else ""),
        Span(f"  {text.eta(job.progress.eta_seconds)}" if job.progress.eta_seconds else "", "text"),
        Span(f"  {job.progress.phase}" if job.progress.phase else "", "dim"),
    )
    return [crop(first, width), crop(second, width)]


def _rollback(job: Job, now: float, width: int) -> list[Line]:
    """The countdown of a restore that puts itself back."""
    if job.confirm_by is None:
        return []
    left = job.confirm_by - now
    if left <= 0:
        return [*wrap("The time to keep it has passed: the host puts the old files back.", width, 0, "warn"), ()]
    first = f"▲ Not kept yet: the host puts the old files back by itself in {units.clock_span(left)}"
    second = "c keeps what was restored, once you are sure that you can still log in; u puts back now."
    return [*wrap(first, width, 2, "warn"), *wrap(second, width, 0, "accent"), ()]


def _at_work(job: Job, width: int) -> list[Line]:
    """What it does now; afterwards the outcome tells."""
    return [
        *_counters(job.progress, width),
        *pair("now at", job.progress.path, width, "dim"),
        *pair("does", job.text, width),
    ]


def _counters(now: Progress, width: int) -> list[Line]:
    parts = [
        f"{text.some(now.files, 'file')}" if now.files is not None else "",
        f"{units.size(now.original_bytes)} read" if now.original_bytes is not None else "",
        f"{units.size(now.compressed_bytes)} compressed" if now.compressed_bytes is not None else "",
        f"{units.size(now.deduplicated_bytes)} new" if now.deduplicated_bytes is not None else "",
    ]
    return pair("so far", ", ".join(part for part in parts if part), width, "strong")


def _outcome(job: Job, width: int) -> list[Line]:
    found = job.outcome
    if found is None:
        return []
    rows = [*cause(found.cause, width), *_archive(found, width)]
    for note in found.notes:
        rows += wrap(note, width, 2)
    for warning in found.warnings[:MOST_WARNINGS]:
        rows += wrap(f"▲ {warning}", width, 2, "warn")
    if len(found.warnings) > MOST_WARNINGS:
        rows += wrap(f"and {len(found.warnings) - MOST_WARNINGS} more warnings; l shows all", width, 0, "dim")
    return [*rows, ()] if rows else []


def _archive(found: Outcome, width: int) -> list[Line]:
    made = found.archive
    if made is None:
        return []
    parts = [
        made.name,
        text.some(made.files, "file") if made.files is not None else "",
        f"{units.size(made.original_bytes)}" if made.original_bytes is not None else "",
        f"{units.size(made.deduplicated_bytes)} new" if made.deduplicated_bytes is not None else "",
    ]
    return pair("archive", ", ".join(part for part in parts if part), width, "ok")


def undoable(job: Job) -> bool:
    """Whether a restore may still be put back."""
    return job.kind is JobKind.RESTORE and job.state in (JobState.DONE, JobState.WARNING)
