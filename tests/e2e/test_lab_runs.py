"""Maintenance runs on real hosts through a real engine: updated, rebooted, checked, one of them made to fail, and an engine
that is killed in the middle."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from backends.maintenance import facts
from backends.maintenance.model import HostRun, RunState, RunStatus, Stage
from backends.maintenance.views import RunView
from swarm_tui.client import EngineClient
from tests.e2e.enginerun import until
from tests.e2e.operating import Desk, opened
from tests.lab import aptfield
from tests.lab.fleet import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

FAILING = "lab5"
WELL = ("lab1", "lab2", "lab3", "lab4")
WANTED = {**dict.fromkeys(WELL, ("lab-app", "lab-slow")), FAILING: ("lab-app", "lab-broken")}
"""lab-broken's script fails on purpose; lab-slow takes its time, in which an engine can be killed."""
STEPS = ("drain", "update", "reboot", "check", "resume")
LATER = 500.0
KILLS = 4
BETWEEN_SECONDS = 12.0


@pytest.fixture(scope="module")
def desk(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with opened(lab, tmp_path_factory, WANTED) as found:
        yield found


def begun(client: EngineClient, hosts: tuple[str, ...]) -> RunState:
    """A run over these hosts that goes on: canary and batches, two away at most."""
    made = client.runs.compose(
        select=",".join(hosts),
        steps=list(STEPS),
        batches=["2"],
        max_unavailable="3",
        max_failed=2,
        soak_seconds=5,
    )
    assert not made.red, made.findings
    run = client.runs.create(made.plan.hash)
    return client.runs.start(run.plan.id, made.plan.hash)


def view(desk: Desk, run: str) -> RunView:
    with EngineClient.connect(desk.lives[-1].socket) as client:
        return client.runs.view(run)


def hosts(desk: Desk, run: str) -> dict[str, HostRun]:
    found = view(desk, run).hosts
    assert found is not None
    return dict(found)


def over(desk: Desk, run: str) -> bool:
    """Whether it has ended; the budget is looked at each time. (Hosts to which a new engine connects are away as well.)"""
    seen = view(desk, run)
    ours = [host for host in (seen.hosts or {}).values() if host.stage in (Stage.WORKING, Stage.ASKING, Stage.FAILED)]
    assert len(ours) <= seen.headroom.limit, seen
    return seen.status is RunStatus.ENDED


def holds(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it comes to hold within so long."""
    try:
        until(condition, seconds)
    except AssertionError:
        return False
    return True


def test_a_run_over_an_engine_that_is_killed_again_and_again_does_everything_once(desk: Desk) -> None:
    with EngineClient.connect(desk.lives[-1].socket) as client:
        run = begun(client, (*WELL, FAILING)).plan.id
        assert {each.host for each in client.runs.held()} >= {"lab1"}
    for _ in range(KILLS):
        if holds(lambda: over(desk, run), BETWEEN_SECONDS):
            break
        desk.lives[-1].stop(signal.SIGKILL)
        desk.start()
    until(lambda: over(desk, run), LATER, "the end of the run")
    found = hosts(desk, run)
    assert {name: found[name].stage for name in WELL} == dict.fromkeys(WELL, Stage.DONE), found
    assert found[FAILING].stage is Stage.FAILED and "lab-broken" in found[FAILING].text
    for name in WELL:
        boots = [each.facts for each in found[name].results if facts.BOOT_AFTER in each.facts]
        assert len(boots) == 1 and boots[0][facts.BOOT_BEFORE] != boots[0][facts.BOOT_AFTER]
        assert aptfield.version(desk.lab.host(name), "lab-app") == "1.1-1"
    with EngineClient.connect(desk.lives[-1].socket) as client:
        reboots = [each.host for each in client.updates.reboots() if each.sent]
        assert sorted(reboots) == sorted(set(reboots)), reboots
        report = client.runs.report(run)
        assert "lab-broken" in report and all(name in report for name in WELL)
        until(  # they end right after the run has
            lambda: all(mute.end <= client.runs.view(run).now for mute in client.alerts.mutes()),
            what="the end of the run's mutes",
        )
