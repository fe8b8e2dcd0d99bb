"""The engine against eight real hosts: live at once, undisturbed by each other's troubles, healing by itself."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from backends.states import HostState
from tests.conftest import GPU_HOST, LAB_HOSTS, POOR_HOST
from tests.e2e.enginerun import EngineRun
from tests.e2e.watching import Watch
from tests.lab import faults
from tests.lab.commands import attempt
from tests.lab.fleet import Lab
from tests.lab.ground import host_name
from tests.lab.pace import slowness

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

HOSTS = [host_name(number) for number in range(1, LAB_HOSTS + 1)]
LIVE_SECONDS = 6.0
"""Three on a quiet machine with two cores (measured: 1.8); twice that where other tests have just ended."""
NOTICED_SECONDS = 10.0
"""For what has stopped answering."""
DOWN_SECONDS = 60.0
"""For a host to close its connections on its way down, which is its own affair."""
STUTTER_SECONDS = 3.0
BACK_SECONDS = 120.0
"""A reboot, and the longest wait between two tries, on a machine that boots others as well."""
READ_SECONDS = 60.0
"""For what a host reads rarely."""
QUIET_PERCENT, QUIET_SECONDS = 40.0, 60.0


@pytest.fixture(scope="module")
def engine(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineRun]:
    """One engine that watches the lab."""
    with EngineRun(tmp_path_factory.mktemp("engine"), "--config", str(lab.ground.config)) as running:
        yield running.until_ready()


@pytest.fixture
def watch(engine: EngineRun) -> Iterator[Watch]:
    """Everything is live; what is seen from here on counts."""
    watching = Watch(engine.socket)
    try:
        watching.wait_live(HOSTS)
        watching.forget()
        yield watching
    finally:
        watching.close()


def calm(lab: Lab) -> None:
    """Until the machine has no other work than to wait: what is measured next is ours alone."""
    for host in lab.hosts():
        host.settle()
    deadline = time.monotonic() + QUIET_SECONDS
    while psutil.cpu_percent(interval=1.0) > QUIET_PERCENT and time.monotonic() < deadline:
        pass


def test_eight_hosts_are_live_right_after_the_start(lab: Lab, tmp_path: Path) -> None:
    calm(lab)
    allowed = LIVE_SECONDS * slowness()
    start = time.monotonic()
    with EngineRun(tmp_path, "--config", str(lab.ground.config)) as running:
        watching = Watch(running.until_ready().socket)
        try:
            watching.wait_live(HOSTS, allowed - (time.monotonic() - start))
        finally:
            watching.close()


def test_three_hosts_in_trouble_do_not_disturb_the_others_and_come_back(lab: Lab, watch: Watch) -> None:
    hung, cut, rebooted = "lab2", "lab3", "lab4"
    rest = [name for name in HOSTS if name not in (hung, cut, rebooted)]
    newest = max((event.id for event in watch.client.events(limit=1)), default=0)
    before = watch.detail(rebooted).facts
    faults.stop_sshd(lab.host(hung))
    faults.cut(lab.host(cut))
    faults.reboot(lab.host(rebooted))
    try:
        watch.wait("the two are noticed", lambda: watch.left_up(hung) and watch.left_up(cut), NOTICED_SECONDS)
        watch.wait("the reboot is noticed", lambda: watch.left_up(rebooted), DOWN_SECONDS)
        time.sleep(5)  # long enough for a stutter of the others to show
        gaps = {name: watch.longest_gap(name) for name in rest}
        assert not any(watch.left_up(name) for name in rest)
    finally:
        faults.resume_sshd(lab.host(hung))
        faults.join(lab.host(cut))
    assert max(gaps.values()) < STUTTER_SECONDS * slowness(), gaps
    watch.wait_live(HOSTS, BACK_SECONDS)
    after = watch.detail(rebooted).facts
    assert before is not None and after is not None
    assert after.boot_id == lab.host(rebooted).boot_id() != before.boot_id
    kinds = {(event.host, event.kind) for event in watch.client.events(since_id=newest)}
    assert (rebooted, "reboot") in kinds
    assert not {(name, "reboot") for name in HOSTS if name != rebooted} & kinds


def test_a_power_loss_is_noticed_and_the_return_is_a_reboot(lab: Lab, watch: Watch) -> None:
    host = lab.host("lab5")
    newest = max((event.id for event in watch.client.events(limit=1)), default=0)
    faults.crash(host)
    watch.wait("the crash is noticed", lambda: watch.left_up("lab5"), NOTICED_SECONDS)
    watch.wait("it is unreachable", lambda: watch.state("lab5") is HostState.UNREACHABLE, READ_SECONDS)
    assert watch.rows["lab5"].reason
    lab.start("lab5")
    watch.wait_live(["lab5"], BACK_SECONDS)
    assert ("lab5", "reboot") in {(event.host, event.kind) for event in watch.client.events(since_id=newest)}


def test_a_frozen_host_is_noticed_and_is_no_reboot_when_it_goes_on(lab: Lab, watch: Watch) -> None:
    newest = max((event.id for event in watch.client.events(limit=1)), default=0)
    faults.freeze(lab.host("lab6"))
    try:
        watch.wait("the hang is noticed", lambda: watch.left_up("lab6"), NOTICED_SECONDS)
    finally:
        faults.thaw(lab.host("lab6"))
    watch.wait_live(["lab6"], BACK_SECONDS)
    assert ("lab6", "reboot") not in {(event.host, event.kind) for event in watch.client.events(since_id=newest)}


def test_a_slow_link_does_not_look_like_a_sick_host(lab: Lab, watch: Watch) -> None:
    faults.delay(lab.host("lab5"), 100)
    try:
        time.sleep(2)
        watch.forget()
        time.sleep(6)
        assert not watch.left_up("lab5")
        assert watch.longest_gap("lab5") < STUTTER_SECONDS * slowness()
        watch.wait("its round trip shows", lambda: (watch.rows["lab5"].round_trip_seconds or 0) > 0.15, READ_SECONDS)
    finally:
        faults.delay(lab.host("lab5"), 0)


def boot_shown(watch: Watch, name: str) -> list[int]:
    """Size of a host's /boot and how much of it is used, as the engine says."""
    found = [each for each in watch.sample(name).filesystems if each.mount == "/boot"]
    return [value or 0 for each in found for value in (each.total_bytes, each.used_bytes)]


