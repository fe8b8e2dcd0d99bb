"""A job that lets its GPUs wait: for data, for the disks, for anybody; and what only looks like it."""

from __future__ import annotations

import pytest

from backends.metrics.sample import Filesystem, Pressure
from backends.states import Severity
from tests.unit.checks.windows import COUNT, DAY, STEP, Fields, cpu, disk, kinds, teeth, the, training

JOB = "job 4711"
ONE_CORE: Fields = {"cpu": cpu(cores=(100.0, *(15.0 for _ in range(63))))}
ALL_CORES: Fields = {"cpu": cpu(busy_percent=96.0, cores=tuple(96.0 for _ in range(64)))}
SLOW_DISK: Fields = {
    "cpu": cpu(iowait_percent=60.0),
    "io_pressure": Pressure(some_avg10_percent=45.0, some_avg60_percent=45.0),
    "disks": (disk(busy_percent=99.5, queue_length=40.0),),
}


def starved(step: int) -> float:
    """One burst in the whole window: below 10 % nearly always, and no saw-tooth."""
    return 60.0 if step == 0 else 7.0


def test_busy_gpus_wait_for_nothing() -> None:
    assert kinds(training()) == ["ok"]


def test_one_saturated_core_beside_a_low_total_starves_the_gpus() -> None:
    verdict = the(training(utilisation_percent=teeth(90.0, 4.0), sampled=ONE_CORE), "data-loader")
    assert (verdict.subject, verdict.severity, verdict.confidence) == ("job 4711", Severity.WARNING, "medium")
    assert verdict.evidence == (
        "gpus 0-3 below 10% in 62% of 68 s",
        "5 falls from 90% to 4%",
        "one core 100% busy, all together 20%",
    )
    assert verdict.next_step == "top -H -b -n 1 -p 4100"


def test_a_loader_process_at_a_whole_core_makes_it_sure() -> None:
    window = training(utilisation_percent=starved, ranks={"cpu_percent": 180.0}, sampled=ONE_CORE)
    assert the(window, "data-loader").confidence == "high"


def test_all_cores_busy_is_the_textbook_case() -> None:
    verdict = the(training(utilisation_percent=starved, sampled=ALL_CORES), "data-loader")
    assert verdict.confidence == "high"
    assert "all CPU cores 96% busy" in verdict.evidence


def test_a_saw_tooth_without_any_other_sign_is_a_weak_one() -> None:
    verdict = the(training(utilisation_percent=teeth(90.0, 4.0)), "data-loader")
    assert verdict.confidence == "low"


def test_low_use_without_a_sign_of_the_cause_is_blamed_on_nobody_and_not_called_fine() -> None:
    window = training(utilisation_percent=starved)
    assert kinds(window) == ["unknown"]
    assert "does not show" in the(window, "unknown").text
    assert the(window, "unknown").next_step == "py-spy dump --pid 4100"


def test_saturated_cores_beside_busy_gpus_are_no_starvation() -> None:
    assert kinds(training(sampled=ALL_CORES)) == ["ok"]


def test_waiting_in_just_half_of_the_samples_is_not_enough() -> None:
    window = training(utilisation_percent=lambda step: 5.0 if step < 8 else 95.0, sampled=ONE_CORE)
    assert "data-loader" not in kinds(window)


def test_a_checkpoint_is_one_fall_and_no_saw_tooth() -> None:
    assert kinds(training(utilisation_percent=lambda step: 3.0 if 6 <= step < 9 else 95.0)) == ["ok"]


@pytest.mark.parametrize(("low", "waits"), [(9.0, True), (11.0, False)])
def test_where_a_gpu_waits(low: float, waits: bool) -> None:
    window = training(utilisation_percent=lambda step: 60.0 if step < 2 else low, sampled=ALL_CORES)
    assert ("data-loader" in kinds(window)) is waits


@pytest.mark.parametrize(
    ("high", "low", "starts", "saw"),
    [
        (72.0, 9.0, (2, 7, 12), True),
        (68.0, 9.0, (2, 7, 12), False),
        (95.0, 11.0, (2, 7, 12), False),
        (95.0, 4.0, (2, 9), False),
    ],
    ids=["just one", "no high peak", "no deep trough", "two falls"],
)
def test_where_a_saw_tooth_begins(high: float, low: float, starts: tuple[int, ...], saw: bool) -> None:
    window = training(utilisation_percent=lambda step: low if {step, step - 1} & {*starts} else high)
    assert ("data-loader" in kinds(window)) is saw


