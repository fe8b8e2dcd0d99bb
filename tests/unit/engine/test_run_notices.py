"""What everybody is told of a run, and that it is said once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.engine.run_notices import ahead, of_edge
from backends.maintenance.model import Edge, EdgeKind, HostPlan, RunState, Stage
from backends.states import Severity
from tests.unit.engine.test_run_muting import NOW, run


def edge(kind: EdgeKind, **values: object) -> Edge:
    return Edge(time=NOW + 90, kind=kind, **values)  # type: ignore[arg-type]


def told(state: RunState, kind: EdgeKind, **values: object) -> tuple[str, Severity, str]:
    notice = of_edge(state, edge(kind, **values))
    assert notice is not None
    return notice.title, notice.severity, "\n".join(notice.lines)


def with_canary(state: RunState) -> RunState:
    hosts = tuple(HostPlan(host=name, kind="", canary=name == "a") for name in state.hosts)
    return replace(state, plan=replace(state.plan, hosts=hosts, promote="key"))


def test_the_start_says_what_will_be_done_by_whom() -> None:
    title, severity, body = told(run(a=Stage.QUEUED), EdgeKind.STARTED)
    assert title == "maintenance monthly: started" and severity is Severity.OK
    assert "1 hosts" in body and "ann" in body and "drain" in body


@pytest.mark.parametrize(("stage", "severity"), [(Stage.DONE, Severity.OK), (Stage.FAILED, Severity.WARNING)])
def test_the_verdict_on_the_canaries(stage: Stage, severity: Severity) -> None:
    title, found, body = told(with_canary(run(a=stage, b=Stage.QUEUED)), EdgeKind.BATCH_OVER)
    assert found is severity and "canar" in title and "promotes" in body


def test_other_batches_are_no_news() -> None:
    assert of_edge(replace(with_canary(run(a=Stage.DONE)), batch=1), edge(EdgeKind.BATCH_OVER)) is None
    assert of_edge(run(a=Stage.DONE), edge(EdgeKind.BATCH_OVER)) is None


def test_a_stop_is_loud_and_says_why_and_whom() -> None:
    state = run(a=Stage.FAILED)
    state = replace(state, hosts={"a": replace(state.hosts["a"], text="not back")})
    title, severity, body = told(state, EdgeKind.STOPPED, text="1 host has failed", hint="look at it")
    assert severity is Severity.CRITICAL and "1 host has failed" in title and body == "look at it\na: not back"


def test_a_question_is_told_with_what_to_do() -> None:
    title, severity, body = told(run(a=Stage.ASKING), EdgeKind.ASKING, host="a", text="gate is red", hint="answer")
    assert severity is Severity.WARNING and "a waits" in title and body == "gate is red\nanswer"


def test_the_end_counts_and_names_those_that_failed() -> None:
    state = replace(run(ended=True, a=Stage.DONE, b=Stage.FAILED), began=NOW)
    title, severity, body = told(state, EdgeKind.ENDED)
    assert severity is Severity.WARNING and "1 failed" in title
    assert "1 done" in body and "took 1m30s" in body and "\nb" in body


@pytest.mark.parametrize("kind", [EdgeKind.INTENDED, EdgeKind.BEGUN, EdgeKind.STEP_OVER, EdgeKind.NOTE])
def test_most_edges_are_not_worth_a_notice(kind: EdgeKind) -> None:
    assert of_edge(run(a=Stage.WORKING), edge(kind)) is None


def test_what_is_said_twice_has_the_same_key_and_is_kept_once() -> None:
    assert ahead("monthly", NOW + 86_400, NOW, 8).key == ahead("monthly", NOW + 86_400, NOW + 600, 8).key
    state = run(a=Stage.QUEUED)
    first, second = of_edge(state, edge(EdgeKind.STARTED)), of_edge(replace(state, edges=9), edge(EdgeKind.STARTED))
    assert first is not None and second is not None and first.key != second.key
