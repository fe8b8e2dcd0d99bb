"""What an operator sees of a fleet whose hosts hang, vanish, come back, flood or lack what is needed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

import pytest

from backends.config.schema import SshConfig
from backends.inventory.host import Host
from backends.sources.ssh import SshSource
from backends.states import HostState
from tests.e2e.sshwatch import Watcher
from tests.lab.pace import slowness
from tests.lab.userlab import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
GAP_SECONDS = 1.5
"""The longest time without a sample of a host that nothing is wrong with: five intervals."""


@contextlib.contextmanager
def watching(hosts: Sequence[Host], ssh: SshConfig, interval: float = 0.3) -> Iterator[tuple[SshSource, Watcher]]:
    """A running source and what it says."""
    watcher = Watcher()
    source = SshSource(hosts, ssh, interval_seconds=interval)
    source.start(watcher)
    try:
        yield source, watcher
    finally:
        source.stop()


def more(fleet: Fleet, count: int) -> None:
    """`count` more running hosts."""
    for _ in range(count):
        fleet.add().start()


def test_eight_hosts_are_up_with_facts_link_and_a_stream_of_samples(fleet: Fleet) -> None:
    more(fleet, 7)
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        for name in source.hosts():
            watcher.until_state(name, HostState.UP)
            watcher.until_samples(name, 2)
        link = watcher.links["h3"]
        sample = watcher.samples["h3"][-1][1]
        assert link.cipher == "aes128-gcm@openssh.com"
        assert link.key_exchange == "curve25519-sha256"
        assert link.authentication == str(fleet.key)
        assert watcher.known["h3"].boot_id
        assert sample.memory is not None
        assert sample.memory.total_bytes
        assert [change.state for _, change in watcher.states["h3"]] == [HostState.CONNECTING, HostState.UP]


def test_a_hung_host_is_seen_in_time_disturbs_nobody_and_recovers_by_itself(fleet: Fleet) -> None:
    more(fleet, 2)
    with watching(fleet.inventory(), fleet.ssh(silence_seconds=1.0)) as (_, watcher):
        for name in ("h1", "h2", "h3"):
            watcher.until_samples(name, 2)
        hung = time.monotonic()
        fleet["h2"].hang()
        change = watcher.until_state("h2", HostState.UNREACHABLE)
        (stale, _), (lost, _) = watcher.states["h2"][-2:]
        assert [each.state for _, each in watcher.states["h2"][-2:]] == [HostState.STALE, HostState.UNREACHABLE]
        assert hung < stale < lost < hung + 4.0 * slowness(), "twice the silence, and a watchdog's period"
        assert "no answer" in change.reason
        assert change.retry_at is not None
        watcher.until_samples("h1", 4)
        assert watcher.longest_gap("h1", hung) < GAP_SECONDS * slowness()
        assert watcher.longest_gap("h3", hung) < GAP_SECONDS * slowness()
        fleet["h2"].wake()
        watcher.until_state("h2", HostState.UP)
        watcher.until(lambda: ("h2", "reconnected") in [note[:2] for note in watcher.notes], what="a note")


def test_a_crashed_and_restarted_sshd_is_connected_again(fleet: Fleet) -> None:
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        watcher.until_state("h1", HostState.UP)
        fleet["h1"].crash()
        change = watcher.until_state("h1", HostState.UNREACHABLE)
        assert "lost" in change.reason or "reset" in change.reason
        watcher.until(lambda: "connection refused" in (watcher.current("h1") or change).reason, what="refused")
        fleet["h1"].start()
        source.poll("h1")
        watcher.until_state("h1", HostState.UP)


def test_a_hung_host_is_unreachable_from_the_start_with_the_reason(fleet: Fleet) -> None:
    fleet["h1"].hang()
    with watching(fleet.inventory(), fleet.ssh(connect_timeout_seconds=1.0)) as (_, watcher):
        change = watcher.until_state("h1", HostState.UNREACHABLE)
        assert change.reason == "timeout (ssh) after 1 s"
        assert "sshd" in change.hint


def test_an_address_without_a_host_and_a_name_that_does_not_resolve(fleet: Fleet) -> None:
    hosts = [Host(name="gone", address="127.9.9.9", port=9), Host(name="nowhere", address="nowhere.invalid")]
    with watching(hosts, fleet.ssh()) as (_, watcher):
        assert "connection refused" in watcher.until_state("gone", HostState.UNREACHABLE).reason
        assert "does not resolve" in watcher.until_state("nowhere", HostState.UNREACHABLE).reason


def test_a_host_without_python_says_what_to_install_and_still_runs_commands(fleet: Fleet) -> None:
    fleet["h1"].without_python()
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        change = watcher.until_state("h1", HostState.NO_PYTHON)
        assert "apt-get install python3" in change.hint
        way = source.exec("h1")
        assert way is not None
        assert way.run(["echo", "alive"]).stdout == b"alive\n"


def test_refused_sudo_is_a_state_of_its_own(fleet: Fleet) -> None:
    host = fleet["h1"]
    host.shim("id", "echo 1000")
    host.shim("sudo", "echo 'sudo: a password is required' >&2; exit 1")
    with watching([host.host(become="sudo")], fleet.ssh()) as (_, watcher):
        change = watcher.until_state("h1", HostState.NO_SUDO)
        assert "password is required" in change.reason
        assert "NOPASSWD" in change.hint


def test_a_login_shell_that_prints_a_banner_changes_nothing(fleet: Fleet) -> None:
    host = fleet.add()
    host.login_shell('echo "Welcome to $(hostname)"; echo more >&2; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"')
    host.start()
    with watching([host.host()], fleet.ssh()) as (_, watcher):
        watcher.until_samples("h2", 2)


def test_a_login_shell_that_is_not_sh_changes_nothing(fleet: Fleet) -> None:
    host = fleet.add()
    host.login_shell(
        'exec /usr/bin/env python3 -c "import os,subprocess;'
        "subprocess.run(['/bin/dash', '-c', os.environ['SSH_ORIGINAL_COMMAND']])\""
    )
    host.start()
    with watching([host.host()], fleet.ssh()) as (_, watcher):
        watcher.until_samples("h2", 2)


def test_a_flooding_host_is_cut_off_and_the_others_go_on(fleet: Fleet) -> None:
    host = fleet.add()
    host.login_shell("exec yes 'this is a login banner without an end'")
    host.start()
    with watching(fleet.inventory(), fleet.ssh()) as (_, watcher):
        change = watcher.until_state("h2", HostState.UNREACHABLE)
        assert "floods" in change.reason
        began = time.monotonic()
        watcher.until_samples("h1", 4)
        assert watcher.longest_gap("h1", began) < GAP_SECONDS * slowness()


def test_stopping_takes_less_than_a_second_with_every_host_hung(fleet: Fleet) -> None:
    more(fleet, 5)
    watcher = Watcher()
    source = SshSource(fleet.inventory(), fleet.ssh(), interval_seconds=0.3)
    source.start(watcher)
    for name in source.hosts():
        watcher.until_state(name, HostState.UP)
    for host in fleet.hosts:
        host.hang()
    began = time.monotonic()
    source.stop()
    took = time.monotonic() - began
    assert took < slowness()


def test_leaving_takes_the_probes_away_from_the_hosts(fleet: Fleet) -> None:
    with watching(fleet.inventory(), fleet.ssh()) as (_, watcher):
        watcher.until_samples("h1", 2)
        assert fleet["h1"].sessions()
    until = time.monotonic() + 60
    while fleet["h1"].sessions() and time.monotonic() < until:
        time.sleep(0.05)
    assert fleet["h1"].sessions() == []


def test_a_reload_keeps_good_connections_and_adds_and_drops_others(fleet: Fleet) -> None:
    more(fleet, 2)
    with watching(fleet.inventory(["h1", "h2"]), fleet.ssh()) as (source, watcher):
        watcher.until_samples("h1", 2)
        watcher.until_state("h2", HostState.UP)
        before = fleet["h1"].sessions()
        source.update(fleet.inventory(["h1", "h3"]), fleet.ssh(silence_seconds=2.0))
        watcher.until_state("h3", HostState.UP)
        watcher.until_samples("h1", 2)
        assert fleet["h1"].sessions()[:1] == before[:1], "the same sshd session serves it"
        assert tuple(source.hosts()) == ("h1", "h3")
        assert source.exec("h2") is None
        assert len(watcher.states["h1"]) == 2


def test_the_interval_can_be_changed_and_a_sample_asked_for(fleet: Fleet) -> None:
    with watching(fleet.inventory(), fleet.ssh(), interval=30.0) as (source, watcher):
        watcher.until_samples("h1", 1)
        source.poll("h1")
        watcher.until_samples("h1", 1, 15)  # half of the interval
        source.set_interval(0.3)
        watcher.until_samples("h1", 3, 15)


def test_round_trip_and_clock_offset_are_measured(fleet: Fleet) -> None:
    with watching(fleet.inventory(), fleet.ssh()) as (_, watcher):
        watcher.until_samples("h1", 4)
        sample = watcher.samples["h1"][-1][1]
        assert sample.clock_offset_seconds is not None
        assert abs(sample.clock_offset_seconds) < 0.5
        trip = watcher.links["h1"].round_trip_seconds
        assert trip is not None
        assert 0 < trip < 1


def test_a_changed_boot_id_is_noted_as_a_reboot(fleet: Fleet) -> None:
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        watcher.until_state("h1", HostState.UP)
        source._links["h1"]._voice._boot_id = "00000000-before"
        fleet["h1"].restart()
        watcher.until(lambda: any(kind == "reboot" for _, kind, _ in watcher.notes), what="a reboot")
