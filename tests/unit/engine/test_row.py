"""The row: sums, means and absences."""

from __future__ import annotations

import pytest

from backends.engine import row
from backends.engine.wire import HostRow
from backends.inventory.host import Host
from backends.metrics.sample import Cpu, Disk, Filesystem, HostFacts, Memory, Sample
from backends.sources.base import LinkInfo, StateChange
from backends.states import HostState, Severity
from tests.unit.engine.parts import gpu, sample


def built(of: Sample | None, facts: HostFacts | None = None) -> HostRow:
    return row.build(
        Host(name="a", tags=("x",)),
        StateChange(state=HostState.UP),
        version=3,
        since=1.0,
        sample=of,
        facts=facts,
        link=LinkInfo(round_trip_seconds=0.01),
        severity=Severity.OK,
        worst="",
        verdict="",
    )


def test_a_host_without_a_sample_has_no_numbers_instead_of_zeros() -> None:
    bare = built(None)
    for name in (
        "cpu_percent",
        "memory_percent",
        "gpu_percent",
        "disk_percent",
        "net_rx_bytes_per_second",
        "sample_time",
    ):
        assert getattr(bare, name) is None, name
    assert (bare.gpus, bare.tags, bare.round_trip_seconds) == ((), ("x",), 0.01)


def test_gpus_are_summed_up() -> None:
    found = built(sample(gpus=4))
    assert (found.gpu_percent, found.gpu_power_watts) == (80.0, 1200.0)
    assert (found.gpu_temperature_celsius, found.gpu_memory_percent, found.gpu_model) == (63.0, 50.0, "H100")


def test_a_gpu_without_a_value_is_left_out_of_the_mean_and_not_taken_for_idle() -> None:
    one = Sample(time=1.0, gpus=(gpu(0, busy=90.0), gpu(1, busy=None, lost=True)))
    found = built(one)
    assert found.gpu_percent == 90.0
    assert [cell.flag for cell in found.gpus] == ["", "lost"]


def test_the_fullest_filesystem_and_the_outside_network_are_shown() -> None:
    found = built(sample())
    assert (found.disk_percent, found.disk_mount) == (60.0, "/data")
    assert (found.net_rx_bytes_per_second, found.net_tx_bytes_per_second) == (10.0, 20.0)


def test_layers_above_a_disk_are_not_counted_twice() -> None:
    disks = tuple(
        Disk(name=name, read_bytes_per_second=5.0, busy_percent=busy) for name, busy in (("sda", 9.0), ("dm-0", 99.0))
    )
    found = built(Sample(time=1.0, disks=disks))
    assert (found.disk_read_bytes_per_second, found.disk_busy_percent) == (5.0, 9.0)
    assert built(Sample(time=1.0, disks=disks[1:])).disk_read_bytes_per_second == 5.0


def test_a_share_of_nothing_is_unknown() -> None:
    found = built(
        Sample(time=1.0, memory=Memory(total_bytes=0, used_bytes=0), cpu=Cpu(), filesystems=(Filesystem(mount="/"),))
    )
    assert (found.memory_percent, found.disk_percent, found.cpu_percent) == (None, None, None)


def test_facts_fill_the_quiet_columns() -> None:
    found = built(None, HostFacts(cpu_count=64, kernel="6.8", system="Debian"))
    assert (found.cpu_count, found.kernel, found.system) == (64, "6.8", "Debian")


@pytest.mark.parametrize("state", [state for state in HostState if state is not HostState.UP])
def test_only_a_host_that_is_up_can_be_stale_or_hung(state: HostState) -> None:
    change = StateChange(state=state, reason="r")
    assert row.effective(change, sample(hung=True), "samples stopped") is change


def test_staleness_outweighs_a_hung_driver() -> None:
    shown = row.effective(StateChange(state=HostState.UP), sample(hung=True), "samples stopped")
    assert (shown.state, shown.reason) == (HostState.STALE, "samples stopped")
