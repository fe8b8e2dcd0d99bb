"""What limits GPUs that do work: copies, memory bandwidth, launches, a small batch."""

from __future__ import annotations

import pytest

from backends.checks.window import GpuWindow
from backends.checks.work import link_rate
from backends.states import Severity
from tests.unit.checks.windows import GIB, Fields, cpu, gpu, kinds, teeth, the, training

COPIES: Fields = {"utilisation_percent": 25.0, "pcie_rx_bytes_per_second": 6e9}
STREAMS: Fields = {"utilisation_percent": 97.0, "memory_utilisation_percent": 72.0, "power_watts": 420.0}
LAUNCHES: Fields = {"utilisation_percent": 85.0, "memory_utilisation_percent": 12.0, "power_watts": 190.0}
SMALL: Fields = {"utilisation_percent": 45.0, "memory_used_bytes": 20 * GIB, "power_watts": 400.0}


def test_much_copying_beside_idle_gpus_is_copy_bound() -> None:
    verdict = the(training(**COPIES), "pcie-copy")
    assert verdict.evidence == ("gpu 0 5.6G/s over PCIe, 10% of its link", "gpus 0-3 25% used")
    assert (verdict.confidence, verdict.severity) == ("medium", Severity.WARNING)
    assert verdict.next_step == "nvidia-smi dmon -s ut -c 10 -i 0"


def test_a_full_link_is_sure() -> None:
    window = training(utilisation_percent=50.0, pcie_tx_bytes_per_second=55e9)
    assert the(window, "pcie-copy").confidence == "high"


@pytest.mark.parametrize(
    "fields",
    [
        {"utilisation_percent": 35.0, "pcie_rx_bytes_per_second": 6e9},
        {"utilisation_percent": 25.0, "pcie_rx_bytes_per_second": 0.9e9},
        {"utilisation_percent": 92.0, "pcie_tx_bytes_per_second": 55e9},
    ],
    ids=["used more", "copies less", "works while it copies"],
)
def test_copying_that_holds_nothing_back(fields: Fields) -> None:
    assert "pcie-copy" not in kinds(training(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"utilisation_percent": 29.0, "pcie_rx_bytes_per_second": 1.1e9},
        {"utilisation_percent": 69.0, "pcie_rx_bytes_per_second": 51e9},
    ],
)
def test_just_enough_copying(fields: Fields) -> None:
    assert "pcie-copy" in kinds(training(**fields))


def test_a_link_that_is_not_full_is_no_limit_of_gpus_that_work() -> None:
    assert "pcie-copy" not in kinds(training(utilisation_percent=60.0, pcie_rx_bytes_per_second=49e9))


def test_copying_that_is_not_measured_stays_undecided_only_where_it_matters() -> None:
    blind: Fields = {"pcie_rx_bytes_per_second": None, "pcie_tx_bytes_per_second": None}
    assert kinds(training(**blind)) == ["ok"], "a GPU at 92 % is not held back by its link"
    assert "pcie-copy" in the(training(**(COPIES | blind)), "unknown").text


def test_a_link_carries_what_its_fastest_generation_and_width_allow() -> None:
    slow, fast = gpu(0, pcie_generation=1), gpu(0, pcie_generation=4, pcie_width=8)
    assert link_rate(GpuWindow(fast, [slow, fast, slow])) == pytest.approx(15.75e9, rel=0.001)


def test_an_unknown_generation_has_no_known_rate() -> None:
    assert link_rate(GpuWindow(gpu(0), [gpu(0, pcie_generation=9)])) is None


def test_memory_streams_at_little_power_are_bandwidth_bound() -> None:
    verdict = the(training(**STREAMS), "memory-bandwidth")
    assert verdict.evidence == ("memory active 72%", "draws 60% of the power limit", "gpus 0-3 97% used")
    assert (verdict.confidence, verdict.severity) == ("low", Severity.OK), (
        "SM activity is guessed, and nothing is broken"
    )
    assert verdict.next_step.startswith("dcgmi dmon -e 1002,")


@pytest.mark.parametrize(
    "fields", [{"memory_utilisation_percent": 48.0}, {"power_watts": 560.0}, {"utilisation_percent": 65.0}]
)
def test_no_bandwidth_limit_below_its_thresholds(fields: Fields) -> None:
    assert "memory-bandwidth" not in kinds(training(**(STREAMS | fields)))


def test_just_enough_streaming() -> None:
    fields: Fields = {"utilisation_percent": 71.0, "memory_utilisation_percent": 51.0, "power_watts": 520.0}
    assert "memory-bandwidth" in kinds(training(**fields))


def test_without_power_bandwidth_and_launches_stay_undecided() -> None:
    told = the(training(**(STREAMS | {"power_watts": None})), "unknown").text
    assert "memory-bandwidth" in told
    assert "launch-overhead" in told
    assert "power_watts" in told


def test_full_use_at_hardly_any_power_is_launch_overhead() -> None:
    verdict = the(training(**LAUNCHES), "launch-overhead")
    assert verdict.evidence == ("gpus 0-3 85% used", "draws 27% of the power limit")


@pytest.mark.parametrize("fields", [{"utilisation_percent": 39.0}, {"power_watts": 260.0}])
def test_no_launch_overhead_below_its_thresholds(fields: Fields) -> None:
    assert "launch-overhead" not in kinds(training(**(LAUNCHES | fields)))


def test_just_little_enough_work_in_each_launch() -> None:
    assert "launch-overhead" in kinds(training(**(LAUNCHES | {"utilisation_percent": 41.0, "power_watts": 240.0})))


def test_just_enough_room_for_a_larger_batch() -> None:
    nearly: Fields = {"utilisation_percent": 69.0, "memory_used_bytes": 55 * GIB}
    assert "small-batch" in kinds(training(sampled={"cpu": cpu(busy_percent=69.0)}, **nearly))


def test_gpus_that_mostly_wait_need_no_larger_batch() -> None:
    assert "small-batch" not in kinds(training(**(SMALL | {"utilisation_percent": teeth(28.0, 1.0, 4)})))


def test_nothing_used_fully_has_room_for_a_larger_batch() -> None:
    verdict = the(training(**SMALL), "small-batch")
    assert verdict.evidence == (
        "gpus 0-3 45% used at the 95th percentile",
        "GPU memory 25% full",
        "CPU 20% busy",
    )
    assert verdict.severity is Severity.OK


@pytest.mark.parametrize(
    "fields",
    [
        {"utilisation_percent": 71.0},
        {"memory_used_bytes": 57 * GIB},
        {"sampled": {"cpu": cpu(busy_percent=75.0)}},
    ],
    ids=["gpu", "gpu memory", "cpu"],
)
def test_one_thing_used_well_leaves_no_room(fields: Fields) -> None:
    assert "small-batch" not in kinds(training(**(SMALL | fields)))


def test_room_is_not_claimed_without_the_numbers_for_it() -> None:
    told = the(training(**(SMALL | {"memory_used_bytes": None})), "unknown").text
    assert "small-batch" in told
    assert "memory_used_bytes" in told


def test_an_amd_gpu_gets_its_own_command() -> None:
    assert the(training(vendor="amd", **SMALL), "small-batch").next_step == "amd-smi metric -g 0 1 2 3"
