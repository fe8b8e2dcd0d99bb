from __future__ import annotations

import contextlib
import threading
import time

from backends.ssh.permits import Permits

LATER = 5.0


def free(permits: Permits, jump: str = "") -> bool:
    """Whether a permit is had at once."""
    got = threading.Event()

    def take() -> None:
        with permits.held(jump, time.monotonic() + LATER):
            got.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return got.wait(0.05)


def held(permits: Permits, *jumps: str) -> contextlib.ExitStack:
    stack = contextlib.ExitStack()
    for jump in jumps:
        stack.enter_context(permits.held(jump, time.monotonic()))
    return stack


def test_no_more_than_the_limit_at_once_and_freed_ones_are_passed_on() -> None:
    permits = Permits(2, 2)
    with held(permits, "", ""):
        assert not free(permits)
    assert free(permits)


def test_one_jump_host_has_a_limit_of_its_own() -> None:
    permits = Permits(10, 1)
    with held(permits, "bastion"):
        assert not free(permits, "bastion")
        assert free(permits, "other")
        assert free(permits)


def test_who_holds_one_too_long_keeps_nobody_out() -> None:
    permits = Permits(1, 1, grace_seconds=0.0)
    with held(permits, ""):
        assert free(permits)


def test_waiting_ends_with_the_deadline_and_goes_on() -> None:
    permits = Permits(1, 1)
    with held(permits, ""):
        began = time.monotonic()
        with permits.held("", began):
            assert time.monotonic() - began < 1.0
