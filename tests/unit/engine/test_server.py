"""The socket: who gets in, what hostile clients achieve (nothing), and that nobody waits for them."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.clock import SystemClock
from backends.engine import server as servers
from backends.engine.log import Log
from backends.engine.methods import Dispatcher, NoParams, Params, Table, Then
from backends.engine.ownership import Ownership
from backends.engine.server import Server
from backends.engine.session import Session
from backends.engine.wire import MAX_REQUEST_BYTES
from backends.errors import AskOperator, BadInput, SkipHost


class Bytes(Params, frozen=True):
    count: int


class Desk:
    """A server with a few methods, and clients of it."""

    def __init__(self, directory: Path):
        self.table = Table()
        self.gate = threading.Event()
        self.begun = threading.Event()
        self._register()
        log = Log(SystemClock(), directory / "log")
        self.server = Server(directory / "s" / "engine.sock", log=log, on_line=Dispatcher(self.table, self, log))

    def _register(self) -> None:
        def echo(desk: Desk, session: Session, params: NoParams) -> dict[str, int]:
            return {"session": session.number}

        def slow(desk: Desk, session: Session, params: NoParams) -> dict[str, bool]:
            return {"opened": desk.gate.wait(10)}

        def large(desk: Desk, session: Session, params: Bytes) -> dict[str, str]:
            return {"text": "x" * params.count}

        def bug(desk: Desk, session: Session, params: NoParams) -> None:
            raise ZeroDivisionError("a bug")

        def refuse(desk: Desk, session: Session, params: NoParams) -> None:
            raise SkipHost("cannot", host="h")

        def then(desk: Desk, session: Session, params: NoParams) -> Then:
            return Then({"first": True}, lambda: session.notify("second", {}))

        self.table.method("echo", NoParams)(echo)
        self.table.method("slow", NoParams, slow=True)(slow)
        self.table.method("large", Bytes)(large)
        self.table.method("bug", NoParams)(bug)
        self.table.method("refuse", NoParams)(refuse)
        self.table.method("then", NoParams)(then)

    def client(self) -> Client:
        return Client(self.server.path)

    def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            threading.Event().wait(0.005)


class Client:
    def __init__(self, path: Path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.readline())
        return found

    def call(self, method: str, number: int = 1, **params: object) -> dict[str, Any]:
        self.ask(method, number, **params)
        return self.line()

    def ask(self, method: str, number: int = 1, **params: object) -> None:
        self.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n")

    def ended(self) -> bool:
        try:
            return self.file.readline() == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    one = Desk(tmp_path)
    one.server.bind()
    one.server.start()
    yield one
    one.gate.set()
    one.server.stop(0.05)


def test_directory_and_socket_are_for_this_user_only(desk: Desk) -> None:
    path = desk.server.path
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_call_is_answered_under_its_id(desk: Desk) -> None:
    with desk.client() as client:
        assert client.call("echo", 41) == {"jsonrpc": "2.0", "id": 41, "result": {"session": 1}}


def test_two_clients_have_their_own_sessions(desk: Desk) -> None:
    with desk.client() as one, desk.client() as two:
        assert one.call("echo")["result"] != two.call("echo")["result"]


def test_errors_have_the_documented_codes(desk: Desk) -> None:
    with desk.client() as client:
        assert client.call("nope")["error"]["code"] == -32601
        assert client.call("echo", typo=1)["error"]["code"] == -32602
        assert client.call("bug")["error"]["code"] == -32603
        refused = client.call("refuse")["error"]
        assert (refused["code"], refused["data"]["kind"], refused["data"]["host"]) == (-32000, "SkipHost", "h")


def test_a_bug_in_a_method_leaves_the_session_and_a_traceback(desk: Desk, tmp_path: Path) -> None:
    with desk.client() as client:
        client.call("bug")
        assert "result" in client.call("echo")
    assert "ZeroDivisionError" in (tmp_path / "log").read_text()


def test_garbage_is_answered_and_the_session_goes_on(desk: Desk) -> None:
    with desk.client() as client:
        client.send(b"\x00\xff garbage\n\n  \n[1]\n")
        assert client.line()["error"]["code"] == -32700
        assert client.line()["error"]["code"] == -32600
        assert "result" in client.call("echo")


def test_a_notification_is_carried_out_and_not_answered(desk: Desk) -> None:
    with desk.client() as client:
        client.send(b'{"jsonrpc":"2.0","method":"nope"}\n')
        assert client.call("echo", 7)["id"] == 7


def test_what_begins_after_an_answer_cannot_overtake_it(desk: Desk) -> None:
    with desk.client() as client:
        assert client.call("then")["result"] == {"first": True}
        assert client.line()["method"] == "second"


def test_a_slow_call_does_not_hold_up_the_same_client(desk: Desk) -> None:
    with desk.client() as client:
        client.ask("slow", 1)
        assert client.call("echo", 2)["id"] == 2
        desk.gate.set()
        assert client.line() == {"jsonrpc": "2.0", "id": 1, "result": {"opened": True}}


def test_a_client_that_only_stops_sending_still_gets_its_slow_answer(desk: Desk) -> None:
    with desk.client() as client:
        client.ask("slow")
        client.socket.shutdown(socket.SHUT_WR)
        desk.gate.set()
        assert client.line()["result"] == {"opened": True}
        assert client.ended()


def test_a_line_without_end_is_cut_off(desk: Desk) -> None:
    with desk.client() as hostile, desk.client() as good:
        try:
            for _ in range(MAX_REQUEST_BYTES // (1 << 20) + 2):
                hostile.send(b"x" * (1 << 20))
        except (BrokenPipeError, ConnectionResetError):
            pass  # cut off while it was still sending: as good
        desk.until(lambda: len(desk.server.sessions()) == 1)
        assert "result" in good.call("echo")


def test_a_client_that_never_reads_is_disconnected_and_holds_nobody_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Session.__init__

    def small(self: Session, *args: Any, **named: Any) -> None:
        original(self, *args, **named, max_queued_bytes=1 << 20)

    monkeypatch.setattr(Session, "__init__", small)
    with desk.client() as stuck, desk.client() as good:
        good.call("echo")
        stuck.ask("large", count=400_000)
        for number in range(20):
            try:
                stuck.ask("large", number, count=400_000)
            except OSError:
                break
        desk.until(lambda: len(desk.server.sessions()) == 1)
        assert "result" in good.call("echo")


def test_notifying_a_client_that_never_reads_does_not_block(desk: Desk) -> None:
    with desk.client() as stuck:
        stuck.call("echo")
        (session,) = desk.server.sessions()
        began = time.monotonic()
        for _ in range(200):
            session.notify("flood", {"text": "x" * 1_000_000})
        assert time.monotonic() - began < 5
        assert session.closed


def test_a_client_that_vanishes_leaves_no_session(desk: Desk) -> None:
    client = desk.client()
    client.call("echo")
    client.ask("large", count=10_000_000)
    client.close()
    desk.until(lambda: not desk.server.sessions())


def test_a_second_engine_is_refused_with_the_way_out(desk: Desk, tmp_path: Path) -> None:
    second = Desk(tmp_path)
    with pytest.raises(AskOperator, match="already runs") as caught:
        second.server.bind()
    assert caught.value.hint is not None and "engine stop" in caught.value.hint


def test_two_engines_that_start_together_do_not_both_win(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.server.path.parent.mkdir(mode=0o700)
    other = Ownership(desk.server.path)
    assert other.take()  # the other has looked, and does not listen yet
    with pytest.raises(AskOperator, match="already runs"):
        desk.server.bind()
    other.release()


def test_ownership_returns_when_its_holder_lets_go(tmp_path: Path) -> None:
    one, two = Ownership(tmp_path / "s"), Ownership(tmp_path / "s")
    assert one.take()
    assert not two.take()
    one.release()
    assert list(tmp_path.iterdir()) == []
    assert two.take()
    two.release()


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s" / "engine.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    desk = Desk(tmp_path)
    desk.server.bind()
    desk.server.start()
    with desk.client() as client:
        assert "result" in client.call("echo")
    desk.server.stop(0.05)
    assert not path.exists()


def test_a_path_too_long_for_a_socket_is_explained(tmp_path: Path) -> None:
    server = Server(tmp_path / ("x" * 200), log=Log(SystemClock()), on_line=lambda *_: None)
    with pytest.raises(BadInput, match="longer than"):
        server.bind()


def test_another_users_connection_is_closed_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "peer_uid", lambda connection: os.getuid() + 4711)
    with desk.client() as stranger:
        assert stranger.ended()
    assert desk.server.sessions() == []


def test_stopping_disconnects_everybody_quickly(desk: Desk) -> None:
    clients = [desk.client() for _ in range(20)]
    for client in clients:
        client.call("echo")
    began = time.monotonic()
    desk.server.stop(0.2)
    assert time.monotonic() - began < 1
    assert all(client.ended() for client in clients)
    for client in clients:
        client.close()


def test_the_peer_is_who_we_are() -> None:
    one, two = socket.socketpair(socket.AF_UNIX)
    with one, two:
        assert servers.peer_uid(one) == os.getuid()
    assert servers.user_name(4_294_000_000) == "4294000000"
