"""Jobs as they are written down: one file each, replaced at every edge, the oldest ended ones forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from backends import decoding, paths
from backends.backups.model import ENDED, Cause, Job, JobKind, JobState, Outcome, Progress
from backends.clock import Clock
from backends.errors import Stop

LOOKED_NOT = "the engine ended before it looked at the repository afterwards"


class JobBook:
    """The folder of job files. `folder` None: nothing can be written down, so nothing is begun (a replay)."""

    def __init__(self, folder: Path | None, clock: Clock):
        self._folder = paths.private_dir(folder) if folder else None
        self._clock = clock

    def keep(self, job: Job) -> None:
        """Write `job` durably. Raises Stop: what is not written down must not be begun."""
        if self._folder is None:
            raise Stop(
                "this engine keeps no state, so it backs nothing up",
                action="start a job",
                hint="a replay cannot back up; for the real fleet see the engine's log",
            )
        try:
            paths.write_atomic(self._folder / f"{job.id}.json", msgspec.json.encode(job))
        except OSError as error:
            raise Stop(
                f"the job cannot be written down: {error.strerror}",
                action=f"write {self._folder}",
                hint="free some space there; nothing was begun that is not written down",
            ) from error

    def load(self) -> tuple[tuple[Job, ...], tuple[Job, ...]]:
        """(every job, oldest first; those among them that an ended engine left in flight, now told as failed, or as done
        when what they were to make was made)."""
        files = sorted(self._folder.glob("*.json")) if self._folder else ()
        jobs = sorted(filter(None, map(_read, files)), key=lambda job: job.created)
        told = tuple(job if job.state in ENDED else _interrupted(job, self._clock.now()) for job in jobs)
        left = tuple(job for job, before in zip(told, jobs, strict=True) if job is not before)
        for job in left:
            self.keep(job)
        return told, left

    def forget(self, job_ids: Iterable[str]) -> None:
        """Remove the files of old jobs."""
        for job_id in job_ids if self._folder else ():
            (self._folder / f"{job_id}.json").unlink(missing_ok=True)  # type: ignore[operator]


def _interrupted(job: Job, now: float) -> Job:
    if job.outcome is not None:
        return _finished(job, job.outcome, now)
    cause = Cause(
        code="engine-ended",
        text="the engine ended while this went on",
        next_step="start it again: what was sent is not sent twice" if job.kind is JobKind.BACKUP else "start it again",
    )
    outcome = Outcome(state=JobState.FAILED, cause=cause)
    return msgspec.structs.replace(
        job, state=JobState.FAILED, ended=now, outcome=outcome, text=cause.text, progress=Progress()
    )


def _finished(job: Job, outcome: Outcome, now: float) -> Job:
    """Only what follows it is missing: the next job on the repository looks at it anyway."""
    told = msgspec.structs.replace(outcome, notes=(*outcome.notes, LOOKED_NOT))
    text = outcome.cause.text if outcome.cause else "; ".join(told.notes)
    return msgspec.structs.replace(
        job, state=outcome.state, ended=now, outcome=told, text=text[:500], progress=Progress()
    )


def _read(file: Path) -> Job | None:
    try:
        return decoding.json(file.read_bytes(), type=Job)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
