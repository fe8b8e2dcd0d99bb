"""Tests under load: begun by name only, one a host, told from their beginning to their end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from backends.checks.health_finding import Finding
from backends.engine.health_trials import Trials
from backends.errors import AskOperator, BadInput, RetryLater
from backends.execution import ExecResult
from backends.states import Severity
from tests.unit.alerts.receivers import eventually
from tests.unit.checks import health_cases as cases
from tests.unit.engine.parts import FakeExec

GOOD = b'{"DCGM Diagnostic": {"tests": [{"name": "Software", "results": [{"status": "Pass"}]}]}}'


class Bench:
    def __init__(self) -> None:
        self.host = FakeExec("a", ExecResult(0, GOOD))
        self.done: list[tuple[str, str, tuple[Finding, ...]]] = []
        self.told: list[tuple[str, str, Severity]] = []
        self.bugs: list[str] = []
        self.trials = Trials(
            lambda host: self.host,
            lambda host, test, findings: self.done.append((host, test, findings)),
            tell=lambda kind, text, host, actor, severity: self.told.append((text, actor, severity)),
            on_bug=lambda host, error: self.bugs.append(repr(error)),
        )

    def over(self) -> tuple[Finding, ...]:
        eventually(lambda: not self.trials.in_flight())
        return self.done[-1][2]


@pytest.fixture
def bench() -> Iterator[Bench]:
    one = Bench()
    yield one
    one.trials.stop()


def test_its_result_is_told_with_who_began_it(bench: Bench) -> None:
    bench.trials.begin("a", "diagnostics-1", "a", "ann", (cases.gpu(0),))
    (finding,) = bench.over()
    assert (finding.check, finding.object, finding.severity) == ("G30", "diagnostics-1", Severity.OK)
    assert bench.host.asked[0][0] == ["dcgmi", "diag", "-r", "1", "-j"]
    assert [(text.split(":")[0], actor) for text, actor, _ in bench.told] == [
        ("diagnostics-1 began, 2 minutes at most", "ann"),
        ("diagnostics-1", "ann"),
    ]


def test_one_that_goes_on_is_named_and_no_other_begins_there(bench: Bench) -> None:
    bench.host.gate = threading.Event()
    bench.trials.begin("a", "diagnostics-1", "a", "ann", ())
    assert bench.trials.in_flight() == ("diagnostics-1 on a",)
    with pytest.raises(BadInput, match="goes on already"):
        bench.trials.begin("a", "bandwidth", "a", "bob", ())
    bench.host.gate.set()
    bench.over()
    bench.trials.begin("a", "bandwidth", "a", "bob", ())
    bench.over()


@pytest.mark.parametrize("said", ["", "b", "A", "a "])
def test_nobody_said_that_the_host_is_drained(bench: Bench, said: str) -> None:
    with pytest.raises(AskOperator, match="disturb"):
        bench.trials.begin("a", "diagnostics-1", said, "ann", ())
    assert bench.host.asked == [] and bench.told == []


def test_a_test_that_is_none_is_refused(bench: Bench) -> None:
    with pytest.raises(BadInput, match="no such test"):
        bench.trials.begin("a", "burn", "a", "ann", ())  # type: ignore[arg-type]


def test_what_could_not_be_carried_out_is_unknown_with_its_reason(bench: Bench) -> None:
    bench.host.result = RetryLater("the link is down")
    bench.trials.begin("a", "all-reduce", "a", "ann", (cases.gpu(0),))
    (finding,) = bench.over()
    assert (finding.check, finding.severity) == ("G31", Severity.UNKNOWN) and "the link is down" in finding.text
    assert bench.told[-1][2] is Severity.UNKNOWN


def test_diagnostics_are_not_run_with_mig_on(bench: Bench) -> None:
    bench.trials.begin("a", "diagnostics-2", "a", "ann", (cases.gpu(0, mig_enabled=True),))
    (finding,) = bench.over()
    assert finding.severity is Severity.UNKNOWN and "MIG" in finding.text and bench.host.asked == []


def test_a_bug_is_told_and_the_host_is_free_again(bench: Bench) -> None:
    bench.host.run = None  # type: ignore[method-assign,assignment]
    bench.trials.begin("a", "bandwidth", "a", "ann", ())
    eventually(lambda: not bench.trials.in_flight())
    assert bench.bugs and "internal error" in bench.told[-1][0]
