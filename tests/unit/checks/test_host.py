"""What a host itself is short of: processors, memory, storage, network; with and without GPUs."""

from __future__ import annotations

import pytest

from backends.checks.bottleneck import judge
from backends.metrics.sample import Filesystem, HostFacts, Pressure
from backends.states import Severity
from tests.unit.checks.windows import (
    GIB,
    Fields,
    cpu,
    disk,
    host,
    kinds,
    memory,
    nic,
    port,
    the,
    training,
)


def about(**fields: object) -> list[str]:
    return kinds(host(**fields), "host")  # type: ignore[arg-type]


def test_a_healthy_host_is_measured_and_fine() -> None:
    verdict = the(host(), "ok")
    assert verdict.text == "processors, memory, storage and network have room"
    assert verdict.evidence == ("CPU 20% busy", "68% of memory left", "iowait 0%")
    assert verdict.severity is Severity.OK


# -- processors


@pytest.mark.parametrize(
    ("different", "words"),
    [
        ({"steal_percent": 14.0}, "steal 14%"),
        ({"load_1": 140.0}, "load 140 on 64 cores"),
        ({"pressure": Pressure(some_avg60_percent=55.0)}, "tasks wait for a processor 55% of the time"),
    ],
)
def test_too_much_to_run(different: Fields, words: str) -> None:
    verdict = the(host(cpu=cpu(**different)), "cpu")
    assert verdict.severity is Severity.WARNING
    assert words in verdict.evidence


@pytest.mark.parametrize(
    "different",
    [
        {"steal_percent": 9.0},
        {"load_1": 127.0},
        {"pressure": Pressure(some_avg60_percent=39.0)},
        {"busy_percent": 89.0},
    ],
)
def test_enough_processors(different: Fields) -> None:
    assert about(cpu=cpu(**different)) == ["ok"]


def test_all_cores_busy_is_told_without_alarm() -> None:
    assert the(host(cpu=cpu(busy_percent=97.0)), "cpu").severity is Severity.OK


def test_the_facts_know_the_cores_where_the_sample_does_not() -> None:
    window = host(cpu=cpu(load_1=140.0, cores=()))
    assert "cpu" in [one.kind for one in judge(window, HostFacts(cpu_count=64))]
    assert "cpu" not in [one.kind for one in judge(window, HostFacts(cpu_count=128))]
    assert "cpu" not in [one.kind for one in judge(window, None)]


ONE_CORE = cpu(cores=(100.0, *(5.0 for _ in range(63))), busy_percent=7.0)


def test_one_saturated_core_is_a_single_thread_that_limits() -> None:
    verdict = the(host(cpu=ONE_CORE), "cpu")
    assert verdict.evidence == ("one core 100% busy, all together 7%",)
    assert (verdict.confidence, verdict.severity) == ("low", Severity.OK)


def test_one_saturated_core_beside_a_gpu_job_is_its_launcher() -> None:
    assert kinds(training(sampled={"cpu": ONE_CORE}), "host") == ["ok"]


# -- memory


@pytest.mark.parametrize(
    ("different", "words", "severity"),
    [
        ({"available_bytes": 40 * GIB}, "4% of memory left", Severity.WARNING),
        ({"available_bytes": 10 * GIB}, "1% of memory left", Severity.CRITICAL),
        ({"pressure": Pressure(some_avg60_percent=30.0)}, "tasks stall on memory 30% of the time", Severity.WARNING),
        ({"pressure": Pressure(some_avg60_percent=45.0)}, "tasks stall on memory 45% of the time", Severity.CRITICAL),
        (
            {"swap_in_bytes_per_second": 3e6, "swap_out_bytes_per_second": 4e6},
            "swaps 2.9M/s in and 3.8M/s out",
            Severity.WARNING,
        ),
    ],
)
def test_short_of_memory(different: Fields, words: str, severity: Severity) -> None:
    verdict = the(host(memory=memory(**different)), "memory-pressure")
    assert words in verdict.evidence
    assert verdict.severity is severity
    assert verdict.next_step == "ps -eo pid,user,rss,args --sort=-rss"


