"""CPU, memory, disk, network and overview: what is asked first, in the room there is."""

from __future__ import annotations

import pytest

from backends.metrics.sample import Cpu, Filesystem, Memory, Nic, ProcessTable
from swarm_tui.present.host_cpu import cores, cpu_panel
from swarm_tui.present.host_disk import disk_panel
from swarm_tui.present.host_line import Frame
from swarm_tui.present.host_memory import breakdown, memory_panel
from swarm_tui.present.host_network import network_panel
from swarm_tui.present.host_overview import overview_panel
from swarm_tui.present.line import Line, plain, width
from tests.unit.present.host_samples import GIB, detail, gpu, sample, tracks

FRAME = Frame(80, 18)


def joined(rows: list[Line]) -> str:
    return "\n".join(plain(row) for row in rows)


def test_256_cores_fit_a_small_terminal() -> None:
    rows = cores([50.0] * 256, 80)
    assert len(rows) == 5
    assert plain(rows[1]) == "   0  " + "▅" * 64
    assert plain(rows[4]).startswith(" 192")


def test_a_core_that_was_not_measured_is_a_dot() -> None:
    assert plain(cores([None] * 20, 80)[1]).strip() == "0  " + "·" * 20


def test_few_cores_have_a_bar_each() -> None:
    text = joined(cores([10.0, 100.0, None, 0.0], 80))
    assert "100%" in text
    assert "n/a" in text


def test_cpu_says_who_waits() -> None:
    text = joined(cpu_panel(detail(), FRAME, tracks()))
    assert "iowait" in text
    assert "some 2% full 0%" in text
    assert "21.50 20.25 18.00 on 64" in text


def test_iowait_and_steal_beyond_the_threshold_are_coloured() -> None:
    rows = cpu_panel(detail(sample=sample(cpu=Cpu(iowait_percent=55.0, steal_percent=6.0))), FRAME, {})
    pieces = [piece for row in rows for piece in row]
    assert ("55%", "bad") in pieces
    assert ("6%", "warn") in pieces


def test_missing_groups_say_why() -> None:
    shown = detail(sample=sample(cpu=None, memory=None, missing={"cpu": "no permission", "memory": "timeout"}))
    assert "no permission" in joined(cpu_panel(shown, FRAME, {}))
    assert "timeout" in joined(memory_panel(shown, FRAME, {}))


def test_the_memory_bar_adds_up_to_the_width() -> None:
    bar, legend = breakdown(Memory(total_bytes=100 * GIB, used_bytes=25 * GIB, cached_bytes=50 * GIB), 80)
    assert plain(bar) == "█" * 20 + "▆" * 40 + "▁" * 20
    assert "used 25G (25%)" in plain(legend)


def test_cache_larger_than_what_is_left_never_overflows_the_bar() -> None:
    assert width(breakdown(Memory(total_bytes=10, used_bytes=9, cached_bytes=8), 40)[0]) == 40


def test_no_swap_and_unknown_swap_differ() -> None:
    none = joined(
        memory_panel(detail(sample=sample(memory=Memory(total_bytes=8, used_bytes=1, swap_total_bytes=0))), FRAME, {})
    )
    unknown = joined(memory_panel(detail(sample=sample(memory=Memory(total_bytes=8, used_bytes=1))), FRAME, {}))
    assert "swap         none" in none
    assert "swap         n/a" in unknown


def test_oom_kills_stand_out() -> None:
    rows = memory_panel(detail(sample=sample(memory=Memory(total_bytes=8, used_bytes=1, oom_kills=3))), FRAME, {})
    assert ("3", "warn") in [piece for row in rows for piece in row]


def test_unanswering_and_full_filesystems_come_first() -> None:
    rows = [plain(row) for row in disk_panel(detail(), FRAME, {})]
    assert rows[2].startswith("/mnt/nfs")
    assert "n/a  no answer within 2 s" in rows[2]
    assert rows[3].startswith("/scratch")


def test_a_read_only_filesystem_is_loud_unless_it_is_made_so() -> None:
    def pieces(kind: str) -> list[tuple[str, str]]:
        filesystem = Filesystem(mount="/x", kind=kind, used_percent=100.0, read_only=True)
        rows = disk_panel(detail(sample=sample(filesystems=(filesystem,))), FRAME, {})
        return [(text.strip(), role) for row in rows for text, role in row]

    assert ("READ-ONLY", "bad") in pieces("ext4")
    assert ("READ-ONLY", "bad") not in pieces("squashfs")


def test_a_device_without_requests_has_no_latency_rather_than_an_unknown_one() -> None:
    rows = [plain(row) for row in disk_panel(detail(), FRAME, {})]
    assert "  —    0%" in next(row for row in rows if row.startswith("sda"))
    assert "0.6ms    9%" in next(row for row in rows if row.startswith("nvme0n1"))


def test_network_shows_errors_link_and_infiniband() -> None:
    rows = [plain(row) for row in network_panel(detail(), FRAME, {})]
    assert "eno1           up     25G    11M/s   4.8M/s    15k/5900    12/0     3/0" in rows
    assert any(row.startswith("mlx5_1/1     DOWN") for row in rows)


def test_an_inactive_infiniband_port_is_bad() -> None:
    pieces = [piece for row in network_panel(detail(), FRAME, {}) for piece in row]
    assert ("DOWN    ", "bad") in pieces


def test_counters_that_are_unknown_are_not_zero() -> None:
    text = joined(network_panel(detail(sample=sample(nics=(Nic(name="eth0", up=True),), infiniband=())), FRAME, {}))
    assert text.count("n/a") >= 4


def test_overview_holds_everything_at_80_by_18() -> None:
    rows = overview_panel(detail(), FRAME, tracks())
    text = joined(rows)
    assert len(rows) <= 18
    for label in ("cpu ", "mem ", "disk ", "io ", "net ", "processes", "4100 anna"):
        assert label in text


def test_overview_with_eight_gpus_shows_all_of_them_and_a_process() -> None:
    rows = overview_panel(detail(sample=sample(gpus=tuple(gpu(index) for index in range(8)))), FRAME, tracks())
    assert sum(plain(row).startswith(f" {index} ━") for index in range(8) for row in rows) == 8
    assert "python3 train.py" in joined(rows)


@pytest.mark.parametrize("columns", [80, 99, 100, 139, 140, 200])
def test_no_panel_is_wider_than_its_room(columns: int) -> None:
    frame = Frame(columns, 30)
    for draw in (overview_panel, cpu_panel, memory_panel, disk_panel, network_panel):
        for row in draw(detail(), frame, tracks()):
            assert width(row) <= columns, plain(row)


def test_an_empty_sample_draws_without_a_number() -> None:
    bare = detail(
        sample=sample(
            cpu=Cpu(),
            memory=Memory(),
            io_pressure=None,
            filesystems=(),
            disks=(),
            nics=(),
            infiniband=(),
            sensors=(),
            processes=ProcessTable(),
            gpus=(),
            gpu_status=None,
            probe=None,
        )
    )
    for draw in (overview_panel, cpu_panel, memory_panel, disk_panel, network_panel):
        assert joined(draw(bare, FRAME, {}))
