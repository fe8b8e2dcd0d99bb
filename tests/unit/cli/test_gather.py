"""Equal answers stand together, failures last; nothing that a host prints is lost silently or reaches the terminal raw."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.engine.wire import ExecDone, ExecOutput
from swarm_tui.present import gather
from swarm_tui.present.gather import Answer, Gathering, grouped


def gathered(*answers: tuple[str, str, int | None]) -> Gathering:
    """Hosts with an output and an exit status."""
    gathering = Gathering(1, [name for name, _, _ in answers])
    for name, text, status in answers:
        gathering.output(ExecOutput(id=1, host=name, stream="out", text=text))
        gathering.done(ExecDone(id=1, host=name, exit_status=status))
    return gathering


def shown(answers: list[Answer]) -> list[str]:
    return [f"{stream}: {line}" for stream, line in gather.lines(grouped(answers), "-")]


def test_equal_answers_are_folded_over_node_ranges() -> None:
    answers = gathered(("gpu01", "6.1\n", 0), ("gpu02", "6.1\n", 0), ("gpu03", "5.4\n", 0)).answers()
    assert shown(answers) == [f"out: -- gpu[01-02] (2) {'-' * 46}", "out: 6.1", f"out: -- gpu03 {'-' * 55}", "out: 5.4"]


def test_a_single_host_has_no_title() -> None:
    assert shown(gathered(("a", "x\ny\n", 0)).answers()) == ["out: x", "out: y"]


def test_failures_come_last_and_say_how() -> None:
    gathering = gathered(("a", "", 1), ("b", "ok\n", 0), ("c", "", None), ("d", "", None))
    gathering.done(ExecDone(id=1, host="c", signal="KILL"))
    gathering.done(ExecDone(id=1, host="d", error="not connected"))
    lines = shown(gathering.answers())
    assert lines[1] == "out: ok"
    assert lines[2:] == ["err: a: exit status 1", "err: c: ended by signal KILL", "err: d: not connected"]


def test_standard_error_stays_apart() -> None:
    gathering = gathered(("a", "out\n", 0))
    gathering.output(ExecOutput(id=1, host="a", stream="err", text="warn\n"))
    assert shown(gathering.answers()) == ["out: out", "err: warn"]


def test_hosts_that_did_not_answer_say_why() -> None:
    gathering = Gathering(1, ["a", "b"])
    gathering.done(ExecDone(id=1, host="a", exit_status=0))
    assert gathering.left == 1
    assert gathering.progress() == "1 of 2 done, 1 running"
    assert [answer.error for answer in gathering.answers("interrupted")] == ["", "interrupted"]


def test_too_much_output_is_cut_and_said() -> None:
    gathering = gathered(("a", "x" * (gather.MAX_STREAM + 5), 0))
    gathering.output(ExecOutput(id=1, host="a", stream="out", text="more"))
    (answer,) = gathering.answers()
    assert answer.truncated
    assert "more" not in answer.stdout
    assert shown([answer])[-1] == "err: a: there was more output than is kept"


def test_strangers_are_ignored() -> None:
    gathering = Gathering(1, ["a"])
    gathering.done(ExecDone(id=1, host="z", exit_status=0))
    assert gathering.left == 1


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([], 0),
        ([Answer(name="a", exit_status=0)], 0),
        ([Answer(name="a", exit_status=0, truncated=True)], 1),
        ([Answer(name="a", exit_status=0), Answer(name="b", exit_status=1), Answer(name="c", error="x")], 2),
        ([Answer(name="a", signal="KILL")], 2),
        ([Answer(name="a", exit_status=0), Answer(name="b", error="not connected")], 3),
    ],
)
def test_the_exit_status(answers: list[Answer], status: int) -> None:
    assert gather.status(answers) == status


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["out", "err"]), st.text(max_size=20)), max_size=20
    )
)
def test_hostile_output_is_safe_and_complete(pieces: list[tuple[str, str, str]]) -> None:
    gathering = Gathering(1, ["a", "b", "c"])
    for host, stream, text in pieces:
        gathering.output(ExecOutput(id=1, host=host, stream="out" if stream == "out" else "err", text=text))
    for _, line in gather.lines(grouped(gathering.answers())):
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in line)
