"""Frames → samples: the newest of each group, rates between counters, and one bad group never takes the others along."""

from __future__ import annotations

from typing import Any

import pytest

from backends.hostkit.assembly import MALFORMED, MAX_ROWS
from backends.metrics.sample import Sample
from tests.unit.hostkit.lines import (
    ABSENT,
    COUNTERS,
    DISK_NAMES,
    EVERY_KIND,
    FILESYSTEMS,
    FREQUENCY,
    INFINIBAND,
    LINKS,
    NIC_NAMES,
    TABLE,
    TEMPERATURES,
    USER,
    Listening,
    counters,
)

ALL = (DISK_NAMES, NIC_NAMES, TABLE, FILESYSTEMS, LINKS, INFINIBAND, TEMPERATURES, FREQUENCY, USER, ABSENT)


def groups(sample: Sample) -> set[str]:
    """The groups that a sample has values of."""
    return {name for name in sample.__struct_fields__ if getattr(sample, name) not in (None, (), {})}


def test_everything_that_was_said_stands_in_the_sample() -> None:
    sample = Listening(*ALL).sample(COUNTERS)
    assert groups(sample) >= {
        "cpu",
        "memory",
        "disks",
        "nics",
        "infiniband",
        "filesystems",
        "sensors",
        "processes",
        "probe",
    }
    assert sample.cpu is not None and (sample.cpu.load_1, sample.cpu.frequency_mhz) == (0.5, 3250.0)
    assert sample.nics[0].up and sample.nics[0].speed_bits_per_second == 100e9
    assert sample.sensors[0].critical_celsius == 100.0
    assert sample.processes is not None and sample.processes.top[0].user == "ada"
    assert sample.missing == {"psi cpu": "this kernel has no pressure information (4.20 and newer, psi=1)"}


def test_the_second_sample_has_rates() -> None:
    host = Listening(DISK_NAMES, NIC_NAMES, COUNTERS)
    sample = host.sample(
        counters(
            monotonic=102.0,
            cpu=[150, 0, 100, 950, 0, 0, 0, 0],
            disks=[[10, 300, 5, 20, 200, 9, 0, 50, 60], [1, 8, 1, 1, 8, 1, 0, 2, 2]],
            nics=[[3000, 10, 0, 0, 2000, 20, 0, 0]],
        )
    )
    assert sample.interval_seconds == 2.0
    assert sample.cpu is not None and sample.cpu.busy_percent == 50.0
    assert sample.disks[0].read_bytes_per_second == 200 * 512 / 2
    assert sample.nics[0].rx_bytes_per_second == 1000.0


class TestClocks:
    """What a host's clock does must not become a rate."""

    @pytest.mark.parametrize("monotonic", [100.0, 99.0, 0.0, 1e300])
    def test_one_that_stands_jumps_or_goes_back_gives_no_rates(self, monotonic: float) -> None:
        sample = Listening(DISK_NAMES, COUNTERS).sample(counters(monotonic=monotonic))
        assert sample.interval_seconds is None
        assert sample.disks[0].read_bytes_per_second is None
        assert sample.memory is not None

    def test_a_negative_one_is_no_clock(self) -> None:
        assert Listening().said(counters(monotonic=-1.0)) == []

    @pytest.mark.parametrize("monotonic", [-1e308, -1.0, 1e308])
    def test_a_table_of_another_time_has_no_negative_and_no_endless_age(self, monotonic: float) -> None:
        sample = Listening(["t", monotonic, *TABLE[2:]]).sample(COUNTERS)
        assert sample.processes is not None
        assert 0 <= sample.processes.age_seconds < 1e11

    def test_a_table_grows_old(self) -> None:
        host = Listening(TABLE, COUNTERS)
        sample = host.sample(counters(monotonic=104.5))
        assert sample.processes is not None and sample.processes.age_seconds == 4.5


