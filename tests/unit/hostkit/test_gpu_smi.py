"""The GPU program reading nvidia-smi: what several drivers print, and an nvidia-smi that hangs, dies and prints garbage."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.hostkit.gpu_frames import FAST, SLOW, GpuFrames
from backends.metrics.sample import Gpu, GpuProcess
from tests.unit.hostkit.gpukit import RunningGpu
from tests.unit.hostkit.parts import OUTPUTS, program

gpu_smi = program("gpu_smi")
CASES = OUTPUTS / "nvidia-smi"
DRIVERS = sorted(path.parent.name for path in CASES.glob("*/query-gpu.csv"))
MIB = 1 << 20


class Machine:
    """A PATH with an nvidia-smi that plays one machine."""

    def __init__(self, root: Path):
        self.root = root
        self.environment = {"PATH": str(root), "SMI_MODE": str(root / "mode"), "LD_LIBRARY_PATH": str(root)}
        shim = root / "nvidia-smi"
        source = Path(__file__).with_name("smi_shim.py").read_text()
        shim.write_text(f"#!{sys.executable} -IS\n{source}")
        shim.chmod(0o755)

    def plays(self, case: str) -> Machine:
        self.environment["SMI_CASE"] = str(CASES / case)
        return self

    def mode(self, how: str) -> None:
        (self.root / "mode.new").write_text(how)
        (self.root / "mode.new").rename(self.root / "mode")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path).plays("550.90.07-h100-8")


@pytest.fixture
def here(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The machine as this process sees it."""
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    return machine


