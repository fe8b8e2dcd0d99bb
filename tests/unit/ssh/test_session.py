from __future__ import annotations

import threading

import paramiko
import pytest

from backends.errors import RetryLater
from backends.ssh.connect import Link
from backends.ssh.failures import ChannelRefused
from backends.ssh.session import Session
from backends.ssh.target import Target
from tests.unit.ssh.servers import Pair

TARGET = Target(name="gpu01", address="gpu01", user="root")
WAIT = 5.0


def session(pair: Pair, work_channels: int = 6) -> Session:
    return Session(Link(TARGET, pair.client, "a key", lambda: None), work_channels)


def ignore(data: bytes) -> None:
    """Output that does not matter."""


def done(channel: paramiko.Channel, command: bytes) -> None:
    channel.sendall(command)
    channel.send_exit_status(0)
    channel.close()


def test_a_command_streams_and_ends() -> None:
    out = bytearray()
    with Pair(done) as pair:
        command = session(pair).start("hello", on_out=out.extend, on_err=ignore, timeout_seconds=WAIT)
        assert command.ended.wait(WAIT)
        assert (bytes(out), command.exit_status, command.signal) == (b"hello", 0, None)


def test_work_beyond_the_budget_waits_for_its_turn() -> None:
    with Pair(done) as pair:
        budget = session(pair, 1)
        with budget.work(WAIT), pytest.raises(RetryLater, match="all 1 channels are busy"), budget.work(0.01):
            pass
        with budget.work(0.01):
            pass


def test_a_refused_channel_is_waited_for() -> None:
    allowed = threading.Event()
    with Pair(done, channels=0) as pair:

        def allow() -> None:
            pair.host.left = 5
            allowed.set()

        threading.Timer(0.2, allow).start()
        command = session(pair).start_work("x", on_out=ignore, on_err=ignore, timeout_seconds=WAIT)
        assert allowed.is_set()
        assert command.ended.wait(WAIT)


def test_a_channel_that_stays_refused_says_what_to_raise() -> None:
    with Pair(done, channels=0) as pair, pytest.raises(ChannelRefused) as refused:
        session(pair).start_work("x", on_out=ignore, on_err=ignore, timeout_seconds=0.1)
    assert "MaxSessions" in (refused.value.hint or "")


def test_a_refused_command_is_told_apart_from_a_lost_link() -> None:
    with Pair(done) as pair:
        with pytest.raises(RetryLater, match="refuses to run commands"):
            session(pair).start("refuse", on_out=ignore, on_err=ignore, timeout_seconds=WAIT)
        pair.client.kill("no answer for 10 s")
        pair.client.join(WAIT)
        with pytest.raises(RetryLater, match="no answer for 10 s"):
            session(pair).start("x", on_out=ignore, on_err=ignore, timeout_seconds=WAIT)


def test_small_writes_do_not_wait_and_say_how_much_was_taken() -> None:
    heard = threading.Event()

    def listen(channel: paramiko.Channel, command: bytes) -> None:
        if channel.recv(10) == b"ping 1\n":
            heard.set()

    with Pair(listen) as pair:
        command = session(pair).start("x", on_out=ignore, on_err=ignore, timeout_seconds=WAIT)
        assert command.try_send(b"ping 1\n") == 7
        assert heard.wait(WAIT)
        command.close()
        assert command.try_send(b"x") == 0
