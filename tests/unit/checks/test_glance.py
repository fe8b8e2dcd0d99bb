"""The few words of a host's row, from its newest sample alone."""

from __future__ import annotations

import pytest

from backends.checks.glance import worst
from backends.metrics.sample import Filesystem, Gpu, GpuStatus, HostFacts, InfinibandPort, Pressure, Sample
from backends.metrics.throttle import HW_SLOWDOWN, HW_THERMAL, SW_POWER_CAP
from backends.states import STATE_SEVERITY, HostState, Severity
from tests.unit.checks.windows import FACTS, GIB, Fields, cpu, disk, gpu, memory, nic, sample

OK, UNKNOWN, WARNING, CRITICAL = Severity.OK, Severity.UNKNOWN, Severity.WARNING, Severity.CRITICAL
ROOT: Fields = {"mount": "/", "kind": "ext4", "used_percent": 40.0, "inodes_used_percent": 5.0, "read_only": False}


def glance(gpus: tuple[Gpu, ...] = (), previous: Sample | None = None, **fields: object) -> tuple[Severity, str]:
    return worst(sample(1, gpus, **fields), HostState.UP, FACTS, previous)  # type: ignore[arg-type]


def test_a_healthy_host_has_nothing_to_say() -> None:
    assert glance((gpu(0), gpu(1))) == (OK, "")


def test_no_sample_is_unknown_and_never_fine() -> None:
    assert worst(None, HostState.UP, FACTS) == (UNKNOWN, "no sample yet")


def test_a_sample_without_numbers_accuses_nobody() -> None:
    assert worst(Sample(time=1.0), HostState.UP, None) == (OK, "")


@pytest.mark.parametrize("state", sorted(set(HostState) - {HostState.UP, HostState.STALE, HostState.DRIVER_HUNG}))
def test_a_host_that_is_not_read_is_judged_by_its_state_alone(state: HostState) -> None:
    full = sample(0, filesystems=(Filesystem(**(ROOT | {"used_percent": 99.0})),))
    assert worst(full, state, FACTS) == (STATE_SEVERITY[state], state.value)


def test_a_stale_host_says_so_unless_something_is_worse() -> None:
    assert worst(sample(0), HostState.STALE, FACTS) == (WARNING, "stale")
    lost = sample(0, (gpu(0, lost=True),))
    assert worst(lost, HostState.STALE, FACTS) == (CRITICAL, "gpu 0 lost")


def test_a_hung_driver() -> None:
    assert worst(sample(0), HostState.DRIVER_HUNG, FACTS) == (CRITICAL, "GPU driver hung")
    hung = GpuStatus(way="nvml", hung=True)
    assert glance((gpu(0),), gpu_status=hung) == (CRITICAL, "GPU driver hung")


def test_gpus_that_cannot_be_read_are_a_fault_unless_they_were_released() -> None:
    assert glance(gpu_status=GpuStatus(reason="driver mismatch")) == (CRITICAL, "no GPUs: driver mismatch")
    assert glance(gpu_status=GpuStatus(reason="released for an update")) == (OK, "")


@pytest.mark.parametrize(
    ("different", "severity", "words"),
    [
        ({"lost": True}, CRITICAL, "gpu 1 lost"),
        ({"ecc_uncorrected_volatile": 1}, CRITICAL, "gpu 1 uncorrected ECC"),
        ({"remap_failed": True}, CRITICAL, "gpu 1 row remap failed"),
        ({"remap_pending": True}, CRITICAL, "gpu 1 row remap pending"),
        ({"remapped_rows_uncorrected": 512}, WARNING, "gpu 1 rows remapped"),
        ({"nvlinks_up": 17, "nvlinks_total": 18}, CRITICAL, "gpu 1 NVLink down"),
        ({"throttle_bits": HW_SLOWDOWN}, WARNING, "gpu 1 HW slowdown"),
        ({"throttle_bits": HW_THERMAL}, WARNING, "gpu 1 thermal slowdown"),
        ({"pcie_width": 8}, WARNING, "gpu 1 PCIe link degraded"),
        ({"temperature_margin_celsius": 6.0}, WARNING, "gpu 1 6° below slowdown"),
        ({"temperature_celsius": 86.0}, WARNING, "gpu 1 86°C"),
        ({"temperature_celsius": 96.0}, CRITICAL, "gpu 1 96°C"),
        ({"temperature_celsius": 96.0, "temperature_margin_celsius": 0.0}, CRITICAL, "gpu 1 96°C"),
    ],
)
def test_what_is_wrong_with_a_gpu(different: Fields, severity: Severity, words: str) -> None:
    assert glance((gpu(0), gpu(1, **different))) == (severity, words)


@pytest.mark.parametrize(
    "different",
    [
        {"throttle_bits": SW_POWER_CAP},
        {"remapped_rows_uncorrected": 511},
        {"temperature_margin_celsius": 11.0, "temperature_celsius": 90.0},
        {"temperature_celsius": 84.0},
        {"pcie_generation": 1, "utilisation_percent": 0.0},
    ],
    ids=["power cap", "few remaps", "margin says enough", "warm", "link at idle"],
)
def test_what_is_not_wrong_with_a_gpu(different: Fields) -> None:
    assert glance((gpu(0, **different),)) == (OK, "")


