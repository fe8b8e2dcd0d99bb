"""Runs being carried out over a simulated fleet: the whole way, and whatever workers raise."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.errors import AskOperator, BadInput, RetryLater, SkipHost, Stop
from backends.maintenance import facts
from backends.maintenance.model import RunStatus, Stage, StepKind
from backends.maintenance.simulated import Fault
from backends.maintenance.steps_text import CONSOLE, LOOK_THERE
from backends.maintenance.worker import Look, Told
from tests.unit.maintenance.running import ANN, Own, Site, hosts, plan, site_of


@pytest.fixture
def own() -> Own:
    return Own()


# The whole way -----------------------------------------------------------------------------------------------------------


def test_a_run_takes_every_host_through_its_steps_and_ends(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(3))
    state = site.until_ended(site.begin(plan(site.hosts, fleet=2)))
    assert {host.stage for host in state.hosts.values()} == {Stage.DONE}
    assert site.kinds("h2") == ["drain", "update", "resume"]
    assert site.fleet.drained() == {}
    assert not site.bugs


def test_a_failed_host_stays_drained_and_the_rest_goes_on(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(4), {"h1": Fault.PACKAGE})
    state = site.until_ended(site.begin(plan(site.hosts, fleet=2)))
    assert state.hosts["h1"].stage is Stage.FAILED
    assert "post-installation script" in state.hosts["h1"].text
    assert site.kinds("h1") == ["drain", "update"]
    assert site.fleet.drained() == {"h1": state.plan.id}
    assert [name for name, host in state.hosts.items() if host.stage is Stage.DONE] == ["h0", "h2", "h3"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.NOT_BACK, "not back"),
        (Fault.OLD_KERNEL, "old kernel"),
        (Fault.GPU_MISSING, "7 of 8 GPUs"),
        (Fault.TWICE, "rebooted twice"),
    ],
)
def test_a_host_that_comes_back_wrong_is_not_given_back(tmp_path: Path, fault: Fault, said: str) -> None:
    site = Site(tmp_path, hosts(2), {"h0": fault})
    steps = ("drain", "update", "reboot-if-needed", "check", "resume")
    state = site.until_ended(site.begin(plan(site.hosts, steps=steps)))
    assert (state.hosts["h0"].stage, said in state.hosts["h0"].text) == (Stage.FAILED, True)
    assert state.hosts["h0"].hint
    assert "resume" not in site.kinds("h0")
    assert state.hosts["h1"].stage is Stage.DONE


def test_a_host_without_a_proven_backup_asks_before_anything_is_changed(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(3), {"h0": Fault.UNPROVEN, "h1": Fault.UNPROVEN})
    run = site.begin(plan(site.hosts, steps=("proof:models:7d", "drain", "update", "check", "resume")))
    site.until(lambda: site.stage(run, "h2") is Stage.DONE)
    for name in ("h0", "h1"):
        host = site.runner.state(run).hosts[name]
        assert (host.stage, site.kinds(name)) == (Stage.ASKING, [])
        assert "no proof of models" in host.text and f"swarm-tui backup drill {name} --set models" in host.hint
    site.fleet.repair("h0")  # somebody has drilled it
    site.runner.retry(run, "h0", who=ANN)
    site.runner.answer(run, "h1", "its disks are empty anyway", who=ANN)
    state = site.until_ended(run)
    assert {host.stage for host in state.hosts.values()} == {Stage.DONE}
    assert state.hosts["h1"].results[0].facts[facts.ANSWER] == "its disks are empty anyway"


def test_a_host_that_others_drained_is_left_alone(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(2), {"h0": Fault.DRAINED})
    state = site.until_ended(site.begin(plan(site.hosts)))
    assert (state.hosts["h0"].stage, state.hosts["h0"].text) == (Stage.SKIPPED, "drained by alice: fan")
    assert site.kinds("h0") == []
    assert site.fleet.drained() == {"h0": "alice"}


def test_a_host_that_cannot_be_reached_fails_when_its_time_is_over_and_counts(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(3), {"h0": Fault.UNREACHABLE})
    run = site.begin(plan(site.hosts, fleet=1, failed=1))
    site.tick()
    site.tick()
    assert site.runner.looks(run)["h0"].text == "no answer: no route to host"
    assert site.stage(run, "h0") is Stage.WORKING
    site.until(lambda: site.runner.state(run).status is RunStatus.STOPPED)
    assert site.runner.state(run).hosts["h0"].text == "it could not begin after 1h; last: no answer: no route to host"
    assert site.runner.why(run) == "1 host has failed (h0); the limit is 1"
    site.tick(times=50)
    assert site.begun() == []


def test_a_step_that_does_not_end_fails_and_nothing_is_killed(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1), {"h0": Fault.HANGS})
    state = site.until_ended(site.begin(plan(site.hosts)))
    assert state.hosts["h0"].text.startswith("not done after 1h; what runs on the host goes on; last: ")
    assert state.hosts["h0"].hint == LOOK_THERE


def test_a_host_that_does_not_come_back_in_time_is_named_with_what_was_last_known_of_it(
    tmp_path: Path, own: Own
) -> None:
    own.says = Look(told=Told.GOING, text="does not answer any more")
    site = Site(tmp_path, hosts(1), wrap=lambda workers: {**workers, StepKind.REBOOT: own})
    host = site.until_ended(site.begin(plan(site.hosts, steps=("reboot",)))).hosts["h0"]
    assert host.stage is Stage.FAILED
    assert host.text == "not done after 1h; what runs on the host goes on; last: does not answer any more"
    assert host.hint == CONSOLE


def test_a_step_that_has_ended_well_is_well_however_late_it_is_seen(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1))
    run = site.begin(plan(site.hosts))
    site.tick()
    site.clock.advance(90_000.0)
    assert site.until_ended(run).hosts["h0"].stage is Stage.DONE


# What workers raise ------------------------------------------------------------------------------------------------------


def test_a_begin_that_must_wait_is_tried_again_under_its_key(tmp_path: Path, own: Own) -> None:
    site = site_of(tmp_path, own, 1)
    own.error = RetryLater("the package lock is held")
    run = site.begin(plan(site.hosts))
    site.until(lambda: len(own.begins) >= 3)
    assert site.runner.looks(run)["h0"].text == "the package lock is held"
    assert len({place.key for place in own.begins}) == 1
    own.error = None
    assert site.until_ended(run).hosts["h0"].stage is Stage.DONE


def test_a_host_that_cannot_be_asked_for_a_while_has_not_failed(tmp_path: Path, own: Own) -> None:
    site = site_of(tmp_path, own, 1)
    own.look_error = RetryLater("link down")
    run = site.begin(plan(site.hosts))
    site.until(lambda: own.looks >= 3)
    assert site.stage(run, "h0") is Stage.WORKING
    own.look_error = None
    assert site.until_ended(run).hosts["h0"].stage is Stage.DONE
    assert len(own.begins) == 1


@pytest.mark.parametrize(
    ("error", "bugs"),
    [(SkipHost("no python3", hint="install it"), 0), (Stop("no"), 0), (BadInput("no"), 0), (ValueError("x"), 1)],
)
def test_whatever_else_a_worker_raises_fails_its_host_alone(
    tmp_path: Path, own: Own, error: Exception, bugs: int
) -> None:
    site = site_of(tmp_path, own, 1)
    own.error = error
    state = site.until_ended(site.begin(plan(site.hosts)))
    assert state.hosts["h0"].stage is Stage.FAILED
    assert len(site.bugs) == bugs


def test_a_step_without_a_worker_fails_its_host(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1), wrap=lambda workers: {StepKind.DRAIN: workers[StepKind.DRAIN]})
    state = site.until_ended(site.begin(plan(site.hosts)))
    assert (state.hosts["h0"].stage, state.hosts["h0"].step) == (Stage.FAILED, 1)


def test_a_new_token_is_written_down(tmp_path: Path, own: Own) -> None:
    site = site_of(tmp_path, own, 1)
    own.token, own.says = "first", Look(told=Told.GOING, token="second")
    run = site.begin(plan(site.hosts))
    site.until(lambda: own.looks >= 2)
    site.again()
    assert site.runner.state(run).hosts["h0"].tokens[1] == "second"
    assert site.runner.output(run, "h0").endswith(" second")


def test_a_question_waits_for_a_person_and_the_answer_reaches_the_worker(tmp_path: Path, own: Own) -> None:
    site = site_of(tmp_path, own, 2)
    own.error = AskOperator("the initrd is missing", hint="repair it")
    run = site.begin(plan(site.hosts, fleet=1))
    site.until(lambda: site.stage(run, "h0") is Stage.ASKING)
    site.tick(times=20)
    asking = site.runner.state(run).hosts["h0"]
    assert (asking.text, asking.hint, len(own.begins)) == ("the initrd is missing", "repair it", 1)
    assert site.begun() == ["h0"]
    own.error = None
    site.runner.answer(run, "h0", "it boots from the network", who="bob")
    site.until(lambda: len(own.begins) == 2)
    assert (own.begins[1].reason, own.begins[1].key != own.begins[0].key) == ("it boots from the network", True)
    state = site.until_ended(run)
    assert state.hosts["h0"].results[1].facts == {"answer": "it boots from the network", "answered_by": "bob"}