class TestCounters:
    """They wrap, restart and go backwards."""

    DISK = (1, 8, 1, 1, 8, 1, 0, 2, 2)

    def rates(self, before: list[int], after: list[int]) -> Sample:
        host = Listening(["n", "disks", ["sda"]], ["n", "nics", []])
        host.said(counters(disks=[before], nics=[]))
        return host.sample(counters(monotonic=101.0, disks=[after], nics=[]))

    def test_one_that_wrapped_at_32_bits_goes_on(self) -> None:
        sample = self.rates([0, 0, 0, 0, 0, 0, 0, (1 << 32) - 500, 0], [0, 0, 0, 0, 0, 0, 0, 100, 0])
        assert sample.disks[0].busy_percent == 60.0

    def test_one_that_restarted_has_no_rate(self) -> None:
        sample = self.rates([10**9] * 9, [5] * 9)
        assert sample.disks[0].read_bytes_per_second is None

    @pytest.mark.parametrize("value", [-5, 10**30, 10**400])
    def test_one_that_cannot_be_has_no_rate(self, value: int) -> None:
        for before, after in (([0] * 9, [value] * 9), ([value] * 9, [0] * 9), ([value] * 9, [value + 1] * 9)):
            disk = self.rates(before, after).disks[0]
            assert disk.busy_percent is None or 0 <= disk.busy_percent <= 100


class TestNames:
    """Rows of disks and NICs are told apart by names that came before."""

    @pytest.mark.parametrize("names", [["sda"], ["a", "b", "c"], []])
    def test_rows_that_do_not_fit_their_names_are_absent_with_a_reason(self, names: list[str]) -> None:
        sample = Listening(["n", "disks", names], NIC_NAMES).sample(COUNTERS)
        assert sample.disks == ()
        assert sample.missing == {"disk": MALFORMED}
        assert len(sample.nics) == 1

    def test_the_names_coming_late_heals_it(self) -> None:
        host = Listening(NIC_NAMES, COUNTERS)
        sample = host.sample(DISK_NAMES, counters(monotonic=101.0))
        assert [disk.name for disk in sample.disks] == ["nvme0n1", "sda"]
        assert sample.missing == {}

    def test_a_disk_that_is_gone_for_a_moment_is_not_there(self) -> None:
        sample = Listening(DISK_NAMES, NIC_NAMES).sample(counters(disks=[None, list(TestCounters.DISK)]))
        assert [disk.name for disk in sample.disks] == ["sda"]

    def test_they_are_cleaned(self) -> None:
        host = Listening(["n", "nics", ["\x1b[31meth0[/]\u202e" + "x" * 100]], DISK_NAMES)
        (nic,) = host.sample(COUNTERS).nics
        assert nic.name.startswith("eth0[/]\ufffdxx") and len(nic.name) == 64

    def test_names_of_something_else_are_ignored(self) -> None:
        assert Listening(["n", "tapes", ["x"]], DISK_NAMES).sample(COUNTERS).disks


BAD_GROUPS: dict[str, tuple[str, dict[str, Any]]] = {
    "cpu": ("cpu", {"cpu": "busy"}),
    "cores": ("cpu", {"cores": ["x"]}),
    "load": ("load", {"load": [1, 2]}),
    "memory": ("memory", {"memory": {"total": 1}}),
    "vm": ("vmstat", {"vm": [1.5]}),
    "disks": ("disk", {"disks": [[1, 2]]}),
    "nics": ("network", {"nics": "eth0"}),
    "uptime": ("uptime", {"uptime": "long"}),
    "cost": ("cost", {"cost": 5}),
    "pressure": ("psi cpu", {"cpu_pressure": [True]}),
}


