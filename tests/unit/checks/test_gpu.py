"""What a single GPU suffers from: held clocks, memory that fills up."""

from __future__ import annotations

import pytest

from backends.metrics.sample import GpuProcess, Process, Sample
from backends.metrics.throttle import (
    APPLICATION_CLOCKS,
    HW_POWER_BRAKE,
    HW_SLOWDOWN,
    HW_THERMAL,
    IDLE,
    SW_POWER_CAP,
    SW_THERMAL,
    SYNC_BOOST,
)
from backends.states import Severity
from tests.unit.checks.windows import COUNT, DAY, GIB, STEP, Fields, gpu, kinds, rank, sample, the, training


def test_a_hot_gpu_is_throttled() -> None:
    slow: Fields = {"throttle_bits": HW_THERMAL | HW_SLOWDOWN, "temperature_celsius": 91.0, "sm_clock_mhz": 1000.0}
    verdict = the(training(one=(1, slow)), "throttled")
    assert (verdict.subject, verdict.severity, verdict.confidence) == ("gpu 1", Severity.CRITICAL, "high")
    assert verdict.evidence == ("hw-thermal, hw-slowdown in 100% of 68 s", "SM clock 1000 MHz of 1980", "91°C")
    assert verdict.next_step == "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER -i 1"


@pytest.mark.parametrize(
    ("bit", "severity"),
    [
        (HW_SLOWDOWN, Severity.WARNING),
        (SW_THERMAL, Severity.WARNING),
        (HW_THERMAL, Severity.CRITICAL),
        (HW_POWER_BRAKE, Severity.CRITICAL),
    ],
)
def test_each_reason_that_is_a_fault_counts_also_beside_harmless_ones(bit: int, severity: Severity) -> None:
    window = training(one=(0, {"throttle_bits": bit | SW_POWER_CAP | IDLE}))
    assert the(window, "throttled").severity is severity


@pytest.mark.parametrize("bits", [0, SW_POWER_CAP, APPLICATION_CLOCKS, SYNC_BOOST, IDLE, SW_POWER_CAP | SYNC_BOOST])
def test_a_power_cap_at_full_load_is_no_fault(bits: int) -> None:
    assert kinds(training(throttle_bits=bits)) == ["ok"]


def test_one_sample_is_a_weak_sign_and_no_critical_one() -> None:
    window = training(one=(0, {"throttle_bits": lambda step: HW_THERMAL if step == 3 else 0}))
    verdict = the(window, "throttled")
    assert (verdict.severity, verdict.confidence) == (Severity.WARNING, "low")
    assert verdict.evidence[0] == "hw-thermal in 6% of 68 s"


@pytest.mark.parametrize(
    ("samples", "severity", "confidence"),
    [(2, Severity.WARNING, "medium"), (7, Severity.WARNING, "medium"), (9, Severity.CRITICAL, "high")],
)
def test_what_lasts_for_half_of_the_window_is_no_passing_event(
    samples: int, severity: Severity, confidence: str
) -> None:
    window = training(one=(0, {"throttle_bits": lambda step: HW_THERMAL if step < samples else 0}))
    verdict = the(window, "throttled")
    assert (verdict.severity, verdict.confidence) == (severity, confidence)


def test_an_idle_gpu_can_be_throttled_too() -> None:
    free = [
        sample(step, [gpu(0, utilisation_percent=0.0, processes=(), throttle_bits=HW_SLOWDOWN)])
        for step in range(COUNT)
    ]
    assert kinds(free, "gpu 0") == ["throttled"]


def lone(step: int, **different: object) -> Sample:
    """Four jobs with a GPU each; GPU 2 is different."""
    gpus = [gpu(index, **(different if index == 2 else {})) for index in range(4)]
    return sample(step, gpus, [rank(index, slurm_job=str(index)) for index in range(4)])


def test_a_clock_below_peers_of_other_jobs_is_throttling_without_a_reason() -> None:
    verdict = the([lone(step, sm_clock_mhz=1500.0) for step in range(COUNT)], "throttled")
    assert verdict.subject == "gpu 2"
    assert verdict.evidence == ("SM clock 1500 MHz, peers 1980 of 1980 at the same use",)


def test_peers_need_not_be_used_to_the_point_alike() -> None:
    used_less = [lone(step, sm_clock_mhz=1500.0, utilisation_percent=83.0) for step in range(COUNT)]
    assert kinds(used_less, "gpu 2") == ["throttled"]


