"""What goes wrong with updates on real hosts is told as it is, and the step that is offered cures it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backends.updates.model import Stage
from tests.conftest import POOR_HOST
from tests.e2e.enginerun import until
from tests.e2e.operating import Desk, opened
from tests.lab import aptfield
from tests.lab.fleet import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

FAILING, KILLED = "lab5", "lab6"
WANTED = {FAILING: ("lab-app", "lab-broken"), KILLED: ("lab-app", "lab-slow"), POOR_HOST: ("lab-app", "lab-lib")}
"""The mirrors die on the host that has python3-minimal alone."""
OLD, NEW = "1.0-1", "1.1-1"
LATER = 300.0
NO_SUCH_MIRROR = "deb [trusted=yes] http://127.0.0.1:9/debian lab main\n"
"""Nobody listens on the discard port."""
BROKEN_SCRIPT = "var/lib/dpkg/info/lab-broken.postinst"


@pytest.fixture(scope="module")
def desk(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with opened(lab, tmp_path_factory, WANTED) as found:
        yield found


def told(desk: Desk, host: str) -> str:
    """What the list says about a host besides numbers."""
    (row,) = desk.operator.lists(host, "--refresh").hosts
    return "; ".join(row.problems)


def test_a_failing_script_is_told_and_the_repair_works_once_its_cause_is_gone(desk: Desk) -> None:
    host, operator = desk.lab.host(FAILING), desk.operator
    status, board = operator.applies(operator.plans(FAILING))
    outcome = board.hosts[0].outcome
    assert outcome is not None and (status, outcome.stage, outcome.applied) == (2, Stage.PARTIAL, 1)
    assert {(each.name, each.outcome) for each in outcome.results} == {
        ("lab-app", "applied"),
        ("lab-broken", "half-configured"),
    }
    assert any(each.startswith("lab-broken: ") and "exit status 1" in each for each in outcome.problems), outcome
    assert "postinst fails on purpose" in outcome.tail
    assert outcome.repairs == ("apt-configure",)
    assert "lab-broken" in told(desk, FAILING)
    refused = operator.does("plan", FAILING)
    assert refused.status == 3 and "cannot be planned" in refused.out and "lab-broken" in refused.out
    assert "dpkg --force-confdef --force-confold --configure -a" in operator.does("repair", FAILING).out
    in_vain = operator.does("repair", FAILING, "apt-configure")
    assert in_vain.status == 2 and "apt-configure failed: ended with 1" in in_vain.out
    (host.root / BROKEN_SCRIPT).write_text("#!/bin/sh\n")
    cured = operator.does("repair", FAILING, "apt-configure")
    assert cured.status == 0 and cured.out.endswith(f"{FAILING}: apt-configure done\n")
    assert aptfield.version(host, "lab-broken") == NEW
    assert told(desk, FAILING) == "" and operator.does("plan", FAILING).status == 0
    assert "repair apt-configure done" in desk.lives[-1].events("update")


def test_a_dpkg_that_was_killed_is_told_and_the_repair_finishes_its_work(desk: Desk) -> None:
    host, operator = desk.lab.host(KILLED), desk.operator
    plan = operator.plans(KILLED)
    aptfield.hold(host)
    assert operator.does("apply", plan.id, "--hash", plan.hash, "--detach").status == 0
    until(lambda: desk.is_at("lab-slow") and aptfield.is_slow(host), LATER, "the script of the slow package")
    host.does("systemctl", "kill", "--kill-who=all", "--signal=KILL", aptfield.JOB)
    aptfield.release(host)
    until(lambda: desk.boards()[0].finished, LATER, "the end of the run")
    outcome = desk.boards()[0].hosts[0].outcome
    assert outcome is not None and outcome.stage in (Stage.FAILED, Stage.PARTIAL)
    assert "the job ended early: its script was killed during step apply" in outcome.problems
    assert {each.name: each.outcome for each in outcome.results}["lab-slow"] == "half-configured"
    assert "apt-configure" in outcome.repairs
    assert "dpkg was interrupted" in told(desk, KILLED)
    assert operator.does("repair", KILLED, "apt-configure").status == 0
    assert told(desk, KILLED) == ""
    assert {name: aptfield.version(host, name) for name in WANTED[KILLED]} == dict.fromkeys(WANTED[KILLED], NEW)


def test_a_dead_mirror_is_told_while_the_other_lists_are_used_and_forgotten_once_it_is_gone(desk: Desk) -> None:
    aptfield.list_more(desk.lab.host(POOR_HOST), NO_SUCH_MIRROR)
    try:
        (row,) = desk.operator.lists(POOR_HOST, "--lists").hosts
        assert any("127.0.0.1" in problem for problem in row.problems), row
        assert "127.0.0.1" in desk.operator.does("list", POOR_HOST).out
    finally:
        aptfield.list_more(desk.lab.host(POOR_HOST), "")
    (row,) = desk.operator.lists(POOR_HOST, "--lists").hosts
    assert row.problems == ()


def test_a_mirror_that_dies_after_the_plan_changes_nothing_and_the_plan_holds_once_it_is_back(desk: Desk) -> None:
    host, operator = desk.lab.host(POOR_HOST), desk.operator
    plan = operator.plans(POOR_HOST, "--package", "lab-app")
    aptfield.part(host)
    try:
        status, board = operator.applies(plan)
    finally:
        aptfield.join(host)
    outcome = board.hosts[0].outcome
    assert outcome is not None and (status, outcome.stage, outcome.applied) == (2, Stage.FAILED, 0)
    assert "step prefetch ended with 100" in outcome.problems
    assert any("Failed to fetch" in problem for problem in outcome.problems), outcome.problems
    assert aptfield.version(host, "lab-app") == OLD
    status, board = operator.applies(plan)
    assert (status, board.hosts[0].stage) == (0, Stage.DONE), board
    assert aptfield.version(host, "lab-app") == NEW
