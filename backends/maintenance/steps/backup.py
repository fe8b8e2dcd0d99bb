"""The backup and snapshot steps: a set of the host into every place that it has, now; good when all of them are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backends.backups.model import CONFIG, ENDED, Job, JobState
from backends.errors import BadInput
from backends.maintenance import facts
from backends.maintenance.model import StepKind
from backends.maintenance.steps.token import packed, unpacked
from backends.maintenance.worker import Look, Place, Told

_GOOD = frozenset({JobState.DONE, JobState.WARNING})
MOST_LINES = 20
ENGINE_ENDS = "the engine, which ends"
"""Who cancels jobs when an engine is stopped (`backups.board`)."""


class Backing(Protocol):
    """The backups of the engine, as far as this step needs them."""

    def places(self, host: str, set: str) -> int:
        """Repositories that this set of the host goes into."""

    def start(self, host: str, set: str, who: str, places: Sequence[str] = ()) -> Sequence[Job]:
        """Queue them all, those that wait or run already included. `places`: keys of the only repositories. Raises
        SwarmError."""

    def jobs(self, host: str, set: str, since: float) -> Sequence[Job]:
        """Its backup jobs that ended after `since` or go on."""

    def proof(self, host: str, set: str) -> float | None:
        """When it was last proven that it can be brought back; None: never."""

    def now(self) -> float:
        """Epoch seconds."""

    def log(self, job: str) -> str:
        """What a job printed. Raises SwarmError."""


class BackupWorker:
    """Also the worker of snapshots, which are backups of the configuration."""

    def __init__(self, backups: Backing):
        self._backups = backups

    def begin(self, place: Place) -> str:
        """Queue the jobs. The set is packed again when nobody knows whether it was: twice is no harm. Raises SwarmError."""
        host, name = place.host.host, set_of(place)
        if not self._backups.places(host, name):
            hint = f"give it a repository under [backups], or leave {place.step.text} out"
            raise BadInput(f"nothing is backed up as {name!r} there", host=host, action=place.step.text, hint=hint)
        since = self._backups.now()
        jobs = self._backups.start(host, name, place.run.who)
        return packed(since=min([since, *(job.created for job in jobs)]), jobs=" ".join(job.id for job in jobs))

    def look(self, place: Place, token: str) -> Look:
        """How far the jobs are."""
        known = unpacked(token)
        wanted = set(str(known["jobs"]).split())
        found = [
            job for job in self._backups.jobs(place.host.host, set_of(place), float(known["since"])) if job.id in wanted
        ]
        orphans = [job for job in found if _orphaned(job)]
        if len(found) < len(wanted) or orphans:
            text = "begun again after the end of its engine; what is stored already is not sent again"
            return Look(told=Told.GOING, state="again", text=text, token=self._again(place, found, orphans))
        if any(job.state not in ENDED for job in found):
            return _going(found)
        return self._ended(place, found)

    def _again(self, place: Place, found: Sequence[Job], orphans: Sequence[Job]) -> str:
        """Where a job has done its work nothing is done again. Jobs that nobody remembers are all begun again."""
        kept = [job for job in found if job not in orphans]
        if not orphans:
            return self.begin(place)
        names = [job.repository for job in orphans]
        made = self._backups.start(place.host.host, set_of(place), place.run.who, names)
        return packed(since=min(job.created for job in found), jobs=" ".join(job.id for job in (*kept, *made)))

    def output(self, place: Place, token: str) -> str:
        """What Borg printed, of each job."""
        return "\n".join(self._backups.log(job) for job in str(unpacked(token)["jobs"]).split())

    def _ended(self, place: Place, jobs: Sequence[Job]) -> Look:
        bad = [job for job in jobs if job.state not in _GOOD]
        values = _facts(jobs)
        if bad:
            causes = [job.outcome.cause for job in bad if job.outcome and job.outcome.cause]
            text = "; ".join(f"{job.repository}: {job.text or job.state}" for job in bad)
            hint = causes[0].next_step if causes and causes[0].next_step else "swarm-tui backups list; then retry"
            return Look(told=Told.FAILED, text=f"not backed up: {text}", hint=hint, facts=values)
        proof = self._backups.proof(place.host.host, set_of(place))
        word = "snapshot" if place.step.kind is StepKind.SNAPSHOT else set_of(place)
        text = f"{word} in {len(jobs)} place{'s' if len(jobs) > 1 else ''}"
        return Look(told=Told.DONE, text=text, facts=values | ({facts.PROOF: f"{proof:.0f}"} if proof else {}))


def set_of(place: Place) -> str:
    """Name of the set that a step packs."""
    return CONFIG if place.step.kind is StepKind.SNAPSHOT else place.step.argument or CONFIG


def _orphaned(job: Job) -> bool:
    """Ended with its engine, by nobody's wish."""
    cause = job.outcome.cause if job.outcome is not None else None
    if cause is not None and cause.code == "engine-ended":
        return True
    return job.state is JobState.CANCELLED and ENGINE_ENDS in f"{job.text} {cause.text if cause else ''}"


def _going(jobs: Sequence[Job]) -> Look:
    busy = [job for job in jobs if job.state not in ENDED]
    percents = [job.progress.percent if job.state not in ENDED else 100.0 for job in jobs]
    known = [each for each in percents if each is not None]
    done = sum(known) / len(known) / 100.0 if len(known) == len(jobs) else None
    first = busy[0]
    return Look(
        told=Told.GOING, state=first.progress.phase or str(first.state), text=first.text or first.repository, done=done
    )


def _facts(jobs: Sequence[Job]) -> dict[str, str]:
    archives = [job.outcome.archive for job in jobs if job.outcome is not None and job.outcome.archive is not None]
    warnings = [line for job in jobs if job.outcome is not None for line in job.outcome.warnings][:MOST_LINES]
    values = {
        facts.ARCHIVE: facts.written((each.repository, each.name, each.deduplicated_bytes) for each in archives),
        facts.WARNINGS: facts.written((line,) for line in warnings),
    }
    return {key: value for key, value in values.items() if value}
