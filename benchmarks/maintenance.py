"""Maintenance runs in numbers: what a run over a thousand hosts costs the engine, and how close it comes to its critical path.

Hosts are simulated in memory: what a step takes on a host is the host's. None of the peers that were read for this carries a
run out in one process, so there is no ratio to give.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backends.clock import SystemClock
from backends.maintenance.decide import decide
from backends.maintenance.model import Budget, HostPlan, RunPlan, RunState, RunStatus, Stage
from backends.maintenance.runner import Runner
from backends.maintenance.simulated import STEPS, SimulatedFleet, simulated_hosts, simulated_plan
from backends.maintenance.simulated_steps import seconds_of
from backends.maintenance.world import World

HOSTS, AT_ONCE, SECONDS = 1000, 200, 40.0
PACE = 0.5
"""Twice as fast as hosts are: twice as much to do for the engine."""
CORE_SHARE, DECIDE_SECONDS, PATH_RATIO = 0.05, 0.010, 1.05
"""Budgets of the issue."""
FEW, FEW_PACE = 8, 0.05


def run() -> list[str]:
    """All tables."""
    quick = bool(os.environ.get("SWARM_BENCH_QUICK"))
    return [*_cost(HOSTS, SECONDS / 4 if quick else SECONDS), "", *_path(FEW_PACE / 4 if quick else FEW_PACE)]


def _cost(count: int, seconds: float) -> list[str]:
    hosts = simulated_hosts([f"gpu{at:04}" for at in range(count)])
    made = simulated_plan(hosts, budget=Budget(fleet=AT_ONCE, domain=4, failed=10), created=time.time())
    with _running(hosts, PACE) as (runner, fleet):
        name = _begin(runner, made)
        time.sleep(2.0)  # two hundred hosts at once begin only once
        before, talks, began = time.process_time(), fleet.talks, time.monotonic()
        time.sleep(seconds)
        wall = time.monotonic() - began
        share, rate = (time.process_time() - before) / wall, (fleet.talks - talks) / wall
        state = runner.state(name)
        working = sum(host.stage is Stage.WORKING for host in state.hosts.values())
        decided = [_seconds(state, fleet.world()) for _ in range(25)]
    kept = share <= CORE_SHARE and statistics.median(decided) <= DECIDE_SECONDS
    return [
        f"{count:,} simulated hosts, {working} in work, steps twice as fast as real ones; {wall:.0f} s looked at.",
        "",
        "| what | measured |",
        "|---|---:|",
        f"| of a core: deciding, journal with fsync, calls, and the simulation itself | {100 * share:.1f}% |",
        f"| calls to workers | {rate:.0f}/s |",
        f"| deciding what comes next, median | {1e3 * statistics.median(decided):.1f} ms |",
        "",
        f"Budgets: {100 * CORE_SHARE:.0f}% of a core, {1e3 * DECIDE_SECONDS:.0f} ms: {'kept' if kept else 'MISSED'}.",
    ]


def _path(pace: float) -> list[str]:
    """A few hosts, all at once: the slowest of them is the critical path."""
    hosts = simulated_hosts([f"gpu{at}" for at in range(FEW)])
    made = simulated_plan(hosts, budget=Budget(fleet=FEW, failed=1), created=time.time())
    path = max(sum(seconds_of(step.kind, host.host) for step in made.steps) for host in hosts) * pace
    with _running(hosts, pace) as (runner, _):
        began = time.monotonic()
        name = _begin(runner, made)
        while runner.state(name).status is not RunStatus.ENDED:
            time.sleep(0.01)
        wall = time.monotonic() - began
    ratio = 1 + (wall - path) / (path / pace)
    return [
        f"{FEW} hosts at once, {len(STEPS)} steps, {1 / pace:.0f} times as fast as real ones: {wall:.1f} s where the slowest "
        f"host alone takes {path:.1f} s. What the engine adds, {wall - path:.1f} s, is the same at the real pace of "
        f"{path / pace:.0f} s: {ratio:.3f} × the critical path, budget {PATH_RATIO}: "
        f"{'kept' if ratio <= PATH_RATIO else 'MISSED'}.",
    ]


@contextmanager
def _running(hosts: tuple[HostPlan, ...], pace: float) -> Iterator[tuple[Runner, SimulatedFleet]]:
    clock, stopping = SystemClock(), threading.Event()
    fleet = SimulatedFleet(hosts, clock, pace=pace)
    with tempfile.TemporaryDirectory(prefix="swarm-maintenance-") as folder:
        runner = Runner(
            Path(folder) / "runs",
            fleet.workers(),
            fleet.world,
            clock,
            tell=lambda *said: None,
            on_bug=_raise,
            on_edge=lambda state, edge: None,
        )
        thread = threading.Thread(target=runner.loop, args=(stopping,), daemon=True)
        thread.start()
        try:
            yield runner, fleet
        finally:
            stopping.set()
            runner.stop()
            thread.join()


def _begin(runner: Runner, made: RunPlan) -> str:
    name = runner.create(made, made.who).plan.id
    runner.start(name, who=made.who)
    return name


def _seconds(state: RunState, world: World) -> float:
    began = time.process_time()
    decide(state, world)
    return time.process_time() - began


def _raise(host: str, error: Exception) -> None:
    raise error
