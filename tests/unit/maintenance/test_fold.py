"""A run is the sum of its edges, and what cannot have happened is refused."""

from __future__ import annotations

import pytest

from backends.errors import Stop
from backends.maintenance.fold import fold, folded
from backends.maintenance.model import Edge, EdgeKind, RunStatus, Stage
from tests.unit.maintenance.running import ANN, NOW, hosts, plan, started, then, to_done, to_failure, to_step


def edge(kind: EdgeKind, host: str = "", **fields: object) -> Edge:
    return Edge(time=NOW + 10, kind=kind, host=host, **fields)  # type: ignore[arg-type]


def test_a_journal_begins_with_its_plan() -> None:
    with pytest.raises(Stop, match="begins with a plan"):
        fold(None, edge(EdgeKind.STARTED))
    with pytest.raises(Stop, match="says nothing"):
        folded([])


def test_each_edge_is_one_version_more() -> None:
    state = started(plan(hosts(1)))
    assert state.edges == 2
    assert then(state, *to_step("h0")).edges == 4


def test_a_host_goes_through_its_steps_to_its_end() -> None:
    state = then(started(plan(hosts(1))), *to_done("h0"))
    host = state.hosts["h0"]
    assert (host.stage, host.step, [each.step for each in host.results]) == (Stage.DONE, 2, [0, 1, 2])
    assert host.tokens == {0: "t0", 1: "t1", 2: "t2"}
    assert then(state, edge(EdgeKind.ENDED)).status is RunStatus.ENDED


def test_a_failed_host_keeps_its_step_and_says_why() -> None:
    host = then(started(plan(hosts(1))), *to_failure("h0", 1)).hosts["h0"]
    assert (host.stage, host.step, host.text, host.hint) == (Stage.FAILED, 1, "broken", "mend it")


def test_a_step_that_seems_to_have_taken_a_negative_time_took_none() -> None:
    state = then(started(plan(hosts(1))), *to_step("h0"))
    host = then(state, Edge(time=NOW - 9000, kind=EdgeKind.STEP_OVER, host="h0", step=0)).hosts["h0"]
    assert host.results[0].ended == host.results[0].began


def test_an_answer_and_a_retry_begin_the_step_anew_as_another_attempt() -> None:
    asked = then(started(plan(hosts(1))), *to_step("h0"), edge(EdgeKind.ASKING, "h0", step=0, text="really?"))
    host = then(asked, edge(EdgeKind.ANSWERED, "h0", step=0, text="yes", who="bob")).hosts["h0"]
    assert (host.stage, host.begun, host.attempt, host.reason, host.answered_by) == (
        Stage.WORKING,
        False,
        1,
        "yes",
        "bob",
    )
    failed = then(started(plan(hosts(1))), *to_failure("h0"))
    host = then(failed, edge(EdgeKind.RETRIED, "h0", step=0)).hosts["h0"]
    assert (host.stage, host.begun, host.attempt, host.reason) == (Stage.WORKING, False, 1, "")


def test_an_abort_skips_who_did_not_begin_and_nobody_else() -> None:
    state = then(started(plan(hosts(2))), *to_step("h0"), edge(EdgeKind.ABORTED, text="enough", who=ANN))
    assert (state.hosts["h0"].stage, state.hosts["h1"].stage) == (Stage.WORKING, Stage.SKIPPED)
    assert state.hosts["h1"].text == "aborted by ann"


def test_letting_a_stopped_run_go_on_excuses_the_failures_that_stopped_it() -> None:
    state = then(started(plan(hosts(2))), *to_failure("h0"), edge(EdgeKind.STOPPED, text="1 failed"))
    assert (state.status, state.why) == (RunStatus.STOPPED, "1 failed")
    state = then(state, edge(EdgeKind.RESUMED, who=ANN))
    assert (state.status, state.why, state.excused, state.overruled) == (RunStatus.RUNNING, "", ("h0",), 0)
    assert then(state, edge(EdgeKind.RETRIED, "h0", step=0)).excused == ()


def test_a_retry_opens_a_batch_that_was_over_and_a_run_that_had_ended() -> None:
    state = then(started(plan(hosts(1))), *to_failure("h0"), edge(EdgeKind.BATCH_OVER), edge(EdgeKind.ENDED))
    state = then(state, edge(EdgeKind.RETRIED, "h0", step=0))
    assert (state.status, state.ended, state.batch_ended) == (RunStatus.RUNNING, None, None)


@pytest.mark.parametrize(
    "impossible",
    [
        edge(EdgeKind.CREATED),
        edge(EdgeKind.STARTED),
        edge(EdgeKind.RESUMED),
        edge(EdgeKind.ENDED),
        edge(EdgeKind.BATCH, step=1),
        edge(EdgeKind.BATCH_OVER),
        edge(EdgeKind.INTENDED, "h1", step=1, key="k"),
        edge(EdgeKind.INTENDED, "h1", step=0),
        edge(EdgeKind.INTENDED, "h0", step=1, key="k"),
        edge(EdgeKind.INTENDED, "nobody", step=0, key="k"),
        edge(EdgeKind.BEGUN, "h0", step=0),
        edge(EdgeKind.BEGUN, "h1", step=0, token="t"),
        edge(EdgeKind.STEP_OVER, "h0", step=1),
        edge(EdgeKind.HOST_DONE, "h0"),
        edge(EdgeKind.SKIPPED, "h0"),
        edge(EdgeKind.RETRIED, "h0", step=0),
        edge(EdgeKind.ANSWERED, "h0", step=0, text="yes"),
    ],
    ids=lambda each: f"{each.kind}-{each.host}-{each.step}",
)
def test_what_cannot_have_happened_is_refused(impossible: Edge) -> None:
    state = then(started(plan(hosts(2))), *to_step("h0"))
    with pytest.raises(Stop):
        fold(state, impossible)


def test_nothing_begins_in_a_paused_run_whatever_a_journal_says() -> None:
    state = then(started(plan(hosts(2))), *to_step("h0"), edge(EdgeKind.PAUSED, who=ANN))
    with pytest.raises(Stop):
        fold(state, edge(EdgeKind.INTENDED, "h1", step=0, key="k"))
    assert then(state, edge(EdgeKind.STEP_OVER, "h0", step=0)).hosts["h0"].begun is False


def test_a_run_that_ended_in_a_pause_waits_for_nothing_and_one_that_was_stopped_still_says_why() -> None:
    state = then(started(plan(hosts(1))), *to_failure("h0"))
    paused = then(state, edge(EdgeKind.PAUSED, text="paused by ann"), edge(EdgeKind.ENDED))
    assert (paused.status, paused.why) == (RunStatus.ENDED, "")
    stopped = then(state, edge(EdgeKind.STOPPED, text="1 failed"), edge(EdgeKind.ENDED))
    assert stopped.why == "1 failed"
    assert then(stopped, edge(EdgeKind.RETRIED, "h0", step=0)).why == ""