def test_the_same_on_several_gpus_is_counted() -> None:
    assert glance((gpu(0, lost=True), gpu(1), gpu(2, lost=True))) == (CRITICAL, "2 GPUs lost")


@pytest.mark.parametrize(
    ("different", "severity", "words"),
    [
        ({"used_percent": 95.0}, WARNING, "/ 95% full"),
        ({"used_percent": 97.0}, CRITICAL, "/ 97% full"),
        ({"inodes_used_percent": 96.0}, WARNING, "/ 96% of inodes"),
        ({"inodes_used_percent": 98.0}, CRITICAL, "/ 98% of inodes"),
        ({"read_only": True}, CRITICAL, "/ is read-only"),
        ({"reason": "no answer within 2 s"}, WARNING, "/: no answer within 2 s"),
    ],
)
def test_what_is_wrong_with_a_filesystem(different: Fields, severity: Severity, words: str) -> None:
    assert glance(filesystems=(Filesystem(**(ROOT | different)),)) == (severity, words)


@pytest.mark.parametrize(
    "different",
    [
        {"used_percent": 94.9},
        {"mount": "/snap/core", "kind": "squashfs", "used_percent": 100.0, "read_only": True},
        {"mount": "/usr", "read_only": True},
    ],
    ids=["room left", "an image is always full", "read-only by design"],
)
def test_what_is_not_wrong_with_a_filesystem(different: Fields) -> None:
    assert glance(filesystems=(Filesystem(**(ROOT | different)),)) == (OK, "")


def test_the_worst_filesystem_is_named() -> None:
    mounts = tuple(
        Filesystem(**(ROOT | {"mount": name, "used_percent": used})) for name, used in (("/a", 96.0), ("/b", 99.0))
    )
    assert glance(filesystems=mounts) == (CRITICAL, "/b 99% full")


@pytest.mark.parametrize(
    ("different", "severity", "words"),
    [
        ({"available_bytes": 40 * GIB}, WARNING, "memory 4% left"),
        ({"available_bytes": 10 * GIB}, CRITICAL, "memory 1% left"),
        ({"pressure": Pressure(some_avg60_percent=21.0)}, WARNING, "memory stalls 21%"),
        ({"pressure": Pressure(some_avg60_percent=41.0)}, CRITICAL, "memory stalls 41%"),
        ({"swap_in_bytes_per_second": 2e6, "swap_out_bytes_per_second": 2e6}, WARNING, "swap storm"),
        ({"swap_in_bytes_per_second": 2e6}, OK, ""),
        ({"available_bytes": 60 * GIB}, OK, ""),
    ],
)
def test_memory(different: Fields, severity: Severity, words: str) -> None:
    assert glance(memory=memory(**different)) == (severity, words)


def test_a_kill_for_memory_since_the_sample_before() -> None:
    before = sample(0, memory=memory(oom_kills=3))
    assert glance(previous=before, memory=memory(oom_kills=4)) == (WARNING, "out-of-memory kill")
    assert glance(previous=before, memory=memory(oom_kills=3)) == (OK, "")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"io_pressure": Pressure(some_avg60_percent=41.0)}, "IO stalls 41%"),
        ({"disks": (disk(busy_percent=99.0, latency_seconds=0.2),)}, "disk nvme0n1 saturated"),
        ({"cpu": cpu(steal_percent=11.0)}, "steal 11%"),
        ({"cpu": cpu(load_15=129.0)}, "load 129 on 64 cores"),
        ({"cpu": cpu(pressure=Pressure(some_avg60_percent=41.0))}, "CPU stalls 41%"),
        (
            {"infiniband": (InfinibandPort(name="mlx5_0/1", state="DOWN", physical_state="LinkUp"),)},
            "InfiniBand mlx5_0/1 down",
        ),
    ],
)
def test_a_busy_host_warns_and_is_never_critical(fields: Fields, words: str) -> None:
    assert glance(**fields) == (WARNING, words)


@pytest.mark.parametrize(
    "fields",
    [
        {"io_pressure": Pressure(some_avg60_percent=39.0)},
        {"disks": (disk(busy_percent=99.0),)},
        {"cpu": cpu(load_15=127.0)},
        {"infiniband": (InfinibandPort(name="mlx5_1/1", state="DOWN", physical_state="Polling"),)},
    ],
    ids=["few stalls", "busy but fast", "a high load", "a port without a cable"],
)
def test_a_host_that_is_just_busy(fields: Fields) -> None:
    assert glance(**fields) == (OK, "")


def test_the_sample_counts_the_cores_where_no_facts_are() -> None:
    loaded = sample(0, cpu=cpu(load_15=129.0))
    assert worst(loaded, HostState.UP, None)[1] == "load 129 on 64 cores"
    assert worst(loaded, HostState.UP, HostFacts(cpu_count=128)) == (OK, "")


@pytest.mark.parametrize(("errors", "words"), [(2000, "eno1 2000 errors"), (500, ""), (4, "")])
def test_network_errors_count_against_the_packets(errors: int, words: str) -> None:
    before = sample(0, nics=(nic(rx_errors=100),))
    assert glance(previous=before, nics=(nic(rx_errors=100 + errors),))[1] == words


def test_errors_cannot_be_told_without_a_sample_before() -> None:
    assert glance(nics=(nic(rx_errors=9999),)) == (OK, "")
