"""The GPU program's lines → `Gpu` records: every value with a reason when it is absent, whatever the line holds."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.hostkit.gpu_frames import FAST, SLOW, GpuFrames
from backends.hostkit.programs.gpu_fields import MAX_GPUS, MAX_MIG, MAX_PROCESSES
from backends.metrics.sample import Gpu, GpuProcess, GpuStatus, MigInstance
from tests.unit.hostkit.hostile import assert_calm, junk, spoiled

VALUES: dict[str, Any] = {
    "utilisation_percent": 90,
    "memory_utilisation_percent": 55,
    "memory_used_bytes": 64 << 30,
    "temperature_celsius": 58,
    "temperature_margin_celsius": 28,
    "memory_temperature_celsius": 72,
    "power_watts": 640.5,
    "sm_clock_mhz": 1980,
    "memory_clock_mhz": 2619,
    "throttle_bits": 4,
    "performance_state": 0,
    "pcie_generation": 5,
    "pcie_rx_bytes_per_second": 900,
    "pcie_tx_bytes_per_second": 300,
    "memory_total_bytes": 80 << 30,
    "power_limit_watts": 700.0,
    "sm_clock_max_mhz": 1980,
    "persistence": True,
    "ecc_enabled": True,
    "ecc_corrected_volatile": 1,
    "ecc_uncorrected_volatile": 2,
    "ecc_corrected_aggregate": 3,
    "ecc_uncorrected_aggregate": 4,
    "remapped_rows_corrected": 5,
    "remapped_rows_uncorrected": 6,
    "remap_pending": True,
    "remap_failed": False,
    "pcie_generation_max": 5,
    "pcie_width": 16,
    "pcie_width_max": 16,
    "pcie_replays": 7,
    "nvlinks_up": 17,
    "nvlinks_total": 18,
    "mig_enabled": False,
    "fan_percent": None,
    "mig": [],
}


def fast(**changes: Any) -> list[Any]:
    return [(VALUES | changes)[name] for name in FAST]


def slow(**changes: Any) -> list[Any]:
    return [(VALUES | changes)[name] for name in SLOW]


def hello(count: int = 1, **changes: Any) -> dict[str, Any]:
    gpus = [[place, "nvidia", f"GPU-{place}", "NVIDIA H100", f"00000000:{place:02x}:00.0"] for place in range(count)]
    return {"hello": 1, "way": "nvml", "driver": "580.95.05", "cuda": "13.0", "reason": None, "gpus": gpus} | changes


def fed(*lines: object) -> GpuFrames:
    frames = GpuFrames()
    for line in lines:
        frames.feed(line)
    return frames


def only(*lines: object) -> Gpu:
    (gpu,) = fed(*lines).gpus
    return gpu


def test_a_hello_names_the_gpus_before_any_value_is_known() -> None:
    frames = fed(hello(2))
    assert frames.status == GpuStatus(way="nvml", driver="580.95.05", cuda="13.0")
    assert [(gpu.index, gpu.name, gpu.uuid, gpu.bus_id) for gpu in frames.gpus] == [
        (0, "NVIDIA H100", "GPU-0", "00000000:00:00.0"),
        (1, "NVIDIA H100", "GPU-1", "00000000:01:00.0"),
    ]


def test_every_value_of_a_frame_stands_in_its_field() -> None:
    gpu = only(hello(), {"t": 1, "f": [fast()], "s": [slow()], "m": [{"fan_percent": "not supported"}]})
    shown = {name: getattr(gpu, name) for name in VALUES}
    assert shown == VALUES | {"mig": ()}
    assert gpu.missing == {"fan_percent": "not supported"}


def test_slow_values_stay_until_the_next_slow_frame() -> None:
    lines = [hello(), {"f": [fast()], "s": [slow(ecc_uncorrected_volatile=9)]}, {"f": [fast(power_watts=100)]}]
    gpu = only(*lines)
    assert (gpu.power_watts, gpu.ecc_uncorrected_volatile) == (100.0, 9)
    assert only(*lines, {"f": [fast()], "s": [slow(ecc_uncorrected_volatile=0)]}).ecc_uncorrected_volatile == 0


class TestAbsence:
    """Absent is not zero, and has a reason."""

    def test_zero_is_a_value(self) -> None:
        gpu = only(hello(), {"f": [fast(power_watts=0, utilisation_percent=0)]})
        assert (gpu.power_watts, gpu.utilisation_percent) == (0.0, 0.0)
        assert gpu.missing == {}

    def test_a_reason_that_came_once_holds_until_another_comes(self) -> None:
        gap = fast(power_watts=None)
        lines = [hello(), {"f": [gap], "m": [{"power_watts": "no permission"}]}, {"f": [gap]}]
        assert only(*lines).missing == {"power_watts": "no permission"}
        assert only(*lines, {"f": [fast()], "m": [{}]}).missing == {}

    def test_a_gap_nobody_explained_says_so(self) -> None:
        assert only(hello(), {"f": [fast(power_watts=None)]}).missing == {"power_watts": "no reason given"}

    @pytest.mark.parametrize("value", ["90", [], {}, True, math.nan, math.inf, -1, 1e300, 10**30])
    def test_a_value_that_cannot_be_is_absent_and_its_neighbours_are_not(self, value: object) -> None:
        gpu = only(hello(), {"f": [fast(utilisation_percent=value)], "s": [slow(pcie_replays=value)]})
        assert (gpu.utilisation_percent, gpu.pcie_replays) == (None, None)
        assert gpu.missing == dict.fromkeys(("utilisation_percent", "pcie_replays"), "malformed value")
        assert (gpu.power_watts, gpu.pcie_width) == (640.5, 16)

    def test_degrees_below_zero_can_be(self) -> None:
        gpu = only(hello(), {"f": [fast(temperature_celsius=-12, temperature_margin_celsius=-3)]})
        assert (gpu.temperature_celsius, gpu.temperature_margin_celsius) == (-12.0, -3.0)
        assert only(hello(), {"f": [fast(temperature_celsius=-301)]}).temperature_celsius is None

    @pytest.mark.parametrize("row", [None, [], [1, 2], [*fast(), 1], "row", {"utilisation_percent": 1}])
    def test_a_row_of_the_wrong_shape_loses_that_gpu_only(self, row: object) -> None:
        broken, fine = fed(hello(2), {"f": [row, fast()], "s": [row, slow()]}).gpus
        assert broken.power_watts is None
        assert broken.pcie_width is None
        assert broken.missing == dict.fromkeys((*FAST, *SLOW), "malformed value")
        assert (fine.power_watts, fine.pcie_width, fine.missing) == (640.5, 16, {})

    def test_flags_are_flags_only(self) -> None:
        gpu = only(hello(), {"f": [fast()], "s": [slow(remap_pending=1, persistence="yes", ecc_enabled=False)]})
        assert (gpu.remap_pending, gpu.persistence, gpu.ecc_enabled) == (None, None, False)
        assert set(gpu.missing) == {"remap_pending", "persistence"}


class TestLost:
    """A GPU that fell off the bus."""

    def test_it_keeps_its_name_but_no_value_of_before(self) -> None:
        lines = [hello(2), {"f": [fast(), fast()], "s": [slow(), slow()]}, {"f": [[None] * 14, fast()], "l": [0]}]
        lost, fine = fed(*lines).gpus
        assert lost.lost and not fine.lost
        assert (lost.name, lost.power_watts, lost.memory_total_bytes, lost.processes) == (
            "NVIDIA H100",
            None,
            None,
            None,
        )
        assert lost.missing["power_watts"] == "GPU is lost"
        assert fine.power_watts == 640.5

    def test_it_comes_back(self) -> None:
        gpu = only(hello(), {"f": [[None] * 14], "l": [0]}, {"f": [fast()]})
        assert not gpu.lost and gpu.power_watts == 640.5

    @pytest.mark.parametrize("lost", [None, "0", {"0": 1}, [99], [-1], ["0"], [None], [10**30]])
    def test_nonsense_loses_nobody(self, lost: object) -> None:
        assert not only(hello(), {"f": [fast()], "l": lost}).lost


class TestHung:
    """A driver that does not answer."""

    LINES = (hello(), {"f": [fast()]})

    def test_the_gpus_stay_as_they_were_last_seen(self) -> None:
        frames = fed(*self.LINES, {"hung": 1, "reason": "nvidia-smi does not answer"})
        assert frames.status.hung
        assert frames.status.reason == "nvidia-smi does not answer"
        assert frames.gpus[0].power_watts == 640.5

    def test_the_next_frame_ends_it(self) -> None:
        frames = fed(*self.LINES, {"hung": 1}, {"f": [fast()]})
        assert frames.status == GpuStatus(way="nvml", driver="580.95.05", cuda="13.0")

    def test_a_sign_of_life_does_not(self) -> None:
        assert fed(*self.LINES, {"hung": 1}, {"t": 5.0}).status.hung

    def test_a_hello_does_as_the_driver_was_asked_for_it(self) -> None:
        assert not fed(*self.LINES, {"hung": 1}, hello()).status.hung


class TestAbsentDriver:
    """No GPUs can be read."""

    def test_the_reason_is_told_and_the_gpus_go(self) -> None:
        frames = fed(hello(), {"f": [fast()]}, {"reason": "released for maintenance"})
        assert frames.status == GpuStatus(driver="580.95.05", reason="released for maintenance")
        assert frames.gpus == ()

    def test_they_are_back_with_the_next_frame(self) -> None:
        frames = fed(hello(), {"reason": "driver not loaded"}, hello(), {"f": [fast()]})
        assert frames.status.way == "nvml"
        assert frames.gpus[0].power_watts == 640.5

    def test_values_without_a_hello_are_nobodys(self) -> None:
        assert fed({"f": [fast()]}).gpus == ()


class TestHello:
    """It comes again now and then, so that a lost line heals."""

    def test_the_same_one_changes_nothing(self) -> None:
        lines = [hello(), {"f": [fast()], "s": [slow()]}]
        assert fed(*lines, hello()).gpus == fed(*lines).gpus

    def test_another_set_of_gpus_starts_anew(self) -> None:
        frames = fed(hello(2), {"f": [fast(), fast()]}, hello(1))
        assert [gpu.power_watts for gpu in frames.gpus] == [None]

    @pytest.mark.parametrize("way", ["rocm", 5, None, ["nvml"], "\x1b[2J"])
    def test_a_way_nobody_knows_is_none(self, way: object) -> None:
        assert fed(hello(way=way)).status.way == "none"

    @pytest.mark.parametrize("index", [-1, "3", None, 1.5, True, 1 << 16, 10**30])
    def test_a_gpu_without_a_sane_index_has_its_place(self, index: object) -> None:
        assert fed(hello(gpus=[[0, "nvidia", "", "", ""], [index, "nvidia", "u", "n", "b"]])).gpus[1].index == 1

    def test_two_gpus_never_share_an_index(self) -> None:
        rows = [[index, "nvidia", f"GPU-{place}", "", ""] for place, index in enumerate([3, 3, 0, 1])]
        indices = [gpu.index for gpu in fed(hello(gpus=rows)).gpus]
        assert len(set(indices)) == 4
        assert (indices[0], indices[2]) == (3, 0), "the first to claim one keeps it"

    def test_there_are_so_many_seats_and_no_more(self) -> None:
        assert len(fed(hello(500)).gpus) == MAX_GPUS


class TestProcesses:
    """Pids and memory of each GPU."""

    def test_they_are_listed_with_their_kind(self) -> None:
        gpu = only(hello(), {"f": [fast()], "p": [[[7, 100, 0], [8, None, 1]]]})
        assert gpu.processes == (
            GpuProcess(pid=7, memory_bytes=100, kind="compute"),
            GpuProcess(pid=8, kind="graphics"),
        )

    def test_none_running_and_not_told_are_two_things(self) -> None:
        idle, silent = fed(hello(2), {"f": [fast(), fast()], "p": [[], None]}).gpus
        assert idle.processes == ()
        assert silent.processes is None

    @pytest.mark.parametrize(
        "item", [[0, 1, 0], [-5, 1, 0], [1 << 31, 1, 0], ["7", 1, 0], [7, 1], 7, None, {}, [[]] * 3]
    )
    def test_what_is_no_process_is_left_out(self, item: object) -> None:
        gpu = only(hello(), {"f": [fast()], "p": [[item, [9, 5, 0]]]})
        assert gpu.processes == (GpuProcess(pid=9, memory_bytes=5),)

    def test_a_list_of_thousands_is_cut(self) -> None:
        gpu = only(hello(), {"f": [fast()], "p": [[[pid, 1, 0] for pid in range(1, 9999)]]})
        assert gpu.processes is not None and len(gpu.processes) == MAX_PROCESSES


def test_mig_devices_are_listed_and_bounded() -> None:
    rows = [["MIG-1", "1g.10gb", 5, 10], ["MIG-2", "\x1b[1m2g", -1, "x"], "broken"] + [["MIG-x"]] * 50
    gpu = only(hello(), {"f": [fast()], "s": [slow(mig_enabled=True, mig=rows)]})
    assert gpu.mig[:3] == (
        MigInstance(uuid="MIG-1", name="1g.10gb", memory_used_bytes=5, memory_total_bytes=10),
        MigInstance(uuid="MIG-2", name="2g"),
        MigInstance(),
    )
    assert len(gpu.mig) == MAX_MIG


def test_what_the_program_costs_is_kept() -> None:
    frames = fed(hello(), {"f": [fast()], "c": 1.25})
    assert frames.cpu_seconds == 1.25
    frames.feed({"f": [fast()], "c": "much"})
    assert frames.cpu_seconds is None


@pytest.mark.parametrize("line", [None, 5, "x", [], [1], True, 1.5])
def test_what_is_no_object_changes_nothing(line: object) -> None:
    frames = fed(hello(), {"f": [fast()]})
    before = (frames.status, frames.gpus)
    assert frames.feed(line) == before


HEALTHY = (
    hello(2),
    {
        "t": 1.0,
        "c": 0.1,
        "f": [fast(), fast()],
        "s": [slow(), slow()],
        "p": [[[7, 1, 0]], []],
        "m": [{}, {"mig": "why"}],
    },
    {"f": [fast(), fast()], "l": [1]},
    {"hung": 1, "reason": "the driver does not answer"},
    {"reason": "driver not loaded"},
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(spoiled(HEALTHY), junk), max_size=8))
def test_any_lines_leave_calm_gpus_and_the_next_healthy_frame_is_read(lines: list[object]) -> None:
    frames = GpuFrames()
    for line in lines:
        status, gpus = frames.feed(line)
        assert_calm(status)
        for gpu in gpus:
            assert_calm(gpu)
            assert len({one.index for one in gpus}) == len(gpus)
    frames.feed(hello(1))
    frames.feed({"f": [fast()], "s": [slow()], "m": [{}]})
    assert frames.gpus[0].power_watts == 640.5
    assert not frames.gpus[0].missing
