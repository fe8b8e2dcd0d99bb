"""Planning a fleet's updates in numbers: the engine's own CPU, with hosts that answer from memory.

What a package manager takes on a host is the host's; what is measured is what grows with the fleet here: simulating side
by side, hashing, grouping, writing the plan down, comparing it before the change, showing it.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from backends.execution import Exec
from backends.hostkit.travel import Become
from backends.states import Severity
from backends.updates import plan as plans
from backends.updates.facts import Facts
from backends.updates.model import Caution, Change, HostPlan, Inventory, Selection
from backends.updates.service import Updates
from tests.unit.updates.fleet import BriefClock, Machine, MachineExec, MachineManager

HOSTS, PACKAGES = 200, 150
BUDGET_SECONDS = 1.0
SLOW_SECONDS = 0.2
"""What each host of the listing takes, and how long the hung one hangs beyond that."""
HUNG_SECONDS = 3.0


class _Offers(MachineManager):
    """Every host offers the same packages; some hosts one more."""

    def __init__(self, machines: dict[str, Machine], seconds: float = 0.0):
        super().__init__(machines)
        self._seconds = seconds

    def inventory(self, host: Exec, now: float) -> Inventory:
        wait = HUNG_SECONDS if self._seconds and host.host == "h000" else self._seconds
        if wait:
            threading.Event().wait(wait)
        return Inventory(host=host.host, manager="apt", taken=now, changes=_changes(host.host))

    def plan(self, host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
        arguments = tuple(f"{each.name}={each.candidate}" for each in inventory.changes)
        return HostPlan(
            host=host.host, manager="apt", changes=inventory.changes, arguments=arguments, command=arguments
        )


class _NoFacts(Facts):
    def check(self, host: Exec, become: Become, plan: HostPlan) -> tuple[Caution, ...]:
        return ()

    def add(self, host: Exec, become: Become, inventory: Inventory) -> Inventory:
        return inventory


def _changes(host: str) -> tuple[Change, ...]:
    extra = int(host[1:]) % 5
    return tuple(
        Change(name=f"package-{number:03}", installed="1.0-1", candidate="1.0-2", security=number % 3 == 0)
        for number in range(PACKAGES + extra)
    )


def run() -> list[str]:
    """The table."""
    quick = bool(os.environ.get("SWARM_BENCH_QUICK"))
    hosts = HOSTS // 4 if quick else HOSTS
    names = [f"h{number:03}" for number in range(hosts)]
    with tempfile.TemporaryDirectory(prefix="swarm-updates-") as folder:
        service = _service(names, Path(folder) / "a", 0.0)
        service.refresh(names, lists=False, wait_seconds=60)
        rows = _planning(service, names)
        listing = _listing(names, Path(folder) / "b")
    total = sum(seconds for name, seconds in rows if name.startswith(("plan", "group")))
    verdict = "kept" if total <= BUDGET_SECONDS else "MISSED"
    return [
        f"{hosts} hosts × {PACKAGES} packages, five different change sets; hosts answer from memory.",
        "",
        "| step | engine CPU |",
        "|---|---:|",
        *(f"| {name} | {seconds * 1000:.0f} ms |" for name, seconds in rows),
        "",
        f"Budget: planning and grouping ≤ {BUDGET_SECONDS:g} s of engine CPU: {total:.2f} s, {verdict}.",
        "",
        *listing,
    ]


def _service(names: Sequence[str], folder: Path, seconds: float) -> Updates:
    machines = {name: Machine(name) for name in names}
    clock = BriefClock()
    return Updates(
        {"apt": _Offers(machines, seconds)},
        lambda host: MachineExec(machines[host]),
        lambda host: "none",
        clock,
        folder=folder,
        facts=_NoFacts(clock),
        tell=_nobody,
        on_bug=_raise,
        on_pending=lambda host, count: None,
    )


def _nobody(kind: str, text: str, host: str, actor: str, severity: Severity) -> None:
    """Nothing is told."""


def _raise(host: str, error: Exception) -> None:
    raise error


def _planning(service: Updates, names: Sequence[str]) -> list[tuple[str, float]]:
    made = service.make_plan(names, Selection(), "bench")
    again = [msgspec.structs.replace(host) for host in made.hosts]
    return [
        ("plan: simulate side by side, hash, write down", _cpu(lambda: service.make_plan(names, Selection(), "bench"))),
        ("group by identical change set", _cpu(lambda: plans.groups(made))),
        ("compare every host with what was approved", _cpu(lambda: [*map(plans.difference, made.hosts, again)])),
        ("read the plan file again, with its hash", _cpu(lambda: plans.decode(plans.encode(made), "plan"))),
        ("the whole view for the console", _cpu(lambda: msgspec.json.encode(service.view(names, None)))),
    ]


def _cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU of this process, all threads; the best of three."""
    best = float("inf")
    for _ in range(3):
        before = time.process_time()
        work()
        best = min(best, time.process_time() - before)
    return best


def _listing(names: Sequence[str], folder: Path) -> list[str]:
    """One host hangs; how long the others wait for it."""
    service = _service(names, folder, SLOW_SECONDS)
    began = time.perf_counter()
    ends = service.inventories.refresh(names, lists=False)
    for ended in ends[1:]:
        ended.wait(60)
    others = time.perf_counter() - began
    ends[0].wait(60)
    whole = time.perf_counter() - began
    service.stop()
    return [
        f"Listing: each host takes {SLOW_SECONDS:g} s to answer, one {HUNG_SECONDS:g} s. All others are there after "
        f"{others:.1f} s, the slow one after {whole:.1f} s; nobody waits for it."
    ]
