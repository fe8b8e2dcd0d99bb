"""Works maintenance plans out from what the engine knows, and keeps the dry runs that may become runs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from backends.engine.run_services import Proving
from backends.errors import BadInput, SwarmError
from backends.maintenance.compose import compose
from backends.maintenance.dry_run import DryRun
from backends.maintenance.fleet import Blackout, FleetHost, Site, Standing
from backends.maintenance.from_config import commands
from backends.maintenance.model import RunState, Step, StepKind
from backends.maintenance.proof import set_named
from backends.maintenance.request import Request
from backends.maintenance.selection import selection
from backends.maintenance.steps_text import steps
from backends.schedule.blackout import blackout_text, days
from backends.schedule.rule import parse
from backends.schedule.window import Window
from backends.schedule.zones import zone_of
from backends.updates.model import Plan
from backends.updates.workers import Workers, gather

if TYPE_CHECKING:
    from backends.engine.engine import Engine
    from backends.engine.world import Worlds

KEPT = 50
"""Dry runs that are remembered; a plan that is older is composed anew."""
SHORT_HASH = 12
GATE_SECONDS = 60.0
ASKED_AT_ONCE = 32
REBOOTS = frozenset({StepKind.REBOOT, StepKind.REBOOT_IF_NEEDED})
Ask = Callable[[Sequence[str]], Mapping[str, Standing]]
"""How hosts stand at their schedulers, asked now; what could not be asked says so."""


class Composer:
    """Calls may come from any thread; `compose` waits for hosts."""

    def __init__(
        self,
        engine: Engine,
        worlds: Worlds,
        ask: Ask,
        history: Callable[[], tuple[RunState, ...]],
        on_bug: Callable[[str, Exception], None],
    ):
        self._engine, self._worlds, self._ask, self._history = engine, worlds, ask, history
        self._on_bug = on_bug
        self._workers = Workers(ASKED_AT_ONCE, "run gate")
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, DryRun] = OrderedDict()

    def stop(self) -> None:
        """Begin nothing more."""
        self._workers.stop()

    def compose(self, request: Request, who: str) -> DryRun:
        """The dry run; an update step is simulated on every host for it. Raises BadInput."""
        engine = self._engine
        names = engine.select(request.selector)
        timed = windowed(request, engine.clock.now())
        wanted = steps(timed.steps, timed.timeouts, commands(engine.config))
        fleet = self._worlds.fleet(self._ask(names))
        if any(step.kind in REBOOTS for step in wanted):
            fleet |= self._gates({name: fleet[name] for name in names if name in fleet})
        fleet |= self._copies({name: fleet[name] for name in names if name in fleet}, wanted)
        updates = self._updates(timed, names, who)
        made = compose(timed, names, fleet, self._site(who, names, updates))
        with self._lock:
            self._kept[made.plan.hash] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def composed(self, named: str) -> DryRun:
        """A dry run by its plan's hash, or the first digits of it. Raises BadInput."""
        with self._lock:
            found = [made for hash, made in self._kept.items() if hash.startswith(named)]
        if len(named) < SHORT_HASH or len(found) != 1:
            raise BadInput(
                f"no dry run has the hash {named[:SHORT_HASH] or '-'}",
                action="create a maintenance run",
                hint="compose it again, look at it, and name its hash",
            )
        return found[0]

    def _updates(self, request: Request, names: Sequence[str], who: str) -> Plan | None:
        wanted = selection(request)
        return self._engine.updates.make_plan(names, wanted, who) if wanted is not None and names else None

    def _gates(self, hosts: Mapping[str, FleetHost]) -> dict[str, FleetHost]:
        """What forbids a reboot there now, asked side by side. A host that cannot be asked says so by its state."""
        answers = gather(self._workers, {name: self._gate(name) for name in hosts}, GATE_SECONDS, self._on_bug)
        return {
            name: replace(hosts[name], gate=answer[0], reboot=answer[1])
            for name, answer in answers.items()
            if not isinstance(answer, SwarmError)
        }

    def _gate(self, host: str) -> Callable[[], tuple[tuple[str, ...], bool | None]]:
        def ask() -> tuple[tuple[str, ...], bool | None]:
            found = self._engine.updates.aftercare.gate(host)
            return tuple(each.text for each in found.findings if each.blocks), found.reboot.needed

        return ask

    def _copies(self, hosts: Mapping[str, FleetHost], wanted: Sequence[Step]) -> dict[str, FleetHost]:
        """How the backups stand of which a proof is wanted; the catalog is asked, no host."""
        sets = dict.fromkeys(set_named(step) for step in wanted if step.kind is StepKind.PROOF)
        if not sets:
            return {}
        proving = Proving(self._engine)
        return {
            name: replace(host, copies={each: tuple(proving.copies(name, each)) for each in sets})
            for name, host in hosts.items()
        }

    def _site(self, who: str, names: Sequence[str], updates: Plan | None) -> Site:
        engine = self._engine
        sets: dict[str, list[str]] = {}
        for task in engine.backups.tasks.all() if engine.has_backups else ():
            sets.setdefault(task.set.name, []).append(task.host)
        return Site(
            now=engine.clock.now(),
            who=who,
            sets={name: tuple(dict.fromkeys(hosts)) for name, hosts in sets.items()},
            proof_seconds=Proving(engine).usual_seconds(),
            commands=commands(engine.config),
            approval_tags=engine.config.maintenance.approval_tags,
            blackouts=tuple(_blackouts(engine)),
            updates=updates,
            history=self._history(),
            read_only=engine.read_only,
        )


def windowed(request: Request, now: float) -> Request:
    """The request with the times of its window: of the one that is open, else of the next. Raises BadInput: no such rule."""
    if request.window is None or request.window_end is not None:
        return request
    window = Window(rule=parse(request.window.cron, request.window.timezone), seconds=request.window.hours * 3600.0)
    found = window.current(now) or window.next(now)
    if found is None:
        raise BadInput(f"its window {request.window.text} never opens", action="compose a run")
    return replace(request, window_start=found[0], window_end=found[1])


def _blackouts(engine: Engine) -> list[Blackout]:
    found = []
    for each in engine.config.maintenance.blackouts:
        first, last = days(each)
        zone = zone_of("")
        start = datetime.combine(first, time(), zone).timestamp()
        end = datetime.combine(last + timedelta(days=1), time(), zone).timestamp()
        found.append(Blackout(start=start, end=end, text=blackout_text(each)))
    return found
