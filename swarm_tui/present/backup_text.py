"""Backups in words: ages, proofs, forecasts, jobs, one sentence each; what every screen about them shares."""

from __future__ import annotations

from backends import units
from backends.backups.model import ENDED, Archive, Check, Escrow, Job, JobKind, JobState, Progress, Proof
from backends.backups.views import RepositoryStatus, SetStatus
from backends.clock import utc
from swarm_tui.present.states import coarse

VERBS: dict[JobKind, str] = {
    JobKind.INIT: "make",
    JobKind.BACKUP: "back up",
    JobKind.PRUNE: "prune",
    JobKind.UNDO: "undo prune",
    JobKind.COMPACT: "compact",
    JobKind.CHECK: "check",
    JobKind.HEAL: "heal",
    JobKind.DRILL: "drill",
    JobKind.RESTORE: "restore",
    JobKind.INDEX: "index",
}
CHECKED = {"quick": "segments only", "archives": "archives", "data": "every byte"}


def when(time: float) -> str:
    """ "2026-11-26 02:00 UTC"."""
    return f"{utc(time):%Y-%m-%d %H:%M} UTC"


def ago(time: float, now: float) -> str:
    """ "6d ago", "in the future" for a clock that is wrong."""
    return f"{coarse(now - time)} ago" if time <= now + 60.0 else "in the future"


def count(value: int | None) -> str:
    """A number with thousands set apart; what is not known is never 0."""
    return "?" if value is None else f"{value:,}"


def some(number: int, noun: str) -> str:
    """ "1 archive", "12 archives", "2 copies"."""
    if number == 1:
        return f"1 {noun}"
    ending = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    return f"{number:,} {ending}"


def proof(found: Proof | None, now: float, stale: bool = False) -> str:
    """Whether a set was ever brought back: "proven 6d ago, 41M/s"."""
    if found is None:
        return "never proven"
    if not found.ok:
        why = f": {found.problems[0]}" if found.problems else ""
        return f"drill failed {ago(found.time, now)}{why}"
    speed = f", {units.rate(found.bytes_per_second)}" if found.bytes_per_second is not None else ""
    return f"proven {ago(found.time, now)}{speed}" + (", stale" if stale else "")


def compared(found: Proof) -> str:
    """What a proof rests on."""
    parts = [
        f"{some(found.files, 'file')} and {units.size(found.bytes)} restored",
        f"{found.against_live} equal on the host" if found.against_live else "",
        f"{found.against_record} equal to the recorded hash" if found.against_record else "",
        f"{found.skipped} changed since" if found.skipped else "",
        f"{some(len(found.validated), 'file')} accepted by their programs" if found.validated else "",
    ]
    return ", ".join(part for part in parts if part)


def full(days: float | None) -> str:
    """ "full in 23 d"; "" where nothing is known."""
    if days is None:
        return ""
    return "full now" if days < 1 else f"full in {days:.0f} d" if days < 1000 else "full in years"


def growth(per_day: float | None) -> str:
    """ "+1.2G/d"."""
    if per_day is None:
        return "?"
    return f"{'-' if per_day < 0 else '+'}{units.size(abs(per_day))}/d"


def growing(per_day: float | None) -> str:
    """The same in a sentence."""
    return "growth not known yet" if per_day is None else growth(per_day)


def schedule(row: SetStatus, now: float) -> str:
    """How a set stands against its schedule."""
    if row.last is None:
        return "never backed up"
    if row.due is None:
        return "when asked"
    if row.overdue:
        return f"overdue {coarse(now - row.due)}"
    return f"due in {coarse(row.due - now)}" if row.due > now else "due now"


def check(found: Check | None, now: float) -> str:
    """ "every byte good 3d ago"."""
    if found is None:
        return "never checked"
    what = CHECKED[found.level]
    return f"{what} {'good' if found.ok else 'DAMAGED'} {ago(found.time, now)}"


def escrow(found: Escrow | None, changed: bool, now: float) -> str:
    """Who keeps the key elsewhere."""
    if found is None:
        return "nobody is known to keep the key elsewhere"
    where = f", {found.note}" if found.note else ""
    said = f"kept by {found.who} since {ago(found.time, now)}{where}"
    return f"{said}; the key changed since" if changed else said


def held(row: RepositoryStatus, now: float) -> str:
    """What a prune removed that can still be brought back."""
    if not row.pruned:
        return ""
    until = ""
    if row.compact_at is not None:
        left = row.compact_at - now
        until = f" for {coarse(left)} more" if left > 0 else ", the hold has ended"
    return f"{some(row.pruned, 'archive')} pruned, U brings back{until}"


# Jobs -------------------------------------------------------------------------------------------------------------


def title(job: Job) -> str:
    """ "back up models of gpu01 into vault/gpu01"."""
    what = f" {job.set}" if job.set else ""
    return f"{VERBS[job.kind]}{what}  {job.host}  {job.repository}"


def eta(seconds: tuple[float, float] | None) -> str:
    """ "3m–5m left", one number where both ends read the same."""
    if seconds is None:
        return ""
    low, high = (coarse(max(0.0, each)) for each in seconds)
    return f"{low} left" if low == high else f"{low}–{high} left"


def progress(found: Progress) -> str:
    """What it does, how far, how fast, how long; what is not known is left out."""
    return "  ".join(part for part in (found.phase, pace(found)) if part)


def pace(found: Progress) -> str:
    """ "42%  81M/s  3m–5m left"."""
    parts = [
        units.percent(found.percent) if found.percent is not None else "",
        units.rate(found.bytes_per_second) if found.bytes_per_second is not None else "",
        eta(found.eta_seconds),
    ]
    return "  ".join(part for part in parts if part)


def job(found: Job) -> str:
    """Where a job stands, or what became of it."""
    if found.state not in ENDED:
        said = progress(found.progress) if found.state is JobState.RUNNING else ""
        return "  ".join(part for part in (found.state.value, said, found.text) if part)
    outcome = found.outcome
    if outcome is None:
        return found.state.value
    why = outcome.cause.text if outcome.cause else outcome.notes[0] if outcome.notes else ""
    return f"{found.state.value}: {why}" if why else found.state.value


def took(found: Job, now: float) -> str:
    """How long it runs, or ran; "" before it began."""
    if found.started is None:
        return ""
    return units.span((found.ended if found.ended is not None else now) - found.started)


def archive(found: Archive, now: float) -> str:
    """ "models.20261126T020000Z, 5h ago, 1.2G of 40G new"."""
    parts = [found.name, ago(found.start, now)]
    if found.deduplicated_bytes is not None and found.original_bytes is not None:
        parts.append(f"{units.size(found.deduplicated_bytes)} of {units.size(found.original_bytes)} new")
    return ", ".join(parts)