def boot_is(lab: Lab, name: str) -> list[int]:
    """The same as the host says."""
    return [int(word) for word in lab.host(name).does("df", "-B1", "--output=size,used", "/boot").split()[-2:]]


def boot_agrees(lab: Lab, watch: Watch, name: str) -> bool:
    return boot_shown(watch, name) == boot_is(lab, name)


def test_what_is_shown_is_what_the_hosts_say(lab: Lab, engine: EngineRun, watch: Watch) -> None:
    for name in HOSTS:  # read rarely, and another test may just have filled it
        watch.wait(f"/boot of {name} as it is", partial(boot_agrees, lab, watch, name), READ_SECONDS)
    assert [each["name"] for each in json.loads(console(lab, engine, "status", "--json"))] == HOSTS
    for name in HOSTS:
        (shown,) = json.loads(
            console(lab, engine, "status", name, "--json")
        )  # one at a time: they are compared with now
        sample, facts = shown["sample"], watch.detail(name).facts
        said = lab.host(name).ssh(
            "hostname; cat /proc/sys/kernel/random/boot_id; uname -r; cut -d' ' -f1 /proc/uptime;"
            " sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo; cut -d' ' -f1-3 /proc/loadavg;"
            " nproc"
        )
        words = said.stdout.split()
        assert facts is not None
        assert (facts.hostname, facts.boot_id, facts.kernel) == tuple(words[:3])
        assert shown["state"] == "up"
        assert float(words[3]) - sample["uptime_seconds"] == pytest.approx(0, abs=15)
        assert sample["memory"]["total_bytes"] == int(words[4]) * 1024
        for field, word in zip(("load_1", "load_5", "load_15"), words[5:8], strict=True):
            assert sample["cpu"][field] == pytest.approx(float(word), abs=2.0)
        assert len(sample["cpu"]["cores"]) == int(words[8])


def test_a_host_with_the_poorest_python_samples_all_the_same(lab: Lab, watch: Watch) -> None:
    watch.wait(
        "a second sample, which has rates", lambda: watch.sample(POOR_HOST).interval_seconds is not None, READ_SECONDS
    )
    watch.wait("the process table", lambda: watch.sample(POOR_HOST).processes is not None, READ_SECONDS)
    sample = watch.sample(POOR_HOST)
    assert sample.cpu is not None and sample.cpu.busy_percent is not None
    assert sample.memory is not None and sample.memory.total_bytes
    assert sample.processes is not None and sample.processes.total
    assert {"host0"} <= {nic.name for nic in sample.nics}
    time.sleep(4)
    assert watch.longest_gap(POOR_HOST) < STUTTER_SECONDS * slowness()


def test_a_full_disk_shows_and_the_host_goes_on(lab: Lab, watch: Watch) -> None:
    def used() -> float:
        found = [each.used_percent for each in watch.sample("lab1").filesystems if each.mount == "/boot"]
        return (found[0] or 0.0) if found else 0.0  # not read yet

    faults.fill(lab.host("lab1"), "/boot")
    try:
        watch.wait("/boot is full", lambda: used() > 99.0, READ_SECONDS)
        watch.wait_live(["lab1"], NOTICED_SECONDS)
    finally:
        faults.unfill(lab.host("lab1"), "/boot")


def test_a_command_on_all_hosts_is_folded(lab: Lab, engine: EngineRun, watch: Watch) -> None:
    text = console(lab, engine, "exec", "lab[1-8]", "--", "uname", "-r")
    assert "lab[1-8] (8)" in text
    assert text.splitlines()[-1] == os.uname().release
    names = console(lab, engine, "exec", "tag:gpu", "--json", "--", "hostname")
    assert GPU_HOST in names and "lab1" not in names


def console(lab: Lab, engine: EngineRun, *words: str) -> str:
    """What a subcommand prints, asking the engine that already runs."""
    program = Path(sys.executable).with_name("swarm-tui")
    argv = [str(program), "--config", str(lab.ground.config), "--socket", str(engine.socket), *words]
    done = attempt(argv, timeout_seconds=60)
    assert done.returncode in (0, 1, 2, 3), done.stderr
    return done.stdout