class TestBadGroups:
    """A wrong type somewhere in a line."""

    @pytest.mark.parametrize(("group", "changes"), BAD_GROUPS.values(), ids=BAD_GROUPS)
    def test_it_is_absent_with_a_reason_and_the_others_are_there(self, group: str, changes: dict[str, Any]) -> None:
        healthy = Listening(*ALL).sample(COUNTERS)
        host = Listening(*ALL)
        sample = host.sample(counters(**changes))
        assert sample.missing[group] == MALFORMED
        lost = groups(healthy) - groups(sample)
        assert len(lost) <= 1, lost
        assert host.reader.garbage == 1

    @pytest.mark.parametrize(("group", "changes"), BAD_GROUPS.values(), ids=BAD_GROUPS)
    def test_it_heals(self, group: str, changes: dict[str, Any]) -> None:
        host = Listening(*ALL, counters(**changes))
        assert group not in host.sample(counters(monotonic=101.0)).missing or group == "psi cpu"
        assert MALFORMED not in host.sample(counters(monotonic=102.0)).missing.values()

    def test_it_heals_although_another_breaks_at_that_moment(self) -> None:
        host = Listening(DISK_NAMES, NIC_NAMES, counters(cpu="busy"))
        sample = host.sample(counters(monotonic=101.0, memory="much"))
        assert sample.missing == {"memory": MALFORMED}

    def test_a_line_cut_short_keeps_what_it_has(self) -> None:
        sample = Listening(DISK_NAMES, NIC_NAMES).sample(COUNTERS[:11])
        assert sample.cpu is not None and sample.cpu.load_1 == 0.5
        assert sample.memory is None
        assert sample.missing["memory"] == MALFORMED

    @pytest.mark.parametrize("frame", [["s"], ["s", 1, 2.0], ["s", "x", 2.0, 3.0], ["s", 1, None, 3.0]])
    def test_a_line_without_its_times_is_no_sample(self, frame: list[object]) -> None:
        assert not [event for event in Listening().said(frame) if isinstance(event, Sample)]

    @pytest.mark.parametrize(
        ("healthy", "group", "field"),
        [
            (TABLE, "processes", "processes"),
            (FILESYSTEMS, "filesystems", "filesystems"),
            (LINKS, "links", "nics"),
            (INFINIBAND, "infiniband", "infiniband"),
            (TEMPERATURES, "temperatures", "sensors"),
        ],
        ids=lambda value: str(value)[:12],
    )
    def test_a_slow_group_says_so_keeps_what_it_had_and_heals(self, healthy: list[Any], group: str, field: str) -> None:
        host = Listening(*ALL)
        broken = host.sample([healthy[0], "nonsense"], COUNTERS)
        assert broken.missing[group] == MALFORMED
        assert getattr(broken, field)
        assert group not in host.sample(healthy, counters(monotonic=101.0)).missing

    def test_one_bad_reason_does_not_hide_the_others(self) -> None:
        sample = Listening(DISK_NAMES, NIC_NAMES, ["a", {"disk": 5, "network": "no permission"}]).sample(COUNTERS)
        assert sample.missing == {"network": "no permission"}


class TestAbsent:
    """The probe says itself what it cannot read."""

    def test_reasons_come_and_go(self) -> None:
        host = Listening(DISK_NAMES, NIC_NAMES, ["a", {"disk": "Permission denied"}])
        assert host.sample(counters(disks=None)).missing == {"disk": "Permission denied"}
        assert host.sample(["a", {}], counters(monotonic=101.0)).missing == {}

    def test_filesystems_that_cannot_be_listed_say_why(self) -> None:
        sample = Listening(FILESYSTEMS, ["f", None, "Permission \x1b[2Jdenied"]).sample(COUNTERS)
        assert sample.filesystems == ()
        assert sample.missing["filesystems"] == "Permission denied"

    def test_there_are_so_many_and_they_are_short(self) -> None:
        host = Listening(["a", {f"group {number}" + "x" * 99: "why" * 999 for number in range(200)}])
        missing = host.sample(COUNTERS).missing
        assert len(missing) <= 70
        assert max(map(len, missing)) <= 40 and max(map(len, missing.values())) <= 200