def test_a_kill_for_memory_within_the_window_counts() -> None:
    window = host(memory=lambda step: memory(oom_kills=5 if step < 8 else 7))
    assert the(window, "memory-pressure").evidence == ("2 processes killed for want of memory",)


@pytest.mark.parametrize(
    "different",
    [
        {"available_bytes": 60 * GIB},
        {"pressure": Pressure(some_avg60_percent=19.0)},
        {"swap_in_bytes_per_second": 3e6},
        {"oom_kills": 12},
    ],
    ids=["enough left", "few stalls", "swaps in only", "killed long ago"],
)
def test_enough_memory(different: Fields) -> None:
    assert about(memory=memory(**different)) == ["ok"]


# -- storage


@pytest.mark.parametrize(
    ("different", "words"),
    [
        ({"cpu": cpu(iowait_percent=55.0)}, "iowait 55%"),
        ({"io_pressure": Pressure(some_avg10_percent=30.0)}, "tasks stall on IO 30% of the time"),
        ({"disks": (disk(busy_percent=99.5, queue_length=20.0),)}, "disk nvme0n1 saturated"),
        ({"disks": (disk(busy_percent=99.5, latency_seconds=0.3),)}, "disk nvme0n1 saturated"),
        ({"filesystems": (Filesystem(mount="/mnt/nfs", reason="no answer within 2 s"),)}, "no answer from /mnt/nfs"),
    ],
)
def test_waiting_for_storage(different: Fields, words: str) -> None:
    verdict = the(host(**different), "storage")
    assert verdict.evidence == (words,)
    assert (verdict.confidence, verdict.next_step) == ("low", "iostat -xz 1 5")


@pytest.mark.parametrize(
    ("different", "slow"),
    [
        ({"io_pressure": Pressure(some_avg10_percent=21.0)}, True),
        ({"cpu": cpu(iowait_percent=51.0)}, True),
        ({"disks": (disk(busy_percent=99.0, queue_length=11.0),)}, True),
        ({"disks": (disk(busy_percent=99.0, queue_length=9.0),)}, False),
        ({"disks": (disk(busy_percent=97.0, queue_length=99.0),)}, False),
        ({"disks": (disk(busy_percent=99.0, latency_seconds=0.11),)}, True),
        ({"disks": (disk(busy_percent=99.0, latency_seconds=0.09),)}, False),
    ],
)
def test_where_slow_storage_begins(different: Fields, slow: bool) -> None:
    assert ("storage" in about(**different)) is slow


def test_three_disks_stand_for_all() -> None:
    many = tuple(disk(name=f"nvme{index}n1", busy_percent=99.5, queue_length=20.0) for index in range(6))
    assert the(host(disks=many), "storage").evidence == ("disk nvme0n1, nvme1n1, nvme2n1 saturated",)


@pytest.mark.parametrize(("core", "told"), [(96.0, ["cpu"]), (94.0, ["ok"])])
def test_where_a_core_is_saturated(core: float, told: list[str]) -> None:
    assert about(cpu=cpu(cores=(core, *(5.0 for _ in range(63))))) == told


def test_a_sign_of_slow_storage_must_hold_most_of_the_time() -> None:
    window = host(cpu=lambda step: cpu(iowait_percent=90.0 if step < 9 else 0.0))
    assert "storage" in kinds(window, "host")


def test_signs_that_agree_make_it_sure() -> None:
    slow = host(
        cpu=cpu(iowait_percent=55.0),
        io_pressure=Pressure(some_avg10_percent=30.0),
        disks=(disk(busy_percent=99.5, queue_length=20.0),),
    )
    assert the(slow, "storage").confidence == "high"


