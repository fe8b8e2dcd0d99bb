"""Each group of raw counters on its own: its units, its gaps and its odd devices."""

from __future__ import annotations

import math

import msgspec
import pytest

from backends.metrics import parts
from backends.metrics.raw import CpuTicks, DiskCounters, IbPort, Link, MemoryKib, PressureAverages, VmCounters
from backends.metrics.sample import Cpu, Disk, Memory
from tests.unit.metrics.parts import DISK, NIC, PORT, reading


def cpu(old: CpuTicks | None, new: CpuTicks) -> Cpu:
    found = parts.cpu(reading(cpu=old), reading(1, cpu=new))
    assert found is not None
    return found


def memory(raw: MemoryKib, vm: VmCounters | None = None) -> Memory:
    found = parts.memory(reading(), reading(1, memory=raw, vm=vm), 1.0)
    assert found is not None
    return found


def disk(seconds: float = 1.0, **changes: int | None) -> Disk:
    return parts.disk("sda", DISK, msgspec.structs.replace(DISK, **changes), seconds)


# processors


def test_busy_is_everything_but_idle_and_waiting_for_disks() -> None:
    found = cpu(CpuTicks(0, 0, 0, 0), CpuTicks(20, 5, 8, 50, 10, 1, 1, 5))
    assert found.busy_percent == 40.0
    assert (found.user_percent, found.system_percent) == (25.0, 10.0)
    assert (found.iowait_percent, found.steal_percent) == (10.0, 5.0)


def test_waiting_time_that_goes_backwards_counts_as_none() -> None:
    found = cpu(CpuTicks(100, 0, 0, 100, 50), CpuTicks(150, 0, 0, 150, 49))
    assert (found.busy_percent, found.iowait_percent) == (50.0, 0.0)


@pytest.mark.parametrize(
    "new",
    [
        CpuTicks(100, 0, 0, 100),  # nothing passed: two readings within one tick
        CpuTicks(5, 0, 0, 10),  # counted anew
        CpuTicks(200, 0, 0, 90),  # idle time went backwards: "100 %" would be a guess
        CpuTicks(50, 0, 0, 900),
        CpuTicks(1e308, 1e308, 1e308, 1e308),
    ],
)
def test_ticks_that_do_not_tell_give_no_shares(new: CpuTicks) -> None:
    found = cpu(CpuTicks(100, 0, 0, 100), new)
    assert (found.busy_percent, found.user_percent, found.steal_percent) == (None, None, None)


def test_the_first_reading_has_load_and_no_shares() -> None:
    found = parts.cpu(None, reading())
    assert found is not None
    assert (found.busy_percent, found.load_1, found.load_15) == (None, 1.0, 0.25)
    assert found.cores == (10.0, 20.0)


def test_a_host_that_says_nothing_about_its_processors_has_none() -> None:
    assert parts.cpu(reading(), reading(1, cpu=None, load=None)) is None
    without_load = parts.cpu(reading(), reading(1, load=None))
    assert without_load is not None and without_load.load_1 is None


def test_impossible_loads_and_clocks_are_unknown() -> None:
    found = parts.cpu(None, reading(load=(-1.0, 1e300, 2.0), frequency_mhz=1e9, cores=(-3.0, 250.0, None, math.nan)))
    assert found is not None
    assert (found.load_1, found.load_5, found.load_15, found.frequency_mhz) == (None, None, 2.0, None)
    assert found.cores == (0.0, 100.0, None, None)


def test_pressure_stays_between_nothing_and_all() -> None:
    found = parts.pressure(PressureAverages(-1.0, 150.0, None, 12.5))
    assert found is not None
    assert (found.some_avg10_percent, found.some_avg60_percent) == (0.0, 100.0)
    assert (found.full_avg10_percent, found.full_avg60_percent) == (None, 12.5)
    assert parts.pressure(None) is None


# memory


def test_used_memory_is_what_is_not_available() -> None:
    found = memory(MemoryKib(total=1000, free=100, available=600, cached=300, reclaimable=40))
    assert (found.total_bytes, found.available_bytes, found.used_bytes) == (1_024_000, 614_400, 409_600)
    assert found.cached_bytes == 340 * 1024


def test_a_kernel_that_does_not_say_what_is_available_is_estimated_from_what_can_be_dropped() -> None:
    assert memory(MemoryKib(total=1000, free=100, buffers=50, cached=300)).used_bytes == 550 * 1024
    assert memory(MemoryKib(total=1000, buffers=50, cached=300)).used_bytes is None


@pytest.mark.parametrize("raw", [MemoryKib(total=100, available=200), MemoryKib(total=-5, available=1), MemoryKib()])
def test_memory_that_does_not_add_up_is_unknown(raw: MemoryKib) -> None:
    assert memory(raw).used_bytes is None


def test_a_host_without_swap_uses_none_of_it() -> None:
    found = memory(MemoryKib(swap_total=0, swap_free=0))
    assert (found.swap_total_bytes, found.swap_used_bytes) == (0, 0)


