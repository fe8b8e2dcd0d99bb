"""One client as far as bytes go: whole lines in, queued lines out, and nobody ever waits for it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.clock import ManualClock
from backends.engine.log import Log
from backends.engine.session import Link, PipeLink, Session, SocketLink
from backends.engine.wire import MAX_REQUEST_BYTES
from tests.unit.hostkit.kit import eventually


class FakeLink:
    """A pair of byte streams in memory; the test is the other side."""

    def __init__(self) -> None:
        self.incoming: queue.Queue[bytes | OSError] = queue.Queue()
        self.written: list[bytes] = []
        self.closed = threading.Event()
        self.may_write = threading.Event()
        self.may_write.set()
        self.broken: OSError | None = None

    def read(self) -> bytes:
        item = self.incoming.get()
        if isinstance(item, OSError):
            raise item
        return item

    def write(self, data: bytes) -> None:
        self.may_write.wait(10)
        if self.broken is not None:
            raise self.broken
        self.written.append(data)

    def close(self) -> None:
        self.closed.set()
        self.may_write.set()
        self.incoming.put(b"")


class Scene:
    """A running session and everything that it told."""

    def __init__(self, directory: Path, link: Link | None = None, limit: int = 1000):
        self.fake = FakeLink()
        self.lines: list[bytes] = []
        self.ended: list[Session] = []
        self.answer: Callable[[Session, bytes], None] = lambda session, line: None
        self.log = directory / "log"
        self.session = Session(
            link or self.fake,
            number=7,
            user="anna",
            log=Log(ManualClock(), self.log),
            on_line=self._line,
            on_end=self.ended.append,
            max_queued_bytes=limit,
        )

    def _line(self, session: Session, line: bytes) -> None:
        self.lines.append(line)
        self.answer(session, line)

    def told(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one = Scene(tmp_path)
    yield one
    one.session.close()


def test_who_acts_is_the_user_and_where_it_sits(scene: Scene) -> None:
    assert scene.session.actor == "anna"
    scene.session.client = "10.0.0.7"
    assert scene.session.actor == "anna from 10.0.0.7"


def test_lines_are_handed_over_whole_however_they_arrive(scene: Scene) -> None:
    scene.session.start()
    for piece in (b'{"a"', b":1}\n", b"\n  \n", b"two\nthree\nfo", b"ur\n"):
        scene.fake.incoming.put(piece)
    assert eventually(lambda: scene.lines == [b'{"a":1}', b"two", b"three", b"four"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=8), st.data())
def test_no_cutting_of_the_stream_changes_its_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    scene = Scene(tmp_path_factory.mktemp("s"))
    held, place = bytearray(), 0
    while place < len(stream):
        end = data.draw(st.integers(place + 1, len(stream)))
        held += stream[place:end]
        assert scene.session._split(held)
        place = end
    expected = [line.replace(b"\n", b"").strip() for line in lines]
    assert scene.lines == [line for line in expected if line]
    assert held == b""


def test_answers_leave_in_their_order(scene: Scene) -> None:
    scene.session.start()
    for number in range(5):
        scene.session.send(b"%d\n" % number)
    assert eventually(lambda: scene.fake.written == [b"0\n", b"1\n", b"2\n", b"3\n", b"4\n"])


def test_a_notification_is_one_line(scene: Scene) -> None:
    scene.session.start()
    scene.session.notify("event", {"text": "a\nb"})
    assert eventually(lambda: scene.fake.written)
    found: dict[str, Any] = json.loads(scene.fake.written[0])
    assert (found["method"], found["params"]) == ("event", {"text": "a\nb"})
    assert scene.fake.written[0].count(b"\n") == 1


def test_a_client_that_does_not_read_is_disconnected_and_told_in_the_log(scene: Scene) -> None:
    scene.fake.may_write.clear()
    scene.session.start()
    for _ in range(20):
        scene.session.send(b"x" * 300)
    assert scene.session.closed
    assert scene.ended == [scene.session]
    assert "client-too-slow client=7" in scene.told()


def test_one_answer_larger_than_the_queue_is_still_sent(scene: Scene) -> None:
    scene.session.send(b"x" * 5000)
    scene.session.start()
    assert eventually(lambda: scene.fake.written == [b"x" * 5000])


def test_a_line_without_end_is_answered_once_and_ends_the_session(scene: Scene) -> None:
    scene.session.start()
    for _ in range(6):
        scene.fake.incoming.put(b"x" * (1 << 20))
    assert eventually(lambda: scene.session.closed)
    (answer,) = scene.fake.written
    assert str(MAX_REQUEST_BYTES) in json.loads(answer)["error"]["message"]
    assert scene.lines == []


def test_a_client_that_sends_no_more_gets_what_it_asked_for(scene: Scene) -> None:
    release = threading.Event()

    def slow(session: Session, line: bytes) -> None:
        session.pending(+1)

        def work() -> None:
            release.wait(10)
            session.send(b"late\n")
            session.pending(-1)

        threading.Thread(target=work, daemon=True).start()

    scene.answer = slow
    scene.session.start()
    scene.fake.incoming.put(b"ask\n")
    scene.fake.incoming.put(b"")
    assert eventually(lambda: scene.lines)
    assert not scene.session.closed
    release.set()
    assert eventually(lambda: scene.session.closed)
    assert scene.fake.written == [b"late\n"]


def test_the_end_is_told_once_however_it_comes(scene: Scene) -> None:
    scene.session.start()
    scene.session.close()
    scene.session.close()
    scene.fake.incoming.put(b"")
    assert eventually(lambda: scene.fake.closed.is_set())
    assert scene.ended == [scene.session]
    scene.session.send(b"too late\n")
    assert scene.fake.written == []


@pytest.mark.parametrize("side", ["read", "write"])
def test_a_connection_that_breaks_ends_the_session_and_is_told(scene: Scene, side: str) -> None:
    scene.session.start()
    if side == "read":
        scene.fake.incoming.put(ConnectionResetError(104, "Connection reset by peer"))
    else:
        scene.fake.broken = BrokenPipeError(32, "Broken pipe")
        scene.session.send(b"x\n")
    assert eventually(lambda: scene.session.closed)
    assert "client-lost client=7" in scene.told()
    assert scene.ended == [scene.session]


def test_draining_lets_answers_leave_and_then_disconnects(scene: Scene) -> None:
    scene.fake.may_write.clear()
    scene.session.start()
    scene.session.send(b"answer\n")
    scene.session.pending(+1)
    thread = threading.Thread(target=scene.session.drain, args=(10,))
    thread.start()
    scene.fake.may_write.set()
    assert eventually(lambda: scene.fake.written == [b"answer\n"])
    assert not scene.session.closed
    scene.session.pending(-1)
    thread.join(5)
    assert scene.session.closed


def test_draining_a_client_that_does_not_read_is_bounded(scene: Scene) -> None:
    scene.fake.may_write.clear()
    scene.session.start()
    scene.session.send(b"answer\n")
    scene.session.drain(0.05)
    assert scene.session.closed


# links


def test_a_socket_link_carries_bytes_and_its_end_wakes_the_reader() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        link = SocketLink(ours)
        link.write(b"to them")
        assert theirs.recv(100) == b"to them"
        theirs.sendall(b"to us")
        assert link.read() == b"to us"
        threading.Timer(0.05, link.close).start()
        with contextlib.suppress(OSError):  # closed under the reader: as good an end
            assert link.read() == b""
        link.close()
        assert theirs.recv(100) == b""


def test_a_pipe_link_writes_everything_and_sees_the_end() -> None:
    reading, feed = os.pipe()
    sink, writing = os.pipe()
    link = PipeLink(reading, writing)
    received = bytearray()

    def drain() -> None:
        while data := os.read(sink, 65536):
            received.extend(data)

    thread = threading.Thread(target=drain)
    thread.start()
    link.write(b"x" * 1_000_000)  # far more than a pipe holds
    os.close(writing)
    thread.join(10)
    assert len(received) == 1_000_000
    os.write(feed, b"in")
    assert link.read() == b"in"
    os.close(feed)
    assert link.read() == b""
    link.close()
    os.close(reading)
    os.close(sink)
