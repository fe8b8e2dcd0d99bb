"""The detached job of a simulated host: a script of moments that the clock plays, read like the files of a real one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple
from zlib import crc32

from backends.clock import Clock, utc
from backends.errors import RetryLater, SkipHost
from backends.execution import Exec
from backends.hostkit.job_plan import Job, check
from backends.hostkit.job_report import JobMeta, JobReport, StepMeta, StepReport
from backends.hostkit.jobs import Jobs
from backends.updates import apt_repair
from backends.updates.apply import APPLY, PREFETCH
from backends.updates.demo_host import BREAKS, DemoHost
from backends.updates.model import Change, HistoryEntry, PackageClass

LOCK_SECONDS = 9.0
FETCH_BYTES_PER_SECOND = 24 << 20
STEP_SECONDS = 0.6
CUT_AFTER_SECONDS, CUT_SECONDS = 4.0, 12.0
"""On a "cut" host the link is lost this long after the installation began, and for this long."""
_LOCKED = (
    "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. "
    "It is held by process 2217 (unattended-upgr)...\n"
)
_PACE = {PackageClass.KERNEL: 2.2, PackageClass.GPU_DRIVER: 3.0, PackageClass.CORE_LIB: 1.2}
"""Seconds that a package takes: initrds and DKMS modules are built."""


class Moment(NamedTuple):
    """Something that happens so many seconds after the start."""

    at: float
    out: str = ""
    status: str = ""
    becomes: Change | None = None
    """Installed in its new version from now on."""
    breaks: str = ""
    """A package whose configuration fails now."""
    logged: HistoryEntry | None = None
    """Stands in the package manager's log from now on."""


class Span(NamedTuple):
    """A step in time; both ends in seconds after the start."""

    id: str
    begin: float
    end: float
    exit_status: int = 0
    cancellable: bool = False


class Play(NamedTuple):
    """A job as it will go, unless it is cancelled."""

    job: Job
    started: float
    spans: tuple[Span, ...]
    moments: tuple[Moment, ...]


def fetch(changes: tuple[Change, ...], began: float, slow: float) -> Iterator[Moment]:
    """The download, a line a package and a status line for each fifth of it."""
    total, done, at = sum(change.size_bytes or 0 for change in changes) or 1, 0, began
    for number, change in enumerate(changes, start=1):
        size = change.size_bytes or 0
        origin = change.origin.partition(":")[2] or "archive"
        yield Moment(at, f"Get:{number} {origin} {change.name} {change.candidate} [{size >> 10} kB]\n")
        for part in range(1, 6):
            percent = 100.0 * (done + size * part / 5) / total
            at = began + (done + size * part / 5) / FETCH_BYTES_PER_SECOND * slow
            yield Moment(at, status=f"dlstatus:{number}:{percent:.4f}:Retrieving file {number} of {len(changes)}\n")
        done += size
    yield Moment(at, f"Fetched {total >> 10} kB\n")


def pace(host: str) -> float:
    """How slow a host is, 0.8 to 1.4: no two of them go in step."""
    return 0.8 + crc32(host.encode()) % 61 / 100


def install(changes: tuple[Change, ...], began: float, slow: float, broken: bool) -> Iterator[Moment]:
    """Unpacking and configuring; on a broken host one package's configuration fails and the rest goes on."""
    at = began
    for index, change in enumerate(changes):
        percent = 100.0 * index / len(changes)
        old = f" over ({change.installed})" if change.installed else ""
        told = f"pmstatus:{change.name}:{percent:.4f}:"
        yield Moment(at, f"Unpacking {change.name} ({change.candidate}){old} ...\n", f"{told}Unpacking {change.name}\n")
        at += slow * _PACE.get(change.package_class, 0.7)
        yield Moment(at, f"Setting up {change.name} ({change.candidate}) ...\n", f"{told}Configuring {change.name}\n")
        if broken and change.name == BREAKS:
            wrong = f"installed {BREAKS} package post-installation script subprocess returned error exit status 1"
            out = f"dpkg: error processing package {BREAKS} (--configure):\n {wrong}\n"
            yield Moment(at + 0.1, out, f"pmerror:{BREAKS}:{percent:.4f}:{wrong}\n", becomes=change, breaks=BREAKS)
        else:
            yield Moment(at + 0.1, status=f"{told}Installed {change.name} (amd64)\n", becomes=change)
        at += 0.2


