"""What persons do to a run that goes on: pause, abort, skip, retry, promote, approve, and two of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.errors import BadInput, RetryLater
from backends.maintenance.model import RunStatus, Stage, StepKind
from backends.maintenance.simulated import Fault
from tests.unit.maintenance.running import ANN, Own, Site, hosts, plan, site_of


@pytest.fixture
def own() -> Own:
    return Own()


# Persons -----------------------------------------------------------------------------------------------------------------


def test_a_pause_begins_nothing_and_the_step_in_work_comes_to_its_end(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(3))
    run = site.begin(plan(site.hosts, fleet=1))
    site.tick(times=2)
    site.runner.pause(run, who=ANN, text="coffee")
    site.tick(times=100)
    assert len(site.fleet.deeds) == 1
    assert [each.step for each in site.runner.state(run).hosts["h0"].results] == [0]
    assert site.runner.why(run) == "paused by ann: coffee"
    site.runner.resume(run, who=ANN)
    assert {host.stage for host in site.until_ended(run).hosts.values()} == {Stage.DONE}


def test_a_pause_between_decision_and_call_is_kept(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1))
    run = site.begin(plan(site.hosts))
    site.crew.before = lambda: None if site.runner.state(run).status is RunStatus.PAUSED else pause()

    def pause() -> None:
        site.runner.pause(run, who=ANN)

    site.tick(times=5)
    assert site.fleet.deeds == []
    site.crew.before = lambda: None
    site.runner.resume(run, who=ANN)
    site.until_ended(run)
    assert site.kinds("h0") == ["drain", "update", "resume"]


def test_time_in_a_pause_is_no_time_of_a_step_that_could_not_begin(tmp_path: Path, own: Own) -> None:
    site = site_of(tmp_path, own, 1)
    own.error = RetryLater("busy")
    run = site.begin(plan(site.hosts))
    site.until(lambda: len(own.begins) >= 1)
    site.runner.pause(run, who=ANN)
    site.tick(3600.0, times=3)
    own.error = None
    site.runner.resume(run, who=ANN)
    assert site.until_ended(run).hosts["h0"].stage is Stage.DONE


def test_an_abort_finishes_hosts_in_work_and_skips_the_others(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(4))
    run = site.begin(plan(site.hosts, fleet=2))
    site.tick(times=3)
    site.runner.abort(run, who=ANN, text="wrong night")
    state = site.until_ended(run)
    assert [str(host.stage) for host in state.hosts.values()] == ["done", "done", "skipped", "skipped"]
    assert site.kinds("h0") == ["drain", "update", "resume"]
    assert state.hosts["h3"].text == "aborted by ann"


def test_skip_leaves_out_who_did_not_begin_and_leaves_a_failed_host_as_it_is(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(3), {"h0": Fault.PACKAGE})
    run = site.begin(plan(site.hosts, fleet=1))
    site.runner.skip(run, "h2", who=ANN, text="in use")
    with pytest.raises(BadInput, match="never broken off"):
        site.tick()
        site.runner.skip(run, "h0", who=ANN)
    site.until(lambda: site.stage(run, "h0") is Stage.FAILED)
    site.runner.skip(run, "h0", who=ANN)
    assert site.fleet.drained() == {"h0": run}
    site.tick(times=100)
    assert site.begun() == ["h0"], "it keeps eating the budget of one"
    assert "h0 (left as it is)" in site.runner.why(run)
    assert site.runner.state(run).hosts["h2"].text == "skipped by ann: in use"


def test_retry_takes_the_failed_step_again_under_a_new_key(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(2), {"h0": Fault.PACKAGE})
    run = site.begin(plan(site.hosts, fleet=2))
    site.until(lambda: site.stage(run, "h0") is Stage.FAILED)
    site.fleet.repair("h0")
    site.runner.retry(run, "h0", who=ANN)
    state = site.until_ended(run)
    assert state.hosts["h0"].stage is Stage.DONE
    updates = [deed.key for deed in site.fleet.deeds if deed.host == "h0" and deed.kind is StepKind.UPDATE]
    assert updates == [f"{run}-h0-1-0", f"{run}-h0-1-1"]


def test_retry_after_the_end_opens_the_run_again(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(2), {"h0": Fault.PACKAGE})
    run = site.begin(plan(site.hosts))
    site.until_ended(run)
    site.again()
    site.fleet.repair("h0")
    assert site.runner.retry(run, "h0", who=ANN).status is RunStatus.RUNNING
    assert site.until_ended(run).hosts["h0"].stage is Stage.DONE


def test_canaries_wait_for_a_key(tmp_path: Path) -> None:
    members = hosts(2, {1: 1})
    site = Site(tmp_path, (replace(members[0], canary=True), members[1]))
    run = site.begin(plan(site.hosts, promote="key"))
    with pytest.raises(BadInput, match="not over yet"):
        site.runner.promote(run, who=ANN)
    site.until(lambda: site.runner.state(run).batch_ended is not None)
    site.tick(times=50)
    assert site.begun() == ["h0"]
    site.runner.promote(run, who=ANN)
    assert site.until_ended(run).hosts["h1"].stage is Stage.DONE


def test_new_alerts_after_the_canary_stop_the_run(tmp_path: Path) -> None:
    members = hosts(2, {1: 1})
    site = Site(tmp_path, (replace(members[0], canary=True), members[1]), {"h0": Fault.ALERTS})
    run = site.begin(plan(site.hosts, soak_seconds=300.0))
    site.until(lambda: site.runner.state(run).status is RunStatus.STOPPED)
    assert "(h0) have new alerts" in site.runner.why(run)
    assert site.begun() == ["h0"]


def test_notes_are_kept(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1))
    run = site.begin(plan(site.hosts))
    site.runner.note(run, "fan is\x1b[2J loud", who="bob", host="h0")
    site.again()
    assert [(each.who, each.text, each.host) for each in site.runner.state(run).notes] == [("bob", "fan is loud", "h0")]
    with pytest.raises(BadInput):
        site.runner.note(run, "x", who="bob", host="nobody")


# Approvals and two operators ---------------------------------------------------------------------------------------------


def test_a_plan_that_wants_approvals_waits_for_somebody_else(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1))
    made = plan(site.hosts, approvals=1)
    run = site.runner.create(made, ANN).plan.id
    with pytest.raises(BadInput, match="must be approved by 1 more person"):
        site.runner.start(run, who=ANN)
    with pytest.raises(BadInput, match="somebody else"):
        site.runner.approve(run, made.hash, who="ann from 10.0.0.7")
    with pytest.raises(BadInput, match="its plan is"):
        site.runner.approve(run, "0" * 64, who="bob")
    site.runner.approve(run, made.hash, who="bob from 10.0.0.8")
    with pytest.raises(BadInput, match="has approved it already"):
        site.runner.approve(run, made.hash, who="bob")
    with pytest.raises(BadInput, match="its plan is"):
        site.runner.start(run, who=ANN, hash="1" * 64)
    assert site.runner.start(run, who=ANN, hash=made.hash).status is RunStatus.RUNNING


def test_a_second_operator_is_refused_the_same_host_and_told_who_has_it(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(3))
    waiting = site.runner.create(plan(site.hosts[1:], who="bob"), "bob").plan.id
    run = site.begin(plan(site.hosts[:2]))
    assert site.runner.held() == {"h0": run, "h1": run}
    with pytest.raises(BadInput, match=f"h0 is in maintenance run {run} of ann"):
        site.runner.create(plan(site.hosts[:1], who="bob"), "bob")
    with pytest.raises(BadInput, match=f"h1 is in maintenance run {run} of ann"):
        site.runner.start(waiting, who="bob")
    site.until_ended(run)
    assert site.runner.held() == {}
    assert site.runner.start(waiting, who="bob").status is RunStatus.RUNNING


def test_two_runs_share_a_failure_domain(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(2))
    first = site.begin(plan(site.hosts[:1], domain=1))
    second = site.begin(plan(site.hosts[1:], domain=1))
    site.tick(times=3)
    assert site.begun() == ["h0"]
    assert site.runner.why(second) == f"the budget of 1 in rack1 is used up by h0 (working in run {first})"
    site.until_ended(second)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda made: replace(made, name="changed"), "not the one"),
        (lambda made: plan(()), "no host"),
        (lambda made: plan((*made.hosts, made.hosts[0])), "twice"),
        (lambda made: plan(made.hosts, fleet=0), "could never begin"),
        (lambda made: plan(made.hosts, domain=0), "could never begin"),
        (lambda made: plan(made.hosts, failed=0), "could never begin"),
        (lambda made: plan(made.hosts, steps=()), "no steps"),
        (lambda made: plan(made.hosts, batches=0), "batch"),
        (lambda made: plan(made.hosts, soak_seconds=-1.0), "not a time"),
        (lambda made: plan(made.hosts, window_start=2.0, window_end=1.0), "ends before"),
        (lambda made: plan(made.hosts, id="../../etc"), "not the id"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(tmp_path: Path, wrong, said: str) -> None:  # type: ignore[no-untyped-def]
    site = Site(tmp_path, hosts(1))
    with pytest.raises(BadInput, match=said):
        site.runner.create(wrong(plan(site.hosts)), ANN)
    assert site.runner.runs() == ()
