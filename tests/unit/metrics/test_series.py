"""The names that history, charts and rules use: complete, unique, with the unit that they say."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.metrics.ring import Ring
from backends.metrics.sample import (
    Cpu,
    Disk,
    Filesystem,
    Gpu,
    InfinibandPort,
    Memory,
    Nic,
    Pressure,
    ProbeCost,
    ProcessTable,
    Sample,
    Sensor,
)
from backends.metrics.series import flatten, share, unit_of


def numbered(kind: type[msgspec.Struct], **given: object) -> dict[str, object]:
    """Every numeric field of a record set to a number of its own."""
    fields = [field for field in msgspec.structs.fields(kind) if field.name not in given]
    numeric = [field.name for field in fields if field.type in (int | None, float | None)]
    return {**{name: 10 + place for place, name in enumerate(numeric)}, **given}


def whole() -> Sample:
    """A host that measures everything."""
    pressure = Pressure(some_avg10_percent=1.0, full_avg10_percent=0.5)
    return Sample(
        time=1_800_000_000.0,
        cpu=msgspec.convert(numbered(Cpu, cores=(40.0, None, 90.0)), Cpu),
        memory=msgspec.convert(numbered(Memory), Memory),
        io_pressure=pressure,
        filesystems=(msgspec.convert(numbered(Filesystem, mount="/"), Filesystem),),
        disks=(msgspec.convert(numbered(Disk, name="nvme0n1"), Disk),),
        nics=(msgspec.convert(numbered(Nic, name="eth0"), Nic),),
        infiniband=(msgspec.convert(numbered(InfinibandPort, name="mlx5_0/1"), InfinibandPort),),
        sensors=(Sensor(name="k10temp/Tctl", celsius=50.0),),
        processes=ProcessTable(total=9, running=1, blocked=2, zombies=3),
        gpus=(msgspec.convert(numbered(Gpu, index=0), Gpu), Gpu(index=1)),
        probe=ProbeCost(cpu_seconds=0.002),
    )


FULL = msgspec.structs.replace(
    whole(),
    cpu=msgspec.structs.replace(whole().cpu or Cpu(), pressure=Pressure(some_avg10_percent=2.0)),
    memory=msgspec.structs.replace(whole().memory or Memory(), pressure=Pressure(some_avg10_percent=3.0)),
)
NAMES = [
    "cpu.busy_percent",
    "cpu.user_percent",
    "cpu.system_percent",
    "cpu.iowait_percent",
    "cpu.steal_percent",
    "cpu.max_core_percent",
    "cpu.frequency_mhz",
    "load.1",
    "cpu.pressure_some_percent",
    "cpu.pressure_full_percent",
    "memory.used_percent",
    "memory.used_bytes",
    "memory.cached_bytes",
    "swap.used_percent",
    "swap.in_bytes_per_second",
    "swap.out_bytes_per_second",
    "memory.pressure_some_percent",
    "memory.pressure_full_percent",
    "io.pressure_some_percent",
    "io.pressure_full_percent",
    "disk.nvme0n1.read_bytes_per_second",
    "disk.nvme0n1.write_bytes_per_second",
    "disk.nvme0n1.busy_percent",
    "disk.nvme0n1.latency_seconds",
    "disk.nvme0n1.queue_length",
    "net.eth0.rx_bytes_per_second",
    "net.eth0.tx_bytes_per_second",
    "net.eth0.errors",
    "net.eth0.drops",
    "ib.mlx5_0/1.rx_bytes_per_second",
    "ib.mlx5_0/1.tx_bytes_per_second",
    "ib.mlx5_0/1.link_downed",
    "filesystem./.used_percent",
    "filesystem./.inodes_used_percent",
    "sensor.k10temp/Tctl.celsius",
    "gpu.N.utilisation_percent",
    "gpu.N.memory_used_percent",
    "gpu.N.memory_used_bytes",
    "gpu.N.memory_utilisation_percent",
    "gpu.N.temperature_celsius",
    "gpu.N.memory_temperature_celsius",
    "gpu.N.power_watts",
    "gpu.N.sm_clock_mhz",
    "gpu.N.pcie_rx_bytes_per_second",
    "gpu.N.pcie_tx_bytes_per_second",
    "processes.total",
    "processes.blocked",
    "processes.zombies",
    "probe.cpu_seconds",
]
"""A public contract: alert rules and stored history name these."""


def test_the_names_are_those_that_rules_and_stored_history_know() -> None:
    expected = [name for name in NAMES if "N" not in name]
    expected += [name.replace("N", number) for number in "01" for name in NAMES if "N" in name]
    assert sorted(name for name, _, _ in flatten(FULL)) == sorted(expected)


def test_every_name_says_the_unit_that_it_has() -> None:
    assert [(name, unit_of(name)) for name, _, _ in flatten(FULL)] == [(name, unit) for name, unit, _ in flatten(FULL)]


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("net.bytes_percent.rx_bytes_per_second", "bytes_per_second"),
        ("something.errors_per_second", "per_second"),
        ("sensor.k10temp/Tctl.celsius", "celsius"),
        ("gpu.0.power_watts", "watts"),
        ("processes.total", "count"),
        ("", "count"),
    ],
)
def test_the_end_of_a_name_is_its_unit(name: str, unit: str) -> None:
    assert unit_of(name) == unit


def test_values_come_from_their_own_field() -> None:
    found = {name: value for name, _, value in flatten(FULL)}
    cpu, disk, gpu = FULL.cpu, FULL.disks[0], FULL.gpus[0]
    assert cpu is not None
    assert found["cpu.steal_percent"] == cpu.steal_percent
    assert found["cpu.max_core_percent"] == 90.0
    assert found["disk.nvme0n1.queue_length"] == disk.queue_length
    assert found["gpu.0.memory_temperature_celsius"] == gpu.memory_temperature_celsius
    assert found["gpu.0.memory_used_percent"] == share(gpu.memory_used_bytes, gpu.memory_total_bytes)
    assert found["net.eth0.errors"] == (FULL.nics[0].rx_errors or 0) + (FULL.nics[0].tx_errors or 0)
    assert found["gpu.1.power_watts"] is None


def test_every_series_of_a_sample_can_be_read_back_from_its_ring() -> None:
    ring = Ring()
    ring.append(FULL.time, [(name, value) for name, _, value in flatten(FULL)])
    for name, _, value in flatten(FULL):
        assert ring.series(name, 1, 1)[2] == (pytest.approx(value) if value is not None else None,)


def test_what_a_host_does_not_measure_has_no_series() -> None:
    assert list(flatten(Sample(time=1.0))) == []
    assert {
        value for _, _, value in flatten(Sample(time=1.0, cpu=Cpu(), memory=Memory(), disks=(Disk(name="a"),)))
    } == {None}


def test_half_of_a_sum_is_not_the_sum() -> None:
    (errors,) = [
        value for name, _, value in flatten(Sample(time=1.0, nics=(Nic(name="e", rx_errors=5),))) if "errors" in name
    ]
    assert errors is None


@pytest.mark.parametrize(
    ("part", "of", "percent"), [(1, 4, 25.0), (0, 4, 0.0), (None, 4, None), (1, None, None), (0, 0, None)]
)
def test_a_share_needs_a_whole(part: float | None, of: float | None, percent: float | None) -> None:
    assert share(part, of) == percent


@given(st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=5))
def test_names_stay_apart_whatever_devices_are_called(names: list[str]) -> None:
    sample = Sample(
        time=1.0, disks=tuple(Disk(name=name) for name in names), nics=tuple(Nic(name=name) for name in names)
    )
    found = [name for name, _, _ in flatten(sample)]
    assert len(found) == len(set(found)) == 9 * len(names)