class Beats:
    """Counts signs of life."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


class Pace:
    """The control of a program that samples every second."""

    interval = 1.0


def opened(beat: Beats | None = None) -> Any:
    reader, reason = gpu_smi.open_reader(beat or Beats(), "no ctypes")
    assert reason is None
    return reader


def read(reader: Any) -> tuple[Gpu, ...]:
    """The GPUs after the first whole batch; the reader is closed."""
    frames = GpuFrames()
    frames.feed({**reader.hello(), "hello": 1})
    try:
        for _ in range(10):
            frame = reader.frame(time.monotonic(), Pace())
            frames.feed(frame)
            if "f" in frame:
                return frames.gpus
        raise AssertionError(f"no batch: {reader.broken}")
    finally:
        reader.close()


class TestDrivers:
    """The same query over a decade of drivers."""

    def test_eight_h100s_of_driver_550(self, here: Machine) -> None:
        reader = opened()
        hello = reader.hello()
        assert (hello["way"], hello["driver"], hello["reason"]) == ("nvidia-smi", "550.90.07", "no ctypes")
        gpus = read(reader)
        assert [gpu.index for gpu in gpus] == list(range(8))
        first, capped, worn = gpus[0], gpus[2], gpus[5]
        assert (first.name, first.bus_id) == ("NVIDIA H100 80GB HBM3", "00000000:1B:00.0")
        assert (first.utilisation_percent, first.memory_utilisation_percent) == (97.0, 61.0)
        assert (first.memory_used_bytes, first.memory_total_bytes) == (70214 * MIB, 81559 * MIB)
        assert (first.temperature_celsius, first.temperature_margin_celsius, first.memory_temperature_celsius) == (
            61,
            26,
            74,
        )
        assert (first.power_watts, first.power_limit_watts) == (689.41, 700.0)
        assert (first.persistence, first.performance_state, first.mig_enabled) == (True, 0, False)
        assert (first.pcie_generation, first.pcie_generation_max, first.pcie_width) == (5, 5, 16)
        assert (capped.throttle_bits, capped.sm_clock_mhz, capped.sm_clock_max_mhz) == (4, 1755, 1980)
        assert (worn.ecc_uncorrected_volatile, worn.ecc_corrected_aggregate) == (1, 3)
        assert (worn.remapped_rows_uncorrected, worn.remap_pending, worn.remap_failed) == (1, True, False)
        assert first.missing["fan_percent"] == "not supported"
        assert first.missing["nvlinks_up"] == "not offered by nvidia-smi"

    def test_its_processes_per_gpu(self, here: Machine) -> None:
        gpus = read(opened())
        assert gpus[0].processes == (
            GpuProcess(pid=21000, memory_bytes=70190 * MIB),
            GpuProcess(pid=31500, memory_bytes=512 * MIB),
        )
        assert gpus[7].processes == (GpuProcess(pid=21007, memory_bytes=70197 * MIB),)

    def test_driver_470_has_older_names_and_fewer_fields(self, here: Machine) -> None:
        idle, hot = read(opened_as(here, "470.223.02-a100-pcie-2"))
        assert (hot.throttle_bits, hot.pcie_width, hot.pcie_width_max, hot.pcie_generation) == (0x48, 8, 16, 4)
        assert (idle.ecc_enabled, idle.ecc_uncorrected_volatile, idle.persistence) == (False, None, False)
        assert idle.missing["ecc_uncorrected_volatile"] == "not supported"
        assert hot.missing["temperature_margin_celsius"] == "not offered by nvidia-smi"
        assert (idle.processes, hot.processes) == ((), (GpuProcess(pid=9120),)), "its memory is not told"

    def test_driver_590_on_a_gpu_in_mig_mode(self, here: Machine) -> None:
        (gpu,) = read(opened_as(here, "590.48.01-h100-mig"))
        assert (gpu.mig_enabled, gpu.utilisation_percent) == (True, None)
        assert gpu.missing["utilisation_percent"] == "not supported"
        assert (gpu.remap_pending, gpu.remap_failed) == (False, False), "written as 0, not as No"
        assert gpu.memory_used_bytes == 59 * MIB

    def test_driver_390_on_a_laptop_supports_next_to_nothing_and_says_so(self, here: Machine) -> None:
        (gpu,) = read(opened_as(here, "390.157-geforce"))
        assert (gpu.name, gpu.temperature_celsius, gpu.performance_state) == ("GeForce GTX 960M", 44.0, 8)
        assert gpu.missing["utilisation_percent"] == "not supported"
        assert gpu.missing["power_watts"] == "unknown driver error"
        assert gpu.missing["mig_enabled"] == "not offered by nvidia-smi"

    def test_a_lost_gpu_among_four_in_other_pci_domains(self, here: Machine) -> None:
        gpus = read(opened_as(here, "560.35.03-gh200-4-lost"))
        assert sorted(gpu.index for gpu in gpus) == [0, 1, 2, 3]
        assert {gpu.index: gpu.lost for gpu in gpus} == {0: False, 1: True, 2: False, 3: False}
        assert next(gpu.bus_id for gpu in gpus if gpu.lost) == "0019:01:00.0"
        assert all(gpu.power_watts == 512.3 for gpu in gpus if not gpu.lost)

    @pytest.mark.parametrize("case", DRIVERS)
    def test_every_field_has_a_value_or_a_reason(self, case: str, here: Machine) -> None:
        for gpu in read(opened_as(here, case)):
            empty = {name for name in (*FAST, *SLOW) if getattr(gpu, name) is None}
            assert empty <= set(gpu.missing) or gpu.lost
            assert not set(gpu.missing) & {name for name in FAST if getattr(gpu, name) is not None}


def opened_as(machine: Machine, case: str) -> Any:
    os.environ.update(machine.plays(case).environment)  # the fixture takes it back
    return opened()


class TestFailures:
    """No GPUs to read, and why."""

    @pytest.mark.parametrize(
        ("case", "reason"),
        [
            ("no-driver", "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver"),
            ("mismatch", "Failed to initialize NVML: Driver/library version mismatch"),
            ("no-devices", "No devices were found"),
        ],
    )
    def test_its_own_words_are_the_reason(
        self, case: str, reason: str, here: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SMI_CASE", str(CASES / case))
        reader, why = gpu_smi.open_reader(Beats(), "no ctypes")
        assert reader is None
        assert why.startswith("nvidia-smi: " + reason)

    def test_it_is_not_installed(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert gpu_smi.open_reader(Beats(), "no ctypes") == (None, "nvidia-smi: No such file or directory")

    def test_it_does_not_answer(self, here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gpu_smi, "START_SECONDS", 1.2)
        here.mode("hang")
        beat = Beats()
        reader, why = gpu_smi.open_reader(beat, "no ctypes")
        assert reader is None and "does not answer" in why
        assert beat.count >= 2, "it is alive all the same"

    @pytest.mark.parametrize("how", ["garbage", "row", "close"])
    def test_it_prints_nothing_that_can_be_read(self, how: str, here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gpu_smi, "START_SECONDS", 1.0)
        here.mode(how)
        reader, why = gpu_smi.open_reader(Beats(), "no ctypes")
        assert reader is None
        assert why.startswith("nvidia-smi")


class TestRunning:
    """The whole program on a machine where NVML cannot be loaded."""

    @pytest.fixture
    def program(self, machine: Machine) -> Iterator[RunningGpu]:
        with RunningGpu("nvidia", machine.environment, interval_seconds=1.0) as program:
            yield program

    def test_it_falls_back_and_keeps_reading(self, program: RunningGpu, machine: Machine) -> None:
        status, gpus = program.until(lambda _, gpus: gpus and gpus[0].power_watts)
        assert status.way == "nvidia-smi"
        assert status.reason == "NVML library not found"
        assert len(gpus) == 8
        count = sum("f" in line for line in program.lines)
        program.until(lambda *_: sum("f" in line for line in program.lines) >= count + 2)
        assert program.end_input() < 1

    def test_garbage_between_batches_gives_signs_of_life_and_no_values(
        self, program: RunningGpu, machine: Machine
    ) -> None:
        program.gpus()
        machine.mode("garbage")
        program.until(lambda *_: [1 for line in program.lines[-2:] if set(line) == {"t", "c"}])
        machine.mode("")
        count = sum("f" in line for line in program.lines)
        program.until(lambda *_: sum("f" in line for line in program.lines) > count)

    def test_one_that_dies_is_started_again(self, program: RunningGpu, machine: Machine) -> None:
        program.gpus()
        machine.mode("die")
        status, gpus = program.until(lambda status, _: status.reason and "ended" in status.reason)
        assert status.reason == ("nvidia-smi ended with status 15: GPU is lost.  Reboot the system to recover this GPU")
        assert gpus == ()
        machine.mode("")
        assert len(program.gpus()) == 8


def test_one_that_falls_silent_is_a_hung_driver_whose_gpus_stay(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_smi, "HUNG_SECONDS", 1.0)
    reader = opened()
    here.mode("hang-loop")
    frames = GpuFrames()
    frames.feed({**reader.hello(), "hello": 1})
    try:
        lines = [reader.frame(time.monotonic(), Pace()) for _ in range(4)]
        for line in lines:
            frames.feed(line)
    finally:
        reader.close()
    assert {"hung": 1, "reason": "nvidia-smi does not answer"} in lines
    assert reader.broken == "nvidia-smi does not answer"
    assert frames.status.hung and len(frames.gpus) == 8
