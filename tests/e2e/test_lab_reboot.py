"""Reboots and restarts of services on real systemd hosts, through a real engine: proven, gated, held up, resumed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.updates.aftercare import HostGate
from backends.updates.reboots import RebootRecord
from backends.updates.restart import RestartRecord
from swarm_tui.client import EngineClient
from tests.e2e.enginerun import EngineRun
from tests.e2e.watching import Watch
from tests.lab import faults
from tests.lab.fleet import Lab, until
from tests.lab.host import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

PLAIN, SUDO, GATED, SERVING = "lab1", "lab2", "lab3", "lab4"
REASON = "lab hosts boot without an initrd"
UNIT = "[Service]\nType=exec\nExecStart=/usr/local/bin/{name} 100000\n"
"""Of the type whose start is over only when the program runs: a simple one may still be about to, and would run the new code."""


def as_ops(lab: Lab, folder: Path) -> str:
    """The lab's configuration, but the engine comes as an ordinary user and becomes root there."""
    text = lab.ground.config.read_text()
    assert 'user = "root"' in text
    file = folder / "ops.toml"
    file.write_text(text.replace('user = "root"', 'user = "ops"\nbecome = "sudo"'))
    return str(file)


@pytest.fixture(scope="module")
def engine(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineRun]:
    """One engine that watches the lab."""
    with EngineRun(tmp_path_factory.mktemp("engine"), "--config", str(lab.ground.config)) as running:
        yield running.until_ready()


@pytest.fixture
def client(engine: EngineRun) -> Iterator[EngineClient]:
    """A client of it, when every host of these tests is live."""
    ready(engine, PLAIN, SUDO, GATED, SERVING)
    with EngineClient.connect(engine.socket) as connected:
        yield connected


def ready(engine: EngineRun, *names: str) -> None:
    watch = Watch(engine.socket)
    try:
        watch.wait_live(names)
    finally:
        watch.close()


def over(client: EngineClient, record: RebootRecord, seconds: float = 300.0) -> RebootRecord:
    """The record of a reboot, once it has ended."""
    found = {record.id: record}

    def ended() -> bool:
        found.update({each.id: each for each in client.updates.reboots()})
        return found[record.id].ended is not None

    assert until(ended, seconds), found[record.id]
    return found[record.id]


def restarted(client: EngineClient, *units: str) -> RestartRecord:
    """What became of a restart of services."""
    (record,) = client.updates.restart(SERVING, units)

    def newest() -> RestartRecord:
        return next(each for each in client.updates.restarts() if each.id == record.id)

    assert until(lambda: newest().ended is not None, 180.0), newest()
    return newest()


def test_a_reboot_is_proven_by_the_hosts_boot_id(lab: Lab, client: EngineClient) -> None:
    host = lab.host(PLAIN)
    before = host.boot_id()
    (record,) = client.updates.reboot(PLAIN, soak_seconds=2.0)
    record = over(client, record)
    assert (record.stage, record.good) == ("done", True), record.text
    assert record.state is not None
    assert record.state.request.boot_id == before
    assert record.state.boot_id == host.boot_id() != before

    def told() -> list[str]:
        """What was said of this reboot, the newest first. (An end is told right after it was written down.)"""
        found = [event for event in client.events(host=PLAIN) if event.kind.startswith("reboot") and event.actor]
        return [f"{event.kind}: {event.text}" for event in found if event.time >= record.created]

    assert until(lambda: told()[0].startswith("reboot-over: reboot done: boot "), 30.0), told()
    assert any("asked for: gate passed" in text for text in told())


def test_an_ordinary_user_reboots_through_sudo_although_he_is_logged_in_himself(lab: Lab, tmp_path: Path) -> None:
    host = lab.host(SUDO)
    before = host.boot_id()
    with EngineRun(tmp_path, "--config", as_ops(lab, tmp_path)) as running:
        running.until_ready()
        ready(running, SUDO)
        with EngineClient.connect(running.socket) as client:
            (record,) = client.updates.reboot(SUDO, soak_seconds=0.0)
            record = over(client, record)
            assert record.stage == "done", record.text
            assert any(event.text == "logged in: ops on sshd" for event in client.events(host=SUDO))
    assert host.boot_id() != before


def test_who_holds_a_host_up_is_named_and_the_host_stays_up(lab: Lab, client: EngineClient) -> None:
    host = lab.host(PLAIN)
    before = host.boot_id()
    words = ["systemd-inhibit", "--what=shutdown", "--who=PackageKit", "--why=Package Update in Progress"]
    host.does("systemd-run", "--quiet", "--unit=holder", *words, "--mode=block", "sleep", "600")
    try:
        assert until(lambda: "PackageKit" in host.inside(["systemd-inhibit", "--list", "--no-pager"]).stdout, 60.0)
        (record,) = client.updates.reboot(PLAIN, REASON)
        record = over(client, record)
    finally:
        host.inside(["systemctl", "stop", "holder"])
        host.inside(["systemctl", "reset-failed", "holder"])
    assert record.stage == "refused"
    assert "held up by PackageKit (systemd-inhibit, process " in record.text
    assert "Package Update in Progress" in record.text
    assert host.boot_id() == before


