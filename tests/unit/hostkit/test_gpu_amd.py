"""The GPU program reading AMD GPUs from sysfs: whole trees, half trees, and what is written in odd ways."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit.gpu_frames import FAST, SLOW, GpuFrames
from backends.metrics.sample import Gpu, GpuProcess
from tests.unit.hostkit.gpukit import RunningGpu
from tests.unit.hostkit.hostile import assert_calm
from tests.unit.hostkit.parts import plant, program

gpu_amd = program("gpu_amd")
GIB = 1 << 30
BUS = "0000:c1:00.0"
DEVICE: dict[str, str | bytes] = {
    "vendor": "0x1002\n",
    "device": "0x740f\n",
    "product_name": "AMD Instinct MI210\n",
    "unique_id": "5c88007d2a3b1e90\n",
    "gpu_busy_percent": "87\n",
    "mem_busy_percent": "41\n",
    "mem_info_vram_used": f"{60 * GIB}\n",
    "mem_info_vram_total": f"{64 * GIB}\n",
    "pp_dpm_sclk": "0: 500Mhz \n1: 1700Mhz *\n",
    "pp_dpm_mclk": "0: 400Mhz\n1: 1600Mhz *\n",
    "current_link_speed": "16.0 GT/s PCIe\n",
    "max_link_speed": "32.0 GT/s PCIe\n",
    "current_link_width": "8\n",
    "max_link_width": "16\n",
    "pcie_replay_count": "3\n",
    "ras/umc_err_count": "ue: 1\nce: 20\n",
    "ras/gfx_err_count": "ue: 0\nce: 2\n",
    "ras/features": "feature mask: 0x1\n",
    "hwmon/hwmon4/temp1_input": "61000\n",
    "hwmon/hwmon4/temp1_label": "edge\n",
    "hwmon/hwmon4/temp2_input": "72000\n",
    "hwmon/hwmon4/temp2_label": "junction\n",
    "hwmon/hwmon4/temp2_crit": "100000\n",
    "hwmon/hwmon4/temp3_input": "68000\n",
    "hwmon/hwmon4/temp3_label": "mem\n",
    "hwmon/hwmon4/power1_average": "251000000\n",
    "hwmon/hwmon4/power1_cap": "300000000\n",
    "hwmon/hwmon4/pwm1": "51\n",
}


class Control:
    interval = 1.0


def build(root: Path, device: dict[str, str | bytes] = DEVICE, card: str = "card1", bus: str = BUS) -> Path:
    """A card below `root`, as the kernel lays it out: the class folder is a link to the PCI device."""
    place = plant(root / "sys/devices/pci0000:c0" / bus, device)
    link = root / "sys/class/drm" / card
    link.mkdir(parents=True, exist_ok=True)
    (link / "device").symlink_to(place)
    return place


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SYSROOT", str(tmp_path))


def opened() -> Any:
    reader, reason = gpu_amd.open_reader(lambda: None)
    assert reason is None
    return reader


def read(reader: Any, now: float = 100.0) -> tuple[Gpu, ...]:
    frames = GpuFrames()
    frames.feed({**reader.hello(), "hello": 1})
    frames.feed(reader.frame(now, Control()))
    for gpu in frames.gpus:
        assert_calm(gpu)
    return frames.gpus


def only(root: Path, **changes: str | bytes | None) -> Gpu:
    """The GPU whose files are as usual but for `changes` ("__" stands for a dash of the path); None takes one away."""
    files = {**DEVICE, **{name.replace("__", "/"): value for name, value in changes.items()}}
    build(root, {name: value for name, value in files.items() if value is not None})
    (gpu,) = read(opened())
    return gpu


def test_every_file_stands_in_its_field(tmp_path: Path) -> None:
    gpu = only(tmp_path)
    assert (gpu.index, gpu.vendor, gpu.name, gpu.uuid, gpu.bus_id) == (
        0,
        "amd",
        "AMD Instinct MI210",
        "5c88007d2a3b1e90",
        BUS,
    )
    assert (gpu.utilisation_percent, gpu.memory_utilisation_percent) == (87.0, 41.0)
    assert (gpu.memory_used_bytes, gpu.memory_total_bytes) == (60 * GIB, 64 * GIB)
    assert (gpu.temperature_celsius, gpu.temperature_margin_celsius, gpu.memory_temperature_celsius) == (72, 28, 68)
    assert (gpu.power_watts, gpu.power_limit_watts, gpu.fan_percent) == (251.0, 300.0, 20.0)
    assert (gpu.sm_clock_mhz, gpu.sm_clock_max_mhz, gpu.memory_clock_mhz) == (1700.0, 1700.0, 1600.0)
    assert (gpu.pcie_generation, gpu.pcie_generation_max, gpu.pcie_width, gpu.pcie_width_max) == (4, 5, 8, 16)
    assert (gpu.ecc_corrected_volatile, gpu.ecc_uncorrected_volatile, gpu.pcie_replays) == (22, 1, 3)


def test_every_field_has_a_value_or_a_reason(tmp_path: Path) -> None:
    gpu = only(tmp_path)
    assert {name for name in (*FAST, *SLOW) if getattr(gpu, name) is None} == set(gpu.missing) - {"processes"}
    assert gpu.missing["throttle_bits"] == "not offered by the amdgpu driver"


def test_a_bare_device_is_a_gpu_whose_values_are_all_explained(tmp_path: Path) -> None:
    build(tmp_path, {"vendor": "0x1002", "device": "0x740f"})
    (gpu,) = read(opened())
    assert gpu.name == "AMD 0x740f"
    assert not gpu.lost
    assert {name for name in (*FAST, *SLOW) if getattr(gpu, name) is None} <= set(gpu.missing)
    assert "no reason given" not in gpu.missing.values()


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"hwmon__hwmon4__temp2_input": None, "hwmon__hwmon4__temp2_label": None}, "temperature_celsius", 61.0),
        ({"hwmon__hwmon4__power1_average": None, "hwmon__hwmon4__power1_input": "120000000"}, "power_watts", 120.0),
        ({"current_link_speed": "2.5 GT/s PCIe"}, "pcie_generation", 1),
        ({"current_link_speed": "64.0 GT/s"}, "pcie_generation", 6),
        ({"pp_dpm_sclk": "0: 300Mhz *"}, "sm_clock_max_mhz", 300.0),
        ({"pp_dpm_sclk": "S: 132MHz *\n0: 500MHz\n1: 2100MHz"}, "sm_clock_mhz", 132.0),
        ({"hwmon__hwmon4__temp1_input": "-3000", "hwmon__hwmon4__temp2_input": None}, "temperature_celsius", -3.0),
    ],
)
def test_models_write_things_in_different_places(
    changes: dict[str, str], field: str, value: float, tmp_path: Path
) -> None:
    assert getattr(only(tmp_path, **changes), field) == value


@pytest.mark.parametrize(
    ("name", "text", "field", "reason"),
    [
        ("gpu_busy_percent", "busy", "utilisation_percent", "not understood: busy"),
        ("gpu_busy_percent", "", "utilisation_percent", "not understood: "),
        ("mem_info_vram_used", "12.5", "memory_used_bytes", "not understood: 12.5"),
        ("current_link_speed", "Unknown", "pcie_generation", "not understood: Unknown"),
        ("current_link_speed", "1.0 GT/s", "pcie_generation", "not understood: 1.0 GT/s"),
        ("pp_dpm_sclk", "0: 500Mhz", "sm_clock_mhz", "not understood: 0: 500Mhz"),
        ("pp_dpm_mclk", None, "memory_clock_mhz", "not offered by this GPU"),
        ("hwmon__hwmon4__power1_average", None, "power_watts", "not offered by this GPU"),
        ("hwmon__hwmon4__temp3_input", None, "memory_temperature_celsius", "not offered by this GPU"),
        ("gpu_busy_percent", "nan", "utilisation_percent", "not understood: nan"),
        ("gpu_busy_percent", "inf", "utilisation_percent", "not understood: inf"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, text: str | None, field: str, reason: str, tmp_path: Path) -> None:
    gpu = only(tmp_path, **{name: text})
    assert getattr(gpu, field) is None
    assert gpu.missing[field] == reason
    assert gpu.bus_id == BUS


def test_without_a_temperature_there_is_no_margin_and_it_says_so(tmp_path: Path) -> None:
    gpu = only(tmp_path, hwmon__hwmon4__temp2_input="hot")
    assert (gpu.temperature_celsius, gpu.temperature_margin_celsius) == (None, None)
    assert gpu.missing["temperature_margin_celsius"] == gpu.missing["temperature_celsius"] == "not understood: hot"


def test_without_ras_there_are_no_error_counts(tmp_path: Path) -> None:
    gpu = only(tmp_path, ras__umc_err_count=None, ras__gfx_err_count=None)
    assert (gpu.ecc_corrected_volatile, gpu.missing["ecc_corrected_volatile"]) == (None, "no RAS counters")


def test_cards_are_numbered_in_their_order_and_others_are_left_out(tmp_path: Path) -> None:
    for number, bus in ((10, "0000:d1:00.0"), (2, "0000:c1:00.0")):
        build(tmp_path, card=f"card{number}", bus=bus)
    build(tmp_path, {"vendor": "0x8086"}, card="card0", bus="0000:00:02.0")
    plant(
        tmp_path,
        {"sys/class/drm/card2-DP-1/device/vendor": "0x1002", "sys/class/drm/renderD128/device/vendor": "0x1002"},
    )
    assert [(gpu.index, gpu.bus_id) for gpu in read(opened())] == [(0, "0000:c1:00.0"), (1, "0000:d1:00.0")]


def test_without_any_the_reason_names_the_place(tmp_path: Path) -> None:
    assert gpu_amd.open_reader(lambda: None) == (None, f"no AMD GPU in {tmp_path}/sys/class/drm")


def test_a_gpu_that_is_pulled_out_is_lost_and_the_others_go_on(tmp_path: Path) -> None:
    build(tmp_path, card="card0", bus="0000:c1:00.0")
    gone = build(tmp_path, card="card1", bus="0000:d1:00.0")
    reader = opened()
    for file in gone.iterdir():
        if file.is_file():
            file.unlink()
    stays, lost = read(reader)
    assert (stays.lost, stays.power_watts) == (False, 251.0)
    assert (lost.lost, lost.power_watts, lost.bus_id) == (True, None, "0000:d1:00.0")


class TestProcesses:
    """As the compute driver lists them."""

    KFD: dict[str, str | bytes] = {
        "sys/class/kfd/kfd/topology/nodes/0/gpu_id": "0\n",
        "sys/class/kfd/kfd/topology/nodes/0/properties": "location_id 0\n",
        "sys/class/kfd/kfd/topology/nodes/1/gpu_id": "4567\n",
        "sys/class/kfd/kfd/topology/nodes/1/properties": f"simd_count 440\ndomain 0\nlocation_id {0xC1 << 8}\n",
        "sys/class/kfd/kfd/proc/812/vram_4567": f"{5 * GIB}\n",
        "sys/class/kfd/kfd/proc/813/vram_4567": "0\n",
        "sys/class/kfd/kfd/proc/814/vram_9999": "77\n",
        "sys/class/kfd/kfd/proc/815/vram_4567": "garbage\n",
    }

    def test_those_that_hold_memory_of_this_gpu(self, tmp_path: Path) -> None:
        plant(tmp_path, self.KFD)
        assert only(tmp_path).processes == (GpuProcess(pid=812, memory_bytes=5 * GIB),)

    def test_without_the_compute_driver_nobody_knows(self, tmp_path: Path) -> None:
        gpu = only(tmp_path)
        assert (gpu.processes, gpu.missing["processes"]) == (None, "no compute driver (kfd)")

    def test_they_are_known_once_it_is_loaded(self, tmp_path: Path) -> None:
        build(tmp_path)
        reader = opened()
        assert read(reader)[0].processes is None
        plant(tmp_path, self.KFD)
        (gpu,) = read(reader, 200.0)
        assert (gpu.processes, "processes" in gpu.missing) == ((GpuProcess(pid=812, memory_bytes=5 * GIB),), False)


@given(st.sampled_from(sorted(DEVICE)), st.binary(max_size=40))
def test_any_bytes_in_a_file_leave_the_others_readable(name: str, content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch, Tree() as root:
        patch.setenv("SYSROOT", str(root))
        build(root, {**DEVICE, name: content})
        reader, reason = gpu_amd.open_reader(lambda: None)
        if reader is None:
            assert name == "vendor" and reason
            return
        (gpu,) = read(reader)
        assert name.startswith("hwmon") or gpu.power_watts == 251.0


class Tree:
    """A folder for one example of hypothesis."""

    def __enter__(self) -> Path:
        self._folder = tempfile.TemporaryDirectory()
        return Path(self._folder.name)

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def test_the_whole_program_reads_them(tmp_path: Path) -> None:
    build(tmp_path)
    with RunningGpu("amd", {"SYSROOT": str(tmp_path)}) as program:
        status, gpus = program.until(lambda _, gpus: gpus and gpus[0].power_watts)
        assert status.way == "amd-sysfs"
        assert gpus[0].utilisation_percent == 87.0
        assert program.end_input() < 1
