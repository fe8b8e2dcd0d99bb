"""This machine's GPUs in a child of their own: shown, bounded, told when the driver hangs, ended with the engine."""

from __future__ import annotations

import os
import resource
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from backends.clock import SystemClock
from backends.metrics.sample import GpuStatus
from backends.sources import local_gpu
from backends.sources.local_gpu import LocalGpu
from tests.nvml.fixture import SimulatedGpus, nvml_library, simulated_gpus
from tests.unit.hostkit.kit import eventually, is_alive

__all__ = ["nvml_library", "simulated_gpus"]  # fixtures

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="GPUs are looked for in /proc and /sys")

Start = Callable[..., LocalGpu]
HELLO = (
    '{"hello":1,"way":"nvml","driver":"550.1","cuda":"12.4","gpus":[[0,"nvidia","GPU-x","Fake H100","0000:01:00.0"]]}'
)


def with_facts(monkeypatch: pytest.MonkeyPatch, **facts: object) -> None:
    monkeypatch.setattr(local_gpu, "kit_facts", lambda: facts)


def program(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Run `body` instead of the GPU program."""
    text = f"import sys,os,time\ndef say(x): os.write(1,(x+'\\n').encode())\n{body}"
    monkeypatch.setattr(local_gpu, "gpu_payload", lambda vendor, interval: zlib.compress(text.encode()))


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a reader on a machine with an NVIDIA GPU; ends it after the test and waits for its thread."""
    running: list[LocalGpu] = []

    def begin(interval_seconds: float = 0.2) -> LocalGpu:
        with_facts(monkeypatch, gpus=["nvidia"])
        gpu = LocalGpu(SystemClock(), interval_seconds)
        running.append(gpu)
        gpu.start()
        return gpu

    yield begin
    for gpu in running:
        gpu.stop()
    assert eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "local gpu"])


def status(gpu: LocalGpu) -> GpuStatus:
    assert gpu.status is not None
    return gpu.status


def test_a_machine_without_gpus_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with_facts(monkeypatch, gpus=[], nvidia_pci=0)
    gpu = LocalGpu(SystemClock(), 1.0)
    gpu.start()
    assert (gpu.status, gpu.gpus) == (GpuStatus(), ())
    gpu.poll()
    gpu.stop()


def test_gpus_without_a_driver_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with_facts(monkeypatch, gpus=[], nvidia_pci=8)
    gpu = LocalGpu(SystemClock(), 1.0)
    gpu.start()
    assert status(gpu).reason == "8 NVIDIA device(s) on the PCI bus, but the driver is not loaded"


def test_simulated_gpus_are_read_through_the_real_program(
    start: Start, simulated_gpus: SimulatedGpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in simulated_gpus.environment.items():
        monkeypatch.setenv(name, value)
    gpu = start()
    assert eventually(lambda: len(gpu.gpus) == 8 and gpu.gpus[0].temperature_celsius, 20)
    assert status(gpu).way == "nvml"
    simulated_gpus.set("3 lost 1")
    assert eventually(lambda: [one.index for one in gpu.gpus if one.lost] == [3], 20)


def test_the_child_is_told_the_interval_and_to_sample_now(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, f"say('{HELLO}')\nfor line in sys.stdin: say('{{\"reason\":\"told '+line.strip()+'\"}}')")
    gpu = start()
    assert eventually(lambda: gpu.gpus)
    gpu.set_interval(2.5)
    assert eventually(lambda: status(gpu).reason == "told interval 2.500")
    gpu.poll()
    assert eventually(lambda: status(gpu).reason == "told poll")


def test_a_silent_child_is_a_hung_driver_and_the_gpus_stay_as_they_were(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_gpu, "LINE_SECONDS", 0.2)
    program(monkeypatch, f"say('{HELLO}')\ntime.sleep(600)")
    gpu = start()
    assert eventually(lambda: status(gpu).hung if gpu.status else False)
    assert status(gpu).reason == "the GPU driver does not answer"
    assert [one.name for one in gpu.gpus] == ["Fake H100"]


def test_a_child_that_ends_says_why(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, "sys.stderr.write('libnvidia-ml.so.1: cannot open\\x1b[31m file')\nsys.exit(1)")
    gpu = start()
    assert eventually(lambda: gpu.status and gpu.status.reason)
    assert status(gpu).reason == "the GPU reader ended: libnvidia-ml.so.1: cannot open file"
    assert gpu.gpus == ()


def test_a_child_that_ends_without_a_word_is_started_again(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local_gpu, "RETRY_SECONDS", 0.05)
    mark = tmp_path / "tries"
    program(
        monkeypatch,
        f"open({str(mark)!r},'a').write('x')\nif os.path.getsize({str(mark)!r})<3: sys.exit(0)\nsay('{HELLO}')\nsys.stdin.read()",
    )
    gpu = start()
    assert eventually(lambda: gpu.gpus, 15)
    assert mark.read_text() == "xxx"


def test_garbage_and_endless_lines_cost_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    program(
        monkeypatch,
        f"say('nonsense')\nsay('{{broken')\nos.write(1,b'x'*2000000)\nsay('')\nsay('[1]')\nsay('{HELLO}')\nsys.stdin.read()",
    )
    gpu = start()
    assert eventually(lambda: [one.name for one in gpu.gpus] == ["Fake H100"])


def test_a_program_that_cannot_be_started_is_told(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_gpu, "gpu_child_argv", lambda payload, python: ["/not/there"])
    gpu = start()
    assert eventually(lambda: gpu.status and "cannot be started" in (gpu.status.reason or ""))


def test_the_child_ends_with_the_engine(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, f"say('{HELLO}')\ntime.sleep(600)")
    before = set(psutil.Process().children())
    gpu = start()
    assert eventually(lambda: gpu.gpus)
    (child,) = set(psutil.Process().children()) - before
    gpu.stop()
    assert eventually(lambda: not is_alive(child.pid))


def test_an_engine_with_more_than_a_thousand_connections_reads_gpus_too(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """select(2) knows descriptors up to 1023; an engine of a thousand hosts has more."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1200:
        pytest.skip("too few descriptors are allowed here")
    program(monkeypatch, f"say('{HELLO}')\nsys.stdin.read()")
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        gpu = start()
        assert eventually(lambda: gpu.gpus)
    finally:
        for descriptor in held:
            os.close(descriptor)
