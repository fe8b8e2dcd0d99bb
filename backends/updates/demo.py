"""Updates of the simulated fleet: the real service, plans and runs over hosts that exist only in memory.

What an operator sees and presses is the product's own; the hosts, their apt and their jobs are arithmetic. Nothing real is
touched, nothing is kept, and the header always says DEMO.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from msgspec import structs

from backends.clock import Clock
from backends.errors import BadInput, SkipHost
from backends.execution import Exec, ExecResult, OnOutput
from backends.hostkit.travel import Become
from backends.inventory.host import Host
from backends.updates import apt_outcome
from backends.updates.apt import Apt
from backends.updates.apt_argv import apply_argv, install_words, pin
from backends.updates.apt_state import Package
from backends.updates.base import Manager
from backends.updates.caution import listed
from backends.updates.classes import reboot_reasons
from backends.updates.demo_host import DEAD, DemoHost
from backends.updates.demo_job import DemoJob, DemoJobs
from backends.updates.facts import Facts
from backends.updates.model import Caution, Change, HistoryEntry, HostPlan, Inventory, Outcome, Selection
from backends.updates.records import RunBook, RunRecord
from backends.updates.selection import choose
from backends.updates.service import Tell, Updates

ASK_SECONDS = 0.4
"""What a simulated host takes to answer; half of them take three times as long."""
ROLES = ("h100", "a100", "cpu", "login")


class DemoWay:
    """The way to a simulated host: it knows the two commands that the service runs by itself, and no other."""

    def __init__(self, simulated: DemoHost, clock: Clock):
        self.host, self._simulated, self._clock = simulated.name, simulated, clock

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        self._simulated.demand_link()
        words = tuple(argv)
        if "apt-mark" in words:
            return self._mark(words[words.index("apt-mark") + 1 :])
        if words == Apt().refresh_argv():
            fine = self._simulated.renewed(self._clock.now())
            return ExecResult(0) if fine else ExecResult(100, stderr=f"E: Failed to fetch {_fetch(DEAD)}\n".encode())
        raise SkipHost("this host is simulated, nothing can run on it", host=self.host, action="run a command")

    def _mark(self, words: Sequence[str]) -> ExecResult:
        verb, names = words[0], set(words[1:])
        with self._simulated.lock:
            if verb == "hold":
                self._simulated.holds |= names
            elif verb == "unhold":
                self._simulated.holds -= names
        return ExecResult(0)


def _fetch(sentence: str) -> str:
    """As apt writes it: the address, two blanks, the reason."""
    address, _, reason = sentence.partition(": ")
    return f"{address}  {reason}"


class DemoApt(Apt):
    """apt without a host behind it: its own argv, selection, progress and verdict over a simulated state."""

    def __init__(self, hosts: dict[str, DemoHost], clock: Clock):
        self._hosts, self._clock = hosts, clock

    def inventory(self, host: Exec, now: float) -> Inventory:
        simulated = self._of(host)
        slow = 3.0 if len(host.host) + ord(host.host[-1]) & 1 else 1.0
        self._clock.wait(threading.Event(), ASK_SECONDS * slow)
        return simulated.inventory(now)

    def plan(self, host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
        simulated = self._of(host)
        fresh = simulated.inventory(self._clock.now())
        chosen = choose(fresh, selection)
        arguments = tuple(pin(change, selection.security_only, "amd64") for change in chosen.wanted)
        changes = simulated.meant(arguments)
        plan = self._priced(host.host, changes, arguments, fresh.warnings)
        error = listed(simulated.troubles()) if changes else ""
        return structs.replace(plan, left_out=chosen.left_out, error=error)

    def _priced(
        self, host: str, changes: tuple[Change, ...], arguments: tuple[str, ...], warnings: tuple[Caution, ...]
    ) -> HostPlan:
        size, reasons = sum(change.size_bytes or 0 for change in changes), reboot_reasons(changes)
        plan = HostPlan(
            host=host,
            manager="apt",
            changes=changes,
            arguments=arguments,
            download_bytes=size,
            disk_bytes=3 * size,
            reboot=bool(reasons),
            reboot_reasons=reasons,
            warnings=warnings,
            timers=("apt-daily-upgrade.timer",),
        )
        return structs.replace(plan, command=apply_argv(install_words(plan), "")) if changes else plan

    def again(self, host: Exec, plan: HostPlan) -> HostPlan:
        simulated = self._of(host)
        if troubles := simulated.troubles():
            return structs.replace(plan, changes=(), error=listed(troubles))
        return structs.replace(plan, changes=tuple(map(simulated.moved, simulated.meant(plan.arguments))))

    def outcome(self, host: Exec, plan: HostPlan, exit_status: int | None, status: str, output: str) -> Outcome:
        simulated = self._of(host)
        with simulated.lock:
            rows = [
                Package(name=name, architecture="amd64", version=version, status="iF " if half else "ii ")
                for name, version in simulated.installed.items()
                if version or name in simulated.half
                for half in (name in simulated.half,)
            ]
        results = tuple(apt_outcome.result(change, rows) for change in plan.changes)
        return apt_outcome.conclude(plan.host, results, exit_status, status, output, simulated.troubles())

    def history(self, host: Exec, limit: int) -> tuple[HistoryEntry, ...]:
        simulated = self._of(host)
        with simulated.lock:
            return tuple(simulated.history[:limit])

    def rollback_plan(self, host: Exec, entry: HistoryEntry, packages: Sequence[str]) -> HostPlan:
        simulated = self._of(host)
        asked = [change for change in entry.changes if not packages or change.name in packages]
        back = [change for change in asked if change.installed and change.kind != "install"]
        arguments = tuple(f"{change.name}={change.installed}" for change in back)
        changes = tuple(each for each in simulated.meant(arguments) if each.installed != each.candidate)
        plan = self._priced(host.host, changes, arguments, simulated.cautions(self._clock.now()))
        return plan if changes else structs.replace(plan, error="nothing to bring back")

    def _of(self, host: Exec) -> DemoHost:
        simulated = self._hosts[host.host]
        simulated.demand_link()
        return simulated


class DemoFacts(Facts):
    """The simulated host told everything with its inventory."""

    def __init__(self, hosts: dict[str, DemoHost], clock: Clock):
        super().__init__(clock)
        self._hosts, self._now = hosts, clock.now

    def check(self, host: Exec, become: Become, plan: HostPlan) -> tuple[Caution, ...]:
        return self._hosts[host.host].cautions(self._now())

    def add(self, host: Exec, become: Become, inventory: Inventory) -> Inventory:
        return inventory


class NoBook(RunBook):
    """Remembers nothing beyond this engine: simulated runs end with it."""

    def __init__(self) -> None:
        """Without a folder."""

    def keep(self, run: RunRecord) -> None:
        """Nothing is written."""

    def all(self) -> tuple[RunRecord, ...]:
        return ()

    def damaged(self) -> tuple[str, ...]:
        return ()

    def forget(self, run: str) -> None:
        """There is no file."""


class DemoUpdates(Updates):
    """The service over simulated hosts. `unreachable` says why a host cannot be asked now, "" when it can."""

    def __init__(
        self,
        hosts: Iterable[Host],
        unreachable: Callable[[str], str],
        clock: Clock,
        *,
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        on_pending: Callable[[str, int | None], None],
    ):
        self._simulated = simulate(hosts, unreachable, clock.now())
        self._demo_jobs: dict[str, DemoJob] = {}
        self._demo_apt = DemoApt(self._simulated, clock)
        super().__init__(
            {"apt": self._demo_apt},
            self._way,
            lambda host: "none",
            clock,
            folder=None,
            facts=DemoFacts(self._simulated, clock),
            tell=tell,
            on_bug=on_bug,
            on_pending=on_pending,
        )
        self.runs = self._open_runs(NoBook())

    def _way(self, host: str) -> DemoWay:
        if host not in self._simulated:
            raise BadInput("no such host in the fleet", host=host)
        return DemoWay(self._simulated[host], self._clock)

    def _manager(self, way: Exec) -> Manager:
        return self._demo_apt

    def _jobs(self, host: str) -> DemoJobs:
        return DemoJobs(self._way(host), self._simulated[host], self._demo_jobs, self._clock)


def simulate(hosts: Iterable[Host], unreachable: Callable[[str], str], now: float) -> dict[str, DemoHost]:
    """The hosts by name; what is special about one follows from its role (a tag) and its place among its kind."""
    made: dict[str, DemoHost] = {}
    seen = dict.fromkeys(ROLES, 0)
    for host in hosts:
        role = next((role for role in ROLES if role in host.tags), "cpu")
        made[host.name] = DemoHost(host.name, role, seen[role], _asking(unreachable, host.name), now)
        seen[role] += 1
    return made


def _asking(unreachable: Callable[[str], str], name: str) -> Callable[[], str]:
    return lambda: unreachable(name)
