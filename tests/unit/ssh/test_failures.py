from __future__ import annotations

import errno
import socket

import pytest

from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.ssh import failures
from backends.ssh.connect import refused
from backends.ssh.failures import LoginRefused, ShownKey
from backends.ssh.target import Target
from backends.states import HostState

TARGET = Target(name="gpu01", address="10.0.0.1", port=2222, user="root")
SHOWN = ShownKey(target=TARGET, kind="ssh-ed25519", blob=b"", fingerprint="SHA256:new")
CHANGED = ShownKey(
    target=TARGET,
    kind="ssh-ed25519",
    blob=b"",
    fingerprint="SHA256:new",
    known_fingerprint="SHA256:old",
    known_place="~/kh:3",
)
REVOKED = ShownKey(target=TARGET, kind="ssh-ed25519", blob=b"", fingerprint="SHA256:new", revoked=True)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (refused(SHOWN, ""), HostState.HOST_KEY_UNKNOWN),
        (refused(CHANGED, ""), HostState.HOST_KEY_CHANGED),
        (refused(REVOKED, ""), HostState.HOST_KEY_CHANGED),
        (LoginRefused("auth failed"), HostState.AUTH_FAILED),
        (SkipHost("no python3"), HostState.NO_PYTHON),
        (RetryLater("timeout"), HostState.UNREACHABLE),
        (AskOperator("anything else"), HostState.UNREACHABLE),
    ],
)
def test_every_failure_is_a_state(error: SwarmError, state: HostState) -> None:
    assert failures.state_of(error) is state
    assert failures.state_of(failures.via(TARGET, TARGET, error)) is state, "also when a jump host failed"


def test_a_changed_key_shows_both_fingerprints_and_the_place() -> None:
    message = refused(CHANGED, "").message
    assert "CHANGED" in message
    assert all(word in message for word in ("SHA256:new", "SHA256:old", "~/kh:3"))
    assert "swarm-tui hosts accept gpu01" in (refused(CHANGED, "").hint or "")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ECONNREFUSED, "x"), "connection refused (10.0.0.1:2222)"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to host (10.0.0.1:2222)"),
        (OSError(errno.ENETUNREACH, "x"), "network unreachable (10.0.0.1:2222)"),
        (OSError(errno.EPERM, "Operation not permitted"), "Operation not permitted (10.0.0.1:2222)"),
        (OSError("odd"), "odd (10.0.0.1:2222)"),
        (socket.gaierror(-2, "x"), "name does not resolve: 10.0.0.1"),
    ],
)
def test_system_errors_are_sentences(error: OSError, message: str) -> None:
    assert failures.from_os(TARGET, error).message == message


def test_a_timeout_says_in_what_and_after_how_long() -> None:
    error = failures.timed_out(TARGET, "ssh", 8.0)
    assert error.message == "timeout (ssh) after 8 s"
    assert error.hint


def test_a_peer_that_does_not_speak_ssh_is_quoted_safely() -> None:
    said = failures.protocol(TARGET, ValueError('Indecipherable protocol version "HTTP/1.1 \x1b]0;x\x07400"'))
    assert said.message.startswith("not an SSH server: ")
    assert "\x1b" not in said.message


def test_a_jump_hosts_failure_names_it() -> None:
    hop = Target(name="bastion", address="b", user="u")
    error = failures.via(TARGET, hop, RetryLater("timeout (tcp) after 8 s", host="bastion", hint="ping b"))
    assert (error.message, error.host, error.hint) == ("jump host bastion: timeout (tcp) after 8 s", "gpu01", "ping b")
