"""Jobs and concerns about backups as rows: what runs now, what came of the rest, and what somebody should know."""

from __future__ import annotations

from collections.abc import Hashable

from backends import units
from backends.backups.model import ENDED, Concern, Job, JobState, Progress
from swarm_tui.present import backup_text as text
from swarm_tui.present.backup_rows import Row, Sight, drawn, marked
from swarm_tui.present.host_line import SEVERITY_MARKS, SEVERITY_ROLES, Span
from swarm_tui.present.states import coarse
from swarm_tui.theme import Role

_ROLES: dict[JobState, Role] = {
    JobState.DONE: "ok",
    JobState.WARNING: "warn",
    JobState.FAILED: "bad",
    JobState.CANCELLED: "dim",
    JobState.CANCELLING: "warn",
    JobState.WAITING: "warn",
    JobState.QUEUED: "dim",
}


def concern_key(row: Concern) -> Hashable:
    """Names a row of the concerns."""
    return ("concern", row.code, row.host, row.repository, row.set)


def busy_first(job: Job) -> tuple[bool, float]:
    """What runs first, then the newest."""
    return job.state in ENDED, -job.created


def job_row(job: Job, sight: Sight) -> Row:
    """A job."""
    key, ended = ("job", job.id), job.state in ENDED
    role = _ROLES.get(job.state, "accent")
    now = Progress() if ended else job.progress
    cells = (
        marked(key, sight),
        _job_sign(job, sight),
        Span(f"{text.VERBS[job.kind]} {job.set}".strip(), "strong"),
        Span(job.repository, "text"),
        Span(units.percent(now.percent) if now.percent is not None else "", "strong"),
        Span(units.rate(now.bytes_per_second) if now.bytes_per_second is not None else "", "text"),
        Span(_end(job, sight.now), "dim"),
        Span(text.took(job, sight.now), "dim"),
        Span(job.transport.value if job.transport else "", "dim"),
        Span(_job_words(job), role if ended or job.state is not JobState.RUNNING else "dim"),
    )
    seek = f"{job.id} {job.host} {job.who} {text.job(job)}"
    return Row(key, drawn("jobs", cells, sight), (job.host,), seek)


def _end(job: Job, now: float) -> str:
    """How far away, or how long ago."""
    if job.ended is not None:
        return text.ago(job.ended, now)
    return text.eta(job.progress.eta_seconds).removesuffix(" left")


def _job_words(job: Job) -> str:
    """What has no column: the phase and the file at hand, what it waits for, what became of it."""
    if job.state is JobState.RUNNING:
        return "  ".join(part for part in (job.progress.phase, job.progress.path or job.text) if part)
    return text.job(job)


def _job_sign(job: Job, sight: Sight) -> Span:
    signs = {
        JobState.DONE: Span(sight.glyphs.ok, "ok"),
        JobState.WARNING: Span(sight.glyphs.attention, "warn"),
        JobState.FAILED: Span(sight.glyphs.down, "bad"),
        JobState.CANCELLED: Span(sight.glyphs.dash, "dim"),
        JobState.QUEUED: Span(sight.glyphs.gap, "dim"),
        JobState.WAITING: Span(sight.glyphs.attention, "warn"),
    }
    return signs.get(job.state, Span(sight.glyphs.connecting, "accent"))


def severe_first(row: Concern) -> tuple[int, float]:
    """The severest first, then the oldest."""
    return -row.severity.rank, row.since


def concern_row(row: Concern, sight: Sight) -> Row:
    """Something that somebody should know."""
    role = SEVERITY_ROLES[row.severity]
    where = f"{row.set} {row.repository}".strip()
    cells = (
        Span(""),
        Span(SEVERITY_MARKS[row.severity], role),
        Span(row.code, role),
        Span(row.host, "strong"),
        Span(where, "text"),
        Span(coarse(sight.now - row.since), "dim"),
        Span(row.text, "text"),
    )
    return Row(concern_key(row), drawn("concerns", cells, sight), (row.host,), f"{row.next_step} {where}")