@pytest.fixture
def gated(lab: Lab) -> Iterator[LabHost]:
    """A host whose /boot has a kernel like the one that runs, with its initrd and its modules."""
    host = lab.host(GATED)
    make = (
        "set -e; v=$(uname -r); mkdir -p /lib/modules/$v; "
        "head -c 4096 /dev/urandom > /boot/vmlinuz-$v; head -c 8192 /dev/urandom > /boot/initrd.img-$v"
    )
    host.does("sh", "-c", make)
    yield host
    host.does("sh", "-c", "rm -rf /boot/vmlinuz-$(uname -r) /boot/initrd.img-$(uname -r) /lib/modules/$(uname -r)")


def blocking(gate: HostGate) -> list[str]:
    return [finding.kind for finding in gate.findings if finding.blocks]


def test_without_the_next_initrd_the_gate_refuses_and_only_a_typed_reason_overrides_it(
    gated: LabHost, client: EngineClient
) -> None:
    before = gated.boot_id()
    sound = client.updates.gate(GATED)
    assert (sound.red, sound.next_kernel) == (False, sound.running_kernel), sound.findings
    gated.does("sh", "-c", "rm /boot/initrd.img-$(uname -r)")
    assert blocking(client.updates.gate(GATED)) == ["initrd"]
    (record,) = client.updates.reboot(GATED)
    record = over(client, record)
    assert record.stage == "refused" and "has no initrd: it would very likely panic" in record.text
    assert gated.boot_id() == before
    (record,) = client.updates.reboot(GATED, REASON, 0.0)
    record = over(client, record)
    assert record.stage == "done" and record.passed.startswith(f"gate overridden: {REASON}")
    assert gated.boot_id() != before


def test_the_next_engine_proves_a_reboot_that_this_one_began(lab: Lab, tmp_path: Path) -> None:
    host = lab.host(PLAIN)
    before = host.boot_id()
    (host.place / "post_seconds").write_text("8")  # long enough for the engines to change
    try:
        with EngineRun(tmp_path, "--config", str(lab.ground.config)) as first:
            first.until_ready()
            ready(first, PLAIN)
            with EngineClient.connect(first.socket) as client:
                (record,) = client.updates.reboot(PLAIN, soak_seconds=1.0)
                assert until(lambda: client.updates.reboots()[0].sent, 90.0)
            first.stop(signal.SIGKILL)
        with EngineRun(tmp_path, "--config", str(lab.ground.config)) as second:
            second.until_ready()
            with EngineClient.connect(second.socket) as client:
                ended = over(client, record)
    finally:
        (host.place / "post_seconds").unlink()
    assert (ended.stage, ended.good) == ("done", True), ended.text
    assert ended.state is not None and ended.state.boot_id == host.boot_id() != before


def test_a_host_that_is_down_is_refused_at_once(lab: Lab, client: EngineClient) -> None:
    host = lab.host(PLAIN)
    faults.cut(host)
    try:
        assert until(
            lambda: any(row.name == PLAIN and row.state == "unreachable" for row in client.fleet_view().rows), 90.0
        )
        (record,) = client.updates.reboot(PLAIN)
        assert over(client, record, 60.0).stage == "refused"
    finally:
        faults.join(host)


@pytest.fixture
def serving(lab: Lab) -> Iterator[LabHost]:
    """A host on which two services run a program that was replaced since: one that may be restarted, one that may not."""
    host = lab.host(SERVING)
    for name in ("atd", "trainer"):
        host.does("cp", "/bin/sleep", f"/usr/local/bin/{name}")
        (host.root / "etc/systemd/system" / f"{name}.service").write_text(UNIT.format(name=name))
    host.does("systemctl", "daemon-reload")
    for name in ("atd", "trainer"):
        host.does("systemctl", "start", name)
        host.does("cp", "/bin/sleep", "/usr/local/bin/new")
        host.does("mv", "/usr/local/bin/new", f"/usr/local/bin/{name}")
    yield host
    for name in ("atd", "trainer"):
        host.does("systemctl", "stop", name)
        host.inside(["systemctl", "reset-failed", name])  # of one that crashed; also how often it was started lately
        host.does("rm", f"/etc/systemd/system/{name}.service", f"/usr/local/bin/{name}")
    host.does("systemctl", "daemon-reload")


def old_code(client: EngineClient) -> dict[str, bool]:
    """Unit → deferred, of those that run old code."""
    return {each.unit: each.deferred for each in client.updates.services(SERVING).services}


def test_services_that_run_old_code_get_their_new_one_and_the_deferred_one_only_by_name(
    serving: LabHost, client: EngineClient
) -> None:
    assert old_code(client) == {"atd.service": False, "trainer.service": True}
    record = restarted(client)
    assert (record.stage, record.units) == ("done", ("atd.service",)), record.text
    assert old_code(client) == {"trainer.service": True}
    record = restarted(client, "trainer")
    assert [(each.unit, each.good) for each in record.results] == [("trainer.service", True)]
    assert old_code(client) == {}


def test_a_service_that_cannot_live_with_its_new_code_is_told(serving: LabHost, client: EngineClient) -> None:
    (serving.root / "usr/local/bin/trainer").write_text("#!/bin/sh\nexit 7\n")
    unit = serving.root / "etc/systemd/system/trainer.service"
    unit.write_text(UNIT.format(name="trainer") + "Restart=always\nRestartSec=1\n")
    serving.does("systemctl", "daemon-reload")
    record = restarted(client, "trainer")
    assert (record.stage, record.good) == ("failed", False)
    assert record.text.startswith("trainer.service crashes: systemd has started it "), record.text
