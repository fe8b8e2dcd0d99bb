"""The engine as a process, as far as one can be inside another: begin, refuse, relay, end."""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends import paths
from backends.engine import daemon
from backends.engine.daemon import REFUSED, main, relay, serve
from backends.engine.options import EngineOptions
from tests.e2e.enginerun import Client
from tests.unit.hostkit.kit import eventually


class Serving:
    """`serve` on a thread of its own, where it takes no signals."""

    def __init__(self, options: EngineOptions):
        self.status: int | None = None
        self._thread = threading.Thread(target=self._run, args=(options,), daemon=True)
        self._thread.start()

    def _run(self, options: EngineOptions) -> None:
        self.status = serve(options)

    def end(self) -> int | None:
        self._thread.join(10)
        return self.status


class Standard:
    """Standard input and output of a program, as pipes of which a test holds the other ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self._monkeypatch = monkeypatch
        self.mine, self.feed = os.pipe()
        self.result, self.theirs = os.pipe()

    def take_over(self) -> None:
        """From now on; in the test itself, since pytest puts its own streams in place before that."""
        self._monkeypatch.setattr(sys, "stdin", Numbered(self.mine))
        self._monkeypatch.setattr(sys, "stdout", Numbered(self.theirs))

    def write(self, data: bytes) -> None:
        os.write(self.feed, data)

    def end(self) -> None:
        os.close(self.feed)

    def read(self, size: int) -> bytes:
        found = b""
        while len(found) < size and (data := os.read(self.result, size - len(found))):
            found += data
        return found


class Numbered(io.StringIO):
    """A text stream that is a file descriptor."""

    def __init__(self, number: int):
        super().__init__()
        self._number = number

    def fileno(self) -> int:
        return self._number


@pytest.fixture
def standard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Standard]:
    one = Standard(monkeypatch)
    yield one
    for descriptor in (one.mine, one.result, one.theirs):
        os.close(descriptor)


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "engine.sock"


def answers(path: Path) -> bool:
    try:
        with Client(path) as client:
            client.call("engine.info")
    except OSError:
        return False
    return True


def test_it_serves_until_it_is_told_to_stop_and_leaves_nothing(socket_path: Path) -> None:
    serving = Serving(EngineOptions(demo=2, socket_path=str(socket_path)))
    assert eventually(lambda: answers(socket_path))
    pid_file = socket_path.with_suffix(".pid")
    assert eventually(pid_file.exists)
    assert pid_file.read_text() == f"{os.getpid()}\n"
    with Client(socket_path) as client:
        assert client.call("engine.stop") == {}
    assert serving.end() == 0
    assert list(socket_path.parent.iterdir()) == []


def test_a_wrong_configuration_ends_the_start_with_a_sentence(
    tmp_path: Path, socket_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.toml").write_text("[hosts.a]\nprot = 22\n")
    assert serve(EngineOptions(config_path=str(tmp_path / "x.toml"), socket_path=str(socket_path))) == REFUSED
    said = capsys.readouterr().err
    assert said.startswith("swarm-tui engine: ") and "prot" in said and "Traceback" not in said
    assert not socket_path.exists()


def test_a_second_engine_is_refused_and_the_first_goes_on(
    socket_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = EngineOptions(demo=2, socket_path=str(socket_path))
    serving = Serving(options)
    assert eventually(lambda: answers(socket_path))
    assert serve(options) == REFUSED
    assert "already runs" in capsys.readouterr().err
    with Client(socket_path) as client:
        client.call("engine.stop")
    assert serving.end() == 0


def test_it_speaks_on_standard_input_and_output_and_ends_with_them(standard: Standard) -> None:
    standard.take_over()
    serving = Serving(EngineOptions(demo=2, stdio=True))
    standard.write(b'{"jsonrpc":"2.0","id":7,"method":"hosts.select","params":{"select":"all"}}\n')
    head = b'{"jsonrpc":"2.0","id":7,"result":{"hosts":['
    assert standard.read(len(head)) == head
    standard.end()
    assert serving.end() == 0
    assert not paths.socket_file().exists()


def test_where_an_engine_runs_already_its_api_is_relayed(standard: Standard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attaching to a bastion must not start a second engine there."""
    standard.take_over()
    relayed: list[Path] = []

    def instead(path: Path) -> int:
        relayed.append(path)
        return 0

    monkeypatch.setattr(daemon, "relay", instead)
    listener = socket.socket(socket.AF_UNIX)
    with listener:
        listener.bind(str(paths.socket_file()))
        listener.listen()
        assert serve(EngineOptions(stdio=True)) == 0
    assert relayed == [paths.socket_file()]
    standard.end()


def test_a_relay_passes_both_ways_and_lets_answers_arrive_after_the_input_has_ended(
    standard: Standard, tmp_path: Path
) -> None:
    standard.take_over()
    big = os.urandom(300_000)  # more than pipes and sockets hold
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        status: list[int] = []
        thread = threading.Thread(target=lambda: status.append(relay(tmp_path / "s")), daemon=True)
        thread.start()
        engine, _ = listener.accept()
        with engine:
            standard.write(b"question\n")
            standard.end()
            heard = b""
            while data := engine.recv(100):
                heard += data
            assert heard == b"question\n"
            sender = threading.Thread(target=engine.sendall, args=(big,))
            sender.start()
            assert standard.read(len(big)) == big
            sender.join()
        thread.join(10)
    assert status == [0]


def test_a_relay_ends_when_the_engine_does(standard: Standard, tmp_path: Path) -> None:
    standard.take_over()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        thread = threading.Thread(target=relay, args=(tmp_path / "s",), daemon=True)
        thread.start()
        listener.accept()[0].close()
        thread.join(10)
        assert not thread.is_alive()
    standard.end()


def test_the_command_line_becomes_options(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[EngineOptions] = []

    def keep(options: EngineOptions) -> int:
        given.append(options)
        return 0

    monkeypatch.setattr(daemon, "serve", keep)
    assert (
        main(["--config", "x.toml", "--socket", "/s", "--demo", "3", "--read-only", "--idle-exit-minutes", "1.5"]) == 0
    )
    assert main(["--replay", "r", "--stdio"]) == 0
    assert main([]) == 0
    assert given == [
        EngineOptions(config_path="x.toml", socket_path="/s", demo=3, read_only=True, idle_exit_minutes=1.5),
        EngineOptions(replay="r", stdio=True),
        EngineOptions(),
    ]


def test_an_engine_on_a_thread_leaves_the_signals_of_its_program_alone(socket_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    serving = Serving(EngineOptions(demo=1, socket_path=str(socket_path)))
    assert eventually(lambda: answers(socket_path))
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)] == before
    with Client(socket_path) as client:
        client.call("engine.stop")
    assert serving.end() == 0
