"""Puts jobs on the board: who holds what meanwhile, and what is told about it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from backends.backups.board import Board, Work
from backends.backups.meter import Forecast, unknown
from backends.backups.model import Job, JobKind, JobState, Repository
from backends.states import Severity

Tell = Callable[[str, str, str, str, Severity], None]
"""kind, text, host, actor, severity: for the timeline."""
LOOK_SECONDS = 120.0
"""How long a look waits for the job that is under way."""
_SEVERITY = {JobState.FAILED: Severity.CRITICAL, JobState.WARNING: Severity.WARNING}


class Queue:
    """One board for all repositories."""

    def __init__(self, board: Board):
        self.board = board

    def add(
        self,
        kind: JobKind,
        repository: Repository,
        work: Work,
        who: str,
        *,
        set_name: str = "",
        on_host: str = "",
        others: tuple[Repository, ...] = (),
        alone: str = "",
        forecast: Forecast = unknown,
    ) -> Job:
        """Queue a job.

        Args:
            kind: what it does.
            repository: which nobody else works on meanwhile.
            work: does it.
            who: asked for it.
            set_name: of the set, if it is about one.
            on_host: a host whose disks it reads or writes; one such job a host at a time.
            others: repositories that it needs as well.
            alone: a name of its own making; jobs that share it wait for each other.
            forecast: what is known about its end.

        Raises:
            RetryLater: the same job waits or runs.
            Stop: it cannot be written down.
        """
        job = Job(id="", kind=kind, host=on_host or repository.host, repository=repository.key, set=set_name, who=who)
        holds = [f"repository {each.key}" for each in (repository, *others)]
        holds += [*([f"host {on_host}"] if on_host else []), *([alone] if alone else [])]
        return self.board.add(job, work, holds=holds, forecast=forecast)

    def alone(self, *repositories: Repository, seconds: float = LOOK_SECONDS) -> AbstractContextManager[None]:
        """For a look at repositories beside which no job may run. Raises RetryLater on entering when one goes on."""
        return self.board.holding([f"repository {each.key}" for each in repositories], seconds)

    def busy(self, repository: Repository) -> str:
        """What our own engine does with a repository now; "" for nothing."""
        for job in self.board.in_flight():
            if job.repository == repository.key and job.state is not JobState.QUEUED:
                return f"job {job.id} of this engine: {job.kind} {job.set}".strip()
        return ""

    def working(self, repository: str, set_name: str) -> str:
        """Id of the job that works on a set now; ""."""
        for job in self.board.in_flight():
            if job.repository == repository and job.set == set_name and job.state is not JobState.QUEUED:
                return job.id
        return ""


def told(job: Job, tell: Tell) -> None:
    """A job's edge for the timeline: its beginning, and its end with the cause."""
    what = " ".join(filter(None, (str(job.kind), job.set, job.repository)))
    if job.ended is None:
        tell("backup", f"{what} began", job.host, job.who, Severity.OK)
    else:
        text = f"{what} {job.state}" + (f": {job.text}" if job.text else "")
        tell("backup", text[:400], job.host, job.who, _SEVERITY.get(job.state, Severity.OK))
