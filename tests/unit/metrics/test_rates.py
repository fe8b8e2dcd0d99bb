"""Two readings become one sample; what the time between them does not allow is unknown, never a guess."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.metrics.rates import MAX_INTERVAL_SECONDS, rates
from backends.metrics.raw import (
    Cost,
    CpuTicks,
    DiskCounters,
    IbPort,
    IbReading,
    Link,
    MemoryKib,
    NicCounters,
    PressureAverages,
    Raw,
    VmCounters,
)
from backends.metrics.sample import Filesystem, ProcessTable, Sample
from backends.metrics.series import flatten
from tests.unit.metrics.parts import DISK, NIC, PORT, disk, nic, reading

DEVICE_RATES = ("read_bytes_per_second", "write_bytes_per_second", "rx_bytes_per_second", "tx_bytes_per_second")


def device_rates(sample: Sample) -> list[float | None]:
    devices = (*sample.disks, *sample.nics)
    return [getattr(device, name) for device in devices for name in DEVICE_RATES if hasattr(device, name)]


def test_one_second_of_work_is_shown_per_second() -> None:
    sample = rates(reading(), reading(2.0, nics=nic(rx_bytes=1_300_000), disks=disk(write_sectors=8400)))
    assert (sample.time, sample.interval_seconds) == (1_800_000_002.0, 2.0)
    assert sample.nics[0].rx_bytes_per_second == 150_000.0
    assert sample.disks[0].write_bytes_per_second == 102_400.0


def test_the_first_reading_has_no_rates_but_everything_that_is_a_level() -> None:
    sample = rates(None, reading())
    assert sample.interval_seconds is None
    assert set(device_rates(sample)) == {None}
    assert sample.memory is not None and sample.memory.used_bytes == 400 * 1024
    assert sample.cpu is not None and sample.cpu.load_1 == 1.0


def test_a_reboot_between_two_readings_gives_no_rates() -> None:
    sample = rates(reading(), reading(600, boot_id="boot-2", nics=nic(rx_bytes=5)))
    assert sample.interval_seconds is None
    assert set(device_rates(sample)) == {None}
    assert sample.cpu is not None and sample.cpu.busy_percent is None


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.009, MAX_INTERVAL_SECONDS + 1, 1e300])
def test_a_time_that_did_not_pass_gives_no_rates(seconds: float) -> None:
    sample = rates(reading(), reading(seconds, nics=nic(rx_bytes=2_000_000)))
    assert sample.interval_seconds is None
    assert set(device_rates(sample)) == {None}


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0 * 365])
def test_a_wall_clock_that_jumps_changes_no_rate(jump: float) -> None:
    calm = rates(reading(), reading(1, nics=nic(rx_bytes=1_100_000)))
    jumped = rates(reading(), reading(1, nics=nic(rx_bytes=1_100_000), time=1_800_000_001.0 + jump))
    assert jumped.nics == calm.nics
    assert jumped.interval_seconds == 1.0


def test_devices_that_come_and_go_disturb_no_other() -> None:
    before = reading(disks={"sda": DISK, "sdb": DISK}, nics={"eth0": NIC})
    now = reading(1, disks={"sda": DISK, "sdc": DISK}, nics={"eth0": NIC, "eth1": NIC})
    sample = rates(before, now)
    assert [(each.name, each.reads_per_second) for each in sample.disks] == [("sda", 0.0), ("sdc", None)]
    assert [(each.name, each.rx_bytes_per_second) for each in sample.nics] == [("eth0", 0.0), ("eth1", None)]


def test_groups_that_a_host_does_not_have_are_absent_with_their_reason() -> None:
    bare = Raw(time=5.0, monotonic=1.0, missing={"cpu": "No such file or directory"})
    sample = rates(bare, msgspec.structs.replace(bare, monotonic=2.0))
    assert (sample.cpu, sample.memory, sample.io_pressure, sample.processes, sample.probe) == (None,) * 5
    assert (sample.disks, sample.nics, sample.infiniband, sample.gpus) == ((), (), (), ())
    assert sample.missing == {"cpu": "No such file or directory"}


def test_a_group_that_was_absent_before_has_no_rates_the_first_time() -> None:
    sample = rates(reading(disks={}, vm=None, cpu=None), reading(1))
    assert sample.disks[0].reads_per_second is None
    assert sample.memory is not None and sample.memory.swap_in_bytes_per_second is None
    assert sample.cpu is not None and sample.cpu.busy_percent is None


def test_ports_have_a_cadence_of_their_own() -> None:
    later = IbReading(15.0, (msgspec.structs.replace(PORT, rx_words=2000), msgspec.structs.replace(PORT, name="b/1")))
    sample = rates(reading(), reading(1, infiniband=later), IbReading(10.0, (PORT,)))
    assert [(port.name, port.rx_bytes_per_second) for port in sample.infiniband] == [("mlx5_0/1", 800.0), ("b/1", None)]
    stuck = rates(reading(), reading(1, infiniband=later), later)
    assert stuck.infiniband[0].rx_bytes_per_second is None
    assert stuck.infiniband[0].link_downed == 0


def test_a_table_of_processes_says_how_old_it_is() -> None:
    table = ProcessTable(total=3)
    sample = rates(reading(), reading(5, processes=table, processes_monotonic=1003.5))
    assert sample.processes == ProcessTable(total=3, age_seconds=1.5)
    early = rates(None, reading(0, processes=table, processes_monotonic=1000.2))
    assert early.processes is not None and early.processes.age_seconds == 0.0


def test_the_samplers_own_cost_is_what_it_used_since_the_last_sample() -> None:
    sample = rates(reading(), reading(1, cost=Cost(1.25, 12 << 20)))
    assert sample.probe is not None
    assert (sample.probe.cpu_seconds, sample.probe.resident_bytes) == (0.25, 12 << 20)
    restarted = rates(reading(), reading(1, cost=Cost(0.1, -1)))
    assert restarted.probe is not None
    assert (restarted.probe.cpu_seconds, restarted.probe.resident_bytes) == (None, None)


def test_what_was_not_read_anew_is_handed_on() -> None:
    root = Filesystem(mount="/", used_percent=40.0)
    assert rates(None, reading(filesystems=(root,))).filesystems == (root,)


# whatever a host sends

whole = st.one_of(st.integers(0, 1 << 34), st.integers((1 << 32) - 1000, (1 << 32) + 1000), st.integers())
number = st.one_of(st.floats(0, 1e6), st.floats(allow_nan=False, allow_infinity=False))
moment = st.one_of(st.floats(0, 1e5), st.floats(0, allow_infinity=False))
SLOW = [HealthCheck.too_slow]  # a reading has a hundred numbers
BY_TYPE: dict[object, st.SearchStrategy[Any]] = {
    int: whole,
    int | None: st.none() | whole,
    float: number,
    float | None: st.none() | number,
    bool | None: st.none() | st.booleans(),
    str: st.text(max_size=20),
}
"""What JSON can carry for a type: integers of any size, no infinity."""


def any_of(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{field.name: BY_TYPE[field.type] for field in msgspec.structs.fields(kind)})


def maybe(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    return st.none() | any_of(kind)


ports = st.builds(IbReading, monotonic=moment, ports=st.lists(any_of(IbPort), max_size=2).map(tuple))
raws = st.builds(
    Raw,
    time=st.floats(0, 4e9),
    monotonic=moment,
    boot_id=st.sampled_from(["", "a", "a", "b"]),
    uptime_seconds=BY_TYPE[float | None],
    cost=maybe(Cost),
    cpu=maybe(CpuTicks),
    cores=st.lists(BY_TYPE[float | None], max_size=3).map(tuple),
    frequency_mhz=BY_TYPE[float | None],
    load=st.none() | st.tuples(number, number, number),
    cpu_pressure=maybe(PressureAverages),
    memory=maybe(MemoryKib),
    vm=maybe(VmCounters),
    disks=st.dictionaries(st.sampled_from(["sda", "sdb"]), any_of(DiskCounters)),
    nics=st.dictionaries(st.sampled_from(["eth0", "eth1"]), any_of(NicCounters)),
    links=st.dictionaries(st.sampled_from(["eth0", "eth1"]), any_of(Link)),
    infiniband=st.none() | ports,
    processes=st.none() | st.just(ProcessTable(total=1)),
    processes_monotonic=BY_TYPE[float | None],
)


def numbers(value: object, name: str = "") -> Iterator[tuple[str, float]]:
    """(field name, number) of everything in a sample."""
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from numbers(getattr(value, field), field)
    elif isinstance(value, tuple):
        for item in value:
            yield from numbers(item, name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(raws, raws, st.none() | ports)
def test_no_two_readings_make_a_rate_negative_or_a_number_that_is_none(
    before: Raw, now: Raw, ports_before: IbReading | None
) -> None:
    sample = rates(before, now, ports_before)
    for name, value in numbers(sample):
        assert math.isfinite(value) and value >= 0, f"{name} is {value}"
        if name.endswith("_percent") or name == "cores":
            assert value <= 100.0, f"{name} is {value}"


@settings(max_examples=80, deadline=None, suppress_health_check=SLOW)
@given(raws, raws, st.none() | ports)
def test_every_sample_survives_the_socket_and_a_recording(
    before: Raw, now: Raw, ports_before: IbReading | None
) -> None:
    sample = rates(before, now, ports_before)
    assert msgspec.json.decode(msgspec.json.encode(sample), type=Sample) == sample
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sample), type=Sample) == sample


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(raws, raws)
def test_every_series_of_a_sample_is_a_number_or_a_gap(before: Raw, now: Raw) -> None:
    for name, _, value in flatten(rates(before, now)):
        assert value is None or math.isfinite(value), name
