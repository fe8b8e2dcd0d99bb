"""What became of a restore, in sentences: what is in place, what is not, what must be known, and the next step."""

from __future__ import annotations

from backends.backups import validators
from backends.backups.model import Cause, JobState, Outcome, Transport
from backends.backups.names import unescaped
from backends.backups.placing_model import Placed
from backends.backups.restore_plan import original_place
from backends.backups.restore_work import Work
from backends.backups.rollbacks import Commands, Rollback
from backends.backups.views import RestorePlan
from backends.clock import utc
from backends.units import size

MOST_NAMED = 20
TAR_NOTE = "through tar: times are whole seconds, and extended attributes and access lists did not come with the files"


def reloads(plan: RestorePlan) -> Commands:
    """What would have to be run for the restored files to take effect; it is run when they are put back by the timer."""
    known = (validators.reloading(unescaped(f"/{path}")) for path in plan.effects)
    return tuple(each.commands for each in known if each is not None)


def _advice(plan: RestorePlan) -> list[str]:
    known = (validators.reloading(unescaped(f"/{path}")) for path in plan.effects[:10])
    return [f"to take effect: {' '.join(each.commands[0])} ({each.says})" for each in known if each is not None]


def outcome(work: Work, placed: Placed, missing: tuple[str, ...], settled: Rollback | None) -> Outcome:
    counts, plan = placed.counts, work.plan
    where = "the original place" if original_place(plan.directory) else plan.directory
    notes = [*work.notes, f"{counts.placed} files ({size(counts.bytes)}) are in place at {where} on {plan.host}"]
    notes += [*_about(placed), *_advice(plan)]
    notes += [TAR_NOTE] if plan.transport is Transport.TAR else []
    warnings = [*work.warnings, *(f"{path}: {text}" for path, text in placed.errors)]
    lost = plan.files - counts.placed - counts.same - counts.kept - counts.failed - len(missing)
    cause = _cause(work, placed, missing, settled, lost)
    if settled is not None and settled.state == "confirmed":
        notes.append(settled.text)
    state = JobState.DONE
    if placed.stopped:
        state = JobState.CANCELLED
    elif cause is not None or warnings:
        state = JobState.WARNING if counts.placed or counts.same or counts.kept else JobState.FAILED
    return Outcome(state=state, cause=cause, notes=tuple(notes), warnings=tuple(warnings[:100]))


def _about(placed: Placed) -> list[str]:
    counts, found = placed.counts, []
    if counts.same:
        found.append(f"{counts.same} were there already, the same in every byte")
    if counts.kept:
        found.append(f"{counts.kept} were not placed, since other ones are there")
    if counts.renamed or counts.replaced:
        told = ", ".join(f"{path} → {other}" for path, other in placed.examples[:5] if other)
        what = f"{counts.replaced} were replaced, copies of the old ones kept" if counts.replaced else ""
        other = f"{counts.renamed} got another name beside those that are there" if counts.renamed else ""
        found.append(f"{'; '.join(filter(None, (what, other)))}: {told}")
    return found


def _cause(work: Work, placed: Placed, missing: tuple[str, ...], settled: Rollback | None, lost: int) -> Cause | None:
    """What must be known, the most urgent first."""
    plan = work.plan
    if placed.stopped:
        return Cause(
            code="cancelled",
            text=f"cancelled by {work.cancel.who or 'somebody'} after {placed.counts.placed} files were in place",
            next_step=f"swarm-tui backup put-back {plan.id}",
        )
    if settled is not None and settled.state != "confirmed":
        return Cause(
            code="confirm",
            text=f"{settled.text}; the files are put back by themselves at {utc(settled.deadline):%H:%M:%S} UTC",
            next_step=f"swarm-tui backup confirm {plan.id}",
        )
    if missing:
        return Cause(
            code="missing",
            text=f"Borg did not bring {len(missing)} files or more",
            evidence=missing,
            next_step="check the repository: swarm-tui backup check",
        )
    if placed.counts.failed:
        return Cause(
            code="not-placed",
            text=f"{placed.counts.failed} files could not be brought into place",
            evidence=tuple(f"{path}: {text}" for path, text in placed.errors[:MOST_NAMED]),
            next_step=f"mend what is in the way and restore again, or undo: swarm-tui backup put-back {plan.id}",
        )
    if lost > 0:
        return Cause(
            code="fewer",
            text=f"{lost} files fewer than planned are in place",
            next_step="compare with the archive: swarm-tui backup files",
        )
    return None
