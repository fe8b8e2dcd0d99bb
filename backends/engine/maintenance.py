"""Maintenance runs as the engine offers them: composed, carried out, muted, told, and what they hold kept from others.

Wiring and bookkeeping only: what comes next is decided by the runner, what happens on a host is done by the workers.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from backends import paths
from backends.alerts.model import Notice
from backends.engine import run_notices
from backends.engine.feed import DemoFeed
from backends.engine.run_ahead import coming, goes_on
from backends.engine.run_brokers import Brokers
from backends.engine.run_compose import Composer
from backends.engine.run_marks import marks
from backends.engine.run_muting import EngineMutes, Muting
from backends.engine.run_workers import demo_workers, real_workers
from backends.engine.world import Worlds
from backends.errors import BadInput, SwarmError
from backends.maintenance import from_config
from backends.maintenance.dry_run import DryRun
from backends.maintenance.headroom import Headroom as Room
from backends.maintenance.journal import read
from backends.maintenance.model import Edge, EdgeKind, RunState
from backends.maintenance.report import markdown
from backends.maintenance.report_lines import jsonl
from backends.maintenance.request import Request
from backends.maintenance.runner import Runner
from backends.maintenance.steps.before import Befores
from backends.maintenance.views import Headroom, Held, RunList, RunView, summary, view
from backends.maintenance.worker import Look
from backends.maintenance.world import World
from backends.sources.local_exec import LocalExec
from backends.states import Severity
from backends.updates.retention import Needs

if TYPE_CHECKING:
    from backends.engine.engine import Engine

MARK_SECONDS = 1.0
"""Between two looks at which run has which host, for the rows of the fleet."""
STEP_SECONDS = 5.0
"""Between two looks at what is muted, who has drained what, and what is to be announced."""
KEEP_UPDATES_SECONDS = 7 * 86_400.0
"""After its end, for looks at what hosts printed; the report of a run keeps what was changed."""
RECENT_SECONDS = 3.0
SHORT_HASH = 12
KIND = "run"
"""Of events of the timeline."""
_LOUD = {EdgeKind.STOPPED: Severity.CRITICAL, EdgeKind.ASKING: Severity.WARNING, EdgeKind.ABORTED: Severity.WARNING}
_TOLD = frozenset(
    (
        EdgeKind.CREATED, EdgeKind.APPROVED, EdgeKind.STARTED, EdgeKind.PAUSED, EdgeKind.RESUMED, EdgeKind.STOPPED,
        EdgeKind.ABORTED, EdgeKind.ENDED, EdgeKind.BATCH, EdgeKind.PROMOTED, EdgeKind.NOTE, EdgeKind.ASKING,
        EdgeKind.ANSWERED, EdgeKind.HOST_DONE, EdgeKind.SKIPPED, EdgeKind.RETRIED,
    )
)  # fmt: skip
"""Edges that belong on the timeline; the others are in the journal of the run."""


class Maintenance:
    """One for each engine that may change hosts. Calls may come from any thread."""

    def __init__(self, engine: Engine, folder: Path | None):
        """`folder`: of the journals; None (a demo): a temporary one."""
        self._engine = engine
        self._temporary = (
            tempfile.TemporaryDirectory(prefix="swarm-tui-runs-", ignore_cleanup_errors=True)
            if folder is None
            else None
        )
        self.folder = paths.private_dir(
            folder if folder is not None else Path(str(self._temporary and self._temporary.name))
        )
        self.brokers = Brokers(engine, lambda: LocalExec("this machine"), self._bug)
        self._worlds = Worlds(engine, self.brokers.known, self._runs, self._holders)
        demo = isinstance(engine.feed, DemoFeed)
        workers = (
            demo_workers(engine) if demo else real_workers(engine, self.brokers, self._state, Befores(self.folder))
        )
        self.runner = Runner(
            self.folder,
            workers,
            self._world,
            engine.clock,
            tell=self._tell,
            on_bug=self._bug,
            on_edge=self._edge,
        )
        self._composer = Composer(engine, self._worlds, self.brokers.ask, self._runs, self._bug)
        self._muting = Muting(EngineMutes(engine))
        self._latest = World(now=engine.clock.now())
        self._problem = ""
        self._announced: set[tuple[str, str, float]] = set()

    # Life -------------------------------------------------------------------------------------------------------

    def start(self, spawn: Callable[[str, Callable[[], None]], object]) -> None:
        """Take up what goes on. `spawn` starts a named thread."""
        self._mute()
        stopping = self._engine.stopping
        if not self._engine.read_only:
            self.runner.resume_all()
            spawn("runs", lambda: self.runner.loop(stopping))
        spawn("run-keeper", lambda: self.loop(stopping))
        spawn("run-marks", lambda: self._mark_loop(stopping))

    def loop(self, stopping: threading.Event) -> None:
        """What has to be done again and again beside the runs; the body of an own thread."""
        while not self._engine.clock.wait(stopping, STEP_SECONDS):
            try:
                self.step()
            except Exception as error:  # noqa: BLE001 - one bad look must not end the muting of alerts; told, tried again
                self._bug("", error)

    def mark(self) -> None:
        """Show on the rows of the fleet which run has which host."""
        held = self.runner.held()
        self._engine.fleet.set_runs(marks(held, self._runs() if held else (), self.runner.damaged()))

    def _mark_loop(self, stopping: threading.Event) -> None:
        """A thread of its own: whatever the keeper waits for, rows tell who has a host."""
        self.mark()
        while not self._engine.clock.wait(stopping, MARK_SECONDS):
            self.mark()

    def step(self) -> None:
        """One look."""
        self._mute()
        self._announce()
        going = {host for run in self._runs() if goes_on(run) for host in run.hosts}
        if going:
            self.brokers.renew(sorted(going), self._engine.clock.monotonic())

    def stop(self) -> None:
        """Begin nothing more; what runs on hosts goes on there."""
        self.runner.stop()
        self._composer.stop()
        self.brokers.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    def in_flight(self) -> tuple[str, ...]:
        """What goes on, one phrase each."""
        return self.runner.in_flight()

    def needed_updates(self) -> Needs:
        """What runs that are not over, or ended a short while ago, need of updates: a run over 1,000 hosts began 1,000."""
        now = self._engine.clock.now()
        runs = [each for each in self._runs() if each.ended is None or now - each.ended < KEEP_UPDATES_SECONDS]
        groups = {each.plan.id for each in runs} | set(self.runner.damaged())
        return Needs(frozenset(groups), frozenset(each.plan.update_plan for each in runs if each.plan.update_plan))

    # Before it starts -------------------------------------------------------------------------------------------

    def named(self, name: str) -> Request:
        """What `[[runs]]` says under that name. Raises BadInput."""
        return from_config.named(self._engine.config, name)

    def compose(self, request: Request, who: str) -> DryRun:
        """See `Composer.compose`."""
        return self._composer.compose(request, who)

    def create(self, hash: str, who: str) -> RunState:
        """A composed plan as a run that waits. Raises BadInput: no such plan, or a red one."""
        made = self._composer.composed(hash)
        if made.red:
            reasons = "; ".join(each.text for each in made.findings if each.severity is Severity.CRITICAL)
            raise BadInput(f"it may not start: {reasons}", action="create a maintenance run", hint=_cure(made))
        return self.runner.create(made.plan, who)

    def start_run(self, run: str, hash: str, who: str) -> RunState:
        """Begin a run whose plan's hash is named. Raises BadInput: another hash, a host that somebody else has."""
        state = self._demand_hash(run, hash, "start a maintenance run")
        return self.runner.start(run, who=who, hash=state.plan.hash)

    def approve(self, run: str, hash: str, who: str) -> RunState:
        """Somebody besides the author says yes to exactly this plan. Raises BadInput."""
        state = self._demand_hash(run, hash, "approve a run")
        return self.runner.approve(run, state.plan.hash, who=who)

    def start_named(self, name: str, actor: str) -> str:
        """Compose, create and start a run of the configuration with nobody there; its id.

        Raises:
            BadInput: it is red; what is wrong is told.
            RetryLater: hosts or disk do not answer now.
        """
        request = replace(self.named(name), scheduled=True)
        made = self.compose(request, actor)
        try:
            state = self.create(made.plan.hash, actor)
            self.runner.start(state.plan.id, who=actor, hash=state.plan.hash)
        except SwarmError as error:
            self._tell(KIND, f"run {name} does not start: {error.message}", "", actor, Severity.WARNING)
            raise
        return state.plan.id

    # Looking ----------------------------------------------------------------------------------------------------

    def list(self, limit: int) -> RunList:
        """All runs, the newest first."""
        return RunList(runs=tuple(map(summary, self._runs()[:limit])), damaged=self.runner.damaged())

    def view(self, run: str, since: int | None) -> RunView:
        """One run and how its hosts stand this moment. Raises BadInput."""
        state, latest = self.runner.state(run), self._recent()
        found = view(
            state,
            self._engine.clock.now(),
            since=since,
            looks=self.runner.looks(run),
            headroom=_headroom(self.runner.headroom(run, latest), state),
            estimates=latest.estimates,
        )
        return replace(found, why=found.why or self.runner.why(run))

    def report(self, run: str, format: str) -> str:
        """The record of a run. Raises BadInput, RetryLater."""
        state = self.runner.state(run)
        try:
            edges = read(self.folder / f"{state.plan.id}.jsonl").edges
        except OSError as error:
            self._bug("", error)
            edges = ()
        return markdown(state, edges) if format == "markdown" else jsonl(state, edges)

    def held(self) -> tuple[Held, ...]:
        """Which hosts which runs have."""
        runs = {run.plan.id: run for run in self._runs()}
        looks: dict[str, Mapping[str, Look]] = {}
        found = []
        for host, run in self.runner.held().items():
            state = runs.get(run)
            if state is None:
                found.append(Held(host=host, run=run, name="", who="", text="its journal is damaged"))
                continue
            known, seen = state.hosts.get(host), looks.setdefault(run, self.runner.looks(run)).get(host)
            if known is not None:
                text = (seen.text or seen.state) if seen is not None else known.text
                plan = state.plan
                found.append(Held(host=host, run=run, name=plan.name, who=plan.who, stage=known.stage, text=text))
        return tuple(found)

    def refuse_held(self, hosts: Iterable[str], action: str, actor: str = "") -> None:
        """Raises BadInput when a run has one of these hosts: nobody else changes anything there meanwhile."""
        held = self.runner.held()
        for host in hosts:
            if host in held:
                run = held[host]
                hint = f"swarm-tui run show {run}; skip the host there, or wait for the end of the run"
                raise BadInput(f"is held by maintenance {self._called(run)}", host=host, action=action, hint=hint)

    def _holders(self) -> dict[str, str]:
        """Host → "run r-… of anna" that has it."""
        held = self.runner.held()
        names = {run: self._called(run) for run in set(held.values())}
        return {host: names[run] for host, run in held.items()}

    def _called(self, run: str) -> str:
        who = next((each.plan.who for each in self._runs() if each.plan.id == run), "somebody")
        return f"run {run} of {who}"

    # Joints -----------------------------------------------------------------------------------------------------

    def _runs(self) -> tuple[RunState, ...]:
        return self.runner.runs()

    def _state(self, run: str) -> RunState:
        return self.runner.state(run)

    def _world(self) -> World:
        self._latest = self._worlds.now()
        return self._latest

    def _recent(self) -> World:
        """The fleet as the runner has just seen it, or as it is now."""
        old = abs(self._engine.clock.now() - self._latest.now) > RECENT_SECONDS
        return self._world() if old or not self._latest.hosts else self._latest

    def _edge(self, state: RunState, edge: Edge) -> None:
        """After it was written down, and before it is acted on."""
        if (edge.kind is EdgeKind.INTENDED and edge.step == 0) or edge.kind in (EdgeKind.ENDED, EdgeKind.RETRIED):
            self._mute()
        notice = run_notices.of_edge(state, edge)
        if notice is not None:
            self._put(notice)
        if edge.kind in _TOLD or (edge.kind is EdgeKind.STEP_OVER and not edge.good):
            self._tell_edge(state, edge)

    def _tell_edge(self, state: RunState, edge: Edge) -> None:
        severity = _LOUD.get(edge.kind, Severity.OK if edge.good else Severity.CRITICAL)
        words = f"run {state.plan.id} {edge.kind}" + (f": {edge.text}" if edge.text else "")
        self._tell(KIND, words[:400], edge.host, edge.who, severity)

    def _mute(self) -> None:
        try:
            self._muting.step(self._runs(), self._engine.fleet.now())
        except SwarmError as error:
            self._said(f"alerts of hosts in maintenance are not muted: {error.message}")
        else:
            self._problem = ""

    def _announce(self) -> None:
        """Runs that wait for their window, and those that a schedule begins, so many hours before."""
        config, now = self._engine.config, self._engine.clock.now()
        ahead = config.maintenance.notice_hours * 3600.0
        for name, scope, start in coming(self._runs(), config, now):
            if 0.0 < start - now <= ahead and (name, scope, start) not in self._announced:
                self._announced.add((name, scope, start))
                self._announce_one(name, scope, start, now)

    def _announce_one(self, name: str, scope: str, start: float, now: float) -> None:
        try:
            known = len(self._state(scope).plan.hosts) if scope else len(self._engine.select(self.named(name).selector))
        except BadInput as error:
            self._tell(KIND, f"run {name} will not begin: {error.message}", "", "", Severity.WARNING)
            return
        self._put(run_notices.ahead(name, start, now, known, scope))

    def _put(self, notice: Notice) -> None:
        """Into the outbox, which keeps it until it is told, and takes it once."""
        self._engine.duty.alerting.delivering.put(notice)

    def _demand_hash(self, run: str, named: str, action: str) -> RunState:
        state = self.runner.state(run)
        if len(named) < SHORT_HASH or not state.plan.hash.startswith(named):
            text = f"the hash {named[:SHORT_HASH] or '-'} is named, the plan is {state.plan.hash[:SHORT_HASH]}"
            raise BadInput(text, action=action, hint="look at the plan again and name its hash")
        return state

    def _tell(self, kind: str, text: str, host: str, actor: str, severity: Severity) -> None:
        self._engine.timeline.add(kind, text, host=host, actor=actor, severity=severity)

    def _said(self, text: str) -> None:
        if text != self._problem:
            self._tell(KIND, text, "", "", Severity.WARNING)
        self._problem = text

    def _bug(self, host: str, error: Exception) -> None:
        self._engine.log.failure("runs-failed", error, host=host)


def _headroom(found: Room, state: RunState) -> Headroom:
    """As it is sent."""
    fleet, failed = found.fleet, sum(host.stage == "failed-held" for host in state.hosts.values())
    return Headroom(
        away=len(fleet.away),
        limit=fleet.limit,
        free=fleet.left,
        failed=failed,
        failed_limit=state.plan.budget.failed,
        down=tuple(name for name in fleet.away if name not in state.hosts),
        domains={name: (len(room.away), room.limit) for name, room in found.domains.items()},
    )


def _cure(made: DryRun) -> str:
    return next(
        (each.hint for each in made.findings if each.severity is Severity.CRITICAL and each.hint), "compose anew"
    )
