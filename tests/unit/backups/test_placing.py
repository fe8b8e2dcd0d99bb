"""What the placing program answers, decoded: hostile hosts get an error of ours, never a crash, and never a false success."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups import placing_answers as answers
from backends.backups.placing import Placing
from backends.backups.placing_model import Counts
from backends.errors import AskOperator, BadInput, RetryLater, SkipHost, SwarmError
from backends.execution import ExecResult
from tests.unit.engine.parts import FakeExec

HEAD = b'motd\nprogress {"placed":1}\n\nswarm-kit 1 answer\n'


def said(answer: bytes) -> Placing:
    return Placing(FakeExec("a", ExecResult(exit_status=0, stdout=HEAD + answer + b"\n")), "none")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b'{"ok":false,"kind":"busy","text":"it is being worked on"}', RetryLater),
        (b'{"ok":false,"kind":"permission","text":"no"}', AskOperator),
        (b'{"ok":false,"kind":"gone","text":"no restore x"}', SkipHost),
        (b'{"ok":false}', SkipHost),
        (b'{"ok":true}', RetryLater),
        (b'{"ok":true,"counts":{"placed":"many"}}', RetryLater),
        (b'{"ok":true,"counts":' + b"[" * 100_000, RetryLater),
        (b"", RetryLater),
        (b"\xff", RetryLater),
    ],
)
def test_what_is_no_success_is_the_right_error(answer: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        said(answer).place("r", ["x"], choice="keep", stamp="20261126T020000Z")


def test_a_host_cannot_send_an_extraction_somewhere_else() -> None:
    fields = '"ground":"/","place":"/p","python":"/usr/bin/python3","free":1'
    for tree in ("/etc", "relative/.swarm-restore-r/tree", "/x/.swarm-restore-other/tree", "/" + "y" * 5000):
        with pytest.raises(RetryLater, match="names another directory"):
            said(f'{{"ok":true,"tree":"{tree}",{fields}}}'.encode()).prepare("r", ground="/", base="/", make=False)


def test_the_hosts_words_are_made_safe_and_bounded() -> None:
    errors = [["/x\u001b[2J\n", "\u202ereason\u0000"]] * 80
    answer = msgspec.json.encode({"ok": True, "counts": {"placed": 1}, "errors": errors, "examples": [["/ÿ", "ÿ\n"]]})
    found = said(answer).place("r", ["x"], choice="keep", stamp="20261126T020000Z")
    assert len(found.errors) == 50
    assert found.errors[0] == ("/x\\x1b[2J\\x0a", "\ufffdreason\ufffd")
    assert found.examples == (("/\\xff", "\\xff\\x0a"),)


@pytest.mark.parametrize("run", ["", "../x", "a b", "-x", "x" * 65, "a\n"])
def test_a_run_id_that_could_be_a_path_never_leaves(run: str) -> None:
    with pytest.raises(BadInput):
        Placing(FakeExec("a", RetryLater("must not be asked")), "none").undo(run, "eve")


def test_a_time_that_is_none_never_becomes_part_of_a_name() -> None:
    with pytest.raises(BadInput):
        Placing(FakeExec("a", RetryLater("must not be asked")), "none").place("r", ["x"], choice="keep", stamp="../x")


def test_progress_is_heard_whatever_comes_between() -> None:
    heard: list[Counts] = []
    listener = answers.Listener(heard.append)
    for piece in (
        b"motd\nprog",
        b'ress {"placed":3}\nprogress nonsense\n',
        b"progress {",
        b'"bytes":7}\n',
        b"x" * 9000,
    ):
        listener("out", piece)
    listener("err", b'progress {"placed":9}\n')
    assert heard == [Counts(placed=3), Counts(bytes=7)]


@given(data=st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_an_error_of_ours(data: bytes) -> None:
    with contextlib.suppress(SwarmError):
        said(data).status("r")


@given(data=st.binary(max_size=300))
def test_the_output_of_a_job_may_hold_anything(data: bytes) -> None:
    for line in answers.job_answers(data + b"\nswarm-kit 1 answer\n" + data):
        with contextlib.suppress(SwarmError):
            answers.decode(line, answers.Judged, "a", "b")
