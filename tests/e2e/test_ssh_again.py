"""A new login beside the session that is open: what an update asks after it changed what logins are made of."""

from __future__ import annotations

import pytest

from backends.errors import AskOperator, BadInput, RetryLater
from backends.ssh.failures import LoginRefused
from backends.states import HostState
from tests.e2e.test_ssh_states import watching
from tests.lab.userlab import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_a_new_login_goes_in_beside_the_open_session_and_leaves_it_alone(fleet: Fleet) -> None:
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        watcher.until_state("h1", HostState.UP)
        before = fleet["h1"].log.count("Accepted publickey")
        assert source.log_in("h1") == str(fleet.key)
        assert fleet["h1"].log.count("Accepted publickey") == before + 1
        watcher.until_samples("h1", 2)
        assert [change.state for _, change in watcher.states["h1"]] == [HostState.CONNECTING, HostState.UP]


def test_who_would_be_locked_out_is_told_while_the_old_session_works(fleet: Fleet) -> None:
    authorized = fleet.root / "authorized_keys"
    assert authorized.exists()
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        watcher.until_state("h1", HostState.UP)
        authorized.rename(fleet.root / "gone")
        with pytest.raises(LoginRefused, match="auth failed: tried"):
            source.log_in("h1")
        way = source.exec("h1")
        assert way is not None and way.run(["true"]).exit_status == 0


def test_a_login_that_cannot_run_anything_is_no_login(fleet: Fleet) -> None:
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        watcher.until_state("h1", HostState.UP)
        fleet["h1"].login_shell("echo 'PAM: module is unknown' >&2; exit 254")
        with pytest.raises(AskOperator, match="cannot run a command: PAM: module is unknown"):
            source.log_in("h1")


def test_a_dead_host_and_a_foreign_one(fleet: Fleet) -> None:
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        watcher.until_state("h1", HostState.UP)
        fleet["h1"].crash()
        with pytest.raises(RetryLater):
            source.log_in("h1")
        with pytest.raises(BadInput, match="not reached over SSH"):
            source.log_in("nobody")
