"""A collective that never ends: what sichek looks for, and how little speaks against it."""

from __future__ import annotations

import pytest

from backends.metrics.sample import GpuProcess
from backends.states import Severity
from tests.unit.checks.windows import Fields, kinds, the, training

SPINS: Fields = {
    "utilisation_percent": 100.0,
    "memory_utilisation_percent": 1.0,
    "power_watts": 130.0,
    "pcie_rx_bytes_per_second": 2e6,
    "pcie_tx_bytes_per_second": 2e6,
}


def test_gpus_that_spin_without_work_hang() -> None:
    verdict = the(training(**SPINS), "hang")
    assert (verdict.subject, verdict.severity, verdict.confidence) == ("job 4711", Severity.CRITICAL, "high")
    assert verdict.evidence == (
        "gpus 0-3 100% used for 68 s",
        "memory active 1%, 130 W at 1980 MHz",
        "1.9M/s over PCIe",
    )
    assert verdict.next_step == "py-spy dump --pid 4100"
    assert kinds(training(**SPINS)) == ["hang"], "the hang explains everything else"


@pytest.mark.parametrize(
    "fields",
    [
        {"utilisation_percent": 95.0},
        {"memory_utilisation_percent": 5.0},
        {"power_watts": 162.0},
        {"sm_clock_mhz": 1880.0},
        {"pcie_rx_bytes_per_second": 310e6},
        {"pcie_tx_bytes_per_second": 310e6},
        {"utilisation_percent": lambda step: 50.0 if step == 9 else 100.0},
        {"power_watts": lambda step: 500.0 if step == 9 else 130.0},
    ],
)
def test_a_single_sign_of_work_is_no_hang(fields: Fields) -> None:
    assert "hang" not in kinds(training(**(SPINS | fields)))


@pytest.mark.parametrize(
    "fields",
    [
        {"utilisation_percent": 96.0},
        {"memory_utilisation_percent": 4.0},
        {"power_watts": 155.0},
        {"sm_clock_mhz": 1890.0},
        {"pcie_rx_bytes_per_second": 290e6, "pcie_tx_bytes_per_second": 290e6},
        {"sm_clock_max_mhz": None, "sm_clock_mhz": 1410.0},
    ],
)
def test_next_to_no_work_is_a_hang_all_the_same(fields: Fields) -> None:
    assert kinds(training(**(SPINS | fields)))[0] == "hang"


def test_a_low_clock_without_a_known_maximum_is_no_hang() -> None:
    assert "hang" not in kinds(training(**(SPINS | {"sm_clock_max_mhz": None, "sm_clock_mhz": 1390.0})))


@pytest.mark.parametrize(("busy", "hangs"), [(4.5, True), (5.5, False)])
def test_a_gpu_that_takes_no_part_does_next_to_nothing(busy: float, hangs: bool) -> None:
    window = training(one=(2, {"utilisation_percent": busy}), **SPINS)
    assert ("hang" in kinds(window)) is hangs


def test_one_working_gpu_is_no_hang_of_the_job() -> None:
    assert "hang" not in kinds(training(one=(2, {"power_watts": 500.0}), **SPINS))


def test_a_process_that_takes_no_part_is_where_to_look() -> None:
    verdict = the(training(one=(2, {"utilisation_percent": 0.0, "power_watts": 80.0}), **SPINS), "hang")
    assert verdict.evidence[-1] == "gpu 2 takes no part"
    assert verdict.next_step == "py-spy dump --pid 4102"


def test_half_of_the_gpus_idle_is_no_hang() -> None:
    assert "hang" not in kinds(training(gpus=2, one=(1, {"utilisation_percent": 0.0}), **SPINS))


def test_without_pcie_numbers_it_is_less_sure() -> None:
    verdict = the(training(**(SPINS | {"pcie_rx_bytes_per_second": None})), "hang")
    assert verdict.confidence == "medium"
    assert "PCIe not measured" in verdict.evidence


@pytest.mark.parametrize("field", ["memory_utilisation_percent", "power_watts", "sm_clock_mhz"])
def test_a_missing_number_leaves_it_undecided(field: str) -> None:
    told = the(training(**(SPINS | {field: None})), "unknown").text
    assert told.startswith("not judged: hang")
    assert field in told


def test_a_missing_number_does_not_matter_where_another_speaks_against_it() -> None:
    assert "hang" not in the(training(memory_utilisation_percent=None), "unknown").text


def test_a_single_gpu_may_spin_on_purpose() -> None:
    verdict = the(training(gpus=1, **SPINS), "hang")
    assert (verdict.confidence, verdict.severity) == ("low", Severity.WARNING)


@pytest.mark.parametrize(
    ("limit", "watts", "hangs"),
    [(1000.0, 225.0, True), (1000.0, 235.0, False), (300.0, 99.0, True), (300.0, 101.0, False)],
)
def test_the_power_limit_of_the_model_counts(limit: float, watts: float, hangs: bool) -> None:
    window = training(**(SPINS | {"power_limit_watts": limit, "power_watts": watts}))
    assert ("hang" in kinds(window)) is hangs


def test_a_graphics_process_is_nobody_to_dump() -> None:
    shared = (GpuProcess(pid=4100), GpuProcess(pid=900, kind="graphics"))
    assert the(training(gpus=1, processes=shared, **SPINS), "hang").next_step == "py-spy dump --pid 4100"
