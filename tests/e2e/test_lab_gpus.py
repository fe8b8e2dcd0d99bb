"""A host with eight simulated GPUs, over SSH: NVIDIA's own binding travels there and tells what is wrong with which."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.states import HostState
from tests.conftest import GPU_HOST
from tests.e2e.enginerun import EngineRun
from tests.e2e.watching import Watch
from tests.lab import attach, gpus
from tests.lab.fleet import Lab
from tests.lab.pace import slowness

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.fixture
def watch(lab: Lab, tmp_path: Path) -> Iterator[Watch]:
    """An engine for this host alone; the GPUs are healthy before and after."""
    gpus.set_state(lab.host(GPU_HOST))
    config = tmp_path / "gpus.toml"
    config.write_text(attach.configuration(lab.ground, [lab.host(GPU_HOST)]))
    with EngineRun(tmp_path / "engine", "--config", str(config)) as running:
        watching = Watch(running.until_ready().socket)
        try:
            watching.wait_live([GPU_HOST])
            watching.wait("eight GPUs", lambda: len(watching.sample(GPU_HOST).gpus) == gpus.COUNT, 90.0)
            yield watching
        finally:
            watching.close()
            gpus.set_state(lab.host(GPU_HOST))


@pytest.fixture
def training(lab: Lab) -> Iterator[int]:
    """The number of a process on the host that belongs to an ordinary user."""
    host = lab.host(GPU_HOST)
    host.does("systemd-run", "--quiet", "--uid=ops", "--unit=training", "sleep", "600")
    yield int(host.does("systemctl", "show", "--value", "--property=MainPID", "training"))
    host.does("systemctl", "stop", "training")


def test_throttling_errors_and_whose_process_it_is(lab: Lab, watch: Watch, training: int) -> None:
    lines = ("3 throttle 64", "5 ecc_uncorrected 2", f"2 process {training} 4096", "2 util 37")
    gpus.set_state(lab.host(GPU_HOST), *lines)
    watch.wait("throttling shows", lambda: (watch.gpu(GPU_HOST, 3).throttle_bits or 0) & 64 != 0, 60.0)
    watch.wait("errors show", lambda: watch.gpu(GPU_HOST, 5).ecc_uncorrected_volatile == 2, 120.0)
    watch.wait("the owner shows", lambda: owner_of(watch, training) == ("ops", (2,)), 120.0)
    watch.wait("the cells say so", lambda: flags(watch) == ["", "", "", "thermal", "", "ecc", "", ""], 60.0)
    sample = watch.sample(GPU_HOST)
    assert [gpu.index for gpu in sample.gpus] == list(range(gpus.COUNT))
    assert sample.gpu_status is not None and sample.gpu_status.way == "nvml"
    assert sample.gpus[2].utilisation_percent == 37
    assert [each.pid for each in sample.gpus[2].processes or ()] == [training]
    assert sample.gpus[4].throttle_bits is not None and not sample.gpus[4].throttle_bits & 64
    gpus.set_state(lab.host(GPU_HOST))
    watch.wait("all is well again", lambda: not any(flags(watch)), 120.0)


def test_a_gpu_that_fell_off_the_bus_is_lost_and_the_others_go_on(lab: Lab, watch: Watch) -> None:
    gpus.set_state(lab.host(GPU_HOST), "6 lost 1")
    watch.wait("it is lost", lambda: watch.gpu(GPU_HOST, 6).lost, 90.0)
    assert watch.gpu(GPU_HOST, 5).utilisation_percent == 90
    watch.wait("its cell says so", lambda: watch.rows[GPU_HOST].gpus[6].flag == "lost", 60.0)


def test_a_hung_driver_is_said_and_everything_else_goes_on(lab: Lab, watch: Watch) -> None:
    gpus.set_state(lab.host(GPU_HOST), "* hang 1")
    watch.wait("the hung driver", lambda: watch.state(GPU_HOST) is HostState.DRIVER_HUNG, 90.0)
    watch.forget()
    time.sleep(4)
    assert watch.longest_gap(GPU_HOST) < 3.0 * slowness()
    sample = watch.sample(GPU_HOST)
    assert sample.gpu_status is not None and sample.gpu_status.hung
    assert sample.cpu is not None and sample.cpu.busy_percent is not None


def flags(watch: Watch) -> list[str]:
    """What the host's row says of each GPU; the row is polled, so it may be a moment behind the newest sample."""
    return [cell.flag for cell in watch.rows[GPU_HOST].gpus]


def owner_of(watch: Watch, pid: int) -> tuple[str, tuple[int, ...]] | None:
    """User and GPUs of a process, as the newest sample tells."""
    process = watch.process(GPU_HOST, pid)
    return None if process is None else (process.user, process.gpus)
