"""Reading what nvidia-smi prints, line by line: cells without a value, batches, and words about lost GPUs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit.gpu_frames import GpuFrames
from tests.unit.hostkit.hostile import assert_calm, texts
from tests.unit.hostkit.parts import program

gpu_smi = program("gpu_smi")
MIB = 1 << 20


def beat() -> None:
    """Nobody listens."""


class TestRows:
    """One CSV line of a query."""

    CHOSEN = gpu_smi.choose({name for _, offers, _ in gpu_smi.WANTED for name in offers})
    FIELDS = tuple(field for field, _, _ in CHOSEN)

    def line(self, **changes: str) -> str:
        cells = dict.fromkeys(self.FIELDS, "1") | {"throttle_bits": "0x4", "remap_pending": "No", "remap_failed": "Yes"}
        cells |= dict.fromkeys(("persistence", "ecc_enabled", "mig_enabled"), "Enabled") | {"performance_state": "P2"}
        return ", ".join((cells | changes).values())

    def test_every_cell_is_read(self) -> None:
        values, missing = gpu_smi.parse_row(self.line(), self.CHOSEN)
        assert missing == {}
        assert (values["performance_state"], values["throttle_bits"], values["memory_used_bytes"]) == (2, 4, MIB)
        assert (values["remap_pending"], values["remap_failed"], values["persistence"]) == (False, True, True)

    @pytest.mark.parametrize(
        ("cell", "reason"),
        [
            ("[N/A]", "not supported"),
            ("N/A", "not supported"),
            ("[Not Supported]", "not supported"),
            ("[Insufficient Permissions]", "no permission"),
            ("[GPU is lost]", "GPU is lost"),
            ("[GPU requires reset]", "GPU needs a reset"),
            ("[Unknown Error]", "unknown driver error"),
            ("[Function Not Found]", "not in this driver version"),
            ("[Requested functionality has been deprecated]", "not in this driver version"),
            ("", "empty"),
            ("nan", "not understood: nan"),
            ("inf", "not understood: inf"),
            ("-infinity", "not understood: -infinity"),
            ("1e999", "not understood: 1e999"),
            ("x" * 200, "not understood: " + "x" * 40),
        ],
    )
    def test_a_cell_without_a_value_says_why(self, cell: str, reason: str) -> None:
        for field in ("power_watts", "memory_used_bytes", "pcie_width", "performance_state", "remap_pending"):
            values, missing = gpu_smi.parse_row(self.line(**{field: cell}), self.CHOSEN)
            assert field not in values
            assert missing == {field: reason}

    @pytest.mark.parametrize("line", ["", "1, 2", "No devices were found", "," * 500])
    def test_what_is_no_row_is_none(self, line: str) -> None:
        assert gpu_smi.parse_row(line, self.CHOSEN) is None

    def test_a_row_that_does_not_say_of_which_gpu_is_none(self) -> None:
        assert gpu_smi.parse_row(self.line(index="[Unknown Error]"), self.CHOSEN) is None

    @given(
        st.lists(st.one_of(texts, st.text("0123456789.-+eExXnaifP[]/ ")), min_size=len(CHOSEN), max_size=len(CHOSEN))
    )
    def test_any_cells_give_values_or_reasons(self, cells: list[str]) -> None:
        row = gpu_smi.parse_row(", ".join(["0", *cells[1:]]), self.CHOSEN)
        if row is not None:
            assert set(row[0]) | set(row[1]) == set(self.FIELDS)
            assert not set(row[0]) & set(row[1])

    @given(st.lists(st.binary(max_size=80), max_size=10))
    def test_any_output_cut_anywhere_is_survived_and_calm(self, pieces: list[bytes]) -> None:
        reader = gpu_smi.SmiReader(
            beat, self.CHOSEN, [], [gpu_smi.parse_row(self.line(index="0"), self.CHOSEN)], [], None
        )
        reader.apps_at = float("inf")
        frames = GpuFrames()
        frames.feed({**reader.hello(), "hello": 1})
        for piece in [*pieces, b"\n" + self.line(index="0").encode() + b"\n"]:
            rows = reader.take(piece)
            if rows is not None:
                frames.feed(reader.made(rows, 0.0))
                for gpu in frames.gpus:
                    assert_calm(gpu)
        assert frames.gpus[0].performance_state == 2


class TestBatches:
    """Rows of one moment belong together."""

    def reader(self, count: int) -> Any:
        rows = [gpu_smi.parse_row(TestRows().line(index=str(index)), TestRows.CHOSEN) for index in range(count)]
        return gpu_smi.SmiReader(beat, TestRows.CHOSEN, [], rows, [], None)

    def line(self, index: int) -> bytes:
        return TestRows().line(index=str(index)).encode() + b"\n"

    def indices(self, rows: Any) -> list[int] | None:
        return None if rows is None else [values["index"] for values, _ in rows]

    def test_a_batch_is_whole_when_every_gpu_has_spoken(self) -> None:
        reader = self.reader(3)
        assert reader.take(self.line(0) + self.line(1)) is None
        assert self.indices(reader.take(self.line(2))) == [0, 1, 2]

    def test_or_when_the_next_one_begins(self) -> None:
        reader = self.reader(3)
        assert reader.take(self.line(0) + self.line(2)) is None
        assert self.indices(reader.take(self.line(0))) == [0, 2]

    def test_of_several_the_newest_counts(self) -> None:
        reader = self.reader(2)
        assert self.indices(reader.take((self.line(0) + self.line(1)) * 3)) == [0, 1]

    def test_a_gpu_that_left_the_batch_is_lost(self) -> None:
        reader = self.reader(3)
        reader.apps_at = float("inf")
        frame = reader.made(reader.take(self.line(0) + self.line(2) + self.line(0)), 1.0)
        assert frame["l"] == [1]


class TestLost:
    """What nvidia-smi says of a GPU that fell off the bus differs from driver to driver."""

    @pytest.mark.parametrize(
        ("line", "bus"),
        [
            ("Unable to determine the device handle for GPU 0000:02:00.0: Unknown Error", "0000:02:00.0"),
            ("Unable to determine the device handle for GPU0000:CB:00.0: Unknown Error", "0000:cb:00.0"),
            ("Unable to determine the device handle for GPU1: 0019:01:00.0: Unknown Error", "0019:01:00.0"),
            (
                "Unable to determine the device handle for GPU 00000000:3B:00.0: GPU is lost.  Reboot the system to recover this GPU",
                "00000000:3b:00.0",
            ),
        ],
    )
    def test_its_bus_id_is_found(self, line: str, bus: str) -> None:
        assert gpu_smi.lost_of("x\n" + line + "\n") == [bus]

    @pytest.mark.parametrize(
        "line", ["GPU 0000:02:00.0 is fine", "Unable to determine the device handle for GPU1: Unknown Error", ""]
    )
    def test_nothing_else_is_taken_for_one(self, line: str) -> None:
        assert gpu_smi.lost_of(line) == []

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("0000:3b:00.0", "00000000:3B:00.0", True),
            ("0009:01:00.0", "00000009:01:00.0", True),
            ("0001:01:00.0", "00000009:01:00.0", False),
            ("0000:3b:00.0", "00000001:3B:00.0", False),
            ("0000:3b:00.0", "0000:3c:00.0", False),
            ("", "0000:3c:00.0", False),
        ],
    )
    def test_bus_ids_are_the_same_with_four_or_eight_digits_of_domain(self, one: str, other: str, same: bool) -> None:
        assert gpu_smi.same_bus(one, other) is same


def test_the_newest_name_that_the_driver_knows_is_asked_for() -> None:
    both = gpu_smi.supported('"clocks_event_reasons.active" or "clocks_throttle_reasons.active"\nBitmask.\n\n"index"\n')
    assert [name for _, name, _ in gpu_smi.choose(both)] == ["index", "clocks_event_reasons.active"]
    old = gpu_smi.supported('"clocks_throttle_reasons.active"\n\n"index"')
    assert [name for _, name, _ in gpu_smi.choose(old)] == ["index", "clocks_throttle_reasons.active"]
