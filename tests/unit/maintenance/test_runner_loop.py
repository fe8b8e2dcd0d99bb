"""The loop with its crew of threads, on the real clock: quick to go on, stopped at once, and not held up by a host that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backends.clock import SystemClock
from backends.maintenance.model import RunStatus, Stage, StepKind
from backends.maintenance.runner import Runner
from backends.maintenance.simulated import SimulatedFleet
from backends.maintenance.worker import Look, Place, Told
from tests.unit.maintenance.running import ANN, hosts, plan

PATIENCE = 20.0


class Hangs:
    """A worker that does not come back from one host."""

    def __init__(self, end: threading.Event):
        self.end = end

    def begin(self, place: Place) -> str:
        if place.host.host == "h0":
            self.end.wait(PATIENCE)
        return "t"

    def look(self, place: Place, token: str) -> Look:
        return Look(told=Told.DONE)

    def output(self, place: Place, token: str) -> str:
        return ""


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


@contextmanager
def looping(folder: Path, count: int, hang: threading.Event | None = None) -> Iterator[Runner]:
    clock, stopping = SystemClock(), threading.Event()
    fleet = SimulatedFleet(hosts(count), clock, pace=0.0005)
    workers = {**fleet.workers(), **({StepKind.UPDATE: Hangs(hang)} if hang else {})}
    runner = Runner(
        folder,
        workers,
        fleet.world,
        clock,
        tell=lambda *said: None,
        on_bug=lambda host, error: None,
        on_edge=lambda state, edge: None,
    )
    thread = threading.Thread(target=runner.loop, args=(stopping,))
    thread.start()
    try:
        yield runner
    finally:
        stopping.set()
        runner.stop()
        thread.join(2.0)
        assert not thread.is_alive()


def test_a_run_goes_to_its_end_on_threads(tmp_path: Path) -> None:
    with looping(tmp_path, 12) as runner:
        run = runner.create(plan(hosts(12), fleet=6), ANN).plan.id
        runner.start(run, who=ANN)
        until(lambda: runner.state(run).status is RunStatus.ENDED)
        assert {host.stage for host in runner.state(run).hosts.values()} == {Stage.DONE}


def test_a_host_that_hangs_holds_up_nobody_else_and_not_the_end_of_the_engine(tmp_path: Path) -> None:
    hang = threading.Event()
    with looping(tmp_path, 3, hang) as runner:
        run = runner.create(plan(hosts(3), fleet=2), ANN).plan.id
        runner.start(run, who=ANN)
        until(lambda: sum(each.stage is Stage.DONE for each in runner.state(run).hosts.values()) == 2)
        assert runner.state(run).hosts["h0"].stage is Stage.WORKING
        began = time.monotonic()
        runner.stop()
        assert time.monotonic() - began < 1.0
    hang.set()
    assert runner.state(run).hosts["h0"].token == "", "what comes after the end is nobody's any more"