def test_swapping_is_counted_in_pages_of_the_hosts_size() -> None:
    before = reading(vm=VmCounters(10, 20, 0), page_bytes=65536)
    now = reading(1, vm=VmCounters(12, 20, 3), page_bytes=65536)
    found = parts.memory(before, now, 2.0)
    assert found is not None
    assert (found.swap_in_bytes_per_second, found.swap_out_bytes_per_second) == (65536.0, 0.0)
    assert found.oom_kills == 3


def test_a_host_without_vm_counters_still_has_memory() -> None:
    found = memory(MemoryKib(total=1000, available=600), vm=None)
    assert (found.oom_kills, found.swap_in_bytes_per_second) == (None, None)
    assert parts.memory(None, reading(memory=None), None) is None


# disks


def test_a_disk_counts_sectors_of_512_bytes_and_milliseconds() -> None:
    found = disk(2.0, reads=110, read_sectors=2040, read_ms=90, busy_ms=1500, weighted_ms=3400)
    assert (found.reads_per_second, found.read_bytes_per_second) == (5.0, 10_240.0)
    assert found.latency_seconds == 0.004
    assert (found.busy_percent, found.queue_length) == (25.0, 0.2)


def test_a_disk_that_finished_nothing_has_no_latency() -> None:
    found = disk()
    assert (found.reads_per_second, found.latency_seconds, found.busy_percent) == (0.0, None, 0.0)


def test_a_disk_is_never_more_than_all_the_time_busy() -> None:
    assert disk(busy_ms=1000 + 1013).busy_percent == 100.0  # the kernel rounds to its ticks


def test_milliseconds_wrap_at_32_bits() -> None:
    old = msgspec.structs.replace(DISK, reads=0, read_ms=(1 << 32) - 30, busy_ms=(1 << 32) - 100)
    new = msgspec.structs.replace(DISK, reads=10, read_ms=20, busy_ms=400)
    found = parts.disk("sda", old, new, 1.0)
    assert (found.latency_seconds, found.busy_percent) == (0.005, 50.0)


def test_a_disk_without_queue_counters_has_no_queue() -> None:
    bare = DiskCounters(1, 2, 3, 4, 5, 6)
    found = parts.disk("sda", bare, bare, 1.0)
    assert (found.busy_percent, found.queue_length, found.writes_per_second) == (None, None, 0.0)


def test_a_disk_that_appeared_just_now_has_a_name_and_no_rates() -> None:
    found = parts.disk("sdb", None, DISK, 1.0)
    assert found == Disk(name="sdb")
    assert parts.disk("sdb", DISK, DISK, None) == Disk(name="sdb")


# network


def test_a_network_interface_has_rates_totals_and_its_link() -> None:
    new = msgspec.structs.replace(NIC, rx_bytes=1_002_000, tx_packets=900, rx_errors=3, tx_drops=4)
    found = parts.nic("eth0", NIC, new, Link("eth0", True, 25_000), 2.0)
    assert (found.rx_bytes_per_second, found.tx_packets_per_second) == (1000.0, 50.0)
    assert (found.rx_errors, found.tx_drops) == (3, 4)
    assert (found.up, found.speed_bits_per_second) == (True, 25e9)


def test_an_interface_that_appeared_just_now_has_its_totals_only() -> None:
    found = parts.nic("eth0", None, NIC, None, 1.0)
    assert (found.rx_bytes_per_second, found.rx_errors, found.up, found.speed_bits_per_second) == (None, 0, None, None)


@pytest.mark.parametrize("speed", [None, 0, -1, 65_535_000_000])
def test_a_speed_that_no_link_has_is_unknown(speed: int | None) -> None:
    assert parts.nic("eth0", NIC, NIC, Link("eth0", False, speed), 1.0).speed_bits_per_second is None


def test_errors_that_cannot_be_are_unknown() -> None:
    assert parts.nic("e", NIC, msgspec.structs.replace(NIC, rx_errors=-1), None, 1.0).rx_errors is None


# InfiniBand


def test_a_port_counts_words_of_four_bytes_and_says_its_state_in_words() -> None:
    new = msgspec.structs.replace(PORT, rx_words=1500, link_downed=2)
    found = parts.infiniband(PORT, new, 0.5)
    assert (found.rx_bytes_per_second, found.tx_bytes_per_second, found.link_downed) == (4000.0, 0.0, 2)
    assert (found.state, found.physical_state, found.rate_bits_per_second) == ("ACTIVE", "LinkUp", 200e9)


@pytest.mark.parametrize(
    ("rate", "bits"), [("2.5 Gb/sec (1X SDR)", 2.5e9), ("800 Gb/sec (4X XDR)", 800e9), ("", None), ("10 MB/s", None)]
)
def test_the_rate_of_a_port_is_read_as_the_kernel_writes_it(rate: str, bits: float | None) -> None:
    assert parts.infiniband(None, IbPort("a/1", rate=rate), None).rate_bits_per_second == bits


def test_a_state_without_a_number_is_kept_as_it_is() -> None:
    found = parts.infiniband(None, IbPort("a/1", state="no answer within 2 s"), None)
    assert (found.state, found.rx_bytes_per_second) == ("no answer within 2 s", None)
