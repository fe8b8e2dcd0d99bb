from __future__ import annotations

import threading
import time
from collections.abc import Callable

import paramiko
import pytest
from paramiko.common import cMSG_CHANNEL_REQUEST

from backends.ssh.datapipe import hook
from backends.ssh.transport import LinkTransport
from tests.unit.ssh.servers import Pair

WAIT = 5.0


class Collected:
    """What a hooked channel handed over."""

    def __init__(self, channel: paramiko.Channel):
        self.out, self.err, self.threads = bytearray(), bytearray(), set[str]()
        self.ended = threading.Event()
        hook(channel, on_out=self._out, on_err=self.err.extend, on_end=self.ended.set)

    def _out(self, data: bytes) -> None:
        self.out += data
        self.threads.add(threading.current_thread().name)


def quiet(channel: paramiko.Channel, command: bytes) -> None:
    """Never answers anything."""


def echoing(size: int) -> Callable[[paramiko.Channel, bytes], None]:
    def behave(channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall(b"x" * size)
        channel.sendall_stderr(b"oops")
        channel.send_exit_status(7)
        channel.close()

    return behave


def test_output_is_handed_over_in_the_transports_thread_across_many_windows() -> None:
    size = 5 << 20
    with Pair(echoing(size)) as pair:
        channel = pair.client.open_command(WAIT)
        got = Collected(channel)
        assert pair.client.request_exec(channel, "x", WAIT)
        assert got.ended.wait(20)
        assert (len(got.out), bytes(got.err), channel.exit_status) == (size, b"oops", 7)
        assert got.threads == {"ssh:test"}


def test_output_survives_a_renewal_of_the_keys() -> None:
    size = 5 << 20

    def behave(channel: paramiko.Channel, command: bytes) -> None:
        threading.Thread(target=pair.server.renegotiate_keys, daemon=True).start()
        echoing(size)(channel, command)

    with Pair(behave) as pair:
        channel = pair.client.open_command(WAIT)
        got = Collected(channel)
        assert pair.client.request_exec(channel, "x", WAIT)
        assert got.ended.wait(20)
        assert len(got.out) == size


def test_a_signal_is_noted() -> None:
    def behave(channel: paramiko.Channel, command: bytes) -> None:
        message = paramiko.Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string("exit-signal")
        message.add_boolean(False)
        message.add_string("KILL")
        for _ in range(2):
            message.add_string("")
        channel.get_transport()._send_user_message(message)  # type: ignore[attr-defined]
        channel.close()

    with Pair(behave) as pair:
        channel = pair.client.open_command(WAIT)
        got = Collected(channel)
        pair.client.request_exec(channel, "x", WAIT)
        assert got.ended.wait(WAIT)
        assert channel.exit_signal == "KILL"  # type: ignore[attr-defined]


def test_a_refused_command_and_a_refused_channel() -> None:
    with Pair(quiet, channels=1) as pair:
        channel = pair.client.open_command(WAIT)
        assert not pair.client.request_exec(channel, "refuse", WAIT)
        with pytest.raises(paramiko.ChannelException):
            pair.client.open_command(WAIT)


def test_pings_measure_the_round_trip_and_do_not_wait() -> None:
    with Pair(quiet) as pair:
        assert pair.client.ping()
        answered = threading.Event()
        while pair.client.pings_open:
            answered.wait(0.01)
        assert pair.client.round_trip_seconds is not None
        assert pair.client.silent_seconds() < WAIT


def test_a_ping_is_not_sent_while_somebody_else_is_sending() -> None:
    with Pair(quiet) as pair:
        wire = pair.client.wire
        held, release = threading.Event(), threading.Event()

        def hold() -> None:
            with wire._gate:
                held.set()
                release.wait(WAIT)

        thread = threading.Thread(target=hold)
        thread.start()
        assert held.wait(WAIT)
        assert not pair.client.ping()
        assert not wire.free()
        assert pair.client.pings_open == 0
        release.set()
        thread.join()


def test_killing_ends_the_thread_at_once_and_says_so_once() -> None:
    with Pair(quiet) as pair:
        said: list[str] = []
        pair.client.ended = lambda: said.append(pair.client.why_killed)
        pair.client.kill("no answer for 10 s")
        pair.client.kill("later")
        pair.client.join(WAIT)
        assert not pair.client.is_alive()
        assert said == ["no answer for 10 s"]
        assert not pair.client.ping()


def test_a_channel_whose_connection_was_lost_before_the_command_is_not_waited_for() -> None:
    with Pair(quiet) as pair:
        channel = pair.client.open_command(WAIT)
        pair.client.kill("lost")
        pair.client.join(WAIT)
        assert channel.closed
        began = time.monotonic()
        assert not pair.client.request_exec(channel, "x", 30.0)
        assert time.monotonic() - began < 5.0


def test_recorded_key_kinds_are_asked_for_first() -> None:
    import socket

    ours, theirs = socket.socketpair()
    kinds = ("rsa-sha2-512", "ssh-ed25519-cert-v01@openssh.com")
    transport = LinkTransport(ours, key_kinds=kinds)
    assert transport.preferred_keys[:2] == kinds
    assert len(set(transport.preferred_keys)) == len(transport.preferred_keys)
    ours.close()
    theirs.close()


def test_fast_algorithms_come_first_and_slow_ones_last() -> None:
    assert LinkTransport._preferred_kex[0] == "curve25519-sha256@libssh.org"
    assert LinkTransport._preferred_kex[-1] == "diffie-hellman-group16-sha512"
    assert LinkTransport._preferred_ciphers[0] == "aes128-gcm@openssh.com"
