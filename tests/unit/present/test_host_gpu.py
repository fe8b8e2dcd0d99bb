"""A GPU in one line and in full: what is wrong is said in words, what is unknown is n/a."""

from __future__ import annotations

from typing import Any

import pytest

from backends.metrics.sample import Gpu, GpuProcess, GpuStatus, MigInstance
from backends.metrics.throttle import HW_SLOWDOWN, HW_THERMAL, IDLE, SW_POWER_CAP
from swarm_tui.present import host_throttle
from swarm_tui.present.host_gpu import gpu_line, gpu_notice, heat_role, troubles
from swarm_tui.present.host_gpu_detail import gpu_detail
from swarm_tui.present.host_gpu_panel import gpu_panel
from swarm_tui.present.host_gpu_zoom import gpu_zoom
from swarm_tui.present.host_line import Frame
from swarm_tui.present.line import plain, width
from tests.unit.present.host_samples import GIB, detail, gpu, sample, tracks

FRAME = Frame(80, 18)


def panel(**fields: Any) -> str:
    return "\n".join(plain(text) for _, text in gpu_panel(detail(sample=sample(**fields)), FRAME, {}, 0))


def full(shown: Gpu, columns: int = 80) -> str:
    return "\n".join(plain(row) for row in gpu_detail(shown, detail(), columns))


def test_one_line_holds_the_usual_questions() -> None:
    assert plain(gpu_line(gpu(), 80)) == " 0 ━━━━━━━─  90%  ━━━━━━──  60G/80G  61° 640/700W  1980  "


def test_a_gpu_of_which_nothing_is_known_shows_no_zero() -> None:
    text = plain(gpu_line(Gpu(index=3), 80))
    assert text.count("n/a") == 5
    assert "0" not in text.replace("3", "")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lost": True}, "LOST"),
        ({"remap_failed": True}, "remap FAILED"),
        ({"ecc_uncorrected_volatile": 2}, "ECC 2"),
        ({"throttle_bits": HW_THERMAL | HW_SLOWDOWN}, "hw-thermal, hw-slowdown"),
        ({"nvlinks_up": 17}, "nvlink 17/18"),
        ({"pcie_width": 8}, "pcie x8 of x16"),
        ({"pcie_generation": 3}, "pcie gen3 of gen5"),
    ],
)
def test_faults_are_named(fields: dict[str, Any], words: str) -> None:
    assert words in plain(gpu_line(gpu(**fields), 120))


def test_everyday_clock_limits_are_no_fault() -> None:
    assert troubles(gpu(throttle_bits=IDLE | SW_POWER_CAP)) == []
    assert [text for text, _ in host_throttle.words(IDLE | SW_POWER_CAP)] == ["power-cap", ", ", "idle"]


def test_throttling_is_explained_with_the_details() -> None:
    assert "too hot" in full(gpu(throttle_bits=HW_THERMAL))
    assert "throttled by none" in full(gpu(throttle_bits=0))
    assert "throttled by n/a" in full(gpu(throttle_bits=None))


def test_the_margin_decides_over_the_temperature() -> None:
    assert heat_role(gpu(temperature_celsius=88.0, temperature_margin_celsius=20.0)) == "text"
    assert heat_role(gpu(temperature_celsius=60.0, temperature_margin_celsius=5.0)) == "warn"
    assert heat_role(gpu(temperature_celsius=96.0, temperature_margin_celsius=0.0)) == "bad"
    assert heat_role(gpu(temperature_celsius=None, temperature_margin_celsius=None)) == "dim"


def test_details_hold_every_group() -> None:
    text = full(gpu())
    for label in ("P-state", "ECC lifetime", "remap state", "PCIe traffic", "NVLink", "fan", "MIG", "clocks"):
        assert label in text
    assert "18 of 18 up" in text
    assert "gen5 x16  of gen5 x16" in text


def test_a_process_has_its_owner_or_says_that_it_is_unknown() -> None:
    processes = (GpuProcess(pid=4100, memory_bytes=GIB), GpuProcess(pid=5, memory_bytes=None))
    text = full(gpu(processes=processes), 120)
    assert "4100 anna         1.0G compute  job 4711   python3 train.py" in text
    assert "5 n/a           n/a compute             not among the processes that were read" in text


def test_processes_that_could_not_be_read_are_not_no_processes() -> None:
    assert "n/a  no permission" in full(gpu(processes=None, missing={"processes": "no permission"}))
    assert "processes    none" in full(gpu(processes=()))


def test_mig_instances_are_listed() -> None:
    instance = MigInstance(uuid="MIG-1", name="1g.10gb", memory_used_bytes=GIB, memory_total_bytes=10 * GIB)
    text = full(gpu(mig_enabled=True, mig=(instance,)))
    assert "on, 1 instances" in text
    assert "1g.10gb" in text


def test_a_hung_driver_is_said_and_its_values_stay() -> None:
    text = panel(gpu_status=GpuStatus(way="nvml", hung=True))
    assert "driver does not answer" in text
    assert "last that were seen" in text
    assert "60G/80G" in text


def test_values_of_a_hung_driver_are_dimmed() -> None:
    rows = gpu_panel(detail(sample=sample(gpu_status=GpuStatus(way="nvml", hung=True))), FRAME, {}, 0)
    assert {role for key, row in rows if key is not None for _, role in row} == {"dim"}


def test_no_gpu_and_unreadable_gpus_differ() -> None:
    assert "No GPU in this host" in panel(gpus=(), gpu_status=GpuStatus())
    assert "▲ No GPU data: libnvidia-ml.so.1 not found" in panel(
        gpus=(), gpu_status=GpuStatus(reason="libnvidia-ml.so.1 not found")
    )
    assert gpu_notice(None, "", 80) == []


def test_every_gpu_can_be_picked_and_the_picked_one_is_marked() -> None:
    rows = gpu_panel(detail(), FRAME, {}, 1)
    assert [key for key, _ in rows if key is not None] == [0, 1]
    assert [plain(text).startswith("▸") for key, text in rows if key is not None] == [False, True]
    assert "GPU 1 NVIDIA" in "\n".join(plain(text) for _, text in rows)


def test_a_selection_beyond_the_last_gpu_means_the_last() -> None:
    assert "GPU 1 NVIDIA" in "\n".join(plain(text) for _, text in gpu_panel(detail(), FRAME, {}, 9))


@pytest.mark.parametrize("columns", [60, 80, 100, 140])
def test_zoom_draws_four_graphs_within_the_width(columns: int) -> None:
    rows = gpu_zoom(detail(), gpu(), Frame(columns, 24), tracks())
    text = "\n".join(plain(row) for row in rows)
    assert all(width(row) <= columns for row in rows)
    for title in ("GPU 0 utilisation", "GPU 0 memory", "GPU 0 temperature", "GPU 0 power"):
        assert title in text