def play(job: Job, changes: tuple[Change, ...], host: DemoHost, now: float) -> Play:
    """How `job` will go on `host`."""
    spans: list[Span] = []
    moments: list[Moment] = []
    at, broken = 0.0, host.story == "broken" and any(change.name == BREAKS for change in changes)
    for step in job.steps:
        made: list[Moment] = []
        if step.id == PREFETCH:
            if host.story == "locked":
                made = [Moment(at, _LOCKED)]
            made += fetch(changes, at + (LOCK_SECONDS if made else 0.0), pace(host.name))
        elif step.id == APPLY:
            made = list(install(changes, at, pace(host.name), broken))
        end = max((moment.at for moment in made), default=at) + STEP_SECONDS
        if step.id == APPLY:
            made.append(Moment(end, logged=_entry(job, changes, host.name, now + at, broken)))
        spans.append(Span(step.id, at, end, 100 if step.id == APPLY and broken else 0, step.cancellable))
        moments += made
        at = end
    return Play(job, now, tuple(spans), tuple(moments))


def _entry(job: Job, changes: tuple[Change, ...], host: str, began: float, broken: bool) -> HistoryEntry:
    error = "Sub-process /usr/bin/dpkg returned an error code (1)" if broken else ""
    return HistoryEntry(
        host=host,
        id=f"{utc(began):%Y-%m-%d %H:%M:%S}",
        time=began,
        changes=changes,
        command=f"apt-get install ({len(changes)} packages)",
        actor=job.who,
        plan=job.run,
        ok=not broken,
        error=error,
        rollback=True,
    )


class DemoJob:
    """One job on one simulated host. Callers hold the host's lock."""

    def __init__(self, host: DemoHost, plan: Play):
        self._host, self.plan = host, plan
        self._applied = 0
        self.cancelled_by = ""
        self._cancelled_at: float | None = None

    def advance(self, now: float) -> float:
        """Let what was due happen; seconds since the start."""
        elapsed = now - self.plan.started if self._cancelled_at is None else self._cancelled_at
        due = [moment for moment in self.plan.moments if moment.at <= elapsed]
        for moment in due[self._applied :]:
            if moment.becomes is not None:
                self._host.installed[moment.becomes.name] = moment.becomes.candidate
            if moment.breaks:
                self._host.half.add(moment.breaks)
            if moment.logged is not None:
                self._host.history.insert(0, moment.logged)
        self._applied = len(due)
        self._host.cut = self._host.story == "cut" and self._is_cut(elapsed)
        return elapsed

    def _is_cut(self, elapsed: float) -> bool:
        begin = next((span.begin for span in self.plan.spans if span.id == APPLY), None)
        return begin is not None and CUT_AFTER_SECONDS <= elapsed - begin < CUT_AFTER_SECONDS + CUT_SECONDS

    def is_over(self, now: float) -> bool:
        """Whether it has come to its end."""
        return self.advance(now) >= self.plan.spans[-1].end or self._cancelled_at is not None

    def cancel(self, now: float, who: str) -> str:
        """Raises RetryLater while packages are being changed, SkipHost after the end."""
        elapsed = self.advance(now)
        current = next((span for span in self.plan.spans if span.begin <= elapsed < span.end), None)
        if current is None or self._cancelled_at is not None:
            raise SkipHost("this job is not running any more", host=self._host.name)
        if not current.cancellable:
            raise RetryLater(f"step {current.id} must not be interrupted", host=self._host.name)
        self.cancelled_by, self._cancelled_at = who, elapsed
        return f"told step {current.id} to end"

    def report(self, now: float, out: int, status: int) -> JobReport:
        """As a read of a real job's files after these byte offsets."""
        elapsed, over = self.advance(now), self.is_over(now)
        due = self.plan.moments[: self._applied]
        texts = ["".join(moment.out for moment in due).encode(), "".join(moment.status for moment in due).encode()]
        job, failed = self.plan.job, any(span.exit_status for span in self.plan.spans)
        result: Literal["done", "failed", "cancelled"] = "failed" if failed else "done"
        return JobReport(
            name=job.name,
            state="finished" if over else "running",
            meta=self._meta(),
            steps=tuple(self._step(span, elapsed) for span in self.plan.spans),
            exit_status=max(span.exit_status for span in self.plan.spans) if over else None,
            result="" if not over else "cancelled" if self.cancelled_by else result,
            cancelled_by=self.cancelled_by,
            now=now,
            out=texts[0][out:],
            out_size=len(texts[0]),
            status=texts[1][status:],
            status_size=len(texts[1]),
        )

    def _meta(self) -> JobMeta:
        job = self.plan.job
        steps = tuple(StepMeta(id=step.id, cancellable=step.cancellable) for step in job.steps)
        return JobMeta(name=job.name, title=job.title, who=job.who, run=job.run, started=self.plan.started, steps=steps)

    def _step(self, span: Span, elapsed: float) -> StepReport:
        began, ended = self.plan.started + span.begin, self.plan.started + span.end
        if self._cancelled_at is not None and elapsed < span.end:
            return StepReport(id=span.id, state="failed" if elapsed >= span.begin else "skipped", reason="cancelled")
        if elapsed >= span.end:
            state: Literal["done", "failed"] = "failed" if span.exit_status else "done"
            return StepReport(id=span.id, state=state, began=began, ended=ended, exit_status=span.exit_status)
        return StepReport(id=span.id, state="running" if elapsed >= span.begin else "waiting", began=began)


