"""Updates of the whole fleet, as the API offers them: look, plan, apply, hold, roll back, repair.

Wiring and bookkeeping only: what a package manager says is read by its dialect, what may happen is decided by the pure
modules beside this one, and what happens on a host is done by the host's own job.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from backends.clock import Clock
from backends.errors import BadInput, RetryLater, SkipHost, Stop, SwarmError
from backends.execution import Exec
from backends.hostkit.jobs import Jobs
from backends.hostkit.travel import Become
from backends.metrics.sample import Record
from backends.states import Severity
from backends.updates import login, pivots, registry, retention
from backends.updates.aftercare import Aftercare, asker
from backends.updates.apply import HostApply
from backends.updates.base import Manager
from backends.updates.facts import Facts
from backends.updates.inventories import HostUpdates, Inventories
from backends.updates.model import HistoryEntry, HostPlan, Inventory, ManagerName, Plan, Progress, Repair, Selection
from backends.updates.pivots import HostSummary, PendingSet
from backends.updates.plans import PLAN_SECONDS, SHORT_HASH, Plans, new_id
from backends.updates.records import ENDED, RunBook, RunRecord
from backends.updates.repairs import RepairRun, Repairs
from backends.updates.runs import Board, Runs
from backends.updates.workers import Workers, gather, wait

FRESH_SECONDS = 60.0
"""A plan is made from an inventory that is no older: what was chosen by hand from a screen is still what waits."""
HISTORY_DEPTH = 500
"""Transactions that are looked through for the one that a rollback names."""

Tell = Callable[[str, str, str, str, Severity], None]
"""kind, text, host, actor, severity: for the timeline."""


class View(Record, frozen=True, kw_only=True):
    """What is pending in the fleet."""

    version: int
    hosts: tuple[HostSummary, ...] | None = None
    """None: nothing changed since the version that was asked for."""
    sets: tuple[PendingSet, ...] = ()
    busy: int = 0
    """Hosts being asked now."""


class Updates:
    """The one owner of everything about updates in an engine. `folder` None: nothing is kept, so nothing is changed."""

    def __init__(
        self,
        managers: Mapping[ManagerName, Manager],
        ways: Callable[[str], Exec],
        become: Callable[[str], Become],
        clock: Clock,
        *,
        folder: Path | None,
        facts: Facts,
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        on_pending: Callable[[str, int | None], None],
        log_in: login.LogIn = login.nowhere,
        nudge: Callable[[str], None] = lambda host: None,
        needed: retention.Ask = lambda: retention.NONE,
    ):
        self._needed = needed
        self._managers, self._ways, self._become, self._clock = managers, ways, become, clock
        self._facts, self._tell, self._on_pending, self._on_bug = facts, tell, on_pending, on_bug
        self._log_in = log_in
        self._workers = Workers(32, "updates")
        self.plans = Plans(folder / "plans" if folder else None, clock, on_bug, self._needed_plans)
        self.inventories = Inventories(
            ways, self._manager, clock, folder=folder, on_change=self._changed, on_bug=on_bug, add=self._add
        )
        self.runs = self._open_runs(RunBook(folder / "runs")) if folder else None
        self.repaired = Repairs(self._jobs, clock, on_end=self._repair_ended, on_bug=on_bug)
        self.aftercare = Aftercare(
            ways,
            self._jobs,
            asker(ways, become, clock),
            clock,
            folder=folder,
            tell=tell,
            on_bug=on_bug,
            on_change=self.inventories.renew,
            nudge=nudge,
            updating=self._updating,
            needed=self._needed,
        )

    def resume(self) -> None:
        """Go on with what an earlier engine began."""
        if self.runs is not None:
            self.runs.resume()
        self.aftercare.resume()

    def _open_runs(self, book: RunBook) -> Runs:
        return Runs(
            book,
            self._make_apply,
            self._jobs,
            self._clock,
            on_edge=self._host_ended,
            on_bug=self._on_bug,
            needed=self._needed,
        )

    def stop(self) -> None:
        """Begin nothing more."""
        self.inventories.stop()
        self.plans.stop()
        self._workers.stop()
        self.repaired.stop()
        self.aftercare.stop()
        if self.runs is not None:
            self.runs.stop()

    def in_flight(self) -> tuple[str, ...]:
        """What goes on, one phrase each."""
        runs = self.runs.in_flight() if self.runs is not None else ()
        return (*runs, *self.repaired.in_flight(), *self.aftercare.in_flight())

    def _updating(self) -> tuple[str, ...]:
        """Hosts of runs that go on."""
        boards = self.runs.going() if self.runs is not None else ()
        return tuple(host.host for board in boards for host in board.hosts if host.stage not in ENDED)

    def _needed_plans(self) -> frozenset[str] | None:
        """Plans that somebody carries out, or did so a short while ago; None: not known yet."""
        wanted = self._needed()
        if wanted is None:
            return None
        return wanted.plans | (self.runs.plans() if self.runs is not None else frozenset())

    # Looking ----------------------------------------------------------------------------------------------------

    def view(self, hosts: Sequence[str], since: int | None) -> View:
        """What is pending on `hosts`; only the version when nothing changed since `since`."""
        version, busy = self.inventories.version, len(self.inventories.busy())
        if since == version:
            return View(version=version, busy=busy)
        states = self.inventories.all(hosts)
        summaries = tuple(pivots.summary(state) for state in states)
        return View(version=version, hosts=summaries, sets=pivots.sets(states), busy=busy)

    def details(self, host: str) -> HostUpdates:
        """Everything known about one host."""
        return self.inventories.of(host)

    def refresh(self, hosts: Sequence[str], *, lists: bool, wait_seconds: float = 0.0) -> None:
        """Ask these hosts again; returns at once, or when all have answered within `wait_seconds`."""
        wait(self.inventories.refresh(hosts, lists=lists), wait_seconds)

    # Planning ---------------------------------------------------------------------------------------------------

    def make_plan(self, hosts: Sequence[str], selection: Selection, who: str) -> Plan:
        """Simulate on every host, side by side, and write the plan down. Raises BadInput for no hosts at all."""
        return self._made({host: self._planner(host, selection) for host in hosts}, selection, who)

    def rollback(self, host: str, entry_id: str, packages: Sequence[str], who: str) -> Plan:
        """A plan that brings back what `entry_id` of the host's history changed. Raises SwarmError."""
        way = self._ways(host)
        manager = self._manager(way)
        entry = next((each for each in manager.history(way, HISTORY_DEPTH) if each.id == entry_id), None)
        if entry is None:
            raise BadInput(f"no transaction {entry_id[:60]!r}", host=host, hint=f"swarm-tui updates history {host}")
        return self._made({host: lambda: manager.rollback_plan(way, entry, packages)}, Selection(), who)

    def _made(self, makers: Mapping[str, Callable[[], HostPlan]], selection: Selection, who: str) -> Plan:
        made = self.plans.make(makers, selection, who)
        changing = sum(bool(host.changes) for host in made.hosts)
        self._tell("update", f"plan {made.id} ({made.hash[:SHORT_HASH]}) for {changing} hosts", "", who, Severity.OK)
        return made

    def _planner(self, host: str, selection: Selection) -> Callable[[], HostPlan]:
        def make() -> HostPlan:
            way = self._ways(host)
            inventory = self._inventory(host)
            return self._managers[inventory.manager].plan(way, inventory, selection)

        return make

    def _inventory(self, host: str) -> Inventory:
        """A fresh one. Raises SkipHost when the host cannot be asked."""
        state = self.inventories.recent(host, FRESH_SECONDS, PLAN_SECONDS)
        if state.inventory is None or state.error:
            raise SkipHost(state.error or "no inventory", host=host, action="plan updates", hint=state.hint or None)
        return state.inventory

    # Applying ---------------------------------------------------------------------------------------------------

    def start(
        self,
        plan_id: str,
        approved: str,
        who: str,
        *,
        fetch_only: bool = False,
        hosts: Sequence[str] | None = None,
        run_id: str = "",
        group: str = "",
    ) -> Board:
        """Carry out a plan whose hash is named as approval, or only fetch what it needs.

        Args:
            plan_id: of the plan.
            approved: its hash, or the first digits.
            who: the operator.
            fetch_only: change nothing.
            hosts: only these of the plan; None: all.
            run_id: of the run, where somebody must find it again: one of that id that is there already is only followed.
            group: id of the maintenance run that begins it; "": a person does.

        Raises:
            BadInput: another hash than the plan's, nothing to do, or a host is in a run that goes on.
            Stop: the run cannot be written down.
        """
        if run_id and (known := self.known_runs().find(run_id)) is not None:
            return known
        made = self.plans.approved(plan_id, approved)
        if hosts is not None:
            made = msgspec.structs.replace(made, hosts=tuple(host for host in made.hosts if host.host in set(hosts)))
        changing = [host for host in made.hosts if host.changes and not host.error]
        self.aftercare.refuse_rebooting([host.host for host in changing], "start an update")
        title = f"{sum(len(host.changes) for host in changing)} changes on {len(changing)} hosts"
        title = f"fetch ahead: {title}" if fetch_only else title
        run_id = run_id or new_id(self._clock.now())
        board = self.known_runs().start(made, run_id, title, who, fetch_only=fetch_only, group=group)
        self._tell("update", f"run {board.id} of plan {made.id} began: {title}", "", who, Severity.OK)
        return board

    def known_runs(self) -> Runs:
        """The runs. Raises Stop in an engine that keeps no state."""
        if self.runs is None:
            raise Stop(
                "this engine keeps no state, so it changes nothing on hosts",
                action="start an update",
                hint="a replay cannot update; for the real fleet see the engine's log",
            )
        return self.runs

    def _make_apply(
        self, plan: HostPlan, run: RunRecord, stop: threading.Event, tell: Callable[[Progress], None]
    ) -> HostApply:
        if plan.manager == "":
            raise SkipHost("the plan names no package manager", host=plan.host, action="start an update")
        return HostApply(
            self._ways(plan.host),
            self._managers[plan.manager],
            plan,
            jobs=self._jobs(plan.host),
            run=run.id,
            who=run.who,
            fetch_only=run.fetch_only,
            clock=self._clock,
            stop=stop,
            tell=tell,
            check=lambda way, host_plan: self._facts.check(way, self._become(way.host), host_plan),
            log_in=self._log_in,
        )

    # Holds, history, repairs ------------------------------------------------------------------------------------

    def hold(self, hosts: Sequence[str], packages: Sequence[str], hold: bool, who: str) -> dict[str, str]:
        """Hold or release packages on hosts, side by side; host → what was done, or why not."""
        tasks = {host: self._holder(host, packages, hold, who) for host in hosts}
        answers = gather(self._workers, tasks, PLAN_SECONDS, self._on_bug)
        for host in hosts:
            self.inventories.renew(host)
        return {host: each.message if isinstance(each, SwarmError) else each for host, each in answers.items()}

    def _holder(self, host: str, packages: Sequence[str], hold: bool, who: str) -> Callable[[], str]:
        def work() -> str:
            names = self._whole_family(host, packages)
            way = self._ways(host)
            result = way.run(self._manager(way).hold_argv(names, hold), timeout_seconds=60.0)
            if result.exit_status != 0:
                text = result.stderr.decode("utf-8", "replace").strip().splitlines()
                raise RetryLater(f"failed: {text[-1][:200] if text else f'exit {result.exit_status}'}", host=host)
            done = f"{'held' if hold else 'released'} {', '.join(names)}"
            self._tell("update", done, host, who, Severity.OK)
            return done

        return work

    def _whole_family(self, host: str, packages: Sequence[str]) -> tuple[str, ...]:
        """The GPU driver's packages are held and released as one."""
        inventory = self.inventories.of(host).inventory
        family = inventory.family_packages if inventory else ()
        touched = any(name in family for name in packages)
        return tuple(dict.fromkeys((*packages, *(family if touched else ()))))

    def history(self, host: str, limit: int) -> tuple[HistoryEntry, ...]:
        """The host's newest transactions, newest first. Raises SwarmError."""
        way = self._ways(host)
        return tuple(self._signed(entry) for entry in self._manager(way).history(way, limit))

    def _signed(self, entry: HistoryEntry) -> HistoryEntry:
        """With the operator of our own run, whom no package manager knows."""
        if entry.plan and self.runs is not None and (who := self.runs.operator(entry.plan)):
            return msgspec.structs.replace(entry, actor=who)
        return entry

    def repairs(self, host: str) -> tuple[Repair, ...]:
        """The repair steps that this host's package manager has. Raises SwarmError."""
        return self._manager(self._ways(host)).repairs()

    def repair(self, host: str, repair_id: str, who: str) -> RepairRun:
        """Start a repair step as a job on the host; `repaired.of` tells how it goes. Raises SwarmError."""
        found = next((each for each in self.repairs(host) if each.id == repair_id), None)
        if found is None:
            raise BadInput(f"no repair {repair_id[:40]!r}", host=host, hint=f"swarm-tui updates repair {host}")
        run = self.repaired.start(host, found, who)
        self._tell("update", f"repair {repair_id}: {found.text}", host, who, Severity.OK)
        return run

    def _repair_ended(self, run: RepairRun, who: str) -> None:
        self.inventories.renew(run.host)
        severity = Severity.OK if run.state == "done" else Severity.CRITICAL
        text = f"repair {run.repair} {run.state}" + (f": {run.text}" if run.text else "")
        self._tell("update", text, run.host, who, severity)

    def _host_ended(self, host: str, text: str, who: str, severity: Severity) -> None:
        self.inventories.renew(host)
        self._tell("update", text, host, who, severity)

    def _jobs(self, host: str) -> Jobs:
        return Jobs(self._ways(host), self._become(host))

    def _add(self, way: Exec, inventory: Inventory) -> Inventory:
        return self._facts.add(way, self._become(way.host), inventory)

    def _manager(self, way: Exec) -> Manager:
        return registry.find(way, self._managers)

    def _changed(self, host: str) -> None:
        self._on_pending(host, pivots.summary(self.inventories.of(host)).pending)
