"""Our side of detached jobs: what may leave, what a host's answer becomes, and what hostile words are made of."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import AskOperator, BadInput, RetryLater, SkipHost
from backends.execution import ExecResult
from backends.hostkit.job_plan import PACKAGES, Job, JobStep, check
from backends.hostkit.job_report import StepMeta, decode_summary, step_reports
from backends.hostkit.jobs import Jobs
from tests.unit.engine.parts import FakeExec


def step(name: str, *argv: str, allow: tuple[int, ...] = ()) -> JobStep:
    return JobStep(id=name, argv=argv, allow_exit=allow)


def job(*steps: JobStep, run: str = "r1", title: str = "update 3 packages") -> Job:
    return Job(name=PACKAGES, title=title, who="eve from 10.0.0.7", run=run, steps=steps)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (job(), "1 … 100 steps"),
        (job(step("a", "x"), step("a", "y")), "same id"),
        (job(step("a b", "x")), "step id"),
        (job(step("a")), "names no program"),
        (job(step("a", "-x")), "names no program"),
        (job(step("a", "x", "y\0z")), "NUL"),
        (job(step("a", "x", "\ud800")), "neither UTF-8"),
        (job(step("a", "x", allow=(256,))), "1 … 255"),
        (job(JobStep(id="a", argv=("x",), environment={"A B": "1"})), "variable name"),
        (job(JobStep(id="a", argv=("x",), environment={"A": "1\0"})), "NUL"),
        (job(step("a", "x"), run="../x"), "run id"),
        (job(step("a", "x"), title="a\0"), "NUL"),
        (Job(name="../etc", title="", who="", run="r", steps=(step("a", "x"),)), "job name"),
    ],
)
def test_what_cannot_be_carried_out_never_leaves(wrong: Job, text: str) -> None:
    with pytest.raises(BadInput, match=text):
        check(wrong)
    with pytest.raises(BadInput):
        Jobs(FakeExec("a", RetryLater("must not be asked")), "none").start(wrong)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b'{"ok":false,"kind":"permission","text":"not permitted"}', AskOperator),
        (b'{"ok":false,"kind":"gone","text":"not running"}', SkipHost),
        (b'{"ok":false,"kind":"missing","text":"setsid"}', SkipHost),
        (b'{"ok":false,"kind":"failed","text":"OSError"}', RetryLater),
        (b'{"ok":false,"kind":"busy","text":"running","job":{"state":"running","meta":"damaged"}}', RetryLater),
        (b'{"ok":true,"job":{"state":"flying"}}', RetryLater),
        (b'{"ok":true,"out":"not base64!"}', RetryLater),
        (b'{"ok":true,"job":{"state":"\xff"}}', RetryLater),
        (b"not json", RetryLater),
        (b'{"ok":true,"job":' + b"[" * 100_000, RetryLater),
    ],
)
def test_what_a_host_answers_becomes_the_right_error(answer: bytes, error: type[Exception]) -> None:
    said = ExecResult(exit_status=0, stdout=b"motd\nswarm-kit 1 answer\n" + answer + b"\n")
    with pytest.raises(error):
        Jobs(FakeExec("a", said), "sudo").read(PACKAGES)


def test_a_program_that_ends_without_an_answer_has_begun_nothing_but_a_lost_link_may_have() -> None:
    ended = ExecResult(exit_status=1, stderr=b"ModuleNotFoundError: no \x1b[31mshutil")
    with pytest.raises(SkipHost, match=r"ended with 1 and gave no answer: ModuleNotFoundError: no shutil"):
        Jobs(FakeExec("a", ended), "none").start(job(step("a", "x")))
    with pytest.raises(RetryLater):
        Jobs(FakeExec("a", ExecResult(exit_status=None)), "none").start(job(step("a", "x")))
    with pytest.raises(RetryLater):
        Jobs(FakeExec("a", ended), "none").read(PACKAGES)


def test_the_hosts_words_are_made_safe() -> None:
    meta = r"{\"name\":\"n\",\"title\":\"\\u001b]0;x\\u0007T\",\"who\":\"\\u202ew\"}"
    summary = decode_summary(
        f'{{"state":"running","reason":"\\u001b[2J!","meta":"{meta}","cancel":"1 \\u0000"}}'.encode()
    )
    assert summary.meta is not None
    assert (summary.meta.title, summary.meta.who, summary.reason, summary.cancelled_by) == (
        "T",
        "\ufffdw",
        "!",
        "\ufffd",
    )


@given(
    text=st.text(max_size=300)
    | st.lists(st.sampled_from(["begin a", "end a 1", "skip", " 1 2 3", "\n", "x"])).map("".join)
)
def test_whatever_stands_in_the_steps_file_every_planned_step_has_a_state(text: str) -> None:
    planned = (StepMeta(id="a"), StepMeta(id="b"))
    assert [report.id for report in step_reports(planned, text, running=False)] == ["a", "b"]


@given(data=st.binary(max_size=200))
def test_an_answer_of_any_bytes_is_an_error_of_ours_or_a_report(data: bytes) -> None:
    said = ExecResult(exit_status=0, stdout=b"\nswarm-kit 1 answer\n" + data)
    with contextlib.suppress(RetryLater):
        Jobs(FakeExec("a", said), "none").read(PACKAGES)
