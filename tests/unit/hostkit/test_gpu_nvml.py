"""The GPU program reading NVML: the real pynvml against a simulated driver with eight H100s, and everything that breaks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backends.hostkit.gpu_frames import FAST
from backends.hostkit.programs.gpu_nvml import Device
from backends.metrics.sample import Gpu, GpuProcess
from tests.nvml.fixture import SimulatedGpus
from tests.unit.hostkit.gpukit import RunningGpu
from tests.unit.hostkit.test_probe import PYENV

MIB = 1 << 20


class FallingGpu:
    """As much of pynvml as tells who a GPU is."""

    class NVMLError(Exception):
        value = 15

    def __init__(self) -> None:
        self.fallen = False

    def __getattr__(self, name: str) -> Callable[[object], object]:
        said = {
            "nvmlDeviceGetName": b"H100",
            "nvmlDeviceGetUUID": "GPU-0",
            "nvmlDeviceGetPciInfo": SimpleNamespace(busId=b"0000:05:00.0"),
            "nvmlDeviceGetHandleByIndex": 1,
            "nvmlDeviceGetCurrentClocksEventReasons": 0,
        }[name]

        def answer(_: object) -> object:
            if self.fallen:
                raise self.NVMLError
            return said

        return answer


def running(simulated: SimulatedGpus, interval_seconds: float = 0.2, **environment: str) -> RunningGpu:
    return RunningGpu("nvidia", {**simulated.environment, **environment}, interval_seconds=interval_seconds)


def settled(gpus: tuple[Gpu, ...]) -> bool:
    """PCIe rates are there, which needs two looks at the counters."""
    return gpus[0].pcie_rx_bytes_per_second is not None


@pytest.mark.parametrize("python", PYENV, ids=lambda path: path.parts[-3])
def test_it_runs_on_every_python_that_is_here(python: Path, simulated_gpus: SimulatedGpus) -> None:
    with RunningGpu("nvidia", simulated_gpus.environment, python=str(python)) as program:
        status, gpus = program.until(lambda _, gpus: gpus and settled(gpus))
        assert (status.way, len(gpus), gpus[0].power_watts) == ("nvml", 8, 640.0)
        assert program.end_input() < 1


class TestHealthy:
    """Eight GPUs at work."""

    def test_all_values_of_all_gpus(self, simulated_gpus: SimulatedGpus) -> None:
        with running(simulated_gpus) as program:
            status, gpus = program.until(lambda _, gpus: gpus and settled(gpus))
        assert (status.way, status.driver, status.cuda, status.reason) == ("nvml", "580.95.05", "13.0", None)
        assert [gpu.index for gpu in gpus] == list(range(8))
        assert len({gpu.uuid for gpu in gpus}) == len({gpu.bus_id for gpu in gpus}) == 8
        gpu = gpus[1]
        assert (gpu.name, gpu.bus_id) == ("NVIDIA H100 80GB HBM3", "00000000:28:00.0")
        assert (gpu.utilisation_percent, gpu.memory_utilisation_percent) == (90.0, 55.0)
        assert (gpu.memory_used_bytes, gpu.memory_total_bytes) == (69632 * MIB, 81559 * MIB)
        assert (gpu.temperature_celsius, gpu.temperature_margin_celsius, gpu.memory_temperature_celsius) == (59, 28, 72)
        assert (gpu.power_watts, gpu.power_limit_watts) == (640.0, 700.0)
        assert (gpu.sm_clock_mhz, gpu.sm_clock_max_mhz, gpu.memory_clock_mhz) == (1980, 1980, 2619)
        assert (gpu.throttle_bits, gpu.performance_state, gpu.persistence) == (0, 0, True)
        assert (gpu.pcie_generation, gpu.pcie_generation_max, gpu.pcie_width, gpu.pcie_width_max) == (5, 5, 16, 16)
        assert (gpu.ecc_enabled, gpu.ecc_uncorrected_volatile, gpu.ecc_corrected_aggregate) == (True, 0, 0)
        assert (gpu.remap_pending, gpu.remap_failed, gpu.remapped_rows_uncorrected) == (False, False, 0)
        assert (gpu.nvlinks_up, gpu.nvlinks_total) == (18, 18)
        assert (gpu.mig_enabled, gpu.mig, gpu.processes, gpu.lost) == (False, (), (), False)

    def test_what_has_no_value_has_a_reason_and_nothing_else_has(self, simulated_gpus: SimulatedGpus) -> None:
        with running(simulated_gpus) as program:
            gpu = program.gpus(settled)[0]
        assert gpu.fan_percent is None
        assert gpu.missing == {"fan_percent": "not supported"}

    def test_pcie_rates_come_from_counters(self, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set("0 pcie_rx 50000000", "0 pcie_tx 20000000")
        with running(simulated_gpus) as program:
            gpu = program.gpus(settled)[0]
        assert gpu.pcie_rx_bytes_per_second == pytest.approx(50e6, rel=0.5)
        assert gpu.pcie_tx_bytes_per_second == pytest.approx(20e6, rel=0.5)

    def test_slow_values_and_reasons_are_sent_seldom(self, simulated_gpus: SimulatedGpus) -> None:
        with running(simulated_gpus) as program:
            program.until(lambda *_: len([line for line in program.lines if "f" in line]) >= 8)
        assert sum("hello" in line for line in program.lines) == 1
        assert sum("s" in line for line in program.lines) == 1
        assert sum("m" in line for line in program.lines) <= 3
        assert all(len(row) == len(FAST) for line in program.lines if "f" in line for row in line["f"])

    def test_it_says_what_it_costs(self, simulated_gpus: SimulatedGpus) -> None:
        with running(simulated_gpus) as program:
            program.gpus()
            assert program.frames.cpu_seconds is not None and 0 < program.frames.cpu_seconds < 5


STATES = {
    "throttle": ("2 throttle 68", 2, {"throttle_bits": 68}),
    "hot": ("2 temp 91", 2, {"temperature_celsius": 91.0}),
    "no margin left": ("2 margin 0", 2, {"temperature_margin_celsius": 0.0}),
    "ecc": ("5 ecc_uncorrected 2", 5, {"ecc_uncorrected_volatile": 2, "ecc_uncorrected_aggregate": 2}),
    "ecc off": ("5 ecc 0", 5, {"ecc_enabled": False, "ecc_uncorrected_volatile": None}),
    "remap pending": ("7 remap_pending 1", 7, {"remap_pending": True, "remap_failed": False}),
    "remap failed": ("7 remap_failed 1", 7, {"remap_failed": True}),
    "links": ("0 nvlinks_down 5", 0, {"nvlinks_up": 16, "nvlinks_total": 18}),
    "narrow": ("0 pcie_width 8", 0, {"pcie_width": 8, "pcie_width_max": 16}),
    "persistence": ("0 persistence 0", 0, {"persistence": False}),
    "unknown p state": ("0 pstate 32", 0, {"performance_state": None}),
}


@pytest.mark.parametrize(("line", "place", "values"), STATES.values(), ids=STATES)
def test_a_state_of_one_gpu_shows_in_that_gpu_alone(
    line: str, place: int, values: dict[str, object], simulated_gpus: SimulatedGpus
) -> None:
    simulated_gpus.set(line)
    with running(simulated_gpus) as program:
        gpus = program.gpus()
    shown = [{name: getattr(gpu, name) for name in values} for gpu in gpus]
    assert shown[place] == values
    assert [other for other in shown if other == values] == [values]


class TestLost:
    """A GPU that fell off the bus while the program ran."""

    def test_it_is_named_the_others_go_on_and_it_may_come_back(self, simulated_gpus: SimulatedGpus) -> None:
        with running(simulated_gpus) as program:
            program.gpus()
            simulated_gpus.set("3 lost 1")
            gpus = program.gpus(lambda gpus: gpus[3].lost)
            assert [gpu.lost for gpu in gpus].count(True) == 1
            assert (gpus[3].uuid, gpus[3].power_watts) == ("GPU-5afe0003-0000-4000-8000-000000000003", None)
            assert gpus[4].power_watts == 640.0
            simulated_gpus.set()
            assert program.gpus(lambda gpus: not gpus[3].lost)[3].power_watts == 640.0

    def test_one_that_is_lost_keeps_what_was_known_of_it(self) -> None:
        """The names of all GPUs are told again each minute."""
        device: Any = cast("Any", Device)(FallingGpu(), 0)
        before = device.static()
        device.nvml.fallen = True
        assert device.static() == before == [0, "nvidia", "GPU-0", "H100", "0000:05:00.0"]

    def test_one_that_was_lost_before_is_a_seat_without_a_name(self, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set("3 fail nvmlDeviceGetHandleByIndex_v2 15", "3 lost 1")
        with running(simulated_gpus) as program:
            gpus = program.gpus()
            assert (len(gpus), gpus[3].lost, gpus[3].uuid) == (8, True, "")
            assert gpus[2].utilisation_percent == 90.0


class TestNotOffered:
    """What a driver or a GPU does not have is absent with its reason; the rest is there."""

    @pytest.mark.parametrize(
        ("call", "code", "field", "reason"),
        [
            ("nvmlDeviceGetUtilizationRates", 3, "utilisation_percent", "not supported"),
            ("nvmlDeviceGetUtilizationRates", 3, "memory_utilisation_percent", "not supported"),
            ("nvmlDeviceGetPowerUsage", 4, "power_watts", "no permission"),
            ("nvmlDeviceGetTemperature", 999, "temperature_celsius", "unknown driver error"),
            ("nvmlDeviceGetComputeRunningProcesses_v3", 4, "processes", "no permission"),
            ("nvmlDeviceGetRemappedRows", 3, "remap_pending", "not supported"),
            ("nvmlDeviceGetNvLinkState", 3, "nvlinks_total", "not supported"),
            ("nvmlDeviceGetFieldValues", 3, "memory_temperature_celsius", "not supported"),
            ("field:82", 3, "memory_temperature_celsius", "not supported"),
        ],
    )
    def test_one_call(self, call: str, code: int, field: str, reason: str, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set(f"1 fail {call} {code}")
        with running(simulated_gpus) as program:
            gpus = program.gpus()
            broken, fine = gpus[1], gpus[2]
            assert getattr(broken, field) is None
            assert broken.missing[field] == reason
            assert broken.sm_clock_mhz == 1980
            assert field not in fine.missing

    def test_without_counters_pcie_rates_are_asked_one_gpu_at_a_time(self, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set("* fail field:197 3", "* fail field:198 3", "* pcie_rx 2048000")
        with running(simulated_gpus) as program:
            gpus = program.gpus(lambda gpus: all(gpu.pcie_rx_bytes_per_second is not None for gpu in gpus))
        assert {gpu.pcie_rx_bytes_per_second for gpu in gpus} == {2048000}

    def test_without_margin_it_is_taken_from_the_slowdown_threshold(self, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set("* fail nvmlDeviceGetMarginTemperature 13")
        with running(simulated_gpus) as program:
            gpu = program.gpus()[0]
        assert gpu.temperature_margin_celsius == 89 - 58
        assert "temperature_margin_celsius" not in gpu.missing

    def test_older_drivers_name_the_throttle_reasons_otherwise(self, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set("* fail nvmlDeviceGetCurrentClocksEventReasons 13", "* throttle 32")
        with running(simulated_gpus) as program:
            assert program.gpus(lambda gpus: gpus[0].throttle_bits is not None)[0].throttle_bits == 32

    def test_and_list_processes_otherwise(self, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set("* fail nvmlDeviceGetComputeRunningProcesses_v3 13", "0 process 42 100")
        with running(simulated_gpus) as program:
            assert program.gpus()[0].processes == (GpuProcess(pid=42, memory_bytes=100 * MIB),)

    def test_and_know_no_second_version_of_memory(self, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set("* fail nvmlDeviceGetMemoryInfo_v2 13")
        with running(simulated_gpus) as program:
            assert program.gpus()[0].memory_used_bytes == (69632 + 551) * MIB


class TestProcesses:
    """Who holds GPU memory."""

    def test_compute_and_graphics_of_each_gpu(self, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set("0 process 4242 1024", "0 process 99 16", "0 graphics 99 16", "6 graphics 7 8")
        with running(simulated_gpus) as program:
            gpus = program.gpus()
        assert gpus[0].processes == (
            GpuProcess(pid=99, memory_bytes=16 * MIB),
            GpuProcess(pid=4242, memory_bytes=1024 * MIB),
        )
        assert gpus[6].processes == (GpuProcess(pid=7, memory_bytes=8 * MIB, kind="graphics"),)
        assert gpus[1].processes == ()
        assert next(line["pids"] for line in program.lines if "pids" in line) == [7, 99, 4242]


class TestMig:
    """A GPU that is cut into instances."""

    def test_its_instances_are_listed_with_their_memory(self, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set("4 mig 3")
        with running(simulated_gpus) as program:
            gpus = program.gpus()
        assert gpus[4].mig_enabled and len(gpus[4].mig) == 3
        assert gpus[4].mig[0].name == "NVIDIA H100 80GB HBM3 MIG 1g.10gb"
        assert (gpus[4].mig[0].memory_used_bytes, gpus[4].mig[0].memory_total_bytes) == (1024 * MIB, 9856 * MIB)
        assert (gpus[4].utilisation_percent, gpus[4].missing["utilisation_percent"]) == (None, "not supported")
        assert (gpus[3].mig_enabled, gpus[3].mig) == (False, ())


class TestSlowAndHung:
    """A driver that takes its time, or for ever."""

    def test_a_slow_driver_gives_signs_of_life_within_the_deadline(self, simulated_gpus: SimulatedGpus) -> None:
        """Four seconds for a frame; the probe gives up on five of silence, and a big host's driver may take longer."""
        simulated_gpus.set("* slow_us 10000")
        with running(simulated_gpus) as program:
            program.until(lambda *_: any("t" in line and "f" not in line for line in program.lines))
            assert program.gpus()[0].power_watts == 640.0

    def test_a_hung_driver_silences_it_and_it_still_ends_with_its_input(self, simulated_gpus: SimulatedGpus) -> None:
        with running(simulated_gpus) as program:
            program.gpus()
            simulated_gpus.set("2 hang 1")
            quiet = 0
            while quiet < 5:
                before = len(program.lines)
                program.pump(0.3)
                quiet = quiet + 1 if len(program.lines) == before else 0
            assert program.end_input() < 1

    def test_it_goes_on_when_the_driver_does(self, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set("2 hang 1")
        with running(simulated_gpus) as program:
            for _ in range(5):
                program.pump(0.1)
            assert program.frames.gpus == ()
            simulated_gpus.set()
            assert len(program.gpus()) == 8


class TestDriverGone:
    """The library as a whole does not answer."""

    @pytest.mark.parametrize(("code", "reason"), [(9, "driver not loaded"), (18, "driver/library version mismatch")])
    def test_it_says_why_and_looks_again(self, code: int, reason: str, simulated_gpus: SimulatedGpus) -> None:
        simulated_gpus.set(f"* fail nvmlInitWithFlags {code}")
        with running(simulated_gpus) as program:
            status, gpus = program.until(lambda status, _: status.reason)
        assert status.reason is not None and status.reason.startswith(reason)
        assert "nvidia-smi" in status.reason, "the second way was tried as well"
        assert gpus == ()

    def test_a_driver_that_is_unloaded_under_it_is_opened_again(self, simulated_gpus: SimulatedGpus) -> None:
        with running(simulated_gpus) as program:
            program.gpus()
            simulated_gpus.set(*(f"* fail {name} 1" for name in CALLS))
            status, gpus = program.until(lambda status, _: status.reason)
            assert (status.reason, gpus) == ("driver not initialised", ())
            simulated_gpus.set()
            assert program.gpus()[0].power_watts == 640.0

    def test_without_the_library_it_says_so(
        self, simulated_gpus: SimulatedGpus, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        empty = str(tmp_path_factory.mktemp("no-library"))
        with running(simulated_gpus, LD_LIBRARY_PATH=empty, PATH=empty) as program:
            status, _ = program.until(lambda status, _: status.reason)
        assert status.reason is not None and status.reason.startswith(
            "NVML library not found; nvidia-smi: No such file"
        )


CALLS = (
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetTemperature",
    "nvmlDeviceGetPowerUsage",
    "nvmlDeviceGetFieldValues",
    "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetMarginTemperature",
    "nvmlDeviceGetTemperatureThreshold",
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetPerformanceState",
    "nvmlDeviceGetCurrPcieLinkGeneration",
)
"""Everything of the fast row."""


class TestControl:
    """Lines on stdin while it runs."""

    def test_released_for_maintenance_it_closes_the_driver_until_told_to_hold(
        self, simulated_gpus: SimulatedGpus
    ) -> None:
        """A GPU reset or a driver upgrade is refused while anybody has the driver open."""
        with running(simulated_gpus) as program:
            program.gpus()
            program.write(b"release\n")
            status, gpus = program.until(lambda status, _: status.reason)
            assert (status.reason, gpus) == ("released for maintenance", ())
            program.write(b"hold\n")
            assert program.gpus()[0].power_watts == 640.0

    def test_a_poll_gives_a_frame_at_once(self, simulated_gpus: SimulatedGpus) -> None:
        with running(simulated_gpus, interval_seconds=600) as program:
            program.gpus()
            simulated_gpus.set("0 watts 123")

            def polled(gpus: tuple[Gpu, ...]) -> bool:
                """Asks again if need be: the simulated driver looks at its state every 20 ms at most."""
                program.write(b"poll\n")
                return gpus[0].power_watts == 123.0

            assert program.gpus(polled)

    @pytest.mark.parametrize(
        "line",
        [b"interval\n", b"interval x\n", b"interval -5\n", b"\xff\xfe\n", b"\n", b"dance\n", b"x" * 200_000 + b"\n"],
    )
    def test_nonsense_is_survived(self, line: bytes, simulated_gpus: SimulatedGpus) -> None:
        with running(simulated_gpus) as program:
            program.gpus()
            program.write(line)
            simulated_gpus.set("0 watts 123")
            assert program.gpus(lambda gpus: gpus[0].power_watts == 123.0)

    def test_it_ends_with_its_input(self, simulated_gpus: SimulatedGpus) -> None:
        with running(simulated_gpus) as program:
            program.gpus()
            assert program.end_input() < 1
            assert (program.process.returncode, program.errors()) == (0, "")
