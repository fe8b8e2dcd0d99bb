"""Approved plans being carried out: one thread a host, each edge written down before it is acted on, one board to look at.

A run outlives its engine: what is not finished is taken up again from the book and from the hosts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

import msgspec

from backends.clock import Clock
from backends.errors import BadInput, RetryLater, SwarmError
from backends.hostkit.job_plan import PACKAGES
from backends.hostkit.jobs import Jobs
from backends.states import Severity
from backends.updates import retention
from backends.updates.apply import HostApply, Interrupted, failed, refused
from backends.updates.board import Board as Board
from backends.updates.board import BoardHost as BoardHost
from backends.updates.board import folded, merged
from backends.updates.model import HostPlan, Outcome, Plan, Progress, Stage
from backends.updates.records import ENDED, MOST_RUNS, HostRecord, RunBook, RunRecord
from backends.updates.workers import Workers

CONCURRENT_HOSTS = 256
"""Changes followed at a time; each is a thread that mostly waits. The hosts work by themselves."""

MakeApply = Callable[[HostPlan, RunRecord, threading.Event, Callable[[Progress], None]], HostApply]
"""(plan, run, stop, tell) → the change of one host; raises SwarmError when there is no way to the host."""
OnEdge = Callable[[str, str, str, Severity], None]
"""host, text, who, severity: something for the timeline."""
_SEVERITY = {Stage.DONE: Severity.OK, Stage.CANCELLED: Severity.OK, Stage.FAILED: Severity.CRITICAL}


class Run:
    """One run in this engine."""

    def __init__(self, record: RunRecord, book: RunBook, clock: Clock, on_edge: OnEdge):
        self.record, self._book, self._clock, self._on_edge = record, book, clock, on_edge
        self._lock = threading.Lock()
        self._progress: dict[str, Progress] = {}
        self.applies: dict[str, HostApply] = {}
        self.version = 0

    def edge(self, host: str, *, unstarted: bool = False, **values: object) -> bool:
        """Write a step of `host` down, durably, before it is acted on; False when the host is at its end already.

        Args:
            host: of this run.
            unstarted: only while its job was not started.
            values: fields of its record.

        Raises:
            Stop: the disk refuses.
        """
        with self._lock:
            before = self.record.hosts[host]
            if before.stage in ENDED or (unstarted and before.started_job):
                return False
            hosts = {**self.record.hosts, host: msgspec.structs.replace(before, **values)}
            record = msgspec.structs.replace(self.record, hosts=hosts)
            self._book.keep(record)
            self.record = record
            self.version += 1
            return True

    def show(self, progress: Progress) -> None:
        """What moves between two edges; not worth a write."""
        with self._lock:
            if self._progress.get(progress.host) != progress:
                self._progress[progress.host] = progress
                self.version += 1

    def end(self, host: str, outcome: Outcome, *, unstarted: bool = False) -> bool:
        """The host is done; tell it. False as for `edge`."""
        text = "; ".join(outcome.problems)
        values = {"stage": outcome.stage, "outcome": outcome, "ended": self._clock.now(), "text": text[:500]}
        if not self.edge(host, unstarted=unstarted, **values):
            return False
        counted = f": {outcome.applied} of {len(outcome.results)} applied" if outcome.results else ""
        done = "; ".join(outcome.notes)
        told = f"update {outcome.stage}{counted}" + "".join(f" — {part}" for part in (text, done) if part)
        self._on_edge(host, told, self.record.who, _SEVERITY.get(outcome.stage, Severity.WARNING))
        return True

    def board(self) -> Board:
        """The run as it is shown."""
        with self._lock:
            record, version, progress = self.record, self.version, dict(self._progress)
        return Board(
            id=record.id,
            title=record.title,
            plan_id=record.plan_id,
            plan_hash=record.plan_hash,
            who=record.who,
            created=record.created,
            finished=record.finished,
            version=version,
            hosts=tuple(_shown(name, host, progress.get(name)) for name, host in record.hosts.items()),
        )


def _shown(name: str, host: HostRecord, progress: Progress | None) -> BoardHost:
    stage = host.stage if host.stage in ENDED or progress is None else progress.stage
    return BoardHost(
        host=name,
        stage=stage,
        progress=progress or Progress(host=name, stage=host.stage, planned=len(host.plan.changes)),
        outcome=host.outcome,
        began=host.began,
        ended=host.ended,
        text=host.text or (progress.text if progress else ""),
    )


class Runs:
    """All runs that this engine knows."""

    def __init__(
        self,
        book: RunBook,
        make: MakeApply,
        jobs: Callable[[str], Jobs],
        clock: Clock,
        *,
        on_edge: OnEdge,
        on_bug: Callable[[str, Exception], None],
        needed: retention.Ask = lambda: retention.NONE,
    ):
        self._needed = needed
        self._book, self._make, self._jobs, self._clock = book, make, jobs, clock
        self._on_edge, self._on_bug = on_edge, on_bug
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._workers = Workers(CONCURRENT_HOSTS, "update")
        self._runs = {record.id: Run(record, book, clock, on_edge) for record in reversed(book.all())}

    def resume(self) -> tuple[str, ...]:
        """Take up every host of every unfinished run again; ids of those runs."""
        unfinished = [run for run in self._runs.values() if not run.record.finished]
        for run in unfinished:
            self._enqueue(run, run.record.hosts)
        return tuple(run.record.id for run in unfinished)

    def start(
        self, plan: Plan, run_id: str, title: str, who: str, *, fetch_only: bool = False, group: str = ""
    ) -> Board:
        """Begin to carry `plan` out on every host that has something to do, or only to fetch what it needs.

        A run of that id that is there already is followed: it is not begun again. `group`: of the maintenance run that
        begins it.

        Raises:
            BadInput: nothing to do, or a host of it is in a run that goes on.
            Stop: the run cannot be written down.
        """
        with self._lock:
            known = self._runs.get(run_id)
        if known is not None:
            return known.board()
        hosts = {host.host: HostRecord(plan=host) for host in plan.hosts if host.changes and not host.error}
        if not hosts:
            raise BadInput("the plan changes nothing", action="start an update", hint="swarm-tui updates list")
        record = RunRecord(
            id=run_id,
            title=title,
            plan_id=plan.id,
            plan_hash=plan.hash,
            who=who,
            created=self._clock.now(),
            hosts=hosts,
            fetch_only=fetch_only,
            group=group,
        )
        with self._lock:
            if run_id in self._runs:  # somebody was quicker
                return self._runs[run_id].board()
            self._refuse_overlap(hosts)
            self._book.keep(record)
            run = self._runs[run_id] = Run(record, self._book, self._clock, self._on_edge)
        self._enqueue(run, hosts)
        self._forget()
        return run.board()

    def _forget(self) -> None:
        """The oldest finished runs beyond MOST_RUNS, and those of maintenance runs that need them no longer."""
        wanted = self._needed()
        if wanted is None:
            return
        with self._lock:
            over = [run.record for run in self._runs.values() if run.record.finished]
            alone = sorted((each for each in over if not each.group), key=lambda each: -each.created)
            gone = [each.id for each in (*alone[MOST_RUNS:], *(each for each in over if each.group))]
            gone = [run for run in gone if self._runs[run].record.group not in wanted.groups]
            for run in gone:
                del self._runs[run]
        for run in gone:
            self._book.forget(run)

    def plans(self) -> frozenset[str]:
        """Ids of the plans of all runs that are kept."""
        with self._lock:
            return frozenset(run.record.plan_id for run in self._runs.values())

    def _refuse_overlap(self, hosts: Iterable[str]) -> None:
        wanted = set(hosts)
        for run in self._runs.values():
            taken = sorted(name for name in wanted & set(run.record.hosts) if run.record.hosts[name].stage not in ENDED)
            if taken:
                raise BadInput(
                    f"{', '.join(taken[:5])} {'is' if len(taken) == 1 else 'are'} being updated by run {run.record.id} of "
                    f"{run.record.who}",
                    action="start an update",
                    hint="follow that run, or wait for its end",
                )

    def stop(self) -> None:
        """The engine ends: nothing is begun any more, and what runs on hosts goes on there."""
        self._stop.set()
        self._workers.stop()

    def boards(self, limit: int = 50) -> tuple[Board, ...]:
        """The newest runs first, those of one maintenance run as one."""
        return folded((run.record.group, run.board()) for run in self._all())[:limit]

    def going(self) -> tuple[Board, ...]:
        """Each run that is not over, for itself."""
        return tuple(run.board() for run in self._all() if not run.record.finished)

    def board(self, run_id: str) -> Board:
        """One run, or those of one maintenance run as one. Raises BadInput."""
        members = self._members(run_id)
        return (
            members[0].board() if members[0].record.id == run_id else merged(run_id, [run.board() for run in members])
        )

    def find(self, run_id: str) -> Board | None:
        """One run; None when there is none of that id."""
        with self._lock:
            run = self._runs.get(run_id)
        return run.board() if run is not None else None

    def record(self, run_id: str) -> RunRecord:
        """One run with its plans. Raises BadInput."""
        return self._run(run_id).record

    def operator(self, run_id: str) -> str:
        """Who started a run; "" for one that is not known here."""
        with self._lock:
            run = self._runs.get(run_id)
        return run.record.who if run is not None else ""

    def output(self, run_id: str, host: str) -> str:
        """What the host printed so far; the tail of it once the run is over. Raises BadInput."""
        run = next((run for run in reversed(self._members(run_id)) if host in run.record.hosts), None)
        if run is None:
            raise BadInput(f"run {run_id} has no such host", host=host)
        record = run.record.hosts[host]
        live = run.applies.get(host)
        return (live.output if live else "") or (record.outcome.tail if record.outcome else "")

    def cancel(self, run_id: str, hosts: Iterable[str] | None, who: str) -> dict[str, str]:
        """End these hosts (all, without names) where that is safe; host → what came of it. Raises BadInput."""
        wanted = None if hosts is None else set(hosts)
        return {
            name: self._cancel(run, name, who)
            for run in self._members(run_id)
            for name, host in run.record.hosts.items()
            if host.stage not in ENDED and (wanted is None or name in wanted)
        }

    def _cancel(self, run: Run, host: str, who: str) -> str:
        text = f"cancelled by {who} before it began"
        if run.end(host, Outcome(host=host, stage=Stage.CANCELLED, problems=(text,)), unstarted=True):
            return text
        try:
            return self._jobs(host).cancel(PACKAGES, run.record.id, who)
        except SwarmError as error:
            return error.message

    def in_flight(self) -> tuple[str, ...]:
        """One phrase for each run that goes on."""
        return tuple(
            f"update {board.id}: {sum(host.stage not in ENDED for host in board.hosts)} hosts to go"
            for board in folded((run.record.group, run.board()) for run in self._all())
            if not board.finished
        )

    def _run(self, run_id: str) -> Run:
        with self._lock:
            run = self._runs.get(run_id)
        if run is None:
            raise BadInput(f"no such run: {run_id[:80]}", hint="swarm-tui updates runs")
        return run

    def _members(self, run_id: str) -> list[Run]:
        """The run of that id, or those of that group, the oldest first; at least one. Raises BadInput."""
        members = [run for run in self._all() if run.record.group == run_id]
        if run_id in self._runs or not members:
            return [self._run(run_id)]
        return sorted(members, key=lambda run: run.record.created)

    def _all(self) -> list[Run]:
        with self._lock:
            return list(self._runs.values())

    def _enqueue(self, run: Run, hosts: Mapping[str, HostRecord]) -> None:
        for name, record in hosts.items():
            if record.stage not in ENDED:
                self._workers.do(lambda name=name: self._work(run, name))  # type: ignore[misc]

    def _work(self, run: Run, host: str) -> None:
        """One host from wherever it stands to its end."""
        if run.record.hosts[host].stage in ENDED:  # cancelled while it waited for its turn
            return
        try:
            self._carry(run, host)
        except Interrupted:
            return  # written down as it stands; the next engine goes on
        except SwarmError as error:
            run.end(host, failed(host, error))
        except Exception as error:  # noqa: BLE001 - the boundary of one host: told, and no other host's matter
            self._on_bug(host, error)
            run.end(host, Outcome(host=host, stage=Stage.FAILED, problems=(f"internal error: {error!r}",)))

    def _carry(self, run: Run, host: str) -> None:
        record = run.record.hosts[host]
        apply = self._make(record.plan, run.record, self._stop, run.show)
        run.applies[host] = apply
        if (not record.started_job or not apply.known()) and not self._begin(run, host, apply):
            return
        run.end(host, apply.follow())
        self._put_away(host, apply)

    def _begin(self, run: Run, host: str, apply: HostApply) -> bool:
        """Check, write down, start; False when the host is refused or was cancelled meanwhile."""
        run.edge(host, stage=Stage.CHECKING, began=self._clock.now())
        why = apply.check()
        if not why and run.edge(host, stage=Stage.APPLYING, started_job=True):
            why = self._start(apply)
            if not why:
                return True
        run.end(host, refused(host, why))
        return False

    def _start(self, apply: HostApply) -> str:
        try:
            apply.start()
        except RetryLater as error:
            return "" if apply.known() else error.message  # perhaps only the answer was lost, not the job
        return ""

    def _put_away(self, host: str, apply: HostApply) -> None:
        try:
            apply.put_away()
        except SwarmError as error:  # the next job on this host puts it away itself
            self._on_edge(host, f"the finished job stays on the host: {error.message}", "", Severity.OK)
