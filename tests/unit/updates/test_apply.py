"""The job of one host's change: what is fetched ahead, changed and put back, in that order."""

from __future__ import annotations

import threading

from backends.updates.apply import HostApply
from backends.updates.model import HostPlan
from tests.unit.updates.fleet import BASH, BriefClock, MachineExec, MachineJobs, MachineManager, clear, fleet_of


class KeptPackages(MachineManager):
    """Goes back from what is on the host already."""

    def prefetch_argv(self, plan: HostPlan) -> tuple[str, ...]:
        return ()


def steps(kind: type[MachineManager]) -> list[tuple[str, bool, bool]]:
    """The started job's steps: id, whether it may be cancelled, whether it runs in any case."""
    machines = fleet_of("a")
    machine = machines["a"]
    HostApply(
        MachineExec(machine),
        kind(machines),
        machine.plan(BASH),
        jobs=MachineJobs(machine),
        run="r1",
        who="anna",
        clock=BriefClock(),
        stop=threading.Event(),
        tell=lambda progress: None,
        check=clear,
    ).start()
    assert machine.job is not None
    return [(step.id, step.cancellable, step.always) for step in machine.job.steps]


def test_only_fetching_may_be_cancelled_and_what_was_taken_away_comes_back_in_any_case() -> None:
    assert steps(MachineManager) == [
        ("prefetch", True, False),
        ("stop-timers", False, False),
        ("apply", False, False),
        ("start-timers", False, True),
    ]


def test_where_nothing_can_be_fetched_ahead_the_change_is_the_first_step() -> None:
    """Undoing a transaction of dnf, going back to pacman's kept packages."""
    assert [name for name, _, _ in steps(KeptPackages)] == ["stop-timers", "apply", "start-timers"]
