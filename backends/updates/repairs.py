"""Repair steps being carried out: started as a job of the host, followed to their end, told as they are.

Unlike a run they are not written down here: the job stays on the host, and whether it cured anything is seen there anew.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Literal

from backends.clock import Clock
from backends.errors import BadInput, RetryLater, SwarmError
from backends.hostkit.job_follow import JobFollower
from backends.hostkit.job_plan import PACKAGES, Job, JobStep
from backends.hostkit.job_report import JobReport
from backends.hostkit.jobs import Jobs
from backends.metrics.sample import Record
from backends.updates.model import Repair
from backends.updates.plans import new_id
from backends.updates.workers import Workers

FOLLOW_SECONDS = 1.0
RETRY_SECONDS = 5.0
"""While the host cannot be reached."""
CONCURRENT_HOSTS = 32
MOST_KEPT = 500
TAIL_CHARACTERS = 4000


class RepairRun(Record, frozen=True, kw_only=True):
    """One repair step on one host."""

    host: str
    repair: str
    run: str
    state: Literal["running", "done", "failed"] = "running"
    """"done": the command ended well. Whether the host is sound again stands in its newest inventory."""
    text: str = ""
    """Why it failed."""
    tail: str = ""
    """The last lines of output."""


class Repairs:
    """The repairs that this engine started. `on_end` is called on a thread of its own."""

    def __init__(
        self,
        jobs: Callable[[str], Jobs],
        clock: Clock,
        *,
        on_end: Callable[[RepairRun, str], None],
        on_bug: Callable[[str, Exception], None],
    ):
        self._jobs, self._clock, self._on_end, self._on_bug = jobs, clock, on_end, on_bug
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._workers = Workers(CONCURRENT_HOSTS, "repair")
        self._runs: dict[str, RepairRun] = {}

    def stop(self) -> None:
        """Follow nothing any more; what runs on hosts goes on there."""
        self._stop.set()
        self._workers.stop()

    def start(self, host: str, repair: Repair, who: str) -> RepairRun:
        """Begin `repair` on `host`. Raises as `Jobs.start`."""
        run = RepairRun(host=host, repair=repair.id, run=new_id(self._clock.now()))
        step = JobStep(id="repair", argv=repair.command)
        self._jobs(host).start(Job(name=PACKAGES, title=repair.text, who=who, run=run.run, steps=(step,)))
        self._keep(run)
        self._workers.do(lambda: self._carry(run, who))
        return run

    def of(self, run: str) -> RepairRun:
        """A repair, running or ended. Raises BadInput."""
        with self._lock:
            found = self._runs.get(run)
        if found is None:
            raise BadInput(f"this engine knows no repair {run[:80]!r}", action="look after a repair")
        return found

    def in_flight(self) -> tuple[str, ...]:
        """One phrase for each repair that goes on."""
        with self._lock:
            return tuple(f"repair {r.repair} on {r.host}" for r in self._runs.values() if r.state == "running")

    def _keep(self, run: RepairRun) -> None:
        with self._lock:
            self._runs[run.run] = run
            for old in list(self._runs)[:-MOST_KEPT]:
                del self._runs[old]

    def _carry(self, run: RepairRun, who: str) -> None:
        try:
            ended = self._ended(run, JobFollower(self._jobs(run.host), PACKAGES, run.run))
        except SwarmError as error:
            ended = _changed(run, "failed", error.message)
        except Exception as error:  # noqa: BLE001 - the boundary of one host: told, and no other host's matter
            self._on_bug(run.host, error)
            ended = _changed(run, "failed", f"internal error: {error!r}")
        if ended is not None:
            with contextlib.suppress(SwarmError):  # else the next job on this host puts it away
                self._jobs(run.host).forget(PACKAGES, run.run)
            self._keep(ended)
            self._on_end(ended, who)

    def _ended(self, run: RepairRun, follower: JobFollower) -> RepairRun | None:
        """The repair at its end; None when the engine ends first. Raises SwarmError."""
        while True:
            try:
                report, pause = follower.read(), FOLLOW_SECONDS
                if report.state != "running":
                    return _judged(run, report, follower.output)
            except RetryLater:
                pause = RETRY_SECONDS
            if self._clock.wait(self._stop, pause):
                return None


def _judged(run: RepairRun, report: JobReport, output: str) -> RepairRun:
    if report.state == "finished" and report.exit_status == 0:
        return _changed(run, "done", "", output)
    ended = f"ended with {report.exit_status}" if report.state == "finished" else report.reason or "the job is gone"
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")
    return _changed(run, "failed", ended + (f": {last[:200]}" if last else ""), output)


def _changed(run: RepairRun, state: Literal["done", "failed"], text: str, output: str = "") -> RepairRun:
    tail = output[-TAIL_CHARACTERS:]
    return RepairRun(host=run.host, repair=run.repair, run=run.run, state=state, text=text, tail=tail)