class TestFilesystems:
    """As df shows them."""

    def row(self, *numbers: object) -> Any:
        frame = ["f", [["/data", "/dev/sda1", "xfs", False, *numbers, None]], None]
        return Listening(frame).sample(COUNTERS).filesystems[0]

    def test_the_root_reserve_is_not_counted_as_free(self) -> None:
        filesystem = self.row(1000, 600, 400, 64, 16)
        assert (filesystem.used_bytes, filesystem.available_bytes) == (400, 400)
        assert (filesystem.used_percent, filesystem.inodes_used_percent) == (50.0, 75.0)

    def test_without_an_inode_table_there_is_no_inode_percentage(self) -> None:
        assert self.row(1000, 600, 600, 0, 0).inodes_used_percent is None

    @pytest.mark.parametrize(
        "numbers", [(1000, 1001, 1, 1, 2), (-1, 0, 0, -1, 0), (1 << 80, 1, 1, 1 << 80, 1), (0, 0, 0, 0, 0)]
    )
    def test_sizes_that_cannot_be_give_no_percentage(self, numbers: tuple[int, ...]) -> None:
        filesystem = self.row(*numbers)
        assert (filesystem.used_percent, filesystem.inodes_used_percent) == (None, None)

    @pytest.mark.parametrize("numbers", [(1000, 0, 1 << 60, 10, 0), (1000, 1000, 1000, 10, 10), (1, 0, 0, 1, 0)])
    def test_percentages_stay_between_0_and_100(self, numbers: tuple[int, ...]) -> None:
        filesystem = self.row(*numbers)
        assert filesystem.used_percent is not None and 0 <= filesystem.used_percent <= 100
        assert filesystem.inodes_used_percent is not None and 0 <= filesystem.inodes_used_percent <= 100


@pytest.mark.parametrize(
    ("milli", "celsius"),
    [(45000, 45.0), (-5000, -5.0), (0, None), (-273000, None), (65261000, None), (None, None), (10**30, None)],
)
def test_sensors_that_measure_nothing_are_none(milli: int | None, celsius: float | None) -> None:
    assert Listening(["x", [["a", milli]]]).sample(COUNTERS).sensors[0].celsius == celsius


@pytest.mark.parametrize("mhz", [0, -1, 1e6, 1e308])
def test_a_clock_rate_that_cannot_be_is_none(mhz: float) -> None:
    sample = Listening(FREQUENCY, ["q", mhz]).sample(COUNTERS)
    assert sample.cpu is not None and sample.cpu.frequency_mhz is None


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        (["f", [["/m", "d", "xfs", False]] * 5000, None], "filesystems"),
        (["i", 1.0, [["mlx5_0/1"]] * 5000], "infiniband"),
        (["x", [["sensor", 1000]] * 5000], "sensors"),
    ],
    ids=["filesystems", "infiniband", "sensors"],
)
def test_lists_of_thousands_are_cut(frame: list[Any], field: str) -> None:
    assert len(getattr(Listening(frame).sample(COUNTERS), field)) == MAX_ROWS


def test_so_are_names_and_cores() -> None:
    host = Listening(["n", "disks", [f"sd{number}" for number in range(5000)]], NIC_NAMES)
    sample = host.sample(counters(disks=[list(TestCounters.DISK)] * 5000, cores=[50] * 100_000))
    assert len(sample.disks) == MAX_ROWS
    assert sample.cpu is not None and len(sample.cpu.cores) == 8192


def test_infiniband_ports_have_a_cadence_of_their_own() -> None:
    host = Listening(INFINIBAND, COUNTERS)
    later = ["i", 105.0, [["mlx5_0/1", "4: ACTIVE", "5: LinkUp", "400 Gb/sec (4X NDR)", 1010, 20, 1, 0, 0, 0]]]
    assert host.sample(later, counters(monotonic=105.5)).infiniband[0].rx_bytes_per_second == 800.0
    assert host.sample(counters(monotonic=106.5)).infiniband[0].rx_bytes_per_second == 800.0


@pytest.mark.parametrize("frame", EVERY_KIND, ids=lambda frame: frame[0])
def test_every_kind_of_frame_is_taken(frame: list[Any]) -> None:
    host = Listening()
    host.said(frame)
    assert host.reader.garbage == 0
