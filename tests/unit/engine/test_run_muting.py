"""Exactly the hosts that runs have in work are muted, whatever happened to the engine meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from backends.alerts.model import Mute
from backends.engine.run_muting import DAY_SECONDS, LONGEST_SECONDS, RENEW_SECONDS, SETTLE_SECONDS, Muting, mute_id
from backends.maintenance.model import Budget, HostPlan, HostRun, RunPlan, RunState, RunStatus, Stage, Step, StepKind

NOW = 1_800_000_000.0
RUN = "r-20261126-1"


class Mutes:
    """The alerts' mutes in memory; counts changes."""

    def __init__(self) -> None:
        self.kept: dict[str, Mute] = {}
        self.changes = 0

    def mutes(self) -> tuple[Mute, ...]:
        return tuple(self.kept.values())

    def mute(self, mute: Mute) -> None:
        self.changes += 1
        self.kept[mute.id] = mute

    def end_mute(self, mute_id: str) -> None:
        self.changes += 1
        self.kept[mute_id] = replace(self.kept[mute_id], end=min(self.kept[mute_id].end, NOW))


def run(*, ended: bool = False, window_end: float | None = None, **stages: Stage) -> RunState:
    hosts = {
        name: HostRun(host=name, stage=stage, step=-1 if stage is Stage.QUEUED else 0, ended=NOW)
        for name, stage in stages.items()
    }
    plan = RunPlan(
        id=RUN,
        name="monthly",
        who="ann",
        created=NOW,
        hosts=tuple(HostPlan(host=name, kind="") for name in hosts),
        steps=(Step(kind=StepKind.DRAIN),),
        budget=Budget(fleet=1, failed=1),
        window_end=window_end,
    )
    status = RunStatus.ENDED if ended else RunStatus.RUNNING
    return RunState(plan=plan, status=status, hosts=hosts, ended=NOW if ended else None)


@pytest.fixture
def mutes() -> Iterator[Mutes]:
    yield Mutes()


def test_hosts_in_work_asking_or_failed_are_muted_and_no_others(mutes: Mutes) -> None:
    state = run(a=Stage.WORKING, b=Stage.QUEUED, c=Stage.FAILED, d=Stage.ASKING, e=Stage.SKIPPED)
    state = replace(state, hosts={**state.hosts, "e": HostRun(host="e", stage=Stage.SKIPPED)})
    Muting(mutes).step([state], NOW)
    assert mutes.kept[mute_id(RUN)].hosts == ("a", "c", "d")
    assert mutes.kept[mute_id(RUN)].end == NOW + DAY_SECONDS


def test_nothing_is_written_while_nothing_changes(mutes: Mutes) -> None:
    muting = Muting(mutes)
    for seconds in range(10):
        muting.step([run(a=Stage.WORKING)], NOW + seconds)
    assert mutes.changes == 1


def test_a_host_that_is_done_settles_first(mutes: Mutes) -> None:
    muting, state = Muting(mutes), run(a=Stage.DONE, b=Stage.WORKING)
    muting.step([state], NOW + SETTLE_SECONDS - 1)
    assert mutes.kept[mute_id(RUN)].hosts == ("a", "b")
    muting.step([state], NOW + SETTLE_SECONDS)
    assert mutes.kept[mute_id(RUN)].hosts == ("b",)


def test_it_begins_when_its_first_host_did_and_keeps_that_time(mutes: Mutes) -> None:
    muting = Muting(mutes)
    muting.step([run(a=Stage.WORKING)], NOW)
    muting.step([run(a=Stage.WORKING, b=Stage.WORKING)], NOW + 60)
    assert mutes.kept[mute_id(RUN)].start == NOW


def test_the_end_of_the_run_ends_it_once(mutes: Mutes) -> None:
    muting = Muting(mutes)
    muting.step([run(a=Stage.FAILED)], NOW)
    for _ in range(3):
        muting.step([run(ended=True, a=Stage.FAILED)], NOW)
    assert mutes.kept[mute_id(RUN)].end == NOW and mutes.changes == 2


def test_what_a_killed_engine_left_behind_is_put_right(mutes: Mutes) -> None:
    Muting(mutes).step([run(a=Stage.WORKING)], NOW)
    Muting(mutes).step([run(ended=True, a=Stage.DONE)], NOW)
    assert mutes.kept[mute_id(RUN)].end == NOW
    lost = Mutes()
    Muting(lost).step([run(a=Stage.WORKING)], NOW)
    assert lost.kept[mute_id(RUN)].hosts == ("a",)


def test_a_mute_of_a_run_that_nobody_knows_is_ended_and_those_of_people_stay(mutes: Mutes) -> None:
    for name in ("run r-gone", "m-1"):
        mutes.kept[name] = Mute(id=name, hosts=("a",), by="ann", start=NOW, end=NOW + DAY_SECONDS)
    Muting(mutes).step([], NOW)
    assert mutes.kept["run r-gone"].end == NOW and mutes.kept["m-1"].end > NOW


def test_it_is_prolonged_as_long_as_a_host_is_in_work(mutes: Mutes) -> None:
    muting = Muting(mutes)
    muting.step([run(a=Stage.WORKING)], NOW)
    later = NOW + DAY_SECONDS - RENEW_SECONDS + 1
    muting.step([run(a=Stage.WORKING)], later)
    assert mutes.kept[mute_id(RUN)].end == later + DAY_SECONDS


def test_a_long_window_is_muted_as_far_as_alerts_allow(mutes: Mutes) -> None:
    Muting(mutes).step([run(window_end=NOW + 30 * DAY_SECONDS, a=Stage.WORKING)], NOW)
    assert mutes.kept[mute_id(RUN)].end == NOW + LONGEST_SECONDS
