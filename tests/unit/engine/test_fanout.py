"""exec on many hosts: independence, safe bounded output, cancelling."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.clock import ManualClock
from backends.engine.fanout import Fanout, Fanouts, Lines
from backends.engine.log import Log
from backends.engine.wire import ExecDone, ExecOutput
from backends.errors import BadInput, RetryLater
from backends.execution import Exec, ExecResult
from backends.text import clean
from tests.unit.engine.parts import FakeExec


class Ear:
    """A client that remembers what it was told."""

    def __init__(self) -> None:
        self.closed = False
        self.output: list[ExecOutput] = []
        self.done: list[ExecDone] = []
        self._news = threading.Condition()

    def notify(self, method: str, params: object) -> None:
        with self._news:
            if isinstance(params, ExecOutput):
                self.output.append(params)
            elif isinstance(params, ExecDone):
                self.done.append(params)
            self._news.notify_all()

    def until(self, condition: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(condition, 10), (self.output, self.done)


class Scene:
    def __init__(self, **ways: Exec):
        self.ear = Ear()
        self.fanouts = Fanouts(ways.__getitem__, Log(ManualClock()))

    def run(self, *hosts: str) -> Fanout:
        run = self.fanouts.prepare(hosts, ["uname", "-r"], self.ear, timeout_seconds=5, become=False)
        run.start()
        return run

    def finished(self, count: int) -> dict[str, ExecDone]:
        self.ear.until(lambda: len(self.ear.done) == count)
        return {done.host: done for done in self.ear.done}


def test_each_host_answers_for_itself() -> None:
    scene = Scene(
        a=FakeExec("a", ExecResult(exit_status=0), [("out", b"6.8\n")]),
        b=FakeExec("b", ExecResult(exit_status=3), [("err", b"oops\n")]),
        c=FakeExec("c", RetryLater("not connected")),
    )
    run = scene.run("a", "b", "c")
    done = scene.finished(3)
    assert (done["a"].exit_status, done["b"].exit_status, done["c"].error) == (0, 3, "not connected")
    assert sorted(one.left for one in scene.ear.done) == [0, 1, 2]
    assert {(out.host, out.stream, out.text) for out in scene.ear.output} == {
        ("a", "out", "6.8\n"),
        ("b", "err", "oops\n"),
    }
    assert run.left == 0


def test_a_hanging_host_delays_nobody() -> None:
    gate = threading.Event()
    scene = Scene(slow=FakeExec("slow", gate=gate), fast=FakeExec("fast"))
    scene.run("slow", "fast")
    assert "fast" in scene.finished(1)
    assert scene.fanouts.in_flight() == ["exec uname on 1 of 2 hosts"]
    gate.set()
    scene.finished(2)
    deadline = time.monotonic() + 5
    while scene.fanouts.in_flight():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def test_a_bug_on_one_host_is_that_hosts_error() -> None:
    scene = Scene(b=FakeExec("b"))
    scene.run("missing", "b")
    done = scene.finished(2)
    assert "KeyError" in done["missing"].error
    assert done["b"].error == ""


def test_cancelling_answers_at_once_for_running_and_waiting_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.engine.fanout.CONCURRENT_HOSTS", 1)
    gate = threading.Event()
    way = FakeExec("slow", gate=gate)
    scene = Scene(slow=way, later=FakeExec("later"))
    run = scene.run("slow", "later")
    scene.ear.until(lambda: bool(way.asked) or bool(scene.ear.done))
    scene.fanouts.cancel(run.number)
    done = scene.finished(2)
    assert "cancelled" in done["slow"].error and "cancelled before" in done["later"].error
    gate.set()
    with pytest.raises(BadInput):
        scene.fanouts.cancel(run.number)
    assert len(scene.ear.done) == 2


def test_a_client_that_is_gone_starts_no_more_hosts() -> None:
    way = FakeExec("a")
    scene = Scene(a=way)
    scene.ear.closed = True
    scene.run("a")
    assert "gone" in scene.finished(1)["a"].error
    assert way.asked == []


def test_nothing_to_run_or_nowhere_is_refused() -> None:
    scene = Scene()
    for hosts, argv in (([], ["x"]), (["a"], []), (["a"], [""])):
        with pytest.raises(BadInput):
            scene.fanouts.prepare(hosts, argv, scene.ear, timeout_seconds=1, become=False)


def lines_of(*pieces: bytes, limit: int = 1 << 20) -> tuple[str, bool]:
    seen: list[str] = []
    lines = Lines(seen.append, limit)
    for piece in pieces:
        lines.feed(piece)
    lines.finish()
    return "".join(seen), lines.truncated


def test_lines_are_whole_however_the_bytes_arrive() -> None:
    text = "zürich 😀\nzwei\r\ndrei".encode()
    pieces = [text[place : place + 1] for place in range(len(text))]
    assert lines_of(*pieces) == ("zürich 😀\nzwei\ndrei\n", False)


def test_escape_sequences_of_a_host_never_get_through() -> None:
    text, _ = lines_of(b"\x1b]52;c;cm0gLXJm\x07\x1b[2Jok \xe2\x80\xae\n")
    assert "\x1b" not in text and "\u202e" not in text and "ok" in text


def test_output_is_bounded_and_says_so() -> None:
    text, truncated = lines_of(b"x\n" * 1000, limit=100)
    assert len(text) <= 100 and truncated
    assert not lines_of(b"x" * 100, limit=100)[1]


def test_a_line_without_end_does_not_grow() -> None:
    text, _ = lines_of(*[b"y" * 10_000] * 20)
    assert max(len(line) for line in text.split("\n")) <= 4096


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_bytes_become_safe_lines(pieces: list[bytes]) -> None:
    text, _ = lines_of(*pieces)
    assert text == "" or text.endswith("\n")
    assert all(clean(line) == line for line in text.split("\n"))
