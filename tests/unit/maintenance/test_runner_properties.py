"""Whatever the fleet, the faults, the persons and the crashes are: the budget holds, nothing is done twice, and it ends.

A crash throws the runner away in the middle of whatever it did, sometimes leaves half a line in the journal, and a new one goes
on from the disk.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.errors import BadInput
from backends.maintenance.journal import Journal
from backends.maintenance.model import OVER, Edge, HostPlan, RunPlan, RunState, RunStatus, Stage, StepKind
from backends.maintenance.simulated import Fault
from backends.maintenance.worker import Look, Place, Worker
from tests.unit.maintenance.running import ANN, Site, hosts, plan

TICKS = 3000
FAULTS = (Fault.PACKAGE, Fault.NOT_BACK, Fault.GPU_MISSING, Fault.DRAINED, Fault.DOWN, Fault.UNREACHABLE, Fault.ASKS)
STEPS = ("drain", "update", "reboot-if-needed", "check", "resume")


class Crash(BaseException):
    """The engine is killed."""


class World:
    """One run, driven at random, with everything that must hold looked at while it happens."""

    def __init__(self, folder: Path, seed: int, *, crashes: int, persons: bool):
        self.random = random.Random(seed)
        self.folder, self.crashes, self.persons = folder, crashes, persons
        self.countdown = self._next_crash()
        self.answered: Counter[str] = Counter()
        members = self._members()
        names = [host.host for host in members]
        faults = {name: self.random.choice(FAULTS) for name in names if self.random.random() < 0.3}
        self.site = Site(folder, members, faults, patience=30.0, wrap=self._wrap)
        self.site.on_edge = lambda state, edge: self._point()
        self.plan = self._plan(members)
        self.run = self._surviving_create()

    def _members(self) -> tuple[HostPlan, ...]:
        count = self.random.randint(1, 8)
        first = self.random.randint(1, count)
        members = hosts(count, {at: 1 + at % 2 for at in range(first, count)}, rack=self.random.randint(1, 4))
        numbers = sorted({host.batch for host in members})
        return tuple(replace(host, batch=numbers.index(host.batch), canary=host.batch == 0) for host in members)

    def _plan(self, members: tuple[HostPlan, ...]) -> RunPlan:
        return plan(
            members,
            fleet=self.random.randint(1, 4),
            failed=self.random.randint(1, 3),
            domain=self.random.choice([None, 1, 2]),
            steps=STEPS,
            soak_seconds=self.random.choice([0.0, 90.0]),
            promote=self.random.choice(["auto", "key"]),
            window_end=self.random.choice([None, None, self.site.clock.now() + 8000.0]),
        )

    # Crashes -------------------------------------------------------------------------------------------------------------

    def _next_crash(self) -> int:
        return self.random.randint(1, 60) if self.crashes else -1

    def _point(self) -> None:
        """A place at which the engine may be killed."""
        self.countdown -= 1
        if self.countdown == 0:
            self.crashes -= 1
            self.countdown = self._next_crash()
            raise Crash

    def _crashed(self) -> None:
        if self.random.random() < 0.5:
            for file in self.folder.glob("*.jsonl"):
                with file.open("ab") as handle:
                    handle.write(b'{"former":"' + b"0" * self.random.randint(0, 70))
        if self.random.random() < 0.3:
            self.site.clock.step_wall(self.random.choice([-7200.0, 7200.0]))
        self.site.again()

    def _wrap(self, workers: Mapping[StepKind, Worker]) -> Mapping[StepKind, Worker]:
        return {kind: Watched(self, worker) for kind, worker in workers.items()}

    def _surviving_create(self) -> str:
        while True:
            try:
                made = self.site.runner.create(self.plan, ANN)
                return made.plan.id
            except Crash:
                self._crashed()
                known = self.site.runner.runs()
                if known:
                    return known[0].plan.id

    # Driving -------------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> RunState:
        return self.site.runner.state(self.run)

    def drive(self) -> None:
        for _ in range(TICKS):
            if self.state.status is RunStatus.ENDED:
                return
            try:
                self._somebody()
                self.site.tick(self.random.choice([1.0, 5.0, 40.0]))
            except Crash:
                self._crashed()
        raise AssertionError(f"it does not end: {self.state.status}, {self.site.runner.why(self.run)}")

    def _somebody(self) -> None:
        """A person does what is needed for an end, and at times something else."""
        runner, run, state = self.site.runner, self.run, self.state
        if state.status is RunStatus.WAITING:
            runner.start(run, who=ANN)
        if state.status is RunStatus.PAUSED:  # killed in a pause: it is still one
            runner.resume(run, who=ANN)
        for name, host in state.hosts.items():
            if host.stage is Stage.ASKING:
                self.answered[name] += 1
                runner.answer(run, name, "go on", who=ANN)
        if state.status is RunStatus.STOPPED or ("budget" in runner.why(run) and self._stuck()):
            runner.abort(run, who=ANN) if self.random.random() < 0.5 or self._stuck() else runner.resume(run, who=ANN)
        if state.batch_ended is not None and not state.promoted:
            self._tried(lambda: runner.promote(run, who=ANN))
        if self.persons and self.random.random() < 0.1:
            self._pause()

    def _stuck(self) -> bool:
        return not any(host.stage in (Stage.WORKING, Stage.ASKING) for host in self.state.hosts.values())

    def _pause(self) -> None:
        """Nothing begins while it lasts."""
        if not self._tried(lambda: self.site.runner.pause(self.run, who=ANN)):
            return
        before = len(self.site.fleet.deeds)
        self.site.tick(20.0, times=self.random.randint(1, 5))
        assert len(self.site.fleet.deeds) == before
        self._tried(lambda: self.site.runner.resume(self.run, who=ANN))

    def _tried(self, command) -> bool:  # type: ignore[no-untyped-def]
        try:
            command()
        except BadInput:
            return False
        return True

    # What must hold ------------------------------------------------------------------------------------------------------

    def host_begins(self, place: Place) -> None:
        """Just after a host was really begun: nobody is away beyond the budget."""
        seen = self.site.fleet.world()
        away = {name for name, view in seen.hosts.items() if not view.up} | self.site.fleet.open()
        assert len(away) <= self.plan.budget.fleet, f"{away} are away"
        if self.plan.budget.domain is not None:
            for domain in place.host.domains:
                there = {name for name in away if domain in seen.hosts[name].domains}
                assert len(there) <= self.plan.budget.domain, f"{there} are away in {domain}"

    def look_at_the_end(self) -> None:
        state, fleet = self.state, self.site.fleet
        assert all(host.stage in OVER for host in state.hosts.values())
        done = Counter((deed.host, deed.kind) for deed in fleet.deeds)
        assert all(count == 1 for count in done.values()), "done twice"
        drained = {deed.host for deed in fleet.deeds if deed.kind is StepKind.DRAIN}
        assert {deed.host for deed in fleet.deeds if deed.kind is StepKind.RESUME} <= drained
        others = {name for name, fault in fleet.faults.items() if fault is Fault.DRAINED}
        assert {name for name, who in fleet.drained().items() if who == "alice"} == others
        for name, host in state.hosts.items():
            assert (name in fleet.drained()) == (name in others or (host.stage is not Stage.DONE and name in drained))
            assert all(each.ended >= each.began for each in host.results)
        assert not self.site.bugs


class Watched:
    """A worker whose calls are places to be killed at."""

    def __init__(self, around: World, worker: Worker):
        self._around, self._worker = around, worker

    def begin(self, place: Place) -> str:
        self._around._point()
        token = self._worker.begin(place)
        if place.number == 0:
            self._around.host_begins(place)
        self._around._point()
        return token

    def look(self, place: Place, token: str) -> Look:
        look = self._worker.look(place, token)
        self._around._point()
        return look

    def output(self, place: Place, token: str) -> str:
        return self._worker.output(place, token)


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_disks() -> Iterator[None]:
    """Syncing for real would make this slow and show nothing more: what is killed here is a process, not a machine."""
    patch = pytest.MonkeyPatch()
    patch.setattr("os.fsync", lambda handle: None)
    yield
    patch.undo()


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=60)
def test_a_run_that_nobody_disturbs_keeps_its_budget_and_ends(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    driven = World(tmp_path_factory.mktemp("runs"), seed, crashes=0, persons=False)
    driven.drive()
    driven.look_at_the_end()


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=100)
def test_a_run_that_is_killed_anywhere_does_nothing_twice_and_ends(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    driven = World(tmp_path_factory.mktemp("runs"), seed, crashes=12, persons=True)
    driven.drive()
    driven.look_at_the_end()


@pytest.mark.parametrize("at", range(1, 40))
def test_every_single_place_to_be_killed_at_is_survived(tmp_path: Path, at: int) -> None:
    """Two hosts, two at a time, killed once, at each place in turn."""
    count = 0

    def point() -> None:
        nonlocal count
        count += 1
        if count == at:
            raise Crash

    def wrap(workers: Mapping[StepKind, Worker]) -> Mapping[StepKind, Worker]:
        return {kind: Pointed(worker, point) for kind, worker in workers.items()}

    site = Site(tmp_path, hosts(2), wrap=wrap)
    survives(site, site.begin(plan(site.hosts, fleet=2)))
    assert count >= at


class Pointed:
    """A worker with a place to be killed at before and after each call."""

    def __init__(self, worker: Worker, point):  # type: ignore[no-untyped-def]
        self._worker, self._point = worker, point

    def begin(self, place: Place) -> str:
        self._point()
        token = self._worker.begin(place)
        self._point()
        return token

    def look(self, place: Place, token: str) -> Look:
        self._point()
        look = self._worker.look(place, token)
        self._point()
        return look

    def output(self, place: Place, token: str) -> str:
        return self._worker.output(place, token)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(3, 16))
def test_being_killed_on_either_side_of_any_write_is_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, after: bool
) -> None:
    """Before it, the edge never was; after it, it was not acted on yet. The first two writes are the plan and the start."""
    real, written = Journal.append, Counter[str]()

    def append(journal: Journal, *edges: Edge) -> None:
        written["times"] += 1
        if written["times"] == at and not after:
            raise Crash
        real(journal, *edges)
        if written["times"] == at:
            raise Crash

    monkeypatch.setattr(Journal, "append", append)
    site = Site(tmp_path, hosts(2))
    survives(site, site.begin(plan(site.hosts, fleet=2)))
    assert written["times"] > at


def survives(site: Site, run: str) -> None:
    """It is started again after each crash, and everything is done once."""
    for _ in range(400):
        if site.runner.state(run).status is RunStatus.ENDED:
            break
        try:
            site.tick(5.0)
        except Crash:
            site.again()
    assert [host.stage for host in site.runner.state(run).hosts.values()] == [Stage.DONE, Stage.DONE]
    assert site.kinds("h0") == site.kinds("h1") == ["drain", "update", "resume"]
    assert not site.bugs