@pytest.mark.parametrize(("busy", "idle"), [(4.5, True), (5.5, False)])
def test_where_a_gpu_is_idle(busy: float, idle: bool) -> None:
    assert ("idle-allocated" in kinds(training(utilisation_percent=busy))) is idle


def test_slow_disks_starve_the_gpus() -> None:
    verdict = the(training(utilisation_percent=starved, sampled=SLOW_DISK), "storage", JOB)
    assert verdict.confidence == "high"
    assert verdict.evidence[1:] == ("iowait 60%", "tasks stall on IO 45% of the time", "disk nvme0n1 saturated")


@pytest.mark.parametrize(
    "sampled",
    [
        {"cpu": cpu(iowait_percent=60.0)},
        {"io_pressure": Pressure(some_avg10_percent=25.0)},
        {"disks": (disk(busy_percent=99.0, latency_seconds=0.2),)},
        {"filesystems": (Filesystem(mount="/data", reason="no answer within 2 s"),)},
    ],
    ids=["iowait", "pressure", "disk", "mount"],
)
def test_one_sign_of_slow_storage_is_weak(sampled: Fields) -> None:
    assert the(training(utilisation_percent=starved, sampled=sampled), "storage", JOB).confidence == "low"


@pytest.mark.parametrize(
    "sampled",
    [
        {"cpu": cpu(iowait_percent=49.0)},
        {"io_pressure": Pressure(some_avg10_percent=19.0)},
        {"disks": (disk(busy_percent=99.9, queue_length=3.0),)},
        {"disks": (disk(busy_percent=90.0, queue_length=40.0),)},
    ],
    ids=["iowait", "pressure", "a short queue", "not saturated"],
)
def test_what_is_below_the_thresholds_is_not_blamed_on_storage(sampled: Fields) -> None:
    assert "storage" not in kinds(training(utilisation_percent=starved, sampled=sampled))


def test_processes_blocked_in_the_kernel_point_at_storage() -> None:
    window = training(utilisation_percent=starved, ranks={"state": "D"})
    assert the(window, "storage").confidence == "low"


def test_a_sure_loader_outweighs_one_weak_sign_of_storage() -> None:
    sampled = ALL_CORES | {"io_pressure": Pressure(some_avg10_percent=25.0)}
    assert "data-loader" in kinds(training(utilisation_percent=starved, sampled=sampled))


def test_a_job_that_holds_gpus_and_uses_none_is_idle() -> None:
    verdict = the(training(utilisation_percent=0.0, power_watts=80.0), "idle-allocated")
    assert verdict.text == "holds gpus 0-3 and asks nothing of them"
    assert verdict.evidence == ("gpus 0-3 at 0% or less for 68 s", "240G of GPU memory held", "runs for 2d")
    assert (verdict.confidence, verdict.next_step) == ("medium", "scontrol show job 4711")


@pytest.mark.parametrize(("age", "confidence"), [(880, "low"), (920, "medium")])
def test_a_young_idle_job_may_just_be_starting_its_work(age: int, confidence: str) -> None:
    ranks: Fields = {"start_ticks": int((3 * DAY + STEP * (COUNT - 1) - age) * 100)}
    assert the(training(utilisation_percent=0.0, ranks=ranks), "idle-allocated").confidence == confidence


def test_a_job_used_now_and_then_is_not_idle() -> None:
    window = training(utilisation_percent=lambda step: 12.0 if step == 7 else 0.0)
    assert "idle-allocated" not in kinds(window)


def test_an_idle_gpu_whose_process_works_on_the_processor_waits_for_it() -> None:
    window = training(utilisation_percent=0.0, ranks={"cpu_percent": 100.0})
    assert "data-loader" in kinds(window)
    assert "idle-allocated" not in kinds(window)


def test_an_idle_gpu_whose_process_is_blocked_waits_for_storage() -> None:
    assert "storage" in kinds(training(utilisation_percent=0.0, ranks={"state": "D"}))


def test_without_utilisation_nothing_is_said_but_that() -> None:
    window = training(utilisation_percent=None, missing={"utilisation_percent": "not supported"})
    assert kinds(window) == ["unknown"]
    assert "utilisation_percent (not supported)" in the(window, "unknown").text


def test_starved_gpus_without_cpu_numbers_stay_unexplained() -> None:
    window = training(utilisation_percent=starved, sampled={"cpu": None, "io_pressure": None})
    told = the(window, "unknown", JOB).text
    for field in ("data-loader", "cpu.busy_percent", "cpu.cores", "io_pressure.some_avg10_percent"):
        assert field in told
