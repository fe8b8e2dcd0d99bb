"""What counts as good, what a round comes to, and that the deadlines that are shown are those of the program on the host."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from backends.hostkit.triage_answer import TIMEOUT_SECONDS
from backends.states import Severity
from backends.triage import views
from backends.triage.model import StepState
from backends.triage.views import Outcome, Round, grid, is_good, worst
from tests.unit.triage.samples import bundle

ILL = bundle({"space": "/dev/sda1 ext4 100 100 0 100% /\n"}, host="ill")
WELL = bundle(host="well")


@pytest.mark.parametrize(
    ("severity", "state", "good"),
    [
        (Severity.OK, StepState.OK, True),
        (Severity.UNKNOWN, StepState.NOPERM, True),
        (Severity.UNKNOWN, StepState.WARN, True),
        (Severity.UNKNOWN, StepState.STUCK, False),
        (Severity.WARNING, StepState.WARN, False),
        (Severity.CRITICAL, StepState.FAIL, False),
    ],
)
def test_good_is_what_showed_nothing_wrong(severity: Severity, state: StepState, good: bool) -> None:
    assert is_good(severity, state) is good


def test_a_round_has_ended_when_every_host_has() -> None:
    done, failed = Outcome(host="a", standing="done"), Outcome(host="b", standing="failed")
    assert Round(id=1, begun=0, now=0, outcomes=(done, failed)).ended
    assert not Round(id=1, begun=0, now=0, outcomes=(done, Outcome(host="c", standing="asking"))).ended


def test_the_grid_holds_those_that_answered_and_those_that_did_not() -> None:
    outcomes = (
        Outcome(host="well", standing="done", bundle=WELL),
        Outcome(host="ill", standing="done", bundle=ILL),
        Outcome(host="gone", standing="failed", error="not connected"),
        Outcome(host="slow", standing="asking"),
    )
    made = grid(outcomes)
    assert (made.rows[0].host, made.rows[0].reason) == ("gone", "not connected")
    assert {row.host for row in made.rows} == {"gone", "ill", "well"}
    assert worst(outcomes) is Severity.CRITICAL and worst(outcomes[2:]) is Severity.UNKNOWN


def test_the_deadlines_are_those_of_the_program_on_the_host(checkout: Path) -> None:
    source = ast.parse((checkout / "backends/hostkit/programs/triage.py").read_text())
    found = next(
        node.value
        for node in source.body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "SECONDS"
        and isinstance(node.value, ast.Dict)
    )
    assert tuple(ast.literal_eval(value) for value in found.values) == views.DEADLINE_SECONDS
    assert views.ANSWER_SECONDS == TIMEOUT_SECONDS
