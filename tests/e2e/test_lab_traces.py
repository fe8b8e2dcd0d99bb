"""Nothing is installed on a host and nothing stays: no process, no file. What sshd and systemd note of a login is theirs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.conftest import GPU_HOST, POOR_HOST
from tests.e2e.enginerun import EngineRun
from tests.e2e.watching import Watch
from tests.lab import attach, faults
from tests.lab.fleet import Lab, until
from tests.lab.host import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

MARKER = "/run/before-engine"
LOGIN_TRACES = (
    "/var/log/",
    "/run/log/",
    "/run/utmp",
    "/run/motd.dynamic",
    "/run/systemd/",
    "/run/user/",
    "/run/dbus",
    "/var/lib/systemd/",
    MARKER,
)
GONE_SECONDS = 60.0
RETRANSMIT_SECONDS = 120.0
"""TCP waits about as long again as it has waited before it sends anew."""


@pytest.fixture
def alone(lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[LabHost, Path]:
    """A host that nobody is logged in to, and a configuration with that host only."""
    host = lab.host(request.param)
    host.settle()  # what its own boot still writes is none of ours
    assert until(lambda: processes(host) == set(), GONE_SECONDS), processes(host)
    config = tmp_path / "alone.toml"
    config.write_text(attach.configuration(lab.ground, [host]))
    return host, config


@pytest.mark.parametrize("alone", ["lab1", GPU_HOST, POOR_HOST], indirect=True)
def test_an_engine_leaves_nothing_behind(alone: tuple[LabHost, Path], tmp_path: Path) -> None:
    host, config = alone
    mark(host)
    with EngineRun(tmp_path / "engine", "--config", str(config)) as running:
        sample_for_a_while(running, host)
        assert processes(host), "the probe should be running"
        running.stop()
    assert until(lambda: processes(host) == set(), GONE_SECONDS), processes(host)
    assert new_files(host) == []


@pytest.mark.parametrize("alone", [GPU_HOST], indirect=True)
def test_an_engine_that_is_killed_leaves_nothing_behind(alone: tuple[LabHost, Path], tmp_path: Path) -> None:
    host, config = alone
    mark(host)
    with EngineRun(tmp_path / "engine", "--config", str(config)) as running:
        sample_for_a_while(running, host)
        running.process.kill()
    assert until(lambda: processes(host) == set(), GONE_SECONDS), processes(host)
    assert new_files(host) == []


@pytest.mark.parametrize("alone", ["lab6"], indirect=True)
def test_a_probe_whose_console_vanished_without_a_word_ends_by_itself(
    alone: tuple[LabHost, Path], tmp_path: Path
) -> None:
    """The cable is cut and the engine gone: the host only learns of it when its packets are refused."""
    host, config = alone
    with EngineRun(tmp_path / "engine", "--config", str(config)) as running:
        sample_for_a_while(running, host)
        faults.cut(host)
        try:
            running.process.kill()
            time.sleep(3)
            assert processes(host)
        finally:
            faults.join(host)
    assert until(lambda: processes(host) == set(), RETRANSMIT_SECONDS), processes(host)


def sample_for_a_while(running: EngineRun, host: LabHost) -> None:
    """Watch the host until its samples flow."""
    watching = Watch(running.until_ready().socket)
    try:
        watching.wait_live([host.name])
        time.sleep(2)
    finally:
        watching.close()


def mark(host: LabHost) -> None:
    """Remember the time on the host's own file systems."""
    host.does("touch", MARKER)
    time.sleep(0.05)


def processes(host: LabHost) -> set[str]:
    """Python programs and SSH sessions of the host; system services come and go as they like."""
    listed = host.does("ps", "-e", "-o", "args=").splitlines()
    return {line for line in listed if "python" in line or line.startswith("sshd: root")}


def new_files(host: LabHost) -> list[str]:
    """Files on any of the host's own file systems that are newer than the mark."""
    places = ["/", "/tmp", "/run", "/dev/shm", "/boot"]
    found = host.inside(["find", *places, "-xdev", "-newer", MARKER, "-type", "f"]).stdout.split()
    return sorted(path for path in set(found) if not path.startswith(LOGIN_TRACES))