class DemoJobs(Jobs):
    """The jobs of a simulated host, in memory."""

    def __init__(self, way: Exec, host: DemoHost, jobs: dict[str, DemoJob], clock: Clock):
        super().__init__(way, "none")
        self._simulated, self._jobs, self._clock = host, jobs, clock

    def start(self, job: Job) -> None:
        check(job)
        host, now = self._simulated, self._clock.now()
        host.demand_link()
        with host.lock:
            before = self._jobs.get(host.name)
            if before is not None and not before.is_over(now):
                about = before.plan.job
                raise RetryLater(f"it is running: {about.title}, started by {about.who}", host=host.name)
            words = [word for step in job.steps if step.id == APPLY for word in step.argv]
            self._jobs[host.name] = DemoJob(host, play(job, host.meant(words), host, now))
            self._repair(job)

    def _repair(self, job: Job) -> None:
        commands = [step.argv for step in job.steps]
        if apt_repair.CONFIGURE.command in commands:
            self._simulated.configure()
        if apt_repair.CLEAN.command in commands:
            self._simulated.full = False

    def read(self, name: str, *, run: str = "", out: int = 0, status: int = 0) -> JobReport:
        host, now = self._simulated, self._clock.now()
        with host.lock:
            job = self._jobs.get(host.name)
            if job is not None:
                job.advance(now)
            host.demand_link()
            if job is None or (run and job.plan.job.run != run):
                return JobReport(name=name, state="none", now=now)
            return job.report(now, out, status)

    def cancel(self, name: str, run: str, who: str, *, force: bool = False) -> str:
        host, now = self._simulated, self._clock.now()
        host.demand_link()
        with host.lock:
            job = self._jobs.get(host.name)
            if job is None or job.plan.job.run != run:
                raise SkipHost("this job is not running any more", host=host.name)
            return job.cancel(now, who)

    def forget(self, name: str, run: str) -> None:
        host = self._simulated
        host.demand_link()
        with host.lock:
            job = self._jobs.get(host.name)
            if job is not None and job.plan.job.run == run:
                del self._jobs[host.name]