@pytest.mark.parametrize(
    "different",
    [
        {"cpu": cpu(iowait_percent=45.0)},
        {"io_pressure": Pressure(some_avg10_percent=18.0)},
        {"disks": (disk(busy_percent=100.0),)},
        {"cpu": lambda step: cpu(iowait_percent=90.0 if step < 8 else 0.0)},
        {"filesystems": lambda step: (Filesystem(mount="/n", reason="no answer" if step > 12 else None),)},
    ],
    ids=["some iowait", "few stalls", "busy but fast", "half of the time", "silent only lately"],
)
def test_storage_that_keeps_up(different: Fields) -> None:
    assert about(**different) == ["ok"]


# -- network


def test_an_interface_at_its_speed() -> None:
    verdict = the(host(nics=(nic(), nic(name="eno2", tx_bytes_per_second=2.95e9))), "network")
    assert verdict.text == "eno2 is at its speed"
    assert verdict.evidence == ("2.7G/s for 68 s, 94% of its speed",)
    assert verdict.next_step == "ip -s link show dev eno2"


def test_a_fabric_port_at_its_speed() -> None:
    verdict = the(host(infiniband=(port(rx_bytes_per_second=4.8e10),)), "network")
    assert verdict.text == "InfiniBand mlx5_0/1 is at its speed"
    assert verdict.next_step == "ibstatus mlx5_0:1"


def test_an_interface_that_loses_packets() -> None:
    errors = host(nics=lambda step: (nic(rx_errors=4000 * step),))
    assert the(errors, "network").text == "eno1 loses packets"
    drops = host(nics=lambda step: (nic(rx_drops=8000 * step),))
    assert "dropped of" in the(drops, "network").evidence[0]


@pytest.mark.parametrize(
    "nics",
    [
        (nic(rx_bytes_per_second=2.7e9),),
        (nic(rx_errors=900_000, rx_drops=900_000),),
        lambda step: (nic(rx_errors=3000 * step),),
        lambda step: (nic(rx_drops=5000 * step),),
        lambda step: (nic(rx_errors=10**9 if step < 4 else 0),),
        (nic(), nic(name="lo", rx_bytes_per_second=9e9, speed_bits_per_second=None)),
        (nic(), nic(name="eno2", up=False, rx_bytes_per_second=None)),
        (nic(speed_bits_per_second=None, rx_bytes_per_second=9e6, tx_bytes_per_second=1e6),),
    ],
    ids=["busy", "lost long ago", "few errors", "few drops", "counter began again", "loopback", "down", "slow enough"],
)
def test_a_network_with_room(nics: object) -> None:
    assert about(nics=nics) == ["ok"]


# -- what is not measured


@pytest.mark.parametrize(
    ("without", "told"),
    [
        ({"cpu": cpu(busy_percent=None)}, "cpu; missing: cpu.busy_percent"),
        ({"memory": None}, "memory-pressure; missing: memory.total_bytes, memory.available_bytes"),
        (
            {"cpu": cpu(iowait_percent=None), "io_pressure": None},
            "storage; missing: cpu.iowait_percent, io_pressure.some_avg10_percent",
        ),
        ({"nics": ()}, "network; missing: nics"),
        ({"nics": (nic(rx_bytes_per_second=None),)}, "network; missing: eno1 rx_bytes_per_second"),
        ({"nics": (nic(speed_bits_per_second=None),)}, "network; missing: eno1 speed"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_called_fine(without: Fields, told: str) -> None:
    window = host(missing={"psi": "not in this kernel"}, **without)
    assert kinds(window, "host") == ["unknown"]
    verdict = the(window, "unknown")
    assert verdict.text == f"not judged: {told}"
    assert verdict.severity is Severity.UNKNOWN
    assert "psi not readable: not in this kernel" in verdict.evidence


def test_one_of_two_measures_of_storage_is_enough() -> None:
    assert about(io_pressure=None) == ["ok"]
    assert about(cpu=cpu(iowait_percent=None)) == ["ok"]


def test_a_finding_does_not_hide_what_is_missing() -> None:
    assert about(cpu=cpu(load_1=400.0), memory=None) == ["cpu", "unknown"]
