"""Jobs on repositories: a queue that is serial within a repository and parallel across them, and a board to look at.

Each edge of a job is written down before it is acted on. Borg itself survives being killed at any byte, so a job that an
ended engine left behind is told as such, and a backup among them is simply begun again: it goes on by deduplication.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from backends.backups.borg.events import Event, LogMessage, Text
from backends.backups.job_book import JobBook
from backends.backups.meter import Forecast, Meter, unknown
from backends.backups.model import ENDED, Cause, Job, JobKind, JobState, Outcome
from backends.backups.runner import Cancel
from backends.clock import Clock
from backends.errors import BadInput, RetryLater, Stop, SwarmError

PARALLEL = 8
MOST_JOBS = 500
"""Kept on disk; the oldest ended ones go first."""
LOG_CHARACTERS = 200_000
"""Of the newest output of a job, kept while the engine lives."""

OnEdge = Callable[[Job], None]
"""A job began or ended: for the timeline."""


class Handle:
    """A job as its own work sees it. Its thread only, except `cancel`."""

    def __init__(self, board: Board, job: Job, forecast: Forecast):
        self._board, self.id = board, job.id
        self.cancel = Cancel()
        self.meter = Meter(board.clock.monotonic, forecast)
        self._log: list[str] = []
        self._logged = 0

    @property
    def job(self) -> Job:
        return self._board.job(self.id)

    def show(self, **values: object) -> None:
        """Change what the board shows: text, command, transport, trust, state …"""
        self._board.show(self.id, **values)

    def made(self, outcome: Outcome) -> None:
        """Write down what came of it already, before what comes after it: an engine that ends meanwhile has done it."""
        self._board.made(self.id, outcome)

    def phase(self, phase: str) -> None:
        """Something begins of which Borg tells nothing."""
        self.meter.phase(phase)
        self.show(progress=self.meter.progress)

    def event(self, event: Event) -> None:
        """What Borg says: into the progress, or into the log."""
        if self.meter.take(event):
            self.show(progress=self.meter.progress)
        elif isinstance(event, LogMessage):
            self.log(f"{event.level.lower()}: {event.message}" if event.level != "INFO" else event.message)
        elif isinstance(event, Text):
            self.log(event.text)

    def bytes(self, count: int) -> None:
        """Original bytes so far, of a stream that is fed to Borg."""
        self.meter.bytes(count)
        self.show(progress=self.meter.progress)

    def log(self, line: str) -> None:
        """A line for whoever looks into the job."""
        self._log.append(line[:2000])
        self._logged += len(line)
        while self._logged > LOG_CHARACTERS and len(self._log) > 1:
            self._logged -= len(self._log.pop(0))

    def log_text(self) -> str:
        return "\n".join(self._log)


Work = Callable[[Handle], Outcome]


class Board:
    """Every job: waiting, running, ended. May be used from any thread. `folder` None keeps nothing (a replay)."""

    def __init__(
        self,
        folder: Path | None,
        clock: Clock,
        *,
        on_edge: OnEdge,
        on_bug: Callable[[str, Exception], None],
        parallel: int = PARALLEL,
    ):
        self.clock = clock
        self._book = JobBook(folder, clock)
        self._on_edge, self._on_bug, self._parallel = on_edge, on_bug, parallel
        self._lock = threading.Condition()
        known, self.left = self._book.load()
        """`left`: jobs that an ended engine left in flight, told as failed."""
        self._jobs = {job.id: job for job in known}
        self._handles: dict[str, Handle] = {}
        self._work: dict[str, tuple[Work, frozenset[str]]] = {}
        self._ends: dict[str, threading.Event] = {}
        self._busy: set[str] = set()
        self._running = 0
        self._stopped = False
        self.version = 0
        """Grows with everything that moves …"""
        self.edges = 0
        """… and this only when a job is queued, begins or ends."""

    # Adding ------------------------------------------------------------------------------------------------------

    def add(self, job: Job, work: Work, *, holds: Iterable[str], forecast: Forecast = unknown) -> Job:
        """Queue a job.

        Args:
            job: kind, host, repository, set, who; id and times are filled in here.
            work: does it, in a thread of its own.
            holds: names of what it needs alone ("repository vault/gpu1", "host gpu1"); jobs that share one wait.
            forecast: what is known about its end.

        Raises:
            RetryLater: the same job waits or runs already.
            Stop: it cannot be written down.
        """
        with self._lock:
            if self._stopped:
                raise RetryLater("the engine is ending", action=f"start {job.kind}")
            self._refuse_twin(job)
            fresh = msgspec.structs.replace(
                job,
                id=_new_id(self.clock.now()),
                created=self.clock.now(),
                state=JobState.QUEUED,
                version=self.version + 1,
            )
            self._book.keep(fresh)
            self._jobs[fresh.id] = fresh
            self._handles[fresh.id] = Handle(self, fresh, forecast)
            self._work[fresh.id] = work, frozenset(holds)
            self._ends[fresh.id] = threading.Event()
            self.version += 1
            self.edges += 1
        self._begin_next()
        return self.job(fresh.id)

    def _refuse_twin(self, job: Job) -> None:
        for other in self._jobs.values():
            same = (other.kind, other.repository, other.set) == (job.kind, job.repository, job.set)
            if same and other.state not in ENDED and job.kind is not JobKind.RESTORE:
                raise RetryLater(
                    f"{job.kind} of {' '.join(filter(None, (job.set, job.repository)))} is {other.state} already",
                    host=job.host,
                    action=f"start {job.kind}",
                    hint=f"job {other.id}, started by {other.who or 'the schedule'}",
                )

    def _begin_next(self) -> None:
        """Begin every job whose turn it is: in order, but one that must wait delays no other."""
        with self._lock:
            blocked: set[str] = set(self._busy)
            for job in list(self._jobs.values()):
                if job.state is not JobState.QUEUED or job.id not in self._work or self._running >= self._parallel:
                    continue
                _, holds = self._work[job.id]
                if not holds & blocked:
                    self._busy |= holds
                    self._running += 1
                    self._set(job.id, state=JobState.RUNNING, started=self.clock.now())
                    thread = threading.Thread(target=self._run, args=(job.id,), name=f"backup {job.id}", daemon=True)
                    thread.start()
                blocked |= holds

    # Running -----------------------------------------------------------------------------------------------------

    def _run(self, job_id: str) -> None:
        work, holds = self._work[job_id]
        handle = self._handles[job_id]
        try:
            self._edge(job_id)
            outcome = work(handle)
        except SwarmError as error:
            outcome = failed(error)
        except Exception as error:  # noqa: BLE001 - the boundary of one job: told, and no other job's matter
            self._on_bug(job_id, error)
            text = f"internal error: {error!r}"
            cause = Cause(code="bug", text=text, next_step="the engine log has the traceback")
            outcome = Outcome(state=JobState.FAILED, cause=cause)
        self._ended(job_id, outcome, holds)
        self._begin_next()

    def _ended(self, job_id: str, outcome: Outcome, holds: frozenset[str]) -> None:
        with self._lock:
            text = outcome.cause.text if outcome.cause else "; ".join(outcome.notes)
            self._set(job_id, state=outcome.state, outcome=outcome, ended=self.clock.now(), text=text[:500])
            self._busy -= holds
            self._running -= 1
            del self._work[job_id]
            self._lock.notify_all()
        self._edge(job_id)
        self._ends.pop(job_id).set()
        self._forget_oldest()

    def _edge(self, job_id: str) -> None:
        with self._lock:
            self.edges += 1
            job = self.job(job_id)
        try:
            self._book.keep(job)
        except Stop as error:  # Borg's own work is whole without our note of it
            self._on_bug(job_id, error)
        self._on_edge(job)

    def made(self, job_id: str, outcome: Outcome) -> None:
        """As `Handle.made`."""
        with self._lock:
            self._set(job_id, outcome=outcome)
            job = self.job(job_id)
        try:
            self._book.keep(job)
        except Stop as error:  # as at an edge
            self._on_bug(job_id, error)

    @contextmanager
    def holding(self, holds: Iterable[str], seconds: float) -> Iterator[None]:
        """Have these names alone for a moment, as a job has them: for a look that no job may run beside.

        Raises:
            RetryLater: a job holds one of them for longer than `seconds`.
        """
        wanted, deadline = frozenset(holds), time.monotonic() + seconds
        with self._lock:
            while wanted & self._busy:
                if self._stopped or time.monotonic() >= deadline:
                    raise self._occupied(wanted)
                self._lock.wait(0.25)
            self._busy |= wanted
        try:
            yield
        finally:
            with self._lock:
                self._busy -= wanted
                self._lock.notify_all()
            self._begin_next()

    def _occupied(self, wanted: frozenset[str]) -> RetryLater:
        job = next(
            (job for job in self._jobs.values() if job.id in self._work and wanted & self._work[job.id][1]), None
        )
        by = f"job {job.id}: {job.kind} {job.set} {job.repository}" if job else "another look"
        return RetryLater(
            f"{', '.join(sorted(wanted))} is busy: {by}", action="look at a repository", hint="try again later"
        )

    # Looking -----------------------------------------------------------------------------------------------------

    def job(self, job_id: str) -> Job:
        """One job. Raises BadInput."""
        with self._lock:
            if job_id not in self._jobs:
                raise BadInput(f"no job {job_id[:60]!r}", hint="swarm-tui backup jobs")
            return self._jobs[job_id]

    def jobs(self, limit: int = 100) -> tuple[Job, ...]:
        """In flight first, then the newest: by their order here, since the wall clock may have been set back."""
        with self._lock:
            newest = list(self._jobs.values())[::-1]
        return tuple(sorted(newest, key=lambda job: job.state in ENDED)[:limit])

    def in_flight(self) -> tuple[Job, ...]:
        with self._lock:
            return tuple(job for job in self._jobs.values() if job.state not in ENDED)

    def log(self, job_id: str) -> str:
        """What Borg and the job said. Raises BadInput."""
        self.job(job_id)
        handle = self._handles.get(job_id)
        return handle.log_text() if handle else ""

    def wait(self, job_id: str, seconds: float) -> Job:
        """Wait for its end, `seconds` at most; the job then."""
        with self._lock:
            ended = self._ends.get(job_id)
        if ended is not None:
            ended.wait(seconds)
        return self.job(job_id)

    def cancel(self, job_id: str, who: str, *, force: bool = False) -> Job:
        """Ask a job to end: a waiting one is gone at once, a running one keeps what it has as a checkpoint.

        Raises:
            BadInput: no such job, or it has ended.
        """
        with self._lock:
            job = self.job(job_id)
            if job.state in ENDED:
                raise BadInput(f"job {job_id} has ended: {job.state}", hint="nothing is to be cancelled")
            if job.state is not JobState.QUEUED:
                self._set(job_id, state=JobState.CANCELLING)
                self._handles[job_id].cancel.ask(who, force=force)
                return self._jobs[job_id]
            outcome = Outcome(state=JobState.CANCELLED, notes=(f"cancelled by {who} before it began",))
            self._set(job_id, state=JobState.CANCELLED, outcome=outcome, ended=self.clock.now(), text=outcome.notes[0])
            del self._work[job_id]
            self._ends.pop(job_id).set()
        self._edge(job_id)
        return self.job(job_id)

    def show(self, job_id: str, **values: object) -> None:
        """What moves between two edges; not worth a write."""
        with self._lock:
            if self._jobs[job_id].state is JobState.CANCELLING:
                values.pop("state", None)
            self._set(job_id, **values)

    def amend(self, job_id: str, **values: object) -> Job:
        """Something became known about an ended job. Raises BadInput, Stop."""
        with self._lock:
            self.job(job_id)
            self._set(job_id, **values)
            self._book.keep(self._jobs[job_id])
            return self._jobs[job_id]

    def _set(self, job_id: str, **values: object) -> None:
        self.version += 1
        self._jobs[job_id] = msgspec.structs.replace(self._jobs[job_id], version=self.version, **values)

    def stop(self) -> None:
        """Begin nothing more and ask what runs to end; returns at once."""
        with self._lock:
            self._stopped = True
            handles = [self._handles[job_id] for job_id in self._work]
            self._work = {job_id: work for job_id, work in self._work.items() if self._jobs[job_id].started is not None}
        for handle in handles:
            handle.cancel.ask("the engine, which ends", force=True)

    def _forget_oldest(self) -> None:
        with self._lock:
            ended = sorted((job for job in self._jobs.values() if job.state in ENDED), key=lambda job: -job.created)
            old = [job.id for job in ended[MOST_JOBS:]]
            for job_id in old:
                del self._jobs[job_id]
                self._handles.pop(job_id, None)
        self._book.forget(old)


def failed(error: SwarmError) -> Outcome:
    """The outcome of a job that could not be carried out."""
    cause = Cause(code=type(error).__name__, text=error.message, next_step=error.hint or "")
    return Outcome(state=JobState.FAILED, cause=cause)


def _new_id(now: float) -> str:
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