@pytest.mark.parametrize(
    "different",
    [
        {"sm_clock_mhz": 1800.0},
        {"sm_clock_mhz": 1500.0, "throttle_bits": SW_POWER_CAP},
        {"sm_clock_mhz": 1500.0, "utilisation_percent": 81.0},
        {"sm_clock_mhz": 1500.0, "name": "another model"},
    ],
    ids=["within 10 %", "at its power limit", "used less", "another model"],
)
def test_a_lower_clock_with_a_reason_is_none(different: Fields) -> None:
    window = [lone(step, **different) for step in range(COUNT)]
    assert kinds(window, "gpu 2") == []


def test_without_reasons_a_full_clock_says_enough() -> None:
    assert kinds(training(throttle_bits=None)) == ["ok"]


def test_without_reasons_a_low_clock_stays_undecided() -> None:
    told = the(training(throttle_bits=None, sm_clock_mhz=1600.0), "unknown").text
    assert told == "not judged: throttled; missing: throttle_bits"


def growing(step: int) -> float:
    return (40 + 0.5 * step) * GIB


def test_memory_that_grows_all_the_time_is_a_leak() -> None:
    verdict = the(training(one=(1, {"memory_used_bytes": growing})), "memory-leak")
    assert verdict.subject == "gpu 1"
    assert verdict.text == "job 4711 takes ever more GPU memory: full in 4m52s"
    assert verdict.evidence == ("40G → 48G of 80G in 68 s", "runs for 2d")
    assert verdict.confidence == "medium"


@pytest.mark.parametrize(
    "used",
    [
        lambda step: (40 + 0.35 * step) * GIB,
        lambda step: (40 + 0.5 * step - (0.4 if step % 2 else 0.0)) * GIB,
        lambda step: (40 + (0.3 if step < 8 else 2.0) + 0.3 * step) * GIB,
    ],
    ids=["slowly", "with small steps down", "with one larger step"],
)
def test_a_leak_need_not_be_a_straight_line(used: object) -> None:
    assert "memory-leak" in kinds(training(one=(1, {"memory_used_bytes": used})), "gpu 1")


@pytest.mark.parametrize(("age", "confidence"), [(300, "low"), (880, "low"), (920, "medium")])
def test_a_young_job_may_still_be_loading(age: int, confidence: str) -> None:
    ranks: Fields = {"start_ticks": int((3 * DAY + STEP * (COUNT - 1) - age) * 100)}
    window = training(one=(1, {"memory_used_bytes": growing}), ranks=ranks)
    assert the(window, "memory-leak").confidence == confidence


@pytest.mark.parametrize(("jump", "leaks"), [(6.4, True), (6.6, False)])
def test_a_jump_of_half_of_the_growth_is_an_allocation(jump: float, leaks: bool) -> None:
    window = training(one=(1, {"memory_used_bytes": lambda step: (40 + 0.5 * step + jump * (step > 7)) * GIB}))
    assert ("memory-leak" in kinds(window, "gpu 1")) is leaks


@pytest.mark.parametrize(("drop", "leaks"), [(1.2, True), (1.3, False)])
def test_a_drop_of_a_tenth_of_the_growth_is_no_leak(drop: float, leaks: bool) -> None:
    window = training(one=(1, {"memory_used_bytes": lambda step: (40 + 0.5 * step - drop * (step == 7)) * GIB}))
    assert ("memory-leak" in kinds(window, "gpu 1")) is leaks


@pytest.mark.parametrize(
    "used",
    [
        lambda step: (40 + 0.32 * step) * GIB,
        lambda step: (40 if step < 8 else 60) * GIB,
        lambda step: (40 + 20 * (step % 4)) * GIB,
        lambda step: (60 - 0.5 * step) * GIB,
    ],
    ids=["grows less", "one allocation", "comes and goes", "shrinks"],
)
def test_memory_that_does_not_leak(used: object) -> None:
    assert "memory-leak" not in kinds(training(one=(1, {"memory_used_bytes": used})), "gpu 1")


@pytest.mark.parametrize("field", ["memory_used_bytes", "memory_total_bytes"])
def test_no_leak_is_denied_without_the_numbers(field: str) -> None:
    without: Fields = {field: None}
    told = the(training(**without), "unknown").text
    assert "memory-leak" in told
    assert field in told


def test_a_leak_of_one_process_is_told_under_its_pid() -> None:
    def moment(step: int) -> Sample:
        leaks = gpu(0, memory_used_bytes=int(growing(step)), processes=(GpuProcess(pid=77),))
        return sample(step, [leaks], [Process(pid=77, start_ticks=1000)])

    assert the([moment(step) for step in range(COUNT)], "memory-leak").text.startswith("pid 77 takes")
