from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import paramiko
import pytest

from backends.errors import RetryLater
from backends.ssh.failures import LoginRefused
from backends.ssh.identities import Identities, Identity, Offer, Unusable
from backends.ssh.login import log_in
from backends.ssh.target import Target
from backends.ssh.transport import LinkTransport

TARGET = Target(name="gpu01", address="gpu01", user="root")
LOCKED = Unusable(path="~/.ssh/id_rsa", why="needs its passphrase and no agent holds it", hint="ssh-add ~/.ssh/id_rsa")
NO = paramiko.AuthenticationException("Authentication failed.")


class Shared:
    """Identities that are already loaded."""

    def __init__(self, *labels: str, unusable: tuple[Unusable, ...] = ()):
        self._offer = Offer(
            identities=tuple(Identity(cast("paramiko.PKey", object()), label) for label in labels), unusable=unusable
        )
        self.remembered: list[str] = []

    def offer(self, target: Target) -> Offer:
        return self._offer

    def worked(self, target: Target, identity: Identity) -> None:
        self.remembered.append(identity.label)


class Server:
    """Answers each offered key in turn: an exception, or what it wants further."""

    def __init__(self, *answers: Exception | Sequence[str], gives_up: bool = False, open_door: bool = False):
        self._answers = list(answers)
        self._gives_up = gives_up
        self._open_door = open_door
        self.auth_timeout = 0.0
        self._active = True

    def is_active(self) -> bool:
        return self._active

    def auth_publickey(self, user: str, key: paramiko.PKey) -> Sequence[str]:
        answer = self._answers.pop(0)
        if self._gives_up and not self._answers:
            self._active = False
        if isinstance(answer, Exception):
            raise answer
        return answer

    def auth_none(self, user: str) -> Sequence[str]:
        if not self._open_door:
            raise paramiko.BadAuthenticationType("no", ["publickey"])
        return ()


def attempt(server: Server, shared: Shared) -> str:
    return log_in(TARGET, cast("LinkTransport", server), cast("Identities", shared), 5.0)


def test_the_first_accepted_identity_is_named_and_remembered() -> None:
    shared = Shared("one", "two", "three")
    assert attempt(Server(NO, ()), shared) == "two"
    assert shared.remembered == ["two"]


def test_what_was_tried_and_what_could_not_be_is_listed() -> None:
    with pytest.raises(LoginRefused) as refused:
        attempt(Server(NO, NO), Shared("agent ED25519 SHA256:x", "~/.ssh/id_ed25519", unusable=(LOCKED,)))
    assert refused.value.message == (
        "auth failed: tried agent ED25519 SHA256:x, ~/.ssh/id_ed25519;"
        " ~/.ssh/id_rsa needs its passphrase and no agent holds it"
    )
    assert refused.value.hint == "ssh-add ~/.ssh/id_rsa"


def test_nothing_to_offer_is_said_after_trying_the_open_door() -> None:
    assert attempt(Server(open_door=True), Shared()) == "no authentication"
    with pytest.raises(LoginRefused, match="no key to offer"):
        attempt(Server(), Shared())


def test_a_server_that_takes_only_passwords_says_so() -> None:
    with pytest.raises(LoginRefused, match="sshd takes only password"):
        attempt(Server(paramiko.BadAuthenticationType("no", ["password"])), Shared("one"))


def test_a_second_factor_is_named() -> None:
    with pytest.raises(LoginRefused, match="one was accepted, but sshd also wants keyboard-interactive"):
        attempt(Server(["keyboard-interactive"]), Shared("one"))


def test_a_server_that_hangs_up_after_many_keys_is_explained() -> None:
    with pytest.raises(LoginRefused, match="gave up after 2 keys: one, two"):
        attempt(Server(NO, NO, gives_up=True), Shared("one", "two", "three"))


def test_a_slow_decision_is_a_timeout_not_a_refusal() -> None:
    with pytest.raises(RetryLater, match=r"timeout \(login\) after 5 s"):
        attempt(Server(paramiko.AuthenticationException("Authentication timeout.")), Shared("one"))


def test_a_lost_connection_is_worth_another_try() -> None:
    with pytest.raises(RetryLater):
        attempt(Server(EOFError("gone"), gives_up=True), Shared("one"))


def test_a_key_that_cannot_sign_hides_no_other() -> None:
    assert attempt(Server(paramiko.SSHException("cannot sign"), ()), Shared("one", "two")) == "two"
