"""The lab itself: what it promises to every other test about its hosts and about their faults."""

from __future__ import annotations

import socket
import time

import pytest

from backends.errors import BadInput, SkipHost
from tests.conftest import GPU_HOST, POOR_HOST
from tests.lab import cgroups, faults, gpus
from tests.lab.commands import run
from tests.lab.fleet import Lab, answers, until, wait_until_answering
from tests.lab.host import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

BACK_SECONDS = 60.0
"""For a host that can answer again to answer; what it must not do is looked at once."""
OFF_SECONDS = 120.0
"""For a host to be off; one that is asked to is patient with its services."""


def test_hosts_are_real_and_differ(lab: Lab) -> None:
    ask = "hostname; cat /proc/sys/kernel/random/boot_id /etc/machine-id; ps -o comm= -p 1"
    answers_ = [lab.host(name).ssh(ask).stdout.split() for name in ("lab1", "lab2")]
    assert [each[0] for each in answers_] == ["lab1", "lab2"]
    assert [each[3] for each in answers_] == ["systemd", "systemd"]
    assert answers_[0][1] != answers_[1][1]
    assert answers_[0][2] != answers_[1][2]


def test_units_run_without_a_failed_one(lab: Lab) -> None:
    host = lab.host("lab1")
    host.settle()
    assert host.does("systemctl", "--failed", "--no-legend", "--plain") == ""


def test_the_poor_host_has_python_without_json(lab: Lab) -> None:
    done = lab.host(POOR_HOST).ssh("python3 -c 'import sys, json'")
    assert "No module named 'json'" in done.stderr


def test_the_operator_becomes_root_without_a_password(lab: Lab) -> None:
    argv = lab.host("lab1").ssh_argv(["sudo", "-n", "id", "-u"])
    assert run(["ssh", "-l", "ops", *argv[1:]]).stdout.strip() == "0"


def test_a_reboot_has_a_new_boot_id_and_a_new_uptime(lab: Lab) -> None:
    host = lab.host("lab2")
    before, began = host.boot_id(), time.monotonic()
    faults.reboot(host)
    assert until(lambda: host.boot_id() not in (None, before), OFF_SECONDS)
    wait_until_answering([host], BACK_SECONDS)
    uptime = float(host.does("cat", "/proc/uptime").split()[0])
    assert uptime < time.monotonic() - began


def test_a_frozen_host_accepts_but_does_not_answer(lab: Lab) -> None:
    host = lab.host("lab3")
    faults.freeze(host)
    try:
        with socket.create_connection((host.address, 22), timeout=10.0):
            assert not answers(host.address)
    finally:
        faults.thaw(host)
    assert until(lambda: answers(host.address), BACK_SECONDS)


def test_the_unified_tree_freezes_as_well(lab: Lab) -> None:
    """On a hybrid machine v1 is used; the v2 way is proven on the same host."""
    host, here = lab.host("lab3"), cgroups.this_machine()
    if here.unified is None:
        pytest.skip("this machine has no cgroup v2 mounted")
    groups = cgroups.Groups(cgroups.Mounts({}, here.unified, here.unified_controllers), lab.ground.name, host.name)
    groups.freeze()
    try:
        assert not answers(host.address)
    finally:
        groups.thaw()
    assert until(lambda: answers(host.address), BACK_SECONDS)


def test_a_cut_cable_and_a_joined_one(lab: Lab) -> None:
    host = lab.host("lab3")
    faults.cut(host)
    try:
        with pytest.raises(OSError):
            socket.create_connection((host.address, 22), timeout=1.0)
    finally:
        faults.join(host)
    assert until(lambda: answers(host.address), BACK_SECONDS)


def test_a_stopped_sshd_is_silent_and_comes_back(lab: Lab) -> None:
    host = lab.host("lab3")
    faults.stop_sshd(host)
    try:
        assert not answers(host.address)
    finally:
        faults.resume_sshd(host)
    assert until(lambda: answers(host.address), BACK_SECONDS)


def test_a_crashed_host_stays_off_until_it_is_started(lab: Lab) -> None:
    host = lab.host("lab4")
    with socket.create_connection((host.address, 22), timeout=BACK_SECONDS) as link:
        link.recv(64)
        faults.crash(host)
        link.settimeout(1.0)
        with pytest.raises(TimeoutError):  # no goodbye came through
            link.recv(64)
    assert until(lambda: not host.is_on(), OFF_SECONDS)
    lab.start("lab4")
    assert until(lambda: answers(host.address), BACK_SECONDS)


