from __future__ import annotations

import threading
from typing import cast

import pytest

from backends.errors import RetryLater, SwarmError
from backends.ssh import connect
from backends.ssh.connect import JumpHosts, Link
from backends.ssh.target import Target
from backends.ssh.transport import LinkTransport

HOP = Target(name="bastion", address="b", user="u")
ONE = Target(name="one", address="1", user="u", jump=HOP)
TWO = Target(name="two", address="2", user="u", jump=HOP)


class Wired:
    """A transport that is up until it is killed."""

    def __init__(self) -> None:
        self.why_killed = ""

    def is_active(self) -> bool:
        return not self.why_killed

    def kill(self, why: str) -> None:
        self.why_killed = why


class Dialler:
    """Connects jump hosts in memory and counts."""

    def __init__(self, *failures: SwarmError):
        self.failures = list(failures)
        self.made: list[Link] = []

    def __call__(self, target: Target) -> Link:
        if self.failures:
            raise self.failures.pop(0)
        link = Link(target, cast("LinkTransport", Wired()), "a key", lambda: None)
        self.made.append(link)
        return link


def test_hosts_share_a_jump_host_and_the_last_one_closes_it() -> None:
    dialler = Dialler()
    jumps = JumpHosts(dialler)
    first, second = jumps.lease(ONE), jumps.lease(TWO)
    assert first is second
    assert len(dialler.made) == 1
    jumps.release(first)
    assert first.alive
    assert jumps.links() == [first]
    jumps.release(second)
    assert not first.alive
    assert jumps.links() == []


def test_a_dead_jump_host_is_connected_anew_and_late_releases_do_no_harm() -> None:
    dialler = Dialler()
    jumps = JumpHosts(dialler)
    dead = jumps.lease(ONE)
    dead.kill("no answer")
    fresh = jumps.lease(TWO)
    assert fresh is not dead
    jumps.release(dead)
    assert fresh.alive
    assert jumps.links() == [fresh]


def test_one_failure_answers_all_who_wait_and_is_forgotten_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    dialler = Dialler(RetryLater("timeout (tcp) after 8 s"))
    jumps = JumpHosts(dialler)
    for target in (ONE, TWO):
        with pytest.raises(RetryLater, match="jump host bastion: timeout") as raised:
            jumps.lease(target)
        assert raised.value.host == target.name
    jumps.forgive()
    assert jumps.lease(ONE).alive
    dialler.failures.append(RetryLater("refused"))
    jumps.release(dialler.made[-1])
    monkeypatch.setattr(connect, "REMEMBER_SECONDS", 0.0)
    with pytest.raises(RetryLater):
        jumps.lease(ONE)
    assert jumps.lease(ONE).alive


def test_many_hosts_at_once_still_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    dialler = Dialler()
    jumps = JumpHosts(dialler)
    threads = [threading.Thread(target=jumps.lease, args=(ONE,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(dialler.made) == 1


def test_killing_a_link_gives_its_jump_host_back_once() -> None:
    released: list[int] = []
    link = Link(ONE, cast("LinkTransport", Wired()), "a key", lambda: released.append(1))
    link.kill("x")
    link.kill("y")
    assert released == [1]