def test_a_killed_host_says_goodbye(lab: Lab) -> None:
    host = lab.host("lab4")
    with socket.create_connection((host.address, 22), timeout=BACK_SECONDS) as link:
        link.recv(64)
        faults.kill9(host)
        assert closes(link)
    assert until(lambda: not host.is_on(), OFF_SECONDS)
    lab.start("lab4")


def test_a_host_that_does_not_come_back(lab: Lab) -> None:
    host = lab.host("lab4")
    faults.nocomeback(host)
    faults.reboot(host)
    assert until(lambda: not host.is_on(), OFF_SECONDS)
    lab.start("lab4")
    assert host.boot_id()


def test_a_delayed_link_takes_its_time(lab: Lab) -> None:
    host = lab.host("lab5")
    quick = min(round_trip(host) for _ in range(5))
    faults.delay(host, 100)
    try:
        assert round_trip(host) > quick + 0.15
    finally:
        faults.delay(host, 0)
    assert until(lambda: round_trip(host) < 0.1, BACK_SECONDS)


def test_a_lossy_link_loses_packets(lab: Lab) -> None:
    host = lab.host("lab5")
    faults.loss(host, 100)
    try:
        assert not answers(host.address)
    finally:
        faults.loss(host, 0)
    assert until(lambda: answers(host.address), BACK_SECONDS)


def test_a_narrow_link_is_narrow(lab: Lab) -> None:
    host = lab.host("lab5")
    faults.rate(host, 64)
    try:
        start = time.monotonic()
        assert len(host.ssh("head -c 30000 /dev/zero").stdout) == 30000
        assert time.monotonic() - start > 1.5  # 30 kB and the key exchange over 8 kB/s, with 8 kB of burst
    finally:
        faults.rate(host, 0)


def test_a_slowed_host_gets_its_share_of_a_core(lab: Lab) -> None:
    host = lab.host("lab5")
    try:
        faults.slow(host, 10)
    except SkipHost as error:
        pytest.skip(error.message)
    try:
        before, began = host.groups.cpu_seconds(), time.monotonic()
        done = host.ssh("timeout 2 sh -c 'while :; do :; done'")
        after, seconds = host.groups.cpu_seconds(), time.monotonic() - began
    finally:
        faults.slow(host, 100)
    assert before is not None and after is not None
    assert done.returncode == 124 and after - before < 0.5 * seconds


def test_a_bounded_memory_kills(lab: Lab) -> None:
    host = lab.host("lab5")
    try:
        faults.memory(host, 64)
    except SkipHost as error:
        pytest.skip(error.message)
    try:
        done = host.ssh("python3 -c 'b = bytearray(200 << 20); print(len(b))'; echo $?")
    finally:
        faults.memory(host, 0)
    assert done.stdout == "137\n"


def test_a_full_boot_is_full_and_the_machines_disk_is_never_filled(lab: Lab) -> None:
    host = lab.host("lab5")
    faults.fill(host, "/boot")
    try:
        assert host.does("df", "--output=pcent", "/boot").split()[-1] == "100%"
    finally:
        faults.unfill(host, "/boot")
    assert int(host.does("df", "--output=pcent", "/boot").split()[-1].rstrip("%")) < 10
    with pytest.raises(BadInput):
        faults.fill(host, "/")


def test_gpus_are_there_and_take_faults(lab: Lab) -> None:
    host = lab.host(GPU_HOST)
    program = "import ctypes; l = ctypes.CDLL('libnvidia-ml.so.1'); print(l.nvmlInit_v2())"
    assert host.ssh(f'python3 -c "{program}"; ls /dev/nvidia? | wc -l').stdout.split() == ["0", "8"]
    gpus.set_state(host, "3 throttle 64")
    try:
        assert host.ssh("cat $SIMULATED_NVML_CONTROL").stdout == "3 throttle 64\n"
    finally:
        gpus.set_state(host)


def test_hosts_have_no_way_out(lab: Lab) -> None:
    program = "import socket; socket.create_connection(('192.0.2.1', 80), 2)"
    done = lab.host("lab1").ssh(f'python3 -c "{program}"')
    assert done.returncode != 0
    assert "rror" in done.stderr


def round_trip(host: LabHost) -> float:
    """Seconds that a TCP connect takes: one round trip."""
    start = time.monotonic()
    with socket.create_connection((host.address, 22), timeout=30.0):
        return time.monotonic() - start


def closes(link: socket.socket) -> bool:
    """Whether the other side ends the connection, one way or the other."""
    try:
        while link.recv(4096):
            pass
    except ConnectionResetError:
        return True
    return True
